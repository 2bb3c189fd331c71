"""What is found in the inbox on the disk, and what tells that the disk is there."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from handshake import folder, inbox
from handshake.folder import Held
from handshake.inbox import Entry
from handshake.problems import InboxError, Trouble
from handshake.tests.folder.helpers import as_ordinary_user, entry_of, paths

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
