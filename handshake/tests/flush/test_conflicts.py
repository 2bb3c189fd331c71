"""Moving the inbox: what others have on the NAS stays, and ours comes beside it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handshake.models import InboxFile
from handshake.rsync import Nas, Sent
from handshake.services import flushing
from handshake.tests.flush.helpers import let_pass
from handshake.tests.inbox_home import InboxHome

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.enable_socket,
    pytest.mark.sqlite_is_enough("ssh and rsync know no database"),
]


def test_the_same_content_that_is_there_already_is_not_doubled(home: InboxHome) -> None:
    home.put_on_nas("photo.jpg", b"the same", age_s=5000)
    home.put("photo.jpg", b"the same")
    home.flush()
    assert (home.here(), home.there()) == ({}, {b"photo.jpg": b"the same"})


def test_other_content_under_the_same_name_is_kept_beside_it(
    home: InboxHome, settings: Any
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    at = datetime(2026, 1, 31, 13, 12, tzinfo=UTC).timestamp()
    home.put_on_nas("sub/report.final.txt", b"theirs")
    path = home.put("sub/report.final.txt", b"ours, and longer")
    os.utime(path, (at, at))
    run = home.flush()
    assert run is not None
    assert (run.files_moved, run.files_renamed, run.message) == (1, 1, "")
    assert home.here() == {}
    assert home.there() == {
        b"sub/report.final.txt": b"theirs",
        b"sub/report.final (BaluPi 2026-01-31 1412).txt": b"ours, and longer",
    }
    assert InboxFile.objects.get().stored_as == "sub/report.final (BaluPi 2026-01-31 1412).txt"


def test_a_second_conflict_gets_a_number(home: InboxHome, settings: Any) -> None:
    settings.TIME_ZONE = "UTC"
    at = datetime(2026, 1, 31, 14, 12, tzinfo=UTC).timestamp()
    home.put_on_nas("a.txt", b"1")
    home.put_on_nas("a (BaluPi 2026-01-31 1412).txt", b"2")
    os.utime(home.put("a.txt", b"3"), (at, at))
    home.flush()
    assert home.there()[b"a (BaluPi 2026-01-31 1412 2).txt"] == b"3"
    assert home.here() == {}


def test_a_conflict_of_same_size_and_time_is_seen(home: InboxHome) -> None:
    theirs = home.put_on_nas("a.txt", b"theirs")
    ours = home.put("a.txt", b"oursss")
    os.utime(ours, ns=(theirs.stat().st_mtime_ns, theirs.stat().st_mtime_ns))
    home.flush()
    assert sorted(home.there().values()) == [b"oursss", b"theirs"]
    assert home.there()[b"a.txt"] == b"theirs"


def test_a_file_that_is_saved_again_after_it_was_copied_arrives_beside_its_older_version(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    home.put("letter.txt", b"draft")
    settings.INBOX_SETTLE_SECONDS = 3600

    def save_again(_seconds: float) -> None:
        home.put("letter.txt", b"final version")
        settings.INBOX_SETTLE_SECONDS = 0
        let_pass(monkeypatch, 3601)

    flushing.flush("command", sleep=save_again)
    monkeypatch.undo()
    assert home.here() == {b"letter.txt": b"final version"}
    assert home.there() == {b"letter.txt": b"draft"}
    home.flush()
    assert home.here() == {}
    assert home.there()[b"letter.txt"] == b"draft"  # it may be somebody else's by now
    assert sorted(home.there().values()) == [b"draft", b"final version"]


def test_a_name_that_is_given_to_another_file_while_it_is_sent_makes_no_torn_copy(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home.put("clip.mov", b"the whole film")
    send = Nas.send

    def rename_and_send(nas: Nas, root: Path, paths: list[bytes], **more: Any) -> Sent:
        if path.read_bytes() == b"the whole film":  # a rename breaks no lease
            path.rename(path.with_suffix(".bak"))
            path.write_bytes(b"the whole fi")  # being written anew
        return send(nas, root, paths, **more)

    monkeypatch.setattr(Nas, "send", rename_and_send)
    home.flush()
    assert home.there() == {b"clip.mov": b"the whole film"}
    assert home.here() == {b"clip.mov": b"the whole fi", b"clip.bak": b"the whole film"}


def test_what_others_have_on_the_nas_is_never_overwritten(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    theirs = home.put_on_nas("vault.hc", b"theirs")
    at_ns = theirs.stat().st_mtime_ns
    os.utime(home.put("vault.hc", b"oursss"), ns=(at_ns, at_ns))
    settings.INBOX_SETTLE_SECONDS = 3600

    def save_again(_seconds: float) -> None:
        os.utime(home.put("vault.hc", b"newest"), ns=(at_ns, at_ns))
        settings.INBOX_SETTLE_SECONDS = 0
        let_pass(monkeypatch, 3601)

    flushing.flush("command", sleep=save_again)
    monkeypatch.undo()
    home.flush()
    assert home.there()[b"vault.hc"] == b"theirs"
    assert sorted(home.there().values()) == [b"newest", b"oursss", b"theirs"]
