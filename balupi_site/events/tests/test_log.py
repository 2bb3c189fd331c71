"""The log: it only grows, stays small, and tells what happened with what changed or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from balupi_site.events import reading, retention, tasks
from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event
from balupi_site.events.reading import Choice, every, has_before, newest
from balupi_site.events.services import record, record_change
from balupi_site.lib.origin import Origin, acting_for, origin

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def many(count: int, kind: str = "inbox.moved", **fields: Any) -> None:
    Event.objects.bulk_create(
        Event(at=NOW - timedelta(minutes=number), kind=kind, **fields) for number in range(count)
    )


def test_an_event_is_never_changed() -> None:
    event = record(Kind.LOGIN, NOW, subject="kim")
    event.subject = "somebody else"
    with pytest.raises(TypeError):
        event.save()


def test_whatever_a_visitor_chooses_can_be_stored() -> None:
    by = Origin("x" * 999, "api", "y" * 99)
    record(Kind.LOGIN_REFUSED, NOW, subject="a\0\ud800" * 200, by=by, tried="\0\udfff" * 999)
    event = Event.objects.get()
    assert len(event.subject) == 150
    assert "\0" not in event.subject + event.facts["tried"]
    assert (len(event.who), len(event.address)) == (150, 45)


def test_a_length_that_is_no_number_is_not_known() -> None:
    assert record(Kind.WAKE_ENDED, NOW, duration_s=float("nan")).duration_s is None


def test_commands_are_told_with_who_runs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "owner")
    event = record(Kind.CHANGE_COMMAND, NOW, subject="x")
    assert (event.who, event.via, event.address) == ("owner", "command", "")


def test_what_the_worker_does_for_somebody_is_told_with_who_asked(settings: Any) -> None:
    settings.PROCESS = "worker"
    asker = Origin("kim", "api", "10.0.0.7")
    with acting_for(asker):
        event = record(Kind.PLUG_SWITCHED, NOW)
    assert Origin(event.who, event.via, event.address) == asker
    assert origin() == Origin()


def test_nothing_that_differs_is_no_event() -> None:
    assert record_change("plug", "Lamp", NOW, before={"a": 1}, after={"a": 1}) is None
    assert not Event.objects.exists()


# --- keeping it small ---------------------------------------------------------------------------


def test_old_rows_go_in_batches(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EVENT_RETENTION_DAYS = 7
    many(10)
    Event.objects.bulk_create(
        Event(at=NOW - timedelta(days=8 + number), kind="nas.call") for number in range(25)
    )
    monkeypatch.setattr(retention, "_BATCH", 10)
    assert retention.prune_old(NOW) == 25
    assert (Event.objects.count(), retention.prune_old(NOW)) == (10, 0)


def test_the_first_rows_go_where_there_are_too_many() -> None:
    many(30)
    assert retention.prune_excess(most=12) == 18
    assert Event.objects.count() == 12
    assert Event.objects.earliest("pk").at == NOW - timedelta(minutes=18)
    assert retention.prune_excess(most=12) == 0
    Event.objects.all().delete()
    assert retention.prune_excess(most=12) == 0


def test_a_clock_that_is_far_ahead_deletes_nothing_but_what_is_too_much(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.EVENT_RETENTION_DAYS = 7
    Event.objects.create(at=datetime(2001, 1, 1, tzinfo=UTC), kind="nas.call")
    monkeypatch.setattr(tasks, "is_plausible", lambda _now: False)
    tasks.prune_events()
    assert Event.objects.count() == 1
    monkeypatch.setattr(tasks, "is_plausible", lambda _now: True)
    tasks.prune_events()
    assert Event.objects.count() == 0


def test_beat_keeps_it_small_every_day(settings: Any) -> None:
    entry = settings.CELERY_BEAT_SCHEDULE["prune the events"]
    assert (entry["task"], entry["schedule"]) == (tasks.prune_events.name, 86_400)


# --- reading it -----------------------------------------------------------------------------------


def test_kinds_are_read_in_one_order() -> None:
    many(5, kind="nas.call")
    many(5, kind="inbox.moved", is_trouble=True)
    kinds = frozenset({Kind.NAS_CALL, Kind.INBOX_MOVED})
    found = newest(Choice(kinds=kinds), 7)
    assert found == list(Event.objects.all()[:7])
    assert list(every(Choice(kinds=kinds))) == list(Event.objects.all())
    assert {event.kind for event in every(Choice(only_trouble=True))} == {"inbox.moved"}
    assert {event.kind for event in every(Choice(without=kinds))} == set()
    assert has_before(Choice(kinds=kinds, since=NOW), NOW) is False


@pytest.mark.parametrize(
    "kinds", [None, frozenset({Kind.NAS_CALL}), frozenset({Kind.NAS_CALL, Kind.INBOX_MOVED})]
)
def test_a_long_log_is_read_in_parts_without_loss_also_within_an_instant(
    kinds: frozenset[Kind] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_ROWS_AT_ONCE", 4)
    monkeypatch.setattr(reading, "_FEWEST_OF_A_KIND", 3)
    for minutes in (3, 1, 2):
        at = NOW - timedelta(minutes=minutes)
        Event.objects.bulk_create(
            Event(at=at, kind=("nas.call", "inbox.moved")[number % 2]) for number in range(14)
        )
    wanted = Event.objects.filter(kind__in=kinds) if kinds else Event.objects.all()
    assert list(every(Choice(kinds=kinds))) == list(wanted)


def test_no_reader_of_a_long_log_keeps_a_query_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open one stops SQLite from emptying its log of writes, however slow the reader is."""

    def open_query(*_args: Any, **_options: Any) -> None:
        raise AssertionError("a query that stays open")

    many(600)
    monkeypatch.setattr(QuerySet, "iterator", open_query)
    with CaptureQueriesContext(connection) as seen:
        assert len(list(every(Choice()))) == 600
    assert [query["sql"].partition("LIMIT ")[2] for query in seen.captured_queries] == ["500"] * 2


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's words")
@pytest.mark.parametrize("kind", [None, Kind.LOGIN])
def test_a_later_part_is_found_by_an_index(kind: Kind | None, monkeypatch: Any) -> None:
    plans: list[str] = []
    rows = Event.objects.filter(kind=kind) if kind else Event.objects.all()
    monkeypatch.setattr(reading, "_ROWS_AT_ONCE", 1)
    many(3, kind=kind or "nas.call")
    with CaptureQueriesContext(connection) as seen:
        list(
            reading._in_parts(
                rows.filter(at__gte=NOW - timedelta(days=1)).order_by("-at", "-pk"), 2
            )
        )
    with connection.cursor() as cursor:
        for query in seen.captured_queries:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plans += [str(row[3]) for row in cursor.fetchall()]
    assert len(plans) >= 2
    assert not [plan for plan in plans if "SCAN" in plan or "TEMP B-TREE" in plan]


def test_what_is_no_number_is_not_kept() -> None:
    facts = record(Kind.NAS_CALL, NOW, a=float("nan"), b=[float("inf"), 1.5]).facts
    assert facts == {"a": None, "b": [None, 1.5]}


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's words")
@pytest.mark.parametrize(
    "choice",
    [
        pytest.param(Choice(), id="all"),
        pytest.param(Choice(kinds=frozenset({Kind.LOGIN, Kind.NAS_CALL})), id="kinds"),
        pytest.param(Choice(only_trouble=True), id="trouble"),
        pytest.param(Choice(only_trouble=True, kinds=frozenset({Kind.LOGIN})), id="both"),
        pytest.param(Choice(without=frozenset({Kind.NAS_STATE}), before=NOW), id="others"),
        pytest.param(Choice(since=NOW - timedelta(days=1), before=NOW), id="a day"),
    ],
)
def test_no_choice_reads_or_sorts_the_whole_log(choice: Choice) -> None:
    from balupi_site.events.reading import _queries

    for rows in _queries(choice, "-at", "-pk"):
        plan = _plan(rows)
        assert "SCAN" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's words")
def test_pruning_reads_only_what_goes() -> None:
    assert "SCAN" not in _plan(Event.objects.filter(at__lt=NOW).order_by().values_list("pk")[:500])
    assert "SCAN" not in _plan(Event.objects.filter(pk__lte=5).order_by().values_list("pk")[:500])


def _plan(rows: QuerySet[Any, Any]) -> str:
    sql, parameters = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        return "\n".join(str(row[3]) for row in cursor.fetchall())
