"""Files of the inbox are held while they are moved: real leases, and others that want to write."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from handshake.folder import Held, NotHeld, NotHeldError
from handshake.inbox import Entry
from handshake.tests.folder.helpers import entry_of, open_files, paths, reason


def eventually(is_so: Callable[[], object]) -> None:
    ends_s = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < ends_s, "it did not happen within 10 s"
        time.sleep(0.005)


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
