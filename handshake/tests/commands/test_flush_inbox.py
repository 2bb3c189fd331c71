"""``manage.py flush_inbox``: what it does, says, and how it ends."""

from __future__ import annotations

import io
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from handshake import services
from handshake.folder import marker_of
from handshake.management.commands import flush_inbox
from handshake.models import AskedBy, InboxFile, InboxRun, InboxStatus
from handshake.problems import Trouble, sentence
from handshake.services import flushing
from handshake.services.progress import Phase, Progress
from handshake.tests.commands.helpers import failed, run
from handshake.tests.inbox_home import nas_is
from nasctl.state import NasState

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)

# Moving the inbox


def flushed(monkeypatch: pytest.MonkeyPatch, **values: Any) -> list[str]:
    """Have a run end like this; return who asked for it."""
    asked: list[str] = []

    def flush(asked_by: str) -> InboxRun:
        asked.append(asked_by)
        return InboxRun(asked_by=asked_by, started_at=NOON, **values)

    monkeypatch.setattr(services, "flush", flush)
    return asked


def test_where_nothing_is_to_be_moved_that_is_said(box: Path) -> None:
    nas_is(NasState.ONLINE, probed=True)
    assert run("flush_inbox") == "Nothing to move.\n"


def test_what_stays_here_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "flush", lambda _asked_by: None)
    InboxStatus.objects.create(pk=1, files=2, bytes=4_200_000, left_lying=3)
    InboxFile.objects.create(
        name="a", size_bytes=1, mtime_ns=1, ctime_ns=1, inode=1, status="failed",
        noticed_at=NOON, uptime_s=1.0,
    )  # fmt: skip
    assert run("flush_inbox") == (
        "Nothing to move. 2 files (4.2 MB) wait. 1 of them are set aside; see the admin. "
        "3 junk or half files stay here.\n"
    )


def test_what_was_moved_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = flushed(monkeypatch, files_moved=3, bytes_moved=4_200_000)
    assert run("flush_inbox") == "3 files (4.2 MB) moved.\n"
    assert asked == [AskedBy.COMMAND]


def test_what_got_another_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    flushed(monkeypatch, files_moved=3, bytes_moved=10, files_renamed=1)
    assert run("flush_inbox") == "3 files (10 B) moved, 1 under another name.\n"


def test_a_nas_that_sleeps_is_told_and_the_exit_code_says_so(box: Path) -> None:
    (box / "a").touch()
    nas_is(NasState.OFFLINE, probed=False)
    out, why = failed("flush_inbox")
    assert (out, why) == ("", sentence(Trouble.ASLEEP, ""))
    assert (box / "a").exists()


def test_a_disk_that_is_missing_is_told_with_its_cure(box: Path) -> None:
    marker_of(box).unlink()
    _out, why = failed("flush_inbox")
    assert str(marker_of(box)) in why
    assert "connect_inbox" in why


def test_what_was_moved_before_a_trouble_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    flushed(monkeypatch, files_moved=1, bytes_moved=5, trouble=Trouble.NAS_FULL)
    out, why = failed("flush_inbox")
    assert out == "1 files (5 B) moved.\n"
    assert why == sentence(Trouble.NAS_FULL, "")


def test_files_that_failed_by_themselves_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    flushed(monkeypatch, files_moved=1, bytes_moved=5, files_failed=2)
    out, why = failed("flush_inbox")
    assert out == "1 files (5 B) moved.\n"
    assert why.startswith("2 files failed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_whoever_ends_it_ends_it_between_two_files(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def flush(asked_by: str) -> InboxRun:
        assert signal.getsignal(signal.SIGIO) is signal.SIG_IGN  # or a lease would end it
        os.kill(os.getpid(), number)
        assert flushing._ending.wait(10)
        return InboxRun(asked_by=asked_by, started_at=NOON, trouble=Trouble.STOPPED)

    monkeypatch.setattr(services, "flush", flush)
    assert failed("flush_inbox")[1] == sentence(Trouble.STOPPED, "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_is_told_how_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    known = Progress(Phase.SENDING, 10, 2, 4_000_000, 1_500_000, 50_000.0, 50.0, NOON)
    monkeypatch.setattr(flush_inbox, "_TELL_EVERY_S", 0.01)
    monkeypatch.setattr(flush_inbox, "load", lambda: known)

    def flush(asked_by: str) -> InboxRun:
        ends_s = time.monotonic() + 10
        while not out.getvalue() and time.monotonic() < ends_s:
            time.sleep(0.005)
        return InboxRun(asked_by=asked_by, started_at=NOON, files_moved=10, bytes_moved=4_000_000)

    monkeypatch.setattr(services, "flush", flush)
    call_command("flush_inbox", stdout=out)
    first, *_, last = out.getvalue().split("\r\x1b[K")[1:]
    assert first == "sending: 2 of 10 files, 1.5 MB of 4.0 MB, 50.0 kB/s, 50 s left"
    assert last == "10 files (4.0 MB) moved.\n"
