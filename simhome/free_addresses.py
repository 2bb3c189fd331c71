"""Finds a /24 of loopback and ports that nobody uses, for one home."""

import secrets
import socket
from contextlib import ExitStack, suppress
from dataclasses import dataclass

DISCOVERY_PORT = 20002
_PLUGS = 3
_TRIES = 200
# Below the range from which Linux takes ports for outgoing connections, so that none of those
# can sit on one of ours.
_LOWEST_PORT, _HIGHEST_PORT = 20100, 32000


@dataclass(frozen=True, kw_only=True)
class HomePorts:
    """The ports of a home; all plugs share one, each on its own address."""

    nas_port: int
    wol_port: int
    pihole_port: int
    dns_port: int
    plug_port: int
    control_port: int
    ssh_port: int


def find_home_addresses(*, nas_port: int | None = None) -> tuple[str, HomePorts]:
    """Return a block such as "127.84.20" and ports, all of which could be bound just now.

    Raises:
        OSError: nothing was free, or ``nas_port`` is taken on every block that was tried.
    """
    problem: OSError | None = None
    for _ in range(_TRIES):
        block = f"127.{secrets.randbelow(254) + 1}.{secrets.randbelow(255)}"
        ports = _random_ports(nas_port)
        try:
            _bind_all(block, ports)
        except OSError as error:
            problem = error
        else:
            return block, ports
    raise OSError(f"no free addresses found: {problem}")


def free_port(host: str) -> int:
    """Return a TCP port of a loopback address that could be bound just now.

    Raises:
        OSError: nothing was free.
    """
    for _ in range(_TRIES):
        port = secrets.SystemRandom().randrange(_LOWEST_PORT, _HIGHEST_PORT)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((host, port))
            return port
    raise OSError(f"no free port on {host}")


def _random_ports(nas_port: int | None) -> HomePorts:
    numbers = range(_LOWEST_PORT, _HIGHEST_PORT)
    chosen = secrets.SystemRandom().sample([n for n in numbers if n != nas_port], 7)
    return HomePorts(
        nas_port=nas_port or chosen[0],
        wol_port=chosen[1],
        pihole_port=chosen[2],
        dns_port=chosen[3],
        plug_port=chosen[4],
        control_port=chosen[5],
        ssh_port=chosen[6],
    )


def _bind_all(block: str, ports: HomePorts) -> None:
    """Bind everything a home needs and let go again.

    Raises:
        OSError: something is taken.
    """
    tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
    plugs = [f"{block}.{101 + number}" for number in range(_PLUGS)]
    wanted = [
        (tcp, f"{block}.53", ports.nas_port),
        (tcp, f"{block}.53", ports.ssh_port),
        (tcp, f"{block}.2", ports.nas_port),
        (tcp, f"{block}.2", ports.pihole_port),
        (tcp, f"{block}.2", ports.dns_port),
        (udp, f"{block}.2", ports.dns_port),
        (tcp, f"{block}.1", ports.control_port),
        (udp, "127.255.255.255", ports.wol_port),
        (udp, f"{block}.255", ports.wol_port),
        (udp, f"{block}.53", ports.wol_port),
        (udp, f"{block}.255", DISCOVERY_PORT),
        *((tcp, host, ports.plug_port) for host in plugs),
        *((udp, host, DISCOVERY_PORT) for host in plugs),
    ]
    with ExitStack() as stack:
        for kind, host, port in wanted:
            bound = stack.enter_context(socket.socket(socket.AF_INET, kind))
            bound.bind((host, port))
