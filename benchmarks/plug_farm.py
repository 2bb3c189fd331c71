"""Many simulated plugs in a process of their own, each on its own loopback address.

``plug_work.py`` starts it; it ends when its standard input does, whatever became of the
process that started it. One line of JSON on standard output says that all of them answer, another
one at the end how often they were asked what.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.figures import ROOT
from simhome.clock import Clock
from simhome.free_addresses import free_port
from simhome.loads import FreezerLoad
from simhome.plug import SimPlug

USERNAME, PASSWORD = "Farm@home.example", "Correct horse 7"
_PER_BLOCK = 250
_START_S = 60


def raise_file_limit() -> None:
    """Allow this process as many open files as the machine allows anybody."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@dataclass
class Farm:
    """Running plugs: their ``mac``, ``device_id``, ``host`` and ``port``.

    ``calls`` is how often they were asked what, by the last part of the path; known at the end.
    """

    plugs: list[dict[str, Any]]
    calls: dict[str, int] = field(default_factory=dict)


@contextlib.contextmanager
def running_farm(count: int, *, core: int) -> Iterator[Farm]:
    """Run this many plugs on one core."""
    command = [sys.executable, "-m", "benchmarks.plug_farm", "--plugs", str(count)]
    with subprocess.Popen(
        [*command, "--core", str(core)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101  # both are pipes
        assert process.stdout is not None  # noqa: S101
        try:
            farm = Farm(json.loads(process.stdout.readline() or "[]"))
            if not farm.plugs:
                sys.exit("The simulated plugs did not start; their words are above.")
            yield farm
            process.stdin.close()
            farm.calls = json.loads(process.stdout.readline() or "{}")
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=_START_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _make_plugs(count: int) -> list[SimPlug]:
    """Return plugs on blocks of addresses chosen by chance, all on one port that is free there."""
    second = secrets.randbelow(200) + 10
    third = secrets.randbelow(200)
    hosts = [f"127.{second}.{third + n // _PER_BLOCK}.{n % _PER_BLOCK + 1}" for n in range(count)]
    port, clock = free_port(hosts[0]), Clock()
    return [
        SimPlug(
            alias=f"Plug {number}",
            device_id=f"{number + 1:040X}",
            mac=f"02:00:5E:00:{number // 256:02X}:{number % 256:02X}",
            host=host,
            port=port,
            load=FreezerLoad(number),
            credentials=(USERNAME, PASSWORD),
            clock=clock,
        )
        for number, host in enumerate(hosts)
    ]


async def _serve(count: int) -> None:
    plugs = _make_plugs(count)
    try:
        for plug in plugs:
            await plug.start()
        told = [
            {"mac": p.mac, "device_id": p.device_id, "host": p.host, "port": p.port} for p in plugs
        ]
        print(json.dumps(told), flush=True)
        await asyncio.to_thread(sys.stdin.read)
    finally:
        for plug in plugs:
            await plug.stop()
    print(json.dumps(sum((plug.calls for plug in plugs), Counter[str]())), flush=True)


def main() -> int:
    """Play the plugs until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plugs", type=int, default=1000)
    parser.add_argument("--core", type=int, help="the only core to run on")
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    raise_file_limit()
    asyncio.run(_serve(options.plugs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
