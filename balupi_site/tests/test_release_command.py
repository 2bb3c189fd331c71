"""``manage.py release``: what an update asks before and after."""

from __future__ import annotations

import json
import time
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from balupi_site import version
from balupi_site.management.commands import release
from nasctl.services.sightings import Notes

OURS = {"version": version.VERSION, "commit": version.COMMIT}


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Give what web and worker say; both work."""
    said: dict[str, Any] = {"web": OURS, "page": 302, "saved_s": time.monotonic()}

    def get(_at: str, path: str) -> tuple[int, bytes]:
        return (said["page"], b"") if path == "/" else (200, json.dumps(said["web"]).encode())

    monkeypatch.setattr(release, "_get", get)
    monkeypatch.setattr(
        release, "load_notes", lambda: Notes("another boot", said["saved_s"], moved="", moved_s=0.0)
    )
    return said


def healthy(since_s: float) -> None:
    """Ask once, without waiting."""
    call_command("release", "healthy", since=since_s, deadline=0.0)


def test_a_web_of_this_release_and_a_worker_that_has_looked_are_healthy(
    home: dict[str, Any],
) -> None:
    healthy(home["saved_s"] - 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"web": {**OURS, "version": "0.0.1"}}, "another release answers: 0.0.1"),
        ({"web": {**OURS, "commit": "another"}}, "another release answers"),
        ({"page": 500}, "first page at .* fails with status 500"),
        ({"saved_s": 0.5}, "has not looked at the NAS since it was started"),
        ({"saved_s": 10.0**9}, "has not looked at the NAS since it was started"),
    ],
)
def test_what_was_there_before_is_not_taken_for_the_new_one(
    home: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    home.update(change)
    with pytest.raises(CommandError, match=words):
        healthy(1.0)


def test_a_web_that_is_away_is_named_with_its_address(
    home: dict[str, Any], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def refuse(_at: str, _path: str) -> tuple[int, bytes]:
        raise ConnectionRefusedError("refused")

    settings.LISTEN = ("127.0.0.1:8123",)
    monkeypatch.setattr(release, "_get", refuse)
    with pytest.raises(CommandError, match=r"does not answer at 127\.0\.0\.1:8123: refused"):
        healthy(1.0)


@pytest.mark.django_db
def test_preflight_says_whether_the_database_must_change() -> None:
    assert _preflight() == "none"
    last = MigrationLoader(connection).graph.leaf_nodes("pihole")[0]
    MigrationRecorder(connection).record_unapplied(*last)
    assert _preflight() == "pending"


@pytest.mark.django_db
def test_preflight_refuses_the_database_of_a_newer_release() -> None:
    MigrationRecorder(connection).record_applied("pihole", "9999_of_tomorrow")
    with pytest.raises(CommandError, match=r"newer release .*pihole\.9999_of_tomorrow.*--rollback"):
        _preflight()


def _preflight() -> str:
    said = StringIO()
    call_command("release", "preflight", stdout=said, stderr=StringIO())
    return said.getvalue().strip()
