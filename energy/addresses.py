"""At which addresses a plug may be: nobody, an admin included, can have us talk to anything else."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext

from balupi_site.lib.network import is_household_ipv4
from balupi_site.lib.parse import is_loopback


def flaw_of_host(host: str) -> str:
    """Return why we must not talk to an address as a plug's, "" where we may.

    In ``dev`` a plug is on this machine; in a real home it is in the household's network, and neither
    this machine nor anything on the Internet.
    """
    if not settings.IS_PROD:
        return "" if is_loopback(host) else gettext("BALUPI_MODE=dev talks only to this machine.")
    if is_household_ipv4(host):
        return ""
    return gettext("A plug has an address of the household's network, such as 192.168.178.60.")
