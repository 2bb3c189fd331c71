"""A Pi-like machine with our source tree, packages for its pip, and a simulated home beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.pi_machine import NoMachineError, PiMachine
from tests.releases import ROOT, Source

#: For pip in the machine: only what we give it.
PIP = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "PIP_CONFIG_FILE": "/dev/null"}


class HomeMachine:
    """A machine, and the home beside it.

    Attributes:
        home: the simulated home's facts.
    """

    def __init__(self, machine: PiMachine, home: dict[str, Any]) -> None:
        self.machine, self.home = machine, home

    def start_home(self) -> None:
        """Run the simulated home, with the Python of the release that is installed."""
        at_home = "/opt/balupi/current/.venv/bin/python -m simhome --dir /var/home run"
        options = ["--quiet", "--unit=simhome", "--working-directory=/source"]
        self.machine.run(["systemd-run", *options, *at_home.split()])
        self.wait_until("journalctl --unit simhome --grep 'simhome ready'")

    def wait_until(self, command: str) -> None:
        """Wait up to a minute until a command succeeds; its last words where it does not."""
        until = (
            f"for n in {{1..120}}; do {command} >/dev/null 2>&1 && exit; sleep 0.5; done; {command}"
        )
        self.machine.run(["bash", "-c", until])


@contextmanager
def source_machine(
    folder: Path, source: Source, *, below: Path, wheels: Path, home: Path | None = None
) -> Iterator[PiMachine]:
    """Boot a machine with our tree in /source; skips the tests where none can be made.

    Args:
        folder: where its files are.
        source: our tree.
        below: the Debian root that it looks like.
        wheels: the packages that its pip will ask for.
        home: files of a simulated home, which it has in /var/home.
    """
    try:
        machine = PiMachine(
            folder / "machine", below=below, binds={source.folder: "/source", wheels: "/wheels"}
        )
    except NoMachineError as error:
        pytest.skip(str(error))
    try:
        for file in home.iterdir() if home else ():
            machine.write(f"/var/home/{file.name}", file.read_text())
        machine.start()
        yield machine
    except NoMachineError as error:
        pytest.skip(str(error))
    finally:
        machine.close()


@contextmanager
def home_machine(folder: Path, *, below: Path, wheels: Path) -> Iterator[HomeMachine]:
    """Boot one with the files of a simulated home, which does not run yet; else as ``source_machine``."""
    source = Source(folder / "source")
    simhome = [sys.executable, "-m", "simhome", "--dir", str(folder / "home"), "init"]
    subprocess.run(simhome, cwd=ROOT, check=True, capture_output=True)  # noqa: S603
    kept = folder / "home" / "home.json"
    # The doctor asks where the household's devices do.
    home = json.loads(kept.read_text()) | {"dns_port": 53}
    kept.write_text(json.dumps(home))
    with source_machine(
        folder, source, below=below, wheels=wheels, home=folder / "home"
    ) as machine:
        yield HomeMachine(machine, home)
