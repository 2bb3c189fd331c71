"""Adapter: magic packets, to every address that may reach a sleeping NAS."""

from __future__ import annotations

import ipaddress
import logging
import socket
import time

import psutil
from django.utils.translation import gettext_noop
from wakeonlan import wake

from balupi_site.lib.errors import TransientError
from balupi_site.lib.kept import kept

logger = logging.getLogger(__name__)

#: A single datagram gets lost now and then.
_BURSTS = 3
_PAUSE_S = 0.1


def send_magic_packets(mac: str, *, broadcast: str, nas_ip: str, port: int) -> list[str]:
    """Send three bursts within 0.2 s and return the addresses that took them.

    To ``broadcast``, which goes out where the default route does; to the broadcast address of
    the network the NAS is in; and to the NAS itself, which a switch may still know.

    Raises:
        TransientError: no address took any.
    """
    took: dict[str, None] = {}
    error: OSError | None = None
    for burst in range(_BURSTS):
        if burst:
            time.sleep(_PAUSE_S)
        for address in addresses(broadcast, nas_ip):
            try:
                wake(mac, host=address, port=port)
            except OSError as refusal:
                error = refusal
            else:
                took[address] = None
    if not took:
        text = gettext_noop(
            "The signal to the NAS could not be sent (%(error)s). Check BaluPi's network."
        )
        raise TransientError(kept(text, error=str(error))) from error
    logger.debug("magic packets for %s to %s", mac, ", ".join(took))
    return list(took)


def addresses(broadcast: str, nas_ip: str) -> list[str]:
    """Return where to send, without repeats."""
    directed = (
        str(network.broadcast_address)
        for network in _own_networks()
        if ipaddress.IPv4Address(nas_ip) in network
    )
    return list(dict.fromkeys([broadcast, *directed, nas_ip]))


def _own_networks() -> list[ipaddress.IPv4Network]:
    return [
        ipaddress.IPv4Network((address.address, address.netmask), strict=False)
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family == socket.AF_INET and address.netmask
    ]
