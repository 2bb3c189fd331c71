"""What a Pi installs: every pin is locked and has a wheel for the Pi, so that nothing is built there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.conftest import ROOT

#: The Python of Debian 12 and of Debian 13, and the glibc (2.x) that its wheels may need at most.
PYTHONS = {"3.11": 36, "3.13": 41}
LOCKS = {
    "requirements.txt": "deploy/requirements.lock",
    "requirements-postgres.txt": "deploy/requirements-postgres.lock",
}
PIN = re.compile(r"[a-z0-9.-]+==[^\s;]+( ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def pinned(path: str) -> dict[str, Requirement]:
    """Return the pins of a requirements or lock file by name, those it takes from others left out."""
    lines = (ROOT / path).read_text().replace("\\\n", "").splitlines()
    pins = [line.partition(" --hash=")[0] for line in lines if re.match(r"[A-Za-z]", line)]
    return {canonicalize_name(pin.name): pin for pin in map(Requirement, pins)}


@pytest.mark.parametrize("requirements", LOCKS)
def test_the_lock_has_what_the_requirements_say(requirements: str) -> None:
    locked = pinned(LOCKS[requirements])
    asked = {**pinned("requirements.txt"), **pinned(requirements)}

    wrong = [
        str(pin)
        for name, pin in asked.items()
        if name not in locked or locked[name].specifier != pin.specifier
    ]

    assert not wrong, f"Not in {LOCKS[requirements]}: {wrong}. Please run deploy/lock.sh."


def test_a_pi_with_postgresql_has_the_same_packages_and_the_driver() -> None:
    plain, more = (pinned(lock) for lock in LOCKS.values())
    assert {name: str(pin) for name, pin in more.items() if name in plain} == {
        name: str(pin) for name, pin in plain.items()
    }
    assert more.keys() - plain.keys() == {"psycopg", "psycopg-binary"}


@pytest.mark.parametrize("lock", LOCKS.values())
def test_a_lock_holds_pins_with_hashes_and_nothing_else(lock: str) -> None:
    lines = [line for line in (ROOT / lock).read_text().splitlines() if not line.startswith("#")]
    # No index, no folder: where packages come from is for the Pi's owner to say.
    kinds = "".join(
        "p" if PIN.fullmatch(line) else "h" if HASH.fullmatch(line) else "?" for line in lines
    )
    assert re.fullmatch("(ph+)+", kinds), lines[kinds.find("?")]


@pytest.mark.household  # needs the Internet, so it is run once and not for each database
def test_every_pin_has_a_wheel_for_the_pi(tmp_path: Path) -> None:
    """Ask pip for what it would install there; about 31 MB for each Python, unless pip still has it."""
    # Markers would be judged by the Python that runs this test: here every pin must have a wheel.
    wanted = re.sub(r" ;[^\\\n]+", " ", (ROOT / LOCKS["requirements-postgres.txt"]).read_text())
    lock = tmp_path / "requirements.lock"
    lock.write_text(wanted)

    running = {version: _download(lock, tmp_path, version) for version in PYTHONS}
    said = {version: process.communicate(timeout=300)[0] for version, process in running.items()}

    names = set(pinned(LOCKS["requirements-postgres.txt"]))
    for version, process in running.items():
        if process.returncode and _is_offline(said[version]):
            pytest.skip("The package index cannot be reached, so nobody knows which wheels it has.")
        assert process.returncode == 0, f"Python {version} on aarch64:\n{said[version][-2000:]}"
        files = [parse_wheel_filename(file.name) for file in (tmp_path / version).iterdir()]
        assert {name for name, _version, _build, _tags in files} == names


def _is_offline(said: str) -> bool:
    """Tell whether pip found nothing because no index answered, however often it asked."""
    return "(from versions: none)" in said and "Retry(total=0" in said


def _download(lock: Path, folder: Path, version: str) -> subprocess.Popen[str]:
    glibcs = [f"manylinux_2_{minor}_aarch64" for minor in range(17, PYTHONS[version] + 1)]
    platforms = [f"--platform={name}" for name in ("manylinux2014_aarch64", *glibcs)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={version}"]
    command += [*platforms, f"--dest={folder / version}", f"--requirement={lock}"]
    return subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
