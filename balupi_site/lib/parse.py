"""What a setting may be: each function returns the value in its usual form or says what it must be.

Standard library only: deploy/install/ask.py uses this file before anything is installed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
#: RFC 1123 host name labels; what Pi-hole accepts beyond that (spaces, comments) is never one of our names.
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
)

_SITE = re.compile(r"[A-Za-z0-9_-]{0,32}")  # as of a plug's site, energy/models/plugs.py
#: What adduser(8) takes on Debian, and a bit more.
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
#: Stands between quotes in authorized_keys, within a command line.
_FOLDER = re.compile(r"/+[^/\"'\\\0-\x1f][^\"'\\\0-\x1f]*")


def parse_bool(value: str) -> bool:
    """Return the truth of ``true/false``, ``yes/no``, ``on/off``, ``1/0``."""
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ValueError("must be true or false")


def parse_number(low: float, high: float) -> Callable[[str], float]:
    """Return a parser for a number in ``[low, high]``."""

    def parse(value: str) -> float:
        message = f"must be a number from {low:g} to {high:g}"
        try:
            number = float(value)
        except ValueError:
            raise ValueError(message) from None
        if not low <= number <= high:  # also false for nan
            raise ValueError(message)
        return number

    return parse


def parse_int(low: int, high: int) -> Callable[[str], int]:
    """Return a parser for a whole number in ``[low, high]``."""

    def parse(value: str) -> int:
        message = f"must be a whole number from {low} to {high}"
        try:
            number = int(value)
        except ValueError:
            raise ValueError(message) from None
        if not low <= number <= high:
            raise ValueError(message)
        return number

    return parse


def parse_choice(*choices: str) -> Callable[[str], str]:
    """Return a parser for one of ``choices``."""

    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return parse


def parse_url(value: str) -> str:
    """Return an http(s) URL without a trailing slash."""
    parts = urlsplit(value)
    try:
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        port_is_good = False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_good:
        raise ValueError("must be a URL such as http://192.168.178.53")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("must be a plain URL, without user, query or fragment")
    return value.rstrip("/")


def parse_ip(value: str) -> str:
    """Return an IPv4 address in its usual form; the DNS switch and Wake-on-LAN are IPv4."""
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        raise ValueError("must be an IPv4 address such as 192.168.178.53") from None


def parse_mac(value: str) -> str:
    """Return a MAC address as ``aa:bb:cc:dd:ee:ff``."""
    mac = value.lower().replace("-", ":")
    if not _MAC.fullmatch(mac):
        raise ValueError("must be a MAC address such as aa:bb:cc:dd:ee:ff")
    return mac


def parse_names(value: str) -> tuple[str, ...]:
    """Return comma-separated host names in lower case, without repeats, in their order."""
    names = tuple(dict.fromkeys(name.strip().lower() for name in value.split(",") if name.strip()))
    bad = [name for name in names if not _HOST_NAME.fullmatch(name)]
    if bad or not names:
        raise ValueError("must be host names such as baluhost.local, separated by commas")
    return names


def parse_user(value: str) -> str:
    """Return the name of a user on another machine."""
    if not _USER.fullmatch(value):
        raise ValueError("must be a user's name such as baluhost")
    return value


def parse_site(value: str) -> str:
    """Return the name of a site; "" is home."""
    if not _SITE.fullmatch(value):
        raise ValueError("must be a short name such as garage: letters, digits, hyphens")
    return value


def parse_folder(value: str) -> str:
    """Return the path of a folder on another machine, without a slash at its end."""
    if not _FOLDER.fullmatch(value):
        raise ValueError("must be a path such as /data/inbox, without quotes or backslashes")
    return value.rstrip("/")


def parse_zone(value: str) -> str:
    """Return a time zone's name."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone such as Europe/Berlin") from None
    return value


def parse_power_limits(value: str) -> tuple[float, float, float]:
    """Return the three rising limits off/standby/idle in W."""
    message = "must be three rising numbers of watts such as 2,15,60"
    try:
        off_w, standby_w, idle_w = (float(part) for part in value.split(","))
    except ValueError:
        raise ValueError(message) from None
    if not 0 < off_w < standby_w < idle_w:
        raise ValueError(message)
    return off_w, standby_w, idle_w


def parse_host_port(value: str) -> tuple[str, int]:
    """Return host and port of ``host:port``."""
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:  # noqa: PLR2004  # 16 bits
        raise ValueError("must be host:port such as 127.0.0.1:8000")
    return host, int(port)


def parse_listen(value: str) -> tuple[str, ...]:
    """Return comma-separated ``host:port`` pairs."""
    pairs = tuple(part.strip() for part in value.split(",") if part.strip())
    for pair in pairs:
        parse_host_port(pair)
    if not pairs:
        raise ValueError("must be host:port such as 127.0.0.1:8000")
    return pairs


def parse_ports(value: str) -> tuple[int, ...]:
    """Return comma-separated ports; none where the value is empty."""
    parse_port = parse_int(1, 65535)
    return tuple(parse_port(part) for part in value.split(",") if part.strip())


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by address or by the name ``localhost``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
