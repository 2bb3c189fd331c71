"""Moving the inbox: what is ready arrives whole, and nothing is left behind."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from handshake.models import FileStatus, InboxFile, InboxRun, InboxStatus
from handshake.problems import Trouble
from handshake.rsync import Nas, Sent
from handshake.services import ledger
from handshake.tests.inbox_home import InboxHome

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.enable_socket,
    pytest.mark.sqlite_is_enough("ssh and rsync know no database"),
]

AWKWARD = {
    "plain.txt": b"text",
    "empty": b"",
    "-rf": b"a leading dash",
    "--delete": b"two",
    "new\nline.txt": b"newline",
    "tab\there": b"tab",
    " spaces  at both ends ": b"spaces",
    "Ünïcödé/Straße 😀/ärger.txt": b"umlauts and emoji",
    "quotes '\" and $HOME `id`; rm -rf": b"shell",
    "stars *?[a-z] {x,y}": b"globs",
    "back\\slash \\#012": b"rsync's own escape",
    "#comment": b"comment",
    ";comment": b"comment",
    "n" * 250: b"a long name",
    "a/b/c/d/e/f/g/h/i/j/k/l/deep": b"deep",
    ".hidden": b"hidden",
    ": colon:s": b"colons",
    "sent-mail.txt": b"what rsync itself might say",
    "total size is 5": b"and this",
}


def test_files_with_awkward_names_arrive_whole_and_leave_nothing_behind(home: InboxHome) -> None:
    for path, content in AWKWARD.items():
        home.put(path, content)
    home.put(b"not-utf8-\xff\xfe", b"bytes")
    run = home.flush()
    assert run is not None
    assert (run.message, run.files_moved, run.files_failed) == ("", len(AWKWARD) + 1, 0)
    assert home.here() == {}
    wanted = {os.fsencode(path): content for path, content in AWKWARD.items()}
    assert home.there() == wanted | {b"not-utf8-\xff\xfe": b"bytes"}
    assert list(home.inbox.iterdir()) == []  # folders that became empty are gone


def test_a_file_keeps_its_own_time(home: InboxHome) -> None:
    home.put("old.txt", b"x", age_s=86_400 * 400)
    at = (home.inbox / "old.txt").stat().st_mtime_ns
    home.flush()
    assert (home.ssh.inbox / "old.txt").stat().st_mtime_ns == at


def test_a_folder_that_somebody_made_and_left_empty_stays(home: InboxHome) -> None:
    (home.inbox / "for later").mkdir()
    home.put("holiday/photo.jpg", b"x")
    home.flush()
    assert [path.name for path in home.inbox.iterdir()] == ["for later"]


def test_junk_half_files_and_links_stay(home: InboxHome, tmp_path: Path) -> None:
    for name in (".DS_Store", "._x", "Thumbs.db", "~$a.docx", "a.part", "a.tmp", ".smbdelete1"):
        home.put(name, b"junk")
    home.put("x/.balupi-tmp/y", b"ours")
    (home.inbox / "link").symlink_to(tmp_path)
    assert home.flush() is None
    assert home.there() == {}
    assert InboxStatus.current().left_lying == 8
    assert InboxFile.objects.count() == 0


def test_what_changed_just_now_waits(home: InboxHome, settings: Any) -> None:
    settings.INBOX_QUIET_TIME = timedelta(seconds=30)
    home.put("new.txt", b"x", age_s=3600)  # a client may set any time; the kernel's counts
    assert home.flush() is None
    assert home.here() == {b"new.txt": b"x"}
    assert InboxFile.objects.get().status == FileStatus.WAITING


def test_what_somebody_writes_waits_until_it_is_closed(home: InboxHome) -> None:
    path = home.put("growing.bin", b"first")
    with path.open("ab") as writer:
        assert home.flush() is None  # the NAS is not even asked
        assert InboxFile.objects.get().message == ledger.IN_USE
        assert home.there() == {}
        writer.write(b" second")
    home.flush()
    assert home.there() == {b"growing.bin": b"first second"}


def test_a_reader_holds_nothing_up(home: InboxHome) -> None:
    path = home.put("read.txt", b"x")
    with path.open("rb"):
        home.flush()
    assert home.there() == {b"read.txt": b"x"}


def test_the_oldest_go_first_and_the_ledger_says_when_each_arrived(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b", "a", "c"):
        home.put(name, name.encode())
    sent: list[list[bytes]] = []
    send = Nas.send

    def note_and_send(nas: Nas, root: Path, paths: list[bytes], **more: Any) -> Sent:
        sent.append(paths)
        return send(nas, root, paths, **more)

    monkeypatch.setattr("handshake.inbox._BATCH_FILES", 1)
    monkeypatch.setattr(Nas, "send", note_and_send)
    home.flush()
    assert sent == [[b"b"], [b"a"], [b"c"]]
    rows = InboxFile.objects.order_by("finished_at", "pk")
    assert [(row.name, row.status) for row in rows] == [
        (n, FileStatus.DONE) for n in ("b", "a", "c")
    ]


def test_only_one_flush_runs_at_a_time_whoever_asks(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.put("a", b"x")
    inner: list[InboxRun | None] = []
    marker = Nas.require_marker

    def ask_again(nas: Nas) -> None:
        inner.append(home.flush())
        marker(nas)

    monkeypatch.setattr(Nas, "require_marker", ask_again)
    home.flush()
    assert [run.trouble for run in inner if run] == [Trouble.BUSY]
    assert home.there() == {b"a": b"x"}


def test_what_somebody_takes_away_leaves_the_ledger(home: InboxHome, settings: Any) -> None:
    settings.INBOX_QUIET_TIME = timedelta(hours=1)
    path = home.put("a", b"x")
    home.flush()
    assert InboxFile.objects.count() == 1
    path.unlink()
    home.flush()
    assert InboxFile.objects.count() == 0


def test_half_transfers_on_the_nas_are_swept_away_before_the_next(home: InboxHome) -> None:
    home.put_on_nas(".balupi-tmp/.a.Xy12ab", b"half")
    home.put_on_nas("keep.txt", b"theirs")
    home.put("a", b"x")
    home.flush()
    assert not any((home.ssh.inbox / ".balupi-tmp").iterdir())
    assert home.there() == {b"a": b"x", b"keep.txt": b"theirs"}
