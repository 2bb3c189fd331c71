"""Checks of the NAS: is it where it should be, is it BaluHost, can it be woken, can it take over?"""

from __future__ import annotations

import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.utils.translation import gettext as _
from urllib3.exceptions import HTTPError

from balupi_site.doctor.findings import Verdict, fail, ok, skipped, warn
from balupi_site.doctor.known import Known
from balupi_site.lib.deadline_http import session
from nasctl.evidence import Answer, Presence
from nasctl.probe import presence, probe
from nasctl.wol import addresses

_CONNECT_S, _ASK_S = 2.0, 4.0
#: All slow checks here are over by then: a connect and two questions.
DEADLINE_S = 12.0
_HTTPS = 443
_ARP = Path("/proc/net/arp")
_NOBODY = "00:00:00:00:00:00"
_MULTICAST_BIT = 1
_HSTS_OFF = re.compile(r"""max-age\s*=\s*"?0+"?\s*(?:;|$)""", re.IGNORECASE)


def address(known: Known) -> Verdict:
    """Tell whether somebody answers at the NAS's address and port."""
    facts = {"address": settings.NAS_IP, "port": settings.NAS_PORT}
    if urlsplit(settings.NAS_URL).hostname not in {settings.NAS_IP, None} and _is_address():
        return fail(
            _("BALUPI_NAS_URL and BALUPI_NAS_IP name two different addresses."),
            _("Set both to the NAS's address."),
        )
    seen = _presence()
    if seen is Presence.OK:
        return ok(_("%(address)s takes connections on port %(port)s.") % facts)
    if known.nas_draws_power and not known.nas_is_awake:
        return fail(
            _("The NAS draws power, but nobody answers at %(address)s.") % facts,
            _("Check the NAS's cable and that its address is BALUPI_NAS_IP; it may also hang."),
        )
    if not known.nas_is_awake:
        return skipped(_("The NAS does not answer at %(address)s; it sleeps or is off.") % facts)
    if seen is Presence.REFUSED:
        return fail(
            _("%(address)s runs, and refuses connections on port %(port)s.") % facts,
            _("Start BaluHost's web server on the NAS, or correct the port in BALUPI_NAS_URL."),
        )
    return fail(
        _("%(address)s does not answer, though it did a moment ago.") % facts,
        _("Check the NAS's cable and that its address is still BALUPI_NAS_IP."),
    )


def health(_known: Known) -> Verdict:
    """Tell whether it is BaluHost that answers what the watch asks."""
    if _presence() is not Presence.OK:
        return _asleep()
    found = probe(settings.NAS_URL, settings.NAS_IP, settings.NAS_PROBE_PATH, deadline_s=_ASK_S)
    facts = {"path": settings.NAS_PROBE_PATH, "status": found.status or "-"}
    match found.answer:
        case Answer.GOOD:
            return ok(_("BaluHost answers %(path)s (HTTP %(status)s).") % facts)
        case Answer.OURS:
            return fail(
                _("It is BaluPi itself that answers at the NAS's address."),
                _("Set BALUPI_NAS_URL and BALUPI_NAS_IP to the NAS's own address."),
            )
        case Answer.BAD_STATUS:
            return fail(
                _("The NAS's web server runs, BaluHost behind it does not (HTTP %(status)s).")
                % facts,
                _("Start BaluHost's service on the NAS, and read its log."),
            )
        case Answer.NOT_JSON:
            return fail(
                _("What answers %(path)s is not BaluHost (HTTP %(status)s, no JSON).") % facts,
                _("Correct BALUPI_NAS_URL, or BALUPI_NAS_PROBE_PATH if BaluHost is behind a path."),
            )
        case _:
            return fail(
                _("The NAS takes connections, but %(path)s gets no whole answer in time.") % facts,
                _("Look at BaluHost's log on the NAS; it may hang."),
            )


def mac(_known: Known) -> Verdict:
    """Tell whether the MAC address can be one, and is the NAS's as this Pi's neighbours table has it."""
    ours = settings.NAS_MAC_ADDRESS
    if not ours:
        return fail(
            _("The NAS's MAC address is not set, so nothing can wake it."),
            _("Set BALUPI_NAS_MAC_ADDRESS; 'ip neigh' shows it while the NAS is awake."),
        )
    if ours == _NOBODY or int(ours[:2], 16) & _MULTICAST_BIT:
        return fail(
            _("%(mac)s is no machine's MAC address.") % {"mac": ours},
            _("Set BALUPI_NAS_MAC_ADDRESS to the one that 'ip neigh' shows for the NAS."),
        )
    _presence()  # so that the kernel has asked for it lately
    seen = neighbour(settings.NAS_IP)
    facts = {"mac": ours, "seen": seen, "address": settings.NAS_IP}
    if seen is None:
        return ok(_("%(mac)s may be right; this Pi has not seen the NAS's own lately.") % facts)
    if seen != ours:
        return fail(
            _("The machine at %(address)s has the MAC address %(seen)s, not %(mac)s.") % facts,
            _("Set BALUPI_NAS_MAC_ADDRESS=%(seen)s, if that machine is the NAS.") % facts,
        )
    return ok(_("The machine at %(address)s has the MAC address %(mac)s.") % facts)


def neighbour(ip: str) -> str | None:
    """Return the MAC address the kernel knows for an address; None where it knows none."""
    try:
        lines = _ARP.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return None
    for line in lines:
        fields = re.split(r"\s+", line.strip())
        if len(fields) >= 4 and fields[0] == ip and fields[3] != _NOBODY:  # noqa: PLR2004  # proc_net
            return fields[3].lower()
    return None


def web(_known: Known) -> Verdict:
    """Tell whether the NAS can take a browser over from the Pi, which has no certificate."""
    if settings.NAS_URL.startswith("https:"):
        return warn(
            _("BALUPI_NAS_URL is https; the Pi has no certificate, so names can only be http."),
            _("Set BALUPI_NAS_URL to the NAS's http:// address, if it answers there."),
        )
    if _presence() is not Presence.OK:
        return _asleep()
    base = f"{settings.NAS_URL}/"
    plain = _headers(base)
    if plain is None:
        return skipped(_("The NAS's first page does not come in time."))
    location = plain.get("Location", "")
    if location.startswith("https:"):
        return fail(
            _("The NAS sends browsers on to https, where its name cannot lead to the Pi."),
            _("Switch off the redirection to https in the NAS's web server."),
        )
    has_tls = presence(settings.NAS_IP, _HTTPS, deadline_s=_CONNECT_S) is Presence.OK
    secure = _headers(f"https://{settings.NAS_IP}/") if has_tls else None
    if _forbids_http({**plain, **(secure or {})}):
        return fail(
            _("The NAS forbids browsers to use http under its name (HSTS)."),
            _(
                "Remove Strict-Transport-Security from the NAS's web server, or set its max-age to 0."
            ),
        )
    return ok(_("The NAS serves plain http, so browsers can go from the Pi to it and back."))


def _forbids_http(headers: dict[str, str]) -> bool:
    """Tell whether browsers are told to keep to https; an age of 0 tells them to forget it (RFC 6797)."""
    rule = headers.get("Strict-Transport-Security")
    return rule is not None and not _HSTS_OFF.search(rule)


def _headers(url: str) -> dict[str, str] | None:
    """Return the headers of a page; None where none comes."""
    try:
        # No certificate is good for a bare address in the house, and nothing secret is sent.
        with session() as http, http.get(url, timeout=_ASK_S, stream=True, verify=False) as answer:
            return {name.title(): value for name, value in answer.headers.items()}
    except (requests.RequestException, HTTPError, OSError):
        return None


def wake_route(_known: Known) -> Verdict:
    """Tell whether magic packets have a way out; nothing is sent."""
    targets = addresses(settings.WOL_BROADCAST, settings.NAS_IP)
    reached = [target for target in targets if _has_route(target)]
    if not reached:
        return fail(
            _("There is no route to any of %(targets)s.") % {"targets": ", ".join(targets)},
            _("Connect the Pi to the network of the NAS, best by cable."),
        )
    directed = [
        target for target in targets if target not in {settings.WOL_BROADCAST, settings.NAS_IP}
    ]
    if not directed and settings.IS_PROD:
        return warn(
            _("The NAS's address is in none of this Pi's networks; routers drop magic packets."),
            _("Connect Pi and NAS to the same network, or correct BALUPI_NAS_IP."),
        )
    text = _("Magic packets can go to %(targets)s, port %(port)s.")
    return ok(text % {"targets": ", ".join(reached), "port": settings.WOL_PORT})


def _has_route(target: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe_socket:
        probe_socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        try:
            probe_socket.connect((target, settings.WOL_PORT))  # of a datagram socket: sends nothing
        except OSError:
            return False
        return True


def _presence() -> Presence:
    return presence(settings.NAS_IP, settings.NAS_PORT, deadline_s=_CONNECT_S)


def _is_address() -> bool:
    host = urlsplit(settings.NAS_URL).hostname or ""
    return host.replace(".", "").isdecimal()


def _asleep() -> Verdict:
    return skipped(_("The NAS does not answer; wake it and look again."))
