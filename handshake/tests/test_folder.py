"""The inbox on the disk: real files, real leases, and other processes that want to write."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from handshake import folder, inbox
from handshake.folder import Held, NotHeld, NotHeldError
from handshake.inbox import Entry
from handshake.problems import InboxError, Trouble

NOBODY = 65534


@pytest.fixture(autouse=True)
def _ignore_sigio() -> Iterator[None]:
    before = signal.getsignal(signal.SIGIO)
    folder.ignore_lease_signals()
    yield
    signal.signal(signal.SIGIO, before)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    found = tmp_path / "disk" / "inbox"
    found.mkdir(parents=True)
    return found


@pytest.fixture
def open_box() -> Iterator[Path]:
    """An inbox that every user may look into: ``tmp_path`` belongs to the one who runs the tests."""
    with tempfile.TemporaryDirectory(prefix="balupi-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        for found in Path(name).rglob("*"):
            with suppress(OSError):
                found.chmod(0o755)


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Do what follows without the rights of root, who may do everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def eventually(is_so: Callable[[], object]) -> None:
    ends_s = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < ends_s, "it did not happen within 10 s"
        time.sleep(0.005)


def entry_of(box: Path, path: bytes) -> Entry:
    [found] = [one for one in folder.scan(box) if one.path == path]
    return found


def paths(box: Path) -> set[bytes]:
    return {one.path for one in folder.scan(box)}


# Looking


def test_an_empty_inbox_has_no_files(box: Path) -> None:
    assert folder.scan(box) == []


def test_an_inbox_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert folder.scan(tmp_path / "nothing") == []


def test_files_are_found_with_size_times_and_inode(box: Path) -> None:
    (box / "sub").mkdir()
    path = box / "sub" / "a.txt"
    path.write_bytes(b"12345")
    os.utime(path, ns=(1, 1_234_567_890_123_456_789))
    kept = path.stat()
    assert folder.scan(box) == [
        Entry(b"sub/a.txt", 5, 1_234_567_890_123_456_789, kept.st_ctime_ns, kept.st_ino)
    ]


def test_links_pipes_and_sockets_are_passed_over(
    box: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").touch()
    (box / "file").touch()
    (box / "to a folder").symlink_to(tmp_path / "outside")
    (box / "to a file").symlink_to(box / "file")
    (box / "to nothing").symlink_to(box / "nothing")
    (box / "to itself").symlink_to(box)
    os.mkfifo(box / "pipe")
    monkeypatch.chdir(box)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert paths(box) == {b"file"}


def test_names_need_not_be_utf8(box: Path) -> None:
    root = os.fsencode(box)
    (box / "\udcff").mkdir()
    for name in (b"/\xfe\xfd", b"/\xff/new\nline", b"/\xff/\xf0\x9f\x98\x80"):
        os.close(os.open(root + name, os.O_CREAT | os.O_WRONLY))
    assert paths(box) == {b"\xfe\xfd", b"\xff/new\nline", b"\xff/\xf0\x9f\x98\x80"}


@pytest.mark.parametrize("depth", [60, sys.getrecursionlimit() + 400])
def test_deep_folders_are_found(box: Path, depth: int) -> None:
    inner = os.open(box, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=inner)
        outer, inner = inner, os.open("d", os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
    os.close(inner)
    try:
        assert paths(box) == {b"d/" * depth + b"file"}
    finally:  # pytest's own removal goes by recursion
        subprocess.run(["rm", "-rf", str(box)], check=True)  # noqa: S603, S607


def test_folders_too_deep_for_a_path_are_told_and_the_rest_is_found(
    box: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inner = os.open(box, os.O_RDONLY)
    for _ in range(17):
        os.mkdir("d" * 250, dir_fd=inner)
        outer, inner = inner, os.open("d" * 250, os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)
    (box / "file").touch()
    try:
        assert paths(box) == {b"file"}
        assert "File name too long" in caplog.text
    finally:
        subprocess.run(["rm", "-rf", str(box)], check=True)  # noqa: S603, S607


@pytest.mark.parametrize("mode", [0o000, 0o111, 0o444])
def test_a_folder_that_may_not_be_read_holds_up_no_other(
    mode: int, open_box: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (open_box / "closed").mkdir()
    (open_box / "closed" / "inside").touch()
    (open_box / "open").mkdir()
    (open_box / "open" / "file").touch()
    (open_box / "closed").chmod(mode)
    with as_ordinary_user():
        assert paths(open_box) == {b"open/file"}
    assert "closed" in caplog.text
    assert "Permission denied" in caplog.text


def test_what_is_taken_away_during_the_look_is_not_there(
    box: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (box / "stays").touch()
    (box / "goes").touch()
    (box / "folder").mkdir()
    scandir = os.scandir

    def take_away_afterwards(path: bytes) -> list[os.DirEntry[bytes]]:
        found = list(scandir(path))
        if len(found) == 3:
            (box / "goes").unlink()
            (box / "folder").rmdir()
        return found

    monkeypatch.setattr(os, "scandir", take_away_afterwards)
    assert paths(box) == {b"stays"}
    assert caplog.text == ""


@pytest.mark.parametrize("year", [1700, 1960, 2262, 2400])
def test_any_time_that_a_client_sets_fits_into_a_database(box: Path, year: int) -> None:
    path = box / "a"
    path.touch()
    seconds = (year - 1970) * 31_556_952
    os.utime(path, (seconds, seconds))
    found = entry_of(box, b"a")
    assert -(2**63) <= found.mtime_ns < 2**63
    with Held(box, found) as held:
        held.remove()
    assert not path.exists()


# The disk


def test_the_marker_is_beside_the_share() -> None:
    assert folder.marker_of(Path("/mnt/data/inbox")) == Path("/mnt/data/.balupi-disk")


def test_a_disk_with_its_marker_is_mounted(box: Path) -> None:
    folder.marker_of(box).touch()
    folder.require_disk(box)


@pytest.mark.parametrize("missing", ["marker", "inbox"])
def test_what_is_missing_on_the_disk_is_named(box: Path, missing: str) -> None:
    folder.marker_of(box).touch()
    gone = folder.marker_of(box) if missing == "marker" else box
    gone.rename(gone.with_name("gone"))
    with pytest.raises(InboxError) as error:
        folder.require_disk(box)
    assert (error.value.code, error.value.detail) == (Trouble.NO_DISK, str(gone))
    assert str(gone) in str(error.value)


def test_the_disk_s_word_changes_when_something_is_written(box: Path) -> None:
    # Other programs write to the same disk; a folder of many files is no matter of chance.
    before = folder.disk_mark(box)
    for number in range(300):
        (box / str(number)).write_bytes(b"x")
    written = folder.disk_mark(box)
    assert written != before != ""


def test_a_disk_that_is_not_there_has_no_word(tmp_path: Path) -> None:
    assert folder.disk_mark(tmp_path / "nothing") == ""


# Holding


class Other:
    """Another process that opens a file and keeps it open until ``end``."""

    _CODE = (
        "import sys\n"
        "print('asks', flush=True)\n"
        "with open(sys.argv[1], sys.argv[2]) as file:\n"
        "    print('open', flush=True)\n"
        "    sys.stdin.read()\n"
        "    'a' in sys.argv[2] and file.write('more')\n"
    )

    def __init__(self, path: Path, mode: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", self._CODE, str(path), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.wait_for("asks")

    def wait_for(self, word: str) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline() == word + "\n"

    def end(self) -> None:
        self.process.communicate(timeout=10)


@pytest.fixture
def other() -> Iterator[Callable[[Path, str], Other]]:
    started: list[Other] = []

    def start(path: Path, mode: str) -> Other:
        started.append(Other(path, mode))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


@pytest.fixture
def path(box: Path) -> Path:
    found = box / "a.txt"
    found.write_bytes(b"content")
    return found


@pytest.fixture
def entry(box: Path, path: Path) -> Entry:
    return entry_of(box, b"a.txt")


def reason(box: Path, entry: Entry) -> NotHeld:
    """Return why a file cannot be held; whatever was opened for it must be closed again."""
    before = open_files()
    with pytest.raises(NotHeldError) as error:
        Held(box, entry)
    assert open_files() == before
    return error.value.reason


def open_files() -> set[str]:
    return {name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")}  # noqa: PTH110, PTH208


def test_a_file_that_nobody_writes_is_held_and_removed(box: Path, path: Path, entry: Entry) -> None:
    with Held(box, entry) as held:
        assert held.has_lease
        assert not held.is_wanted
        assert path.exists()
        held.remove()
    assert not path.exists()


def test_a_file_that_is_let_go_stays(box: Path, path: Path, entry: Entry) -> None:
    before = open_files()
    with Held(box, entry):
        assert open_files() != before
    assert open_files() == before
    assert path.read_bytes() == b"content"


@pytest.mark.parametrize("mode", ["a", "r+"])
def test_a_file_that_another_process_has_open_for_writing_is_in_use(
    mode: str, box: Path, path: Path, entry: Entry, other: Callable[[Path, str], Other]
) -> None:
    writer = other(path, mode)
    writer.wait_for("open")
    assert reason(box, entry) is NotHeld.IN_USE
    writer.end()
    with Held(box, entry_of(box, b"a.txt")) as held:
        assert held.has_lease


def test_a_file_that_this_process_has_open_for_writing_is_in_use(
    box: Path, path: Path, entry: Entry
) -> None:
    with path.open("ab"):
        assert reason(box, entry) is NotHeld.IN_USE
    Held(box, entry).close()


def test_a_reader_in_another_process_holds_nothing_up(
    box: Path, path: Path, entry: Entry, other: Callable[[Path, str], Other]
) -> None:
    other(path, "r").wait_for("open")
    with Held(box, entry) as held:
        assert held.has_lease
        other(path, "r").wait_for("open")  # and nothing holds up a reader
        assert not held.is_wanted
        held.remove()
    assert not path.exists()


def test_whoever_wants_to_write_meanwhile_waits_keeps_the_file_and_gets_through_afterwards(
    box: Path, path: Path, entry: Entry, other: Callable[[Path, str], Other]
) -> None:
    with Held(box, entry) as held:
        writer = other(path, "a")
        eventually(lambda: held.is_wanted)
        with pytest.raises(NotHeldError) as error:
            held.remove()
        assert error.value.reason is NotHeld.IN_USE
        assert path.read_bytes() == b"content"
    writer.wait_for("open")
    writer.end()
    assert path.read_bytes() == b"contentmore"
    assert reason(box, entry) is NotHeld.CHANGED


def test_a_thread_of_this_process_that_wants_to_write_waits_too(
    box: Path, path: Path, entry: Entry
) -> None:
    held = Held(box, entry)
    thread = threading.Thread(target=path.write_bytes, args=(b"new",))
    thread.start()
    try:
        eventually(lambda: held.is_wanted)
        assert path.stat().st_size == len(b"content")
    finally:
        held.close()
        thread.join(10)
    assert path.read_bytes() == b"new"


def test_a_file_can_be_held_twice(box: Path, entry: Entry) -> None:
    with Held(box, entry) as first, Held(box, entry) as second:
        assert first.has_lease
        assert second.has_lease


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"!")


def _touch(path: Path) -> None:
    os.utime(path, (1, 1))


def _rename_over(path: Path) -> None:
    fresh = path.with_name("fresh")
    fresh.write_bytes(b"content")
    os.utime(fresh, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    fresh.replace(path)


def _delete(path: Path) -> None:
    path.unlink()


def _become_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def _become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


CHANGES = [
    pytest.param(_append, id="it grew"),
    pytest.param(_touch, id="its time was set"),
    pytest.param(_rename_over, id="another file of the same size and time"),
    pytest.param(_delete, id="it is gone"),
    pytest.param(_become_a_link, id="it is a link"),
    pytest.param(_become_a_folder, id="it is a folder"),
    pytest.param(_become_a_pipe, id="it is a pipe that nobody writes to"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_another_version_than_the_one_that_was_seen_is_not_held(
    box: Path, path: Path, entry: Entry, change: Callable[[Path], None]
) -> None:
    change(path)
    assert reason(box, entry) is NotHeld.CHANGED


@pytest.mark.parametrize("change", CHANGES[1:])  # who wants to write to it would wait
def test_what_changes_while_it_is_held_is_not_removed(
    box: Path, path: Path, entry: Entry, change: Callable[[Path], None]
) -> None:
    with Held(box, entry) as held:
        change(path)
        there = os.path.lexists(path)
        with pytest.raises(NotHeldError) as error:
            held.remove()
    assert error.value.reason is NotHeld.CHANGED
    assert os.path.lexists(path) == there


def test_a_file_whose_folder_was_swapped_is_not_taken_for_the_other_one(box: Path) -> None:
    """Neither size nor times of the one that is held change by that."""
    (box / "sub").mkdir()
    (box / "sub" / "a").write_bytes(b"first")
    with Held(box, entry_of(box, b"sub/a")) as held:
        (box / "sub").rename(box / "before")
        (box / "sub").mkdir()
        (box / "sub" / "a").write_bytes(b"other")
        with pytest.raises(NotHeldError):
            held.remove()
    assert paths(box) == {b"before/a", b"sub/a"}


@pytest.mark.parametrize("field", ["size_bytes", "mtime_ns", "ctime_ns", "inode"])
def test_each_part_of_the_version_counts(box: Path, entry: Entry, field: str) -> None:
    other_version = replace(entry, **{field: getattr(entry, field) + 1})
    assert reason(box, other_version) is NotHeld.CHANGED


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


# Empty folders


@pytest.mark.parametrize(
    ("left", "moved", "expected"),
    [
        pytest.param(["a/b/c/"], [b"a/b/c/x"], [], id="all that became empty"),
        pytest.param(["a/b/", "a/d/"], [b"a/b/x"], ["a", "a/d"], id="not what somebody made"),
        pytest.param(["a/b/", "a/y"], [b"a/b/x"], ["a", "a/y"], id="not what has a file left"),
        pytest.param(["a/b/"], [b"a/x", b"a/b/y"], [], id="outer before inner"),
        pytest.param(["a/"], [b"x"], ["a"], id="a file at the root empties no folder"),
        pytest.param([], [b"x"], [], id="never the inbox itself"),
        pytest.param([], [b"gone/x"], [], id="what is gone already"),
        pytest.param(["\udcff/"], [b"\xff/x"], [], id="a name that is not UTF-8"),
    ],
)
def test_folders_that_became_empty_go_and_others_stay(
    box: Path, left: list[str], moved: list[bytes], expected: list[str]
) -> None:
    for name in left:
        target = box / name
        (target if name.endswith("/") else target.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            target.touch()
    folder.remove_empty_folders(box, moved)
    assert sorted(str(found.relative_to(box)) for found in box.rglob("*")) == expected
    assert box.is_dir()


def test_a_link_to_an_empty_folder_is_not_followed(box: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (box / "link").symlink_to(tmp_path / "outside")
    folder.remove_empty_folders(box, [b"link/x"])
    assert (tmp_path / "outside").is_dir()
    assert (box / "link").is_symlink()


def test_looking_is_silent_where_nothing_is_wrong(
    box: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (box / "a").touch()
    assert len(folder.scan(box)) == 1
    assert caplog.records == []
    assert not inbox.is_junk(b"a")
