"""Keeps the simulated household on this machine."""

from ipaddress import AddressValueError, IPv4Address


def require_loopback(host: str) -> None:
    """Refuse to play a device at an address that others could reach.

    Raises:
        ValueError: if ``host`` is not an IPv4 address in 127.0.0.0/8.
    """
    try:
        loopback = IPv4Address(host).is_loopback
    except AddressValueError:
        loopback = False
    if not loopback:
        raise ValueError(f"A simulated device lives on 127.0.0.0/8 only, not on {host}")
