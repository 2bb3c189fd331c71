"""What rsync and ssh say of failures, told as what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from handshake import rsync_run
from handshake.problems import Trouble
from handshake.rsync import Nas
from handshake.tests.rsync.fake_program import FakeProgram, trouble

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
