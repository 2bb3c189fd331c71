"""The session that all processes of ours share."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pihole.session_file import SessionFile, SharedSession

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PASSWORD = "right"
URL = "http://127.66.0.2:8080"


def session_file(password: str = PASSWORD, url: str = URL) -> SessionFile:
    return SessionFile(url=url, password=password)


@pytest.fixture
def path(settings: Any) -> Path:
    return Path(settings.DATA_DIR) / "pihole-session.json"


def test_another_process_finds_what_was_stored() -> None:
    assert session_file().save(SharedSession(sid="s1"))
    assert session_file().load() == SharedSession(sid="s1")


def test_only_we_can_read_it(path: Path) -> None:
    session_file().save(SharedSession(sid="s1"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_neither_the_password_nor_its_plain_digest_is_in_it(path: Path) -> None:
    session_file("hunter2-hunter2").save(SharedSession(sid="s1"))
    assert "hunter2" not in path.read_text()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"password": "changed"}, id="another password"),
        pytest.param({"url": "http://127.66.0.3"}, id="another Pi-hole"),
    ],
)
def test_it_belongs_to_one_url_and_one_password(other: dict[str, str]) -> None:
    session_file().save(SharedSession(sid="s1"))
    assert session_file(**other).load() == SharedSession()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(b'{"sid": "x"}', id="whose?"),
    ],
)
def test_a_broken_file_is_no_session(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    assert session_file().load() == SharedSession()


def test_a_file_of_another_release_is_no_session(path: Path) -> None:
    session_file().save(SharedSession(sid="s1"))
    path.write_text(path.read_text().replace('"sid"', '"session"'))
    assert session_file().load() == SharedSession()


def test_a_disk_that_is_full_is_told_and_leaves_the_old_one(path: Path) -> None:
    session_file().save(SharedSession(sid="s1"))
    path.with_suffix(".new").mkdir()  # as good as a full disk: it cannot be written
    assert session_file().save(SharedSession(sid="s2")) is False
    assert session_file().load() == SharedSession(sid="s1")


def test_forgetting_twice_is_forgetting_once() -> None:
    session_file().save(SharedSession(sid="s1"))
    session_file().forget()
    session_file().forget()
    assert session_file().load() == SharedSession()


@pytest.mark.parametrize(
    ("refusals", "after", "refused"),
    [
        pytest.param(1, timedelta(0), True, id="at once"),
        pytest.param(1, timedelta(seconds=14), True, id="just before"),
        pytest.param(1, timedelta(seconds=15), False, id="a moment later"),
        pytest.param(12, timedelta(seconds=15), False, id="a moment after the twelfth"),
        pytest.param(
            13, timedelta(minutes=9, seconds=59), True, id="just before, for the 13th time"
        ),
        pytest.param(13, timedelta(minutes=10), False, id="ten minutes later, for the 13th time"),
        pytest.param(13, timedelta(hours=-1), False, id="the clock was set back"),
    ],
)
def test_a_refused_password_is_tried_again_soon_at_first_and_then_seldom(
    refusals: int, after: timedelta, *, refused: bool
) -> None:
    for _ in range(refusals):
        session_file().save_refusal(NOW)
    assert session_file().is_refused(NOW + after) is refused


def test_a_session_ends_the_count_of_refusals() -> None:
    for _ in range(13):
        session_file().save_refusal(NOW)
    session_file().save(SharedSession(sid="s1"))
    session_file().save_refusal(NOW)
    assert session_file().is_refused(NOW + timedelta(seconds=15)) is False


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23T12:00:00"])
def test_a_refusal_at_an_unknown_time_is_over(text: str) -> None:
    session_file().save(SharedSession(refused_at=text))
    assert session_file().is_refused(NOW) is False
