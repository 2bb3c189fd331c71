"""Talking to rsync: what it is told, what it says, and that it ends."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings as django_settings

from handshake import rsync, rsync_run, rsync_words
from handshake.problems import InboxError, Trouble
from handshake.rsync import Nas
from handshake.rsync_run import Stop
from handshake.rsync_words import Match
from handshake.tests.inbox_home import running_home

SECRET_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nhush-hush\n"


@pytest.fixture
def nas(tmp_path: Path) -> Nas:
    folder = tmp_path / "ssh"
    folder.mkdir()
    (folder / "id").write_text(SECRET_KEY)
    (folder / "known_hosts").touch()
    return Nas(
        host="127.66.0.53",
        port=2222,
        user="balu",
        key=folder / "id",
        known_hosts=folder / "known_hosts",
    )


class FakeProgram:
    """Stands in for a program on the PATH; notes how it was called, and says what it is told to."""

    reads = 'cat > "$NOTES/stdin"'

    def __init__(self, folder: Path, name: str) -> None:
        self.notes = folder / f"{name}-notes"
        self.notes.mkdir(parents=True)
        self.program = folder / name
        self.says()

    def says(self, out: bytes = b"", err: bytes = b"", code: int = 0) -> None:
        (self.notes / "out").write_bytes(out)
        (self.notes / "err").write_bytes(err)
        self.does(f'cat "$NOTES/out"; cat "$NOTES/err" >&2; exit {code}')

    def does(self, script: str) -> None:
        """Have it run other lines of sh."""
        self.program.write_text(
            f"#!/bin/sh\nNOTES={shlex.quote(str(self.notes))}\n"
            'printf "%s\\0" "$@" > "$NOTES/argv"\n'
            f"{self.reads}\n"
            'cat /proc/self/environ > "$NOTES/environment"\n'
            f"{script}\n"
        )
        self.program.chmod(0o755)

    @property
    def was_called(self) -> bool:
        return (self.notes / "argv").exists()

    @property
    def argv(self) -> list[str]:
        return (self.notes / "argv").read_text().split("\0")[:-1]

    @property
    def stdin(self) -> bytes:
        return (self.notes / "stdin").read_bytes()

    @property
    def environment(self) -> dict[str, str]:
        lines = (self.notes / "environment").read_text().split("\0")
        return dict(line.split("=", 1) for line in lines if line)

    def pid(self, name: str) -> int | None:
        """Return what a script has noted as ``NAME.pid``."""
        try:
            return int((self.notes / f"{name}.pid").read_text())
        except (FileNotFoundError, ValueError):  # not yet, or not whole
            return None


@pytest.fixture
def fake_rsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeProgram:
    return _on_path(tmp_path, "rsync", monkeypatch)


def _on_path(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> FakeProgram:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return FakeProgram(tmp_path / "bin", name)


def trouble(call: Callable[[], object]) -> InboxError:
    with pytest.raises(InboxError) as error:
        call()
    return error.value


# What it says of files: real words of rsync 3.5.0, with LC_ALL=C

COMPARED = (
    b".d          ./\n"
    b".f          name\n"
    b".f           lead\n"
    b".f            two  \n"
    b".f           \n"
    b".f          tab\t\n"
    b"<fc.T...... a.txt\n"
    b"<fcsT...... sub/b.txt\n"
    b"<fc........ <f+++++++++ c\n"
    b"<f+++++++++ name of a new one\n"
    b"<f+++++++++ .f          odd\n"
    b"cd+++++++++ new/\n"
    b".d          deep/\n"
    b".d..t...... deep/.f/\n"
    b"<f+++++++++ deep/x\\#012y\n"
    b".f          b\\#134#012\n"
    b".f          \\#303\\#234\n"
    b".f          \\#377\\#376\n"
)
MATCHES = {
    b"name": Match.SAME,
    b" lead": Match.SAME,
    b"  two  ": Match.SAME,
    b" ": Match.SAME,
    b"tab\t": Match.SAME,
    b"a.txt": Match.DIFFERENT,
    b"sub/b.txt": Match.DIFFERENT,
    b"<f+++++++++ c": Match.DIFFERENT,
    b"name of a new one": Match.ABSENT,
    b".f          odd": Match.ABSENT,
    b"deep/x\ny": Match.ABSENT,
    b"b\\#012": Match.SAME,
    "Ü".encode(): Match.SAME,
    b"\xff\xfe": Match.SAME,
}
LISTED = (
    b"drwxr-xr-x        4,096 2026/11/25 18:34:10 .\n"
    b"drwxr-xr-x        4096 2026/11/25 18:34:10 deep\n"
    b"-rw-r--r--           5 2026/11/25 18:03:34  lead\n"
    b"-rw-r--r--           5 2026/11/25 18:34:07   two  \n"
    b"-rw-------           0 2026/11/25 00:00:00 a.txt\n"
    b"-rw-r--r-- 12345678901 2026/03/29 02:30:00 deep/2026/03/29 02:30:00 x\n"
    b"-rwxr-xr-x           1 2446/05/10 22:38:55 future\n"
    b"-rw-r--r--           1 1960/01/04 00:00:00 old\n"
    b"-rw-r--r--           5 2026/11/25 18:34:07 b\\#134#012\n"
    b"-rw-r--r--           5 2026/11/25 18:34:07 x\\#012y\n"
    b"-rw-r--r--           5 2026/11/25 18:34:07 \\#303\\#234\n"
    b"lrwxrwxrwx           1 2026/11/25 18:34:07 link -> a.txt\n"
    b"prw-r--r--           0 2026/11/25 18:34:07 pipe\n"
)
VERSIONS = {
    b" lead": (5, 1795629814),
    b"  two  ": (5, 1795631647),
    b"a.txt": (0, 1795564800),
    b"deep/2026/03/29 02:30:00 x": (12345678901, 1774751400),  # no such time in Berlin
    b"future": (1, 15032385535),
    b"old": (1, -315360000),
    b"b\\#012": (5, 1795631647),
    b"x\ny": (5, 1795631647),
    "Ü".encode(): (5, 1795631647),
}


def test_files_that_are_compared_are_read_by_fixed_width_whatever_their_names(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path
) -> None:
    fake_rsync.says(COMPARED)
    assert nas.compare(tmp_path, list(MATCHES), size_bytes=1) == MATCHES


def test_what_cannot_be_read_here_is_not_in_the_comparison(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path
) -> None:
    fake_rsync.says(b".f          a\n", b'link_stat "gone" failed: No such file', code=23)
    assert nas.compare(tmp_path, [b"a", b"gone"], size_bytes=1) == {b"a": Match.SAME}


def test_files_that_are_listed_are_read_with_size_and_time(
    nas: Nas, fake_rsync: FakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")  # the household's zone does not matter
    fake_rsync.says(LISTED)
    assert nas.versions([b"a.txt"]) == VERSIONS
    assert fake_rsync.environment["TZ"] == "UTC"


def test_a_name_of_spaces_only_is_listed(nas: Nas, fake_rsync: FakeProgram) -> None:
    fake_rsync.says(b"-rw-r--r--           5 2026/11/25 18:34:07   \n")
    assert nas.versions([b"  "]) == {b"  ": (5, 1795631647)}


def test_a_file_of_a_far_future_is_no_fault(nas: Nas, fake_rsync: FakeProgram) -> None:
    fake_rsync.says(b"-rw-r--r--           1 36812/02/20 00:36:1 far\n")  # as it was on tmpfs
    assert b"far" in nas.versions([b"far"])


def test_nothing_listed_is_nothing_there(nas: Nas, fake_rsync: FakeProgram) -> None:
    assert nas.versions([b"a"]) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(rb"plain", b"plain", id="plain"),
        pytest.param(rb"\#012", b"\n", id="a line break"),
        pytest.param(rb"\#134#012", rb"\#012", id="what only looks like an escape"),
        pytest.param(rb"\#303\#234", "Ü".encode(), id="UTF-8"),
        pytest.param(rb"C:\dir\#x", rb"C:\dir\#x", id="other backslashes"),
        pytest.param(rb"\#0123", b"\n3", id="three digits, no more"),
        pytest.param(rb"\#999", rb"\#999", id="no octal digits"),
        pytest.param(rb"\#377", b"\xff", id="the largest"),
    ],
)
def test_escapes_are_undone(text: bytes, expected: bytes) -> None:
    assert rsync_words.unescaped(text) == expected


def told(chunks: list[bytes]) -> list[int]:
    done, figures = rsync_run.Done(), list[int]()
    for chunk in chunks:
        done.output.extend(chunk)
        rsync_run._tell_progress(done, figures.append)
    return figures


PROGRESS = (
    b"\r             40  12%    0.00kB/s    0:00:00  "
    b"\r            123  40%    1.01kB/s    0:00:01 (xfr#1, to-chk=1/3)"
    b"\r           4567 100%    1.01kB/s    0:00:02 (xfr#2, to-chk=0/3)\n"
)


def test_progress_ends_at_the_newest_figure_however_the_words_are_cut() -> None:
    assert told([PROGRESS])[-1] == 4567
    for size in (1, 7, 48):
        chunks = [PROGRESS[start : start + size] for start in range(0, len(PROGRESS), size)]
        figures = told(chunks)
        assert {40, 123} <= set(figures) <= {40, 123, 4567}  # the last may still be in the air
        assert figures == sorted(figures)


def test_progress_of_hours_takes_no_memory() -> None:
    done = rsync_run.Done()
    for _ in range(1000):
        done.output.extend(PROGRESS)
        rsync_run._tell_progress(done, lambda _figure: None)
    assert len(done.output) < 200


def test_what_is_sent_is_told_meanwhile(nas: Nas, fake_rsync: FakeProgram, tmp_path: Path) -> None:
    figures: list[int] = []
    fake_rsync.says(PROGRESS)
    sent = nas.send(tmp_path, [b"a"], size_bytes=1, progress=figures.append)
    assert (figures[-1], sent) == (4567, rsync.Sent())


# What it says of troubles

CLOSED_327 = (
    "rsync: connection unexpectedly closed (0 bytes received so far) [sender]\n"
    "rsync error: unexplained error (code 255) at io.c(231) [sender=3.2.7]\n"
)
CLOSED_350 = (
    "rsync: connection unexpectedly closed (0 bytes received so far) [Receiver]\n"
    "rsync error: unexplained error (code 255) at io.c(285) [Receiver=3.5.0]\n"
)
PROTOCOL_327 = (
    "rsync: connection unexpectedly closed (0 bytes received so far) [Receiver]\n"
    "rsync error: error in rsync protocol data stream (code 12) at io.c(231) [Receiver=3.2.7]\n"
)
PROTOCOL_350 = (
    "rsync: connection unexpectedly closed (0 bytes received so far) [Receiver]\n"
    "rsync error: error in rsync protocol data stream (code 12) at io.c(285) [Receiver=3.5.0]\n"
)
SOME_327 = (
    "rsync error: some files/attrs were not transferred (see previous errors) (code 23) "
    "at main.c(1338) [sender=3.2.7]\n"
)
SOME_350 = (
    "rsync error: some files/attrs were not transferred (see previous errors) (code 23) "
    "at main.c(1394) [sender=3.5.0]\n"
)
OTHER_HOST_KEY = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the ED25519 key sent by the remote host is
SHA256:95w3MsUnCThJBFhFh0gaoMgmxy/homkUKdqrOF4Be7U.
Please contact your system administrator.
Add correct host key in /var/lib/balupi/ssh/known_hosts to get rid of this message.
Offending ED25519 key in /var/lib/balupi/ssh/known_hosts:1
Host key for [127.77.3.53]:28520 has changed and you have requested strict checking.
Host key verification failed.
"""
OPEN_KEY = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
Permissions 0644 for '/var/lib/balupi/ssh/id_balupi' are too open.
It is required that your private key files are NOT accessible by others.
This private key will be ignored.
Load key "/var/lib/balupi/ssh/id_balupi": bad permissions
"""
ANOTHER = "/usr/bin/rrsync error: Another instance of rrsync is already accessing this directory.\n"

OF_THE_WAY = [
    pytest.param(255, OTHER_HOST_KEY + CLOSED_350, Trouble.OTHER_HOST_KEY, id="another host key"),
    pytest.param(
        255,
        "No ED25519 host key is known for [127.77.3.53]:28520 and you have requested strict "
        "checking.\nHost key verification failed.\n" + CLOSED_350,
        Trouble.OTHER_HOST_KEY,
        id="an unknown host key",
    ),
    pytest.param(
        255,
        "balu@127.77.3.53: Permission denied (publickey).\n" + CLOSED_350,
        Trouble.KEY_REFUSED,
        id="key refused",
    ),
    pytest.param(
        255,
        "balu@192.168.178.53: Permission denied (publickey,password,keyboard-interactive).\n"
        + CLOSED_327,
        Trouble.KEY_REFUSED,
        id="key refused where passwords are allowed, 3.2.7",
    ),
    pytest.param(
        255,
        OPEN_KEY + "balu@127.77.3.53: Permission denied (publickey).\n" + CLOSED_350,
        Trouble.KEY_REFUSED,
        id="our key may be read by others",
    ),
    pytest.param(
        255,
        "Received disconnect from 192.168.178.53 port 22:2: Too many authentication failures\n"
        "Disconnected from 192.168.178.53 port 22\n" + CLOSED_327,
        Trouble.KEY_REFUSED,
        id="too many keys",
    ),
    pytest.param(
        255,
        "ssh: connect to host 127.77.3.53 port 9: Connection refused\n" + CLOSED_350,
        Trouble.UNREACHABLE,
        id="connection refused",
    ),
    pytest.param(
        255,
        "ssh: connect to host 192.168.178.53 port 22: No route to host\n" + CLOSED_327,
        Trouble.UNREACHABLE,
        id="no route, 3.2.7",
    ),
    pytest.param(
        255,
        "ssh: connect to host 192.168.178.53 port 22: Connection timed out\n" + CLOSED_327,
        Trouble.UNREACHABLE,
        id="asleep, 3.2.7",
    ),
    pytest.param(
        255,
        "Connection timed out during banner exchange\n" + CLOSED_350,
        Trouble.UNREACHABLE,
        id="nobody answers",
    ),
    pytest.param(
        255,
        "kex_exchange_identification: read: Connection reset by peer\n"
        "Connection reset by 192.168.178.53 port 22\n" + CLOSED_327,
        Trouble.UNREACHABLE,
        id="reset, 3.2.7",
    ),
    pytest.param(
        255,
        "Connection closed by 192.168.178.53 port 22\n" + CLOSED_327,
        Trouble.UNREACHABLE,
        id="closed, 3.2.7",
    ),
    pytest.param(
        255,
        "Timeout, server 192.168.178.53 not responding.\n" + CLOSED_327,
        Trouble.NO_ANSWER,
        id="silent for ssh",
    ),
    pytest.param(
        30,
        "\n[sender] io timeout after 30 seconds -- exiting\n"
        "rsync error: timeout in data send/receive (code 30) at io.c(248) [sender=3.5.0]\n",
        Trouble.NO_ANSWER,
        id="silent for rsync",
    ),
    pytest.param(
        30,
        "[sender] io timeout after 30 seconds -- exiting\n"
        "rsync error: timeout in data send/receive (code 30) at io.c(201) [sender=3.2.7]\n",
        Trouble.NO_ANSWER,
        id="silent for rsync, 3.2.7",
    ),
    pytest.param(30, "", Trouble.NO_ANSWER, id="silent, and nothing is said"),
    pytest.param(35, "", Trouble.NO_ANSWER, id="no connection in time"),
    pytest.param(12, ANOTHER + PROTOCOL_350, Trouble.NAS_BUSY, id="an earlier one still ends"),
    pytest.param(
        12, ANOTHER + PROTOCOL_327, Trouble.NAS_BUSY, id="an earlier one still ends, 3.2.7"
    ),
    pytest.param(
        12,
        "/usr/bin/rrsync error: Restricted directory does not exist!\n" + PROTOCOL_327,
        Trouble.NO_FOLDER,
        id="no folder",
    ),
    pytest.param(
        11,
        'rsync: [receiver] write failed on "/proc/self/fd/6/big": No space left on device (28)\n'
        "rsync error: error in file IO (code 11) at receiver.c(657) [receiver=3.5.0]\n",
        Trouble.NAS_FULL,
        id="full",
    ),
    pytest.param(
        11,
        'rsync: [receiver] write failed on "/data/inbox/big": No space left on device (28)\n'
        "rsync error: error in file IO (code 11) at receiver.c(381) [receiver=3.2.7]\n"
        "rsync: [sender] write error: Broken pipe (32)\n",
        Trouble.NAS_FULL,
        id="full, 3.2.7",
    ),
    pytest.param(
        11,
        'rsync: [receiver] write failed on "/data/inbox/big": Disk quota exceeded (122)\n'
        "rsync error: error in file IO (code 11) at receiver.c(381) [receiver=3.2.7]\n",
        Trouble.NAS_FULL,
        id="the user's share is full",
    ),
    pytest.param(
        23,
        'rsync: [receiver] mkstemp "/proc/self/fd/5/x.BpuFFG" failed: Read-only file system (30)\n'
        + SOME_350,
        Trouble.NAS_NOT_WRITABLE,
        id="read-only",
    ),
    pytest.param(
        23,
        'rsync: [receiver] mkstemp "/data/inbox/.balupi-tmp/.x.BpuFFG" failed: '
        "Read-only file system (30)\n" + SOME_327,
        Trouble.NAS_NOT_WRITABLE,
        id="read-only, 3.2.7",
    ),
    pytest.param(
        127,
        "bash: line 1: /usr/bin/rrsync: No such file or directory\n" + PROTOCOL_350,
        Trouble.BROKEN,
        id="no rrsync there",
    ),
    pytest.param(1, "rsync: --fsync: unknown option\n", Trouble.BROKEN, id="too old"),
    pytest.param(14, "", Trouble.BROKEN, id="nothing is said"),
    pytest.param(
        255,
        "client_loop: send disconnect: Broken pipe\n\n"
        "rsync: [sender] write error: Broken pipe (32)\n"
        "rsync error: unexplained error (code 255) at io.c(949) [sender=3.5.0]\n",
        Trouble.NO_ANSWER,
        id="the link was cut",
    ),
    pytest.param(11, "", Trouble.NAS_IO, id="it could not be written, and why was lost"),
]


@pytest.mark.parametrize(("code", "said", "expected"), OF_THE_WAY)
def test_a_failure_of_the_nas_or_the_way_is_told_as_what_it_is(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, code: int, said: str, expected: Trouble
) -> None:
    fake_rsync.says(err=said.encode(), code=code)
    found = trouble(lambda: nas.send(tmp_path, [b"a"], size_bytes=1))
    assert found.code == expected
    assert str(found)


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        pytest.param(
            12,
            "/usr/bin/rrsync error: post-realpath open failed (race detected): /.balupi-inbox "
            "No such file or directory\n" + PROTOCOL_350,
            Trouble.NO_MARKER,
            id="no marker",
        ),
        pytest.param(
            23,
            'rsync: [sender] link_stat "/data/inbox/.balupi-inbox" failed: No such file or '
            "directory (2)\n" + SOME_327,
            Trouble.NO_MARKER,
            id="no marker, 3.2.7",
        ),
        pytest.param(
            23,
            'rsync: [sender] link_stat "/.balupi-inbox" failed: No such file or directory (2)\n'
            + SOME_350,
            Trouble.NO_MARKER,
            id="a key that is not restricted to the folder",
        ),
        pytest.param(
            23,
            'rsync: [sender] link_stat "/.balupi-inbox" failed: Permission denied (13)\n'
            + SOME_350,
            Trouble.BROKEN,
            id="a marker that may not be seen",
        ),
        pytest.param(
            255,
            "ssh: connect to host 127.77.3.53 port 9: Connection refused\n" + CLOSED_350,
            Trouble.UNREACHABLE,
            id="no ssh",
        ),
        pytest.param(12, ANOTHER + PROTOCOL_350, Trouble.NAS_BUSY, id="an earlier one still ends"),
    ],
)
def test_a_marker_that_is_missing_is_told_apart_from_one_that_cannot_be_asked_for(
    nas: Nas, fake_rsync: FakeProgram, code: int, said: str, expected: Trouble
) -> None:
    fake_rsync.says(err=said.encode(), code=code)
    assert trouble(nas.require_marker).code == expected


def test_a_marker_that_is_there_is_enough(nas: Nas, fake_rsync: FakeProgram) -> None:
    fake_rsync.says(b"-rw-r--r--              0 2026/11/25 18:34:07 .balupi-inbox\n")
    nas.require_marker()
    assert fake_rsync.argv[-3:] == ["--list-only", "--", "balu@127.66.0.53:/.balupi-inbox"]


@pytest.mark.parametrize("code", [23, 24])
def test_a_failure_of_single_files_is_not_the_way_s(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, code: int
) -> None:
    said = (
        'rsync: [generator] recv_generator: mkdir "/proc/self/fd/6/\\#303\\#234" failed: '
        "File exists (17)\n" + SOME_350
    )
    fake_rsync.says(err=said.encode(), code=code)
    sent = nas.send(tmp_path, [b"a"], size_bytes=1)
    assert sent.stopped is None
    assert '"/proc/self/fd/6/Ü" failed: File exists' in sent.complaints


@pytest.mark.parametrize(
    "name", ["Connection refused", "No space left on device", "unable to chdir", "io timeout"]
)
def test_a_name_that_sounds_like_a_trouble_is_none(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, name: str
) -> None:
    said = (
        f'rsync: [generator] recv_generator: failed to stat "/proc/self/fd/6/{name}/x": '
        "Not a directory (20)\n" + SOME_350
    )
    fake_rsync.says(err=said.encode(), code=23)
    assert name in nas.send(tmp_path, [b"a"], size_bytes=1).complaints


def test_a_sweep_that_did_not_work_is_told_with_what_was_said(
    nas: Nas, fake_rsync: FakeProgram
) -> None:
    said = 'rsync: [receiver] mkdir "/.balupi-tmp" failed: Permission denied (13)\n' + SOME_350
    fake_rsync.says(err=said.encode(), code=23)
    found = trouble(lambda: nas.sweep(keep_partial=False))
    assert (found.code, found.detail) == (Trouble.NAS_NOT_WRITABLE, said.splitlines()[0])


def test_a_long_complaint_is_cut(nas: Nas, fake_rsync: FakeProgram) -> None:
    fake_rsync.says(err=b"\n  \n" + b"x" * 5000, code=1)
    assert trouble(nas.require_marker).detail == "x" * 200


def test_a_flood_of_words_blocks_nothing(nas: Nas, fake_rsync: FakeProgram, tmp_path: Path) -> None:
    fake_rsync.does(
        "head -c 3000000 /dev/zero | tr '\\0' e >&2\nhead -c 3000000 /dev/zero | tr '\\0' o\nexit 23"
    )
    sent = nas.send(tmp_path, [b"a"], size_bytes=1)
    assert 60_000 < len(sent.complaints) < 200_000


def test_a_list_without_end_ends_the_run_instead_of_filling_the_memory(
    nas: Nas, fake_rsync: FakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rsync_run, "_LONGEST_OUTPUT", 100_000)
    fake_rsync.does("exec yes")
    found = trouble(lambda: nas.versions([b"a"]))
    assert (found.code, found.detail) == (Trouble.BROKEN, "its output does not end")


# What it is told


def ssh_words(argv: list[str]) -> list[str]:
    """Return the ssh command as rsync splits it."""
    command = argv[argv.index("--rsh") + 1]
    return [word[1:-1] for word in command.split(" ")]


@pytest.mark.parametrize(
    "option",
    [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "IdentitiesOnly=yes",
        "GlobalKnownHostsFile=/dev/null",
        "ConnectTimeout=5",
        "ServerAliveInterval=10",
        "ServerAliveCountMax=3",
    ],
)
def test_ssh_never_asks_and_never_waits_for_ever(
    nas: Nas, fake_rsync: FakeProgram, option: str
) -> None:
    nas.require_marker()
    words = ssh_words(fake_rsync.argv)
    assert words[words.index(option) - 1] == "-o"


def test_ssh_knows_nothing_but_what_it_is_told(nas: Nas, fake_rsync: FakeProgram) -> None:
    nas.require_marker()
    words = ssh_words(fake_rsync.argv)
    assert words[:5] == ["ssh", "-F", "none", "-p", "2222"]
    assert [word for word in words if str(nas.key) in word] == [f'IdentityFile="{nas.key}"']
    assert [word for word in words if str(nas.known_hosts) in word] == [
        f'UserKnownHostsFile="{nas.known_hosts}"'
    ]


def calls(nas: Nas, folder: Path) -> dict[str, Callable[[], object]]:
    names = [b"-rf", b"--delete", b"#x", b";y", b" z", b"\xff\n"]
    return {
        "marker": nas.require_marker,
        "sweep": lambda: nas.sweep(keep_partial=True),
        "send": lambda: nas.send(folder, names, size_bytes=1),
        "compare": lambda: nas.compare(folder, names, size_bytes=1),
        "versions": lambda: nas.versions(names),
    }


CALLS = ["marker", "sweep", "send", "compare", "versions"]


@pytest.mark.parametrize("call", CALLS)
def test_paths_come_after_two_dashes_and_the_target_is_the_restricted_folder(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, call: str
) -> None:
    calls(nas, tmp_path)[call]()
    argv = fake_rsync.argv
    places = argv[argv.index("--") + 1 :]
    assert not [place for place in places if place.startswith("-")]
    assert [place for place in places if place.startswith("balu@127.66.0.53:/")]
    assert not [word for word in argv[: argv.index("--")] if "balu@" in word]
    assert argv[0] in {"--timeout=30", "--timeout=33"}


@pytest.mark.parametrize("call", ["send", "compare", "versions"])
def test_names_go_by_a_list_that_no_name_can_break(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, call: str
) -> None:
    calls(nas, tmp_path)[call]()
    assert "--files-from=-" in fake_rsync.argv
    assert "--from0" in fake_rsync.argv
    assert fake_rsync.stdin == b"./-rf\0./--delete\0./#x\0./;y\0./ z\0./\xff\n\0"


def test_a_list_that_is_longer_than_a_pipe_waits_for_nobody(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path
) -> None:
    names = [b"%d/" % number + b"n" * 250 for number in range(2000)]
    nas.send(tmp_path, names, size_bytes=1)
    assert fake_rsync.stdin.count(b"\0") == 2000


def test_without_names_nothing_is_read_from_us(nas: Nas, fake_rsync: FakeProgram) -> None:
    nas.require_marker()
    assert fake_rsync.stdin == b""
    assert "--files-from=-" not in fake_rsync.argv


def test_what_is_there_is_left_as_it_is(nas: Nas, fake_rsync: FakeProgram, tmp_path: Path) -> None:
    nas.send(tmp_path, [b"a"], size_bytes=1)
    assert "--ignore-existing" in fake_rsync.argv
    assert "--copy-links" in fake_rsync.argv


@pytest.mark.parametrize("call", CALLS)
def test_nothing_of_ours_is_removed_here_nor_in_one_piece_there(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, call: str
) -> None:
    calls(nas, tmp_path)[call]()
    assert "--remove-source-files" not in fake_rsync.argv
    assert "--inplace" not in fake_rsync.argv
    assert ("--delete" in fake_rsync.argv) == (call == "sweep")


@pytest.mark.parametrize(
    ("keep_partial", "expected"),
    [
        pytest.param(True, {".balupi-tmp"}, id="half files are still wanted"),
        pytest.param(False, {".balupi-tmp", ".balupi-partial"}, id="nothing is wanted"),
    ],
)
def test_a_sweep_empties_our_own_folders_and_no_other(
    nas: Nas, fake_rsync: FakeProgram, expected: set[str], *, keep_partial: bool
) -> None:
    nas.sweep(keep_partial=keep_partial)
    *sources, target = fake_rsync.argv[fake_rsync.argv.index("--") + 1 :]
    assert {source.rpartition("/./")[2] for source in sources} == {f"{it}/" for it in expected}
    assert target == "balu@127.66.0.53:/"
    assert {"--relative", "--no-implied-dirs"} <= set(fake_rsync.argv)
    assert not [source for source in sources if Path(source).exists()]  # cleared away


@pytest.mark.parametrize("call", CALLS)
def test_the_children_get_nothing_of_ours(
    nas: Nas,
    fake_rsync: FakeProgram,
    tmp_path: Path,
    call: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BALUPI_HANDSHAKE_SECRET", "hush-hush")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent")
    monkeypatch.setenv("RSYNC_RSH", "/tmp/evil")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    calls(nas, tmp_path)[call]()
    found = fake_rsync.environment
    assert set(found) - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "LC_ALL", "TZ"}
    assert (found["LC_ALL"], found["TZ"]) == ("C", "UTC")
    assert "hush-hush" not in "\n".join([*fake_rsync.argv, *found.values()])


def test_more_bytes_get_more_time(
    nas: Nas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience: dict[str, list[float]] = {"send": [], "compare": []}
    silence: list[str] = []
    call = "send"

    def note(command: list[str], _list_fd: int, *, ends_s: float, **_more: Any) -> rsync_run.Done:
        patience[call].append(ends_s - time.monotonic())
        silence.append(next(word for word in command if word.startswith("--timeout=")))
        return rsync_run.Done()

    monkeypatch.setattr(rsync, "run", note)
    for size in (0, 10**9):
        nas.send(tmp_path, [b"a"], size_bytes=size)
    call = "compare"
    for size in (0, 10**9):
        nas.compare(tmp_path, [b"a"], size_bytes=size)
    assert patience["send"] == [pytest.approx(30, abs=1), pytest.approx(2030, abs=1)]
    assert patience["compare"] == [pytest.approx(90, abs=1), pytest.approx(290, abs=1)]
    # Both sides read their disks before the first byte crosses.
    assert silence == ["--timeout=30", "--timeout=30", "--timeout=30", "--timeout=130"]


# The key's path, through rsync's own splitting of --rsh and through ssh's of -o

AWKWARD_FOLDERS = [
    pytest.param("plain", id="plain"),
    pytest.param("a  b c", id="spaces"),
    pytest.param("it's", id="a single quote"),
    pytest.param('say "x"', id="double quotes"),
    pytest.param("''x' '", id="many quotes"),
    pytest.param("b\\s \\", id="backslashes"),
    pytest.param("$HOME `id` *;&|", id="what a shell would see"),
    pytest.param("ümläut", id="umlauts"),
]


@pytest.mark.parametrize("folder", AWKWARD_FOLDERS)
def test_the_real_rsync_hands_each_word_to_ssh_as_it_is(
    nas: Nas, tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ssh = _on_path(tmp_path, "ssh", monkeypatch)
    fake_ssh.reads = ""  # rsync waits for the other side, and would not stop talking
    fake_ssh.says(err=b"ssh: connect to host nas port 22: Connection refused\n", code=255)
    moved = tmp_path / folder
    nas.key.parent.rename(moved)
    there = replace(nas, key=moved / "id", known_hosts=moved / "known_hosts")
    assert trouble(there.require_marker).code == Trouble.UNREACHABLE
    options = there.ssh_command()[1:]
    assert fake_ssh.argv[: len(options)] == options
    assert "hush-hush" not in " ".join(fake_ssh.argv)
    rest = fake_ssh.argv[len(options) :]
    assert rest[:5] == ["-l", "balu", "127.66.0.53", "rsync", "--server"]
    assert not [name for name in fake_ssh.environment if name.startswith("BALUPI_")]


@pytest.mark.parametrize(
    "folder",
    [
        pytest.param("plain", id="plain"),
        pytest.param("a b", id="a space"),
        pytest.param("it's", id="a quote"),
        pytest.param('say "x"', id="double quotes"),
    ],
)
def test_the_real_ssh_reads_the_paths_as_they_are(nas: Nas, folder: str) -> None:
    key, known = Path("/x") / folder / "id", Path("/x") / folder / "known_hosts"
    command = replace(nas, key=key, known_hosts=known).ssh_command()
    done = subprocess.run(  # noqa: S603
        [*command, "-G", "host"], capture_output=True, text=True, check=False
    )
    found = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    assert (done.stderr, found.get("identityfile")) == ("", str(key))
    assert found["userknownhostsfile"] == str(known)


# What must be here


@pytest.mark.parametrize("missing", ["rsync", "ssh", "setpriv"])
def test_a_program_that_is_missing_is_named(
    nas: Nas, tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "few"
    programs.mkdir()
    for name in {"rsync", "ssh", "setpriv"} - {missing}:
        (programs / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(programs))
    found = trouble(nas.require_marker)
    assert (found.code, found.detail) == (Trouble.NO_PROGRAM, missing)
    assert str(found).startswith(missing)


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        pytest.param("id", Trouble.NO_KEY, id="our key"),
        pytest.param("known_hosts", Trouble.NOT_PINNED, id="the NAS's host key"),
    ],
)
@pytest.mark.parametrize("call", CALLS)
def test_without_keys_nobody_is_asked(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, missing: str, expected: Trouble, call: str
) -> None:
    (nas.key.parent / missing).unlink()
    assert trouble(calls(nas, tmp_path)[call]).code == expected
    assert not fake_rsync.was_called


# That it ends

HANGS = """
echo $$ > "$NOTES/rsync.pid"
{before}
sleep 600 &
echo $! > "$NOTES/ssh.pid"
wait
"""
STUBBORN_CHILD = """
echo $$ > "$NOTES/rsync.pid"
sh -c 'trap "" TERM; echo $$ > "$0/ssh.pid"; exec sleep 600' "$NOTES" &
wait
"""


def lives(pid: int | None) -> bool:
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(is_so: Callable[[], object]) -> None:
    ends_s = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < ends_s, "it did not happen within 10 s"
        time.sleep(0.005)


def has_started(program: FakeProgram) -> bool:
    return lives(program.pid("rsync")) and lives(program.pid("ssh"))


def has_ended(program: FakeProgram) -> bool:
    pids = (program.pid("rsync"), program.pid("ssh"))
    return None not in pids and not any(map(lives, pids))


def kill_rest(program: FakeProgram) -> None:
    for name in ("rsync", "ssh"):
        if (pid := program.pid(name)) and lives(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines short enough for a test, long enough for a slow machine to start a shell."""
    monkeypatch.setattr(rsync, "_SHORT_S", 1.0)
    monkeypatch.setattr(rsync_run, "_GRACE_S", 0.3)
    monkeypatch.setattr(rsync_run, "_POLL_S", 0.02)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(HANGS.format(before=""), id="it hangs"),
        pytest.param(HANGS.format(before='trap "" TERM'), id="it does not listen to SIGTERM"),
        pytest.param(
            HANGS.format(before="while :; do echo working; sleep 0.01; done &"), id="it talks on"
        ),
        pytest.param(
            HANGS.format(before="exec >&- 2>&-"), id="it closes its mouth, but does not end"
        ),
        pytest.param(
            STUBBORN_CHILD,
            id="only ssh does not listen to SIGTERM",
        ),
    ],
)
def test_a_run_that_hangs_is_ended_with_everything_it_started(
    nas: Nas, fake_rsync: FakeProgram, script: str
) -> None:
    fake_rsync.does(script)
    try:
        found = trouble(nas.require_marker)
        assert found.code in {Trouble.TOO_SLOW, Trouble.BROKEN}
        assert None not in (fake_rsync.pid("rsync"), fake_rsync.pid("ssh"))
        assert not lives(fake_rsync.pid("rsync"))
        ends_s = time.monotonic() + 1  # its children are nobody's to wait for
        while not has_ended(fake_rsync) and time.monotonic() < ends_s:
            time.sleep(0.005)
        assert has_ended(fake_rsync)
    finally:
        kill_rest(fake_rsync)


@pytest.mark.usefixtures("impatient")
def test_a_run_that_is_too_slow_is_told_as_such(nas: Nas, fake_rsync: FakeProgram) -> None:
    fake_rsync.does(HANGS.format(before=""))
    assert trouble(nas.require_marker).code == Trouble.TOO_SLOW


def test_whoever_wants_to_write_ends_the_transfer(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rsync_run, "_POLL_S", 0.02)
    fake_rsync.does(HANGS.format(before=""))
    sent = nas.send(
        tmp_path,
        [b"a"],
        size_bytes=1,
        stop=lambda: Stop.WANTED if has_started(fake_rsync) else None,
    )
    assert sent.stopped is Stop.WANTED
    eventually(lambda: has_ended(fake_rsync))


def test_whoever_wants_to_write_ends_the_comparison(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path
) -> None:
    fake_rsync.does(HANGS.format(before=""))
    assert nas.compare(tmp_path, [b"a"], size_bytes=1, stop=lambda: Stop.WANTED) is None


def test_the_end_of_this_process_ends_the_transfer(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rsync_run, "_POLL_S", 0.02)
    fake_rsync.does(HANGS.format(before=""))

    def stop() -> Stop | None:
        return Stop.ENDING if has_started(fake_rsync) else None

    found = trouble(lambda: nas.send(tmp_path, [b"a"], size_bytes=1, stop=stop))
    assert found.code == Trouble.STOPPED
    eventually(lambda: has_ended(fake_rsync))


def test_a_fault_of_ours_leaves_no_transfer_behind(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rsync_run, "_POLL_S", 0.02)
    fake_rsync.does(HANGS.format(before=""))

    def stop() -> Stop | None:
        if has_started(fake_rsync):
            raise ZeroDivisionError
        return None

    with pytest.raises(ZeroDivisionError):
        nas.send(tmp_path, [b"a"], size_bytes=1, stop=stop)
    eventually(lambda: has_ended(fake_rsync))


WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from handshake.rsync import Nas
Nas(host="127.66.0.53", port=1, user="x", key=Path("/etc/passwd"), known_hosts=Path("/etc/passwd")
    ).send(Path("/"), [b"a"], size_bytes=1)
"""


def test_a_worker_that_is_killed_takes_rsync_with_it(nas: Nas, fake_rsync: FakeProgram) -> None:
    fake_rsync.does(HANGS.format(before=""))
    program = WORKER.format(root=str(django_settings.BASE_DIR))
    with subprocess.Popen([sys.executable, "-c", program]) as worker:  # noqa: S603
        try:
            eventually(lambda: has_started(fake_rsync))
        finally:
            worker.kill()
    try:
        eventually(lambda: not lives(fake_rsync.pid("rsync")))
    finally:
        kill_rest(fake_rsync)  # the real ssh ends where its pipes do


# With the real programs


@pytest.mark.enable_socket
def test_real_programs_agree_with_the_words_above(tmp_path: Path, settings: Any) -> None:
    """Whoever has another version of rsync sees here whether it says something else."""
    with running_home(tmp_path, settings) as home:
        from handshake.services.flushing import nas as real_nas

        nas = real_nas()
        for name in (b"name", b" lead", b"b\\#012", "Ü".encode(), b"deep/x\ny"):
            home.put(name, b"12345")
        home.put_on_nas(b"name", b"12345")
        home.put_on_nas(" lead", b"54321")
        names = list(home.here())
        nas.require_marker()
        assert nas.compare(home.inbox, names, size_bytes=25) == {
            b"name": Match.SAME,
            b" lead": Match.DIFFERENT,
            b"b\\#012": Match.ABSENT,
            "Ü".encode(): Match.ABSENT,
            b"deep/x\ny": Match.ABSENT,
        }
        on_nas = {name: (home.ssh.inbox / os.fsdecode(name)).stat() for name in (b"name", b" lead")}
        assert nas.versions(names) == {
            name: (5, int(found.st_mtime)) for name, found in on_nas.items()
        }
