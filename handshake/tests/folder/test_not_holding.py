"""What keeps a file of the inbox from being held, told as what it is."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from handshake import folder
from handshake.folder import Held, NotHeld
from handshake.inbox import Entry
from handshake.tests.folder.helpers import NOBODY, as_ordinary_user, entry_of, open_files, reason


def test_without_ignoring_the_signal_nothing_is_held(box: Path, entry: Entry) -> None:
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    before = open_files()
    with pytest.raises(RuntimeError, match="ignore_lease_signals"):
        Held(box, entry)
    assert open_files() == before


LEASE_HOLDER = """
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_DFL)  # a child inherits that it is ignored
sys.path.insert(0, {root!r})
from handshake.folder import ignore_lease_signals
if sys.argv[2] == "ignore":
    ignore_lease_signals()
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
print("held", flush=True)
sys.stdin.readline()
print("alive", flush=True)
"""


@pytest.mark.parametrize(
    ("how", "said", "code"),
    [
        pytest.param("ignore", "alive\n", 0, id="with it, the holder lives"),
        pytest.param("default", "", -signal.SIGIO, id="without it, the holder dies"),
    ],
)
def test_somebody_who_wants_to_write_ends_the_holder_unless_it_ignores_the_signal(
    path: Path, how: str, said: str, code: int
) -> None:
    program = LEASE_HOLDER.format(root=str(settings.BASE_DIR))
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program, str(path), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError):  # the signal is sent, and this process does not wait
            os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        out, _ = holder.communicate("\n", timeout=10)
    assert (out, holder.returncode) == (said, code)


def refuse_leases(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    real = fcntl.fcntl

    def refuse(descriptor: int, command: int, argument: Any = 0) -> Any:
        if command == fcntl.F_SETLEASE:
            raise OSError(number, os.strerror(number))
        return real(descriptor, command, argument)

    monkeypatch.setattr(fcntl, "fcntl", refuse)


@pytest.mark.parametrize(
    "number", [errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS], ids=os.strerror
)
def test_a_file_system_that_knows_no_leases_is_told_as_such(
    box: Path, path: Path, entry: Entry, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_leases(monkeypatch, number)
    with path.open("ab"), Held(box, entry) as held:
        assert not held.has_lease
        assert not held.is_wanted
    with Held(box, entry) as held:
        held.remove()
    assert not path.exists()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        pytest.param(errno.EAGAIN, NotHeld.IN_USE, id="open for writing"),
        pytest.param(errno.EBUSY, NotHeld.IN_USE, id="anything else"),
        pytest.param(errno.EACCES, NotHeld.NOT_OURS, id="another user's"),
        pytest.param(errno.EPERM, NotHeld.NOT_OURS, id="not permitted"),
    ],
)
def test_a_lease_that_is_refused_says_why(
    box: Path, entry: Entry, number: int, expected: NotHeld, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_leases(monkeypatch, number)
    assert reason(box, entry) is expected


def test_a_file_of_another_user_is_not_ours_although_it_can_be_read() -> None:
    etc = Path("/etc")
    found = folder._entry(b"passwd", os.lstat("/etc/passwd"))
    with as_ordinary_user():
        assert reason(etc, found) is NotHeld.NOT_OURS


def test_a_file_that_may_not_be_read_is_not_ours(open_box: Path) -> None:
    (open_box / "a").touch()
    found = entry_of(open_box, b"a")
    (open_box / "a").chmod(0o000)
    with as_ordinary_user():
        assert reason(open_box, found) is NotHeld.NOT_OURS


def test_what_may_not_be_removed_is_an_error_of_the_system(open_box: Path) -> None:
    path = open_box / "sub" / "a"
    path.parent.mkdir()
    path.touch()
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    found = entry_of(open_box, b"sub/a")
    path.parent.chmod(0o555)
    with as_ordinary_user(), Held(open_box, found) as held, pytest.raises(PermissionError):
        held.remove()
    assert path.exists()
