"""deploy/smb.conf, held to its promises by a real smbd and real clients."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT
from tests.smb import SHIPPED_CONF, SmbError, SmbShare, wait_until

pytestmark = [
    pytest.mark.household,
    pytest.mark.enable_socket,
    pytest.mark.skipif(os.geteuid() != 0, reason="smbd needs root"),
    pytest.mark.skipif(not shutil.which("smbclient"), reason="needs samba and smbclient"),
]
#: Stands for the service's user: not root, and there on every Debian. (nobody would be Samba's guest.)
OWNER = "daemon"
#: An existing user outside the share's group.
STRANGER = "games"


@pytest.fixture(scope="module")
def share() -> Iterator[SmbShare]:
    """Give all tests one share; each uses names of its own."""
    with tempfile.TemporaryDirectory(prefix="balupi-smb-") as folder:
        Path(folder).chmod(0o755)  # pytest's own folders are closed to the share's owner
        with SmbShare(Path(folder), owner=OWNER) as running:
            yield running


@contextlib.contextmanager
def as_owner() -> Iterator[None]:
    """Act as the share's owner, without root's right to lease any file."""
    owner = pwd.getpwnam(OWNER)
    os.setegid(owner.pw_gid)
    os.seteuid(owner.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@contextlib.contextmanager
def lease(path: Path, kind: int = fcntl.F_RDLCK) -> Iterator[int]:
    """Hold a lease on a file as BaluPi's mover does; its descriptor."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # its default would end us
    try:
        with as_owner():
            file = path.open("rb")
        with file:
            with as_owner():
                fcntl.fcntl(file, fcntl.F_SETLEASE, kind)
            yield file.fileno()
    finally:
        signal.signal(signal.SIGIO, before)


def refusal(path: Path) -> int:
    """Return the errno with which a read lease is refused, 0 if it is granted."""
    try:
        with lease(path):
            return 0
    except OSError as error:
        return error.errno or -1


def parsed(conf: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Return what testparm makes of a configuration."""
    return subprocess.run(  # noqa: S603
        ["/usr/bin/testparm", "-s", *options, str(conf)],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )


def test_testparm_has_nothing_to_say() -> None:
    usual = {
        f"Load smb config files from {SHIPPED_CONF}",
        "Loaded services file OK.",
        "Weak crypto is allowed by GnuTLS (e.g. NTLM as a compatibility fallback)",  # says every Samba
        "Server role: ROLE_STANDALONE",
        "",
    }
    assert set(parsed(SHIPPED_CONF).stderr.splitlines()) <= usual


@pytest.mark.parametrize(
    "option",
    ["oplocks", "level2 oplocks", "kernel oplocks", "durable handles", "nt acl support"],
)
def test_what_our_clients_never_ask_for_is_off(option: str) -> None:
    """Windows does: to hold a file beyond its close, or to change who may read it."""
    found = parsed(SHIPPED_CONF, "--section-name", "inbox", "--parameter-name", option)
    assert found.stdout.strip() == "No"


@pytest.mark.parametrize("protocol", ["SMB3_00", "SMB3_11"])
def test_it_speaks_smb3(share: SmbShare, protocol: str) -> None:
    share.client("ls", f"--max-protocol={protocol}")


def test_it_refuses_smb2(share: SmbShare) -> None:
    with pytest.raises(SmbError, match="protocol negotiation failed"):
        share.client("ls", "--max-protocol=SMB2_10")


@pytest.mark.parametrize(
    ("login", "answer"),
    [
        pytest.param("", "tree connect failed: NT_STATUS_ACCESS_DENIED", id="anonymous"),
        pytest.param("guest%", "NT_STATUS_LOGON_FAILURE", id="guest"),
        pytest.param("root%wrong", "NT_STATUS_LOGON_FAILURE", id="wrong password"),
        pytest.param("unheard-of%x", "NT_STATUS_LOGON_FAILURE", id="unknown name"),
    ],
)
def test_it_refuses_who_cannot_log_in(share: SmbShare, login: str, answer: str) -> None:
    with pytest.raises(SmbError, match=answer):
        share.client("ls", login=login)


def test_it_refuses_who_is_not_in_the_group(share: SmbShare) -> None:
    share.add_user(STRANGER, "correct")
    with pytest.raises(SmbError, match="tree connect failed: NT_STATUS_ACCESS_DENIED"):
        share.client("ls", login=f"{STRANGER}%correct")


def test_a_session_is_encrypted(share: SmbShare) -> None:
    with share.open_writer("encrypted"):
        shown = subprocess.run(  # noqa: S603
            ["/usr/bin/smbstatus", "-s", str(share.conf), "--shares"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
    assert "AES-128-GCM" in next(line for line in shown.splitlines() if line.startswith("inbox"))


def test_a_file_arrives_whole_and_belongs_to_the_owner(share: SmbShare, tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    (tmp_path / "photo.jpg").write_bytes(content)
    share.client('mkdir "2026"')
    share.put(tmp_path / "photo.jpg", "2026/photo.jpg")
    folder, file = share.path / "2026", share.path / "2026" / "photo.jpg"
    assert file.read_bytes() == content
    assert [stat.filemode(path.stat().st_mode) for path in (folder, file)] == [
        "drwxr-x---",
        "-rw-r-----",
    ]
    assert {path.owner() for path in (folder, file)} == {OWNER}
    assert os.listxattr(file) == []
    assert share.listing("2026") == {"photo.jpg": len(content)}


def test_no_client_changes_who_may_read(share: SmbShare) -> None:
    """The mover must be able to read what it is to move."""
    share.put(b"content", "locked")
    share.client('setmode "locked" +rsh')
    assert stat.filemode((share.path / "locked").stat().st_mode) == "-rw-r-----"
    with as_owner():
        assert (share.path / "locked").read_bytes() == b"content"


@pytest.mark.parametrize(
    "name",
    [
        "Überweisung März.pdf",
        "🎄 Weihnachten 👨‍👩‍👧.jpg",
        "n" * 251 + ".jpg",
        "-rf",
        "a;b & $(c) 'd' `e`.txt",
        "CON~1.tar.gz",
    ],
)
def test_a_name_stays_as_it_is(share: SmbShare, name: str) -> None:
    share.put(b"content", name)
    assert (share.path / name).read_bytes() == b"content"
    assert share.listing()[name] == len(b"content")


def test_a_read_lease_is_refused_while_a_client_writes(share: SmbShare) -> None:
    path = share.path / "growing"
    writer = share.open_writer("growing")
    assert refusal(path) == errno.EAGAIN
    writer.write(b"first ")
    assert path.read_bytes() == b"first "
    assert refusal(path) == errno.EAGAIN
    writer.write(b"second")
    writer.close()
    assert refusal(path) == 0
    assert path.read_bytes() == b"first second"


def test_smbd_keeps_no_hold_of_a_closed_file(share: SmbShare) -> None:
    """A write lease is refused while any descriptor is open at all."""
    share.put(b"content", "closed")
    share.client('get "closed" /dev/null')
    with lease(share.path / "closed", fcntl.F_WRLCK):
        pass


def test_a_client_that_vanishes_frees_its_file(share: SmbShare) -> None:
    writer = share.open_writer("orphan")
    writer.write(b"half")
    writer.kill()
    wait_until(
        lambda: refusal(share.path / "orphan") == 0, "smbd closes what a dead client had open"
    )


def test_a_client_that_wants_to_write_waits_for_the_lease(share: SmbShare) -> None:
    """It then finds the file moved away, and makes a new one; other clients notice nothing."""
    path = share.path / "moving"
    share.put(b"old", "moving")
    with lease(path) as descriptor, share.start_writer("moving") as writer:
        wait_until(
            lambda: fcntl.fcntl(descriptor, fcntl.F_GETLEASE) != fcntl.F_RDLCK,
            "the holder sees that somebody waits",
        )
        with pytest.raises(TimeoutError):
            writer.wait_open(0.5)
        share.put(b"other", "meanwhile")
        assert os.pread(descriptor, 10, 0) == b"old"
        path.unlink()
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        writer.wait_open()
        writer.write(b"new")
    assert path.read_bytes() == b"new"


def test_without_the_marker_it_refuses_and_writes_nothing(share: SmbShare) -> None:
    before = sorted(share.path.rglob("*"))
    share.marker.unlink()
    try:
        with pytest.raises(SmbError, match="tree connect failed"):
            share.put(b"for the SD card", "stray")
        assert sorted(share.path.rglob("*")) == before
    finally:
        share.marker.touch()
    assert "root preexec gave 1 - failing connection" in share.log.read_text()
    share.put(b"content", "welcome again")


@pytest.mark.parametrize(
    "command",
    [
        'put - ".balupi-disk"',
        'put - ".Balupi-X"',
        'rename "harmless" ".balupi-renamed"',
        'get ".balupi-own" /dev/null',
        'del ".balupi-own"',
    ],
)
def test_our_own_names_are_out_of_reach(share: SmbShare, command: str) -> None:
    (share.path / ".balupi-own").write_bytes(b"ours")
    share.put(b"content", "harmless")
    with contextlib.suppress(SmbError):  # del of what is not seen is no error to smbclient
        share.client(command)
    names = {path.name for path in share.path.iterdir() if path.name.lower().startswith(".balupi")}
    assert names == {".balupi-own"}
    assert ".balupi-own" not in share.listing()


def test_a_folder_with_one_of_our_names_is_kept(share: SmbShare) -> None:
    share.client('mkdir "kept"')
    (share.path / "kept" / ".balupi-own").write_bytes(b"ours")
    share.client('rmdir "kept"')
    assert (share.path / "kept" / ".balupi-own").exists()


@pytest.mark.parametrize("target", ["secret", "folder", "inbox/inside"])
def test_links_are_not_followed(share: SmbShare, target: str) -> None:
    (share.disk / "folder").mkdir(exist_ok=True)
    for name in ("secret", "folder/secret", "inbox/inside"):
        path = share.disk / name
        path.write_bytes(b"not to be seen")
        path.chmod(0o644)
    link = share.path / f"link to {target.replace('/', ' ')}"
    link.symlink_to(share.disk / target)
    within = f"{link.name}/secret" if target == "folder" else link.name
    for command in (f'get "{within}" -', f'put - "{within}"'):
        with pytest.raises(SmbError, match="NT_STATUS_"):
            share.client(command, stdin=b"overwritten")
    assert (share.disk / "secret").read_bytes() == b"not to be seen"


def test_nothing_is_left_behind_after_the_end(tmp_path: Path) -> None:
    """Listing the shares starts samba-dcerpcd, a daemon of its own."""
    with SmbShare(tmp_path) as share:
        share.client("ls", "--list=127.0.0.1")
        writer = share.open_writer("open")
        assert "samba-dcerpcd" in {process.name() for process in share.processes()}
    assert not share.processes()
    assert not psutil.pid_exists(writer.pid)


def test_a_writer_says_why_it_could_not_open(share: SmbShare) -> None:
    with pytest.raises(SmbError, match="No such file"):
        share.open_writer("nowhere/file")


def test_the_share_is_the_folder_that_the_settings_speak_of() -> None:
    example = (ROOT / "deploy" / "balupi.env.example").read_text()
    inbox = re.search(r"^#?BALUPI_INBOX_DIR=(.+)$", example, re.MULTILINE)
    share = re.search(r"^\s*path = (.+)$", SHIPPED_CONF.read_text(), re.MULTILINE)
    assert inbox is not None
    assert share is not None
    assert inbox[1] == share[1]
