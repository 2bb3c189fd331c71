"""What this machine can find out about the household by itself; "" is "not found".

Standard library only; everything has a deadline of a few seconds and asks the local network alone.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

_DEADLINE_S = 3.0
#: File systems that keep owners and leases, which the inbox needs.
_OWNED_TYPES = frozenset({"ext4", "xfs", "btrfs"})
#: A disk with one of these is the system's.
_SYSTEM_MOUNTS = frozenset({"/", "/boot", "/boot/firmware", "/usr", "/var", "[SWAP]"})
#: Where BaluHost usually is; its development server listens on 8000.
_NAS_PORTS = (80, 8000)
#: A path that does not wake BaluHost from its soft sleep, as the watch asks (docs/architecture.md).
_NAS_PATH = "/api/system/info"


def time_zone() -> str:
    """Return the system's time zone, such as Europe/Berlin."""
    with contextlib.suppress(OSError):
        return str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2]
    return ""


def nas_ip() -> str:
    """Return the address that BaluHost's usual names lead to, by mDNS or the router."""
    for name in ("baluhost.local", "baluhost"):
        for line in _output("getent", "ahostsv4", name).splitlines():
            address = line.split()[0]
            if not ipaddress.ip_address(address).is_loopback:
                return address
    return ""


def own_ip(towards: str) -> str:
    """Return the address of this machine that packets to ``towards`` carry; sends none."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((towards, 9))
        return str(probe.getsockname()[0])
    return ""


def mac_address(address: str) -> str:
    """Return the MAC address of a machine in this network that is awake."""
    # Makes the kernel ask for it; whether it connects does not matter.
    for port in (*_NAS_PORTS, 22):
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
            break
    with contextlib.suppress(OSError):
        for line in Path("/proc/net/arp").read_text(encoding="ascii").splitlines()[1:]:
            ip, _type, flags, mac, *_ = line.split()
            if ip == address and flags != "0x0":
                return mac
    return ""


def nas_url(address: str) -> str:
    """Return where BaluHost answers at an address; the usual place where nothing does."""
    for port in _NAS_PORTS:
        url = f"http://{address}" if port == http.client.HTTP_PORT else f"http://{address}:{port}"
        if _answers_json(url, _NAS_PATH):
            return url
    return f"http://{address}"


def pihole_url() -> str:
    """Return where the Pi-hole of this machine serves its page."""
    for item in _pihole("webserver.port").split(","):
        # Such as 8080o, [::]:8080o, 443os; "s" is TLS, "r" only redirects.
        match = re.fullmatch(r"\s*(?:([\d.]+|\[[\da-f:]+\]):|\+)?(\d+)([a-z]*)\s*", item)
        if match and not set("sr") & set(match[3]):
            host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(match[1], match[1])  # noqa: S104
            return f"http://{host or '127.0.0.1'}:{match[2]}"
    return ""


def dns_names() -> str:
    """Return the names to switch: .local, and one in the own domain of this machine's Pi-hole."""
    domain = (_pihole("dns.domain.name") or _pihole("dns.domain")).lower()
    is_domain = re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*", domain)
    return ",".join(dict.fromkeys(["baluhost.local", f"baluhost.{domain if is_domain else 'lan'}"]))


def data_disks(report: str) -> list[str]:
    """Return the file systems that a data disk may have, as "PATH UUID TYPE SIZE LABEL".

    Args:
        report: what ``lsblk --json --output PATH,UUID,FSTYPE,SIZE,MOUNTPOINTS,LABEL`` prints, disks with
            their parts below them.
    """
    found = []
    for drive in json.loads(report)["blockdevices"]:
        parts = [drive, *drive.get("children", ())]
        mounts = {mount for part in parts for mount in part.get("mountpoints") or () if mount}
        if mounts & _SYSTEM_MOUNTS:
            continue
        found += [
            f"{part['path']} {part['uuid']} {part['fstype']} {part['size']} {part['label'] or ''}".strip()
            for part in parts
            if part.get("fstype") in _OWNED_TYPES and part.get("uuid")
        ]
    return found


def _pihole(setting: str) -> str:
    return _output("pihole-FTL", "--config", setting).strip()


def _answers_json(url: str, path: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_DEADLINE_S)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        answer = connection.getresponse()
        with contextlib.suppress(ValueError):
            json.loads(answer.read(65536))
            return answer.status < http.client.INTERNAL_SERVER_ERROR
    return False


def _output(*command: str) -> str:
    """Return what a program prints, "" where it is missing, fails or takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


if __name__ == "__main__":
    if sys.argv[1:] == ["pihole_url"]:
        print(pihole_url())
        sys.exit()
    columns = "PATH,UUID,FSTYPE,SIZE,MOUNTPOINTS,LABEL"
    print(
        "\n".join(
            data_disks(_output("lsblk", "--json", "--output", columns) or '{"blockdevices": []}')
        )
    )
