"""What is kept of the looks, and what of it still counts for whom."""

from __future__ import annotations

import queue
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from nasctl.evidence import Answer, Memory, Presence, Reading, Seen
from nasctl.moments import Moment
from nasctl.probe import Probe
from nasctl.services import sightings
from nasctl.services.sightings import Notes, Sightings, load_notes, save_notes

FULL = Notes(
    boot_id="one",
    saved_s=100.0,
    moved="then online",
    moved_s=50.0,
    memory=Memory(
        presence_misses=2, probe_misses=1, goods=1, port_open_s=60.0, power=Reading(33.0, 99.0)
    ),
    sightings=Sightings(presence=Presence.SILENT, presence_s=98.0, probe=Answer.GOOD, probe_s=97.0),
)
EMPTY = Notes(boot_id="one", saved_s=100.0, moved="", moved_s=0.0)


def at(uptime_s: float, boot_id: str = "one") -> Moment:
    return Moment(datetime(2026, 11, 24, tzinfo=UTC), uptime_s, boot_id)


@pytest.mark.parametrize("notes", [FULL, EMPTY])
def test_notes_come_back_from_redis_as_they_were(notes: Notes, redis_server: Any) -> None:
    assert load_notes() is None
    save_notes(notes)
    assert load_notes() == notes


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", "x", '{"memory": {}}', '{"memory": 1, "sightings": 2}']
)
def test_notes_of_another_release_are_no_error(text: str, redis_server: Any) -> None:
    redis_server.set("nas:watch", text)
    assert load_notes() is None


def test_without_redis_nothing_is_kept_and_nothing_fails(no_redis: None) -> None:
    save_notes(FULL)
    assert load_notes() is None


def test_a_new_watch_goes_on_where_the_last_one_ended() -> None:
    assert FULL.recovered(at(150.0)) == FULL


def test_after_a_pause_counters_begin_anew_and_the_rest_stays() -> None:
    found = FULL.recovered(at(161.0))
    assert found is not None
    assert found.memory == Memory(power=Reading(33.0, 99.0))
    assert found.sightings == FULL.sightings


@pytest.mark.parametrize(
    ("notes", "now"),
    [
        pytest.param(FULL, at(150.0, "two"), id="another boot"),
        pytest.param(replace(FULL, boot_id=""), at(150.0, ""), id="no word of the boot"),
    ],
)
def test_notes_of_another_boot_mean_nothing(notes: Notes, now: Moment) -> None:
    assert notes.recovered(now) is None


def test_sightings_keep_the_last_and_the_last_good() -> None:
    seen = (
        Sightings()
        .with_look(Seen(started_s=1.0, presence=Presence.OK), None)
        .with_look(Seen(started_s=2.0, probe=Answer.GOOD), Probe(Answer.GOOD, 401))
        .with_look(Seen(started_s=3.0, presence=Presence.SILENT), None)
        .with_look(Seen(started_s=4.0, probe=Answer.BAD_STATUS), Probe(Answer.BAD_STATUS, 502))
    )
    assert (seen.presence, seen.presence_s, seen.presence_ok_s) == (Presence.SILENT, 3.0, 1.0)
    assert (seen.probe, seen.probe_status, seen.good_probe_s) == (Answer.BAD_STATUS, 502, 2.0)


def test_the_keeper_saves_the_newest_however_slow_redis_is(monkeypatch: pytest.MonkeyPatch) -> None:
    saved: queue.SimpleQueue[Notes] = queue.SimpleQueue()
    may_go_on = threading.Event()

    def save_slowly(notes: Notes) -> None:
        saved.put(notes)
        assert may_go_on.wait(5)

    monkeypatch.setattr(sightings, "save_notes", save_slowly)
    keeper = sightings.NotesKeeper()
    first, skipped, last = (replace(EMPTY, saved_s=number) for number in (1.0, 2.0, 3.0))
    keeper.keep(first)
    assert saved.get(timeout=5) == first
    keeper.keep(skipped)
    keeper.keep(last)
    may_go_on.set()
    assert saved.get(timeout=5) == last
    keeper.keep(first)
    assert saved.get(timeout=5) == first
    assert saved.empty()
