"""No query of energy's answers and tasks, nor of the page, reads a whole table: SQLite's own plans.

SQLite knows nothing of the tables' sizes, so the plans are those of any household. What other apps do
with energy is reached by URLs and by the names in beat's schedule: energy knows nothing of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils.module_loading import import_string

from energy.api.urls import urlpatterns
from energy.memory import Remembered
from energy.models import Anomaly, EnergyHour, PlugRole, PowerSample, SmartPlug, Tariff, TariffZone
from energy.services import filling, rebuilding, samples, tariffs
from energy.tests.factories import id_of, make_plug, make_reading
from energy.tests.history_helpers import HOUR, store_hours

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's words"),
]

NOW = datetime(2026, 3, 4, 14, 4, 40, tzinfo=UTC)
THIS_HOUR = NOW.replace(minute=0, second=0)
STEP = timedelta(seconds=30)
DAY = timedelta(days=1)
INTERVAL_S = 30

#: Few rows for ever, and nearly always all of them wanted.
SMALL_TABLES = {
    "energy_smartplug": "a household's plugs",
    "energy_tariff": "a tariff lasts for months",
    "energy_tariffzone": "a few for each tariff",
    "handshake_inboxstatus": "one row",
    "nasctl_nasstatus": "one row",
    "pihole_namestatus": "one row",
}
#: An index of few rows, all of them wanted.
SMALL_INDEXES = {
    "one_lasting_anomaly_per_plug_and_kind": "it holds only what lasts",
    "lasting_anomalies": "it holds only what lasts",
}
#: A step through what a query made itself: lists of values, and subqueries, which have steps of their own.
_OWN_ROWS = re.compile(r"SCAN (stretch|\(\w+-\d+\)|(\d+-ROW|\d+ CONSTANT ROWS?|CONSTANT ROW))")
#: What reads nothing.
_WITHOUT_PLAN = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT", "PRAGMA")

#: All that is read: the URL's name, its arguments and parameters.
_HISTORIES: list[dict[str, str]] = [
    *({"period": period} for period in ("day", "week", "month", "year")),
    {"period": "month", "resolution": "hour"},
    {"from": "2026-03-01", "to": "2026-03-04"},
    {"period": "day", "resolution": "raw"},
]
_COSTS: list[dict[str, str]] = [{"period": period} for period in ("day", "week", "month", "year")]
_ONE = {"device_id": id_of(101)}
READS: list[tuple[str, dict[str, str], dict[str, str]]] = [
    ("energy-current", {}, {}),
    *(("energy-history", {}, {**each, **one}) for each in _HISTORIES for one in ({}, _ONE)),
    *(("energy-costs", {}, {**each, **one}) for each in _COSTS for one in ({}, _ONE)),
    *(("energy-export", {}, {**each, **one}) for each in _HISTORIES for one in ({}, _ONE)),
    ("energy-prices", {}, {}),
    ("energy-price", {"price_id": "1"}, {}),
    ("energy-anomalies", {}, {}),
    ("energy-anomalies", {}, {"open": "true"}),
    ("energy-anomalies", {}, {"open": "false", **_ONE}),
    ("energy-summary", {}, {}),
    *(("nas-energy", {}, each) for each in _COSTS),
    *(
        (name, {}, each)
        for name in ("nas-timeline", "nas-timeline-csv")
        for each in (
            {},
            {"kind": "nas,inbox"},
            {"kind": "wake.stage", "trouble": "true"},
            {"trouble": "true"},
            {"before": NOW.isoformat(), "since": (NOW - DAY).isoformat()},
        )
    ),
    ("nas-status", {}, {}),
    ("plugs", {}, {}),
    ("plug", _ONE, {}),
    ("dashboard", {}, {}),
    ("live", {}, {"period": "day"}),
    ("live", {}, {"period": "month"}),
    ("live", {}, {"period": "year"}),
    ("live", {}, {"day": f"{NOW - DAY:%Y-%m-%d}", "events": "names"}),
]
#: They talk to plugs or to the NAS until they are ended; what they ask the database is small.
_TALKING = {"energy.tasks.poll_plugs", "nasctl.tasks.watch_nas"}
TASKS = sorted(
    entry["task"]
    for entry in settings.CELERY_BEAT_SCHEDULE.values()
    if entry["task"].startswith(("energy.", "nasctl.")) and entry["task"] not in _TALKING
)

#: A statement and one set of its parameters.
Query = tuple[str, Any]


@contextmanager
def recorded() -> Iterator[list[Query]]:
    """Collect all statements with their parameters."""
    found: list[Query] = []

    def record(
        execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any
    ) -> Any:
        if not sql.startswith(_WITHOUT_PLAN):
            found.append((sql.strip(), parameters[0] if many else parameters))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(record):
        yield found


def plan_of(sql: str, parameters: Any) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        return [str(row[3]) for row in cursor.fetchall()]


def scans(sql: str, plan: list[str]) -> set[str]:
    """Return the tables that a statement reads from end to end, or what it calls them."""
    if _reads_the_first_rows(sql, plan):
        return set()
    tables = _tables_by_name(sql)
    names = {
        step.removeprefix("SCAN TABLE ").removeprefix("SCAN ").split()[0]
        for step in plan
        if step.startswith("SCAN ")
        and not _OWN_ROWS.fullmatch(step)
        and not step.endswith(tuple(f" INDEX {name}" for name in SMALL_INDEXES))
    }
    return {table for name in names for table in tables.get(name, {name})}


def _reads_the_first_rows(sql: str, plan: list[str]) -> bool:
    """Tell whether it ends after some rows of an order that is there already, whatever they hold."""
    is_sorted = any("TEMP B-TREE" in step for step in plan)
    return re.search(r" LIMIT \d+$", sql) is not None and " WHERE " not in sql and not is_sorted


def _tables_by_name(sql: str) -> dict[str, set[str]]:
    """Return the tables by the names a statement gives them; one name may stand for several."""
    found: dict[str, set[str]] = defaultdict(set)
    for table in connection.introspection.table_names():
        for alias in re.findall(rf'"{table}"(?: (?:AS )?"?(\w+)"?)?', sql):
            found[table].add(table)
            found[alias].add(table)
    return found


def bad_plans(queries: list[Query]) -> list[str]:
    """Return the statements that scan a table that may be large, with their plans."""
    bad = []
    for sql, parameters in {sql: (sql, parameters) for sql, parameters in queries}.values():
        plan = plan_of(sql, parameters)
        if large := scans(sql, plan) - SMALL_TABLES.keys():
            bad.append(f"{', '.join(sorted(large))}: {sql[:2000]}\n  " + "\n  ".join(plan))
    return bad


def assert_indexed(queries: list[Query], *, least: int = 1) -> None:
    assert len(queries) >= least, queries
    bad = bad_plans(queries)
    assert not bad, "\n\n".join(bad)


@pytest.fixture
def house(redis_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmartPlug]:
    """Give a house whose every table has rows, at a moment when samples wait in Redis."""
    for module in ("energy.tasks", "nasctl.tasks"):
        monkeypatch.setattr(f"{module}.is_plausible", lambda _now: True)
    import_string("balupi_site.page.day.curves").forget()
    with time_machine.travel(NOW, tick=False):
        plug, other = make_plug(101, role=PlugRole.NAS), make_plug(102)
        for each in (plug, other):
            _fill(each)
        _note_states()
        _make_tariffs()
        yield plug
    import_string("balupi_site.page.day.curves").forget()


def _fill(plug: SmartPlug) -> None:
    store_hours(plug, THIS_HOUR - 12 * DAY, 20)
    store_hours(plug, THIS_HOUR - 40 * HOUR, 38)
    times = [
        *(THIS_HOUR - 9 * DAY + STEP * n for n in range(20)),
        *(THIS_HOUR - 2 * HOUR + STEP * n for n in range(241)),
    ]
    PowerSample.objects.bulk_create(PowerSample(plug=plug, at=at, power_w=30.0) for at in times)
    SmartPlug.objects.filter(pk=plug.pk).update(created_at=NOW - 30 * DAY)
    for ended_at in (None, NOW - HOUR):
        Anomaly.objects.create(
            plug=plug, kind="plug_lost", began_at=NOW - 2 * HOUR, ended_at=ended_at
        )
    for number in range(1, 9):
        at = THIS_HOUR + STEP * number
        reading = make_reading(101, device_id=plug.device_id, at=at)
        samples.buffer.put(reading, is_sample=True)


def _note_states() -> None:
    changes = apps.get_model("nasctl", "StateChange")._default_manager
    for day in range(14):
        for hour, state in ((8, "online"), (20, "offline")):
            at = THIS_HOUR - day * DAY - timedelta(hours=hour)
            changes.create(at=at, from_state="unknown", to_state=state, reason="answers")


def _make_tariffs() -> None:
    Tariff.objects.create(pk=1, name="Old", price_per_kwh="0.31", valid_to="2026-03-02")
    tariff = Tariff.objects.create(name="New", price_per_kwh="0.33", valid_from="2026-03-02")
    TariffZone.objects.create(
        tariff=tariff, name="NT", start="22:00", end="06:00", price_per_kwh="0.25"
    )


@pytest.mark.parametrize(
    ("name", "arguments", "parameters"),
    [
        pytest.param(*read, id=" ".join([read[0], *read[1].values(), *read[2].values()]))
        for read in READS
    ],
)
def test_no_answer_reads_a_whole_table(
    house: SmartPlug, name: str, arguments: dict[str, str], parameters: dict[str, str]
) -> None:
    assert_answer_is_indexed(name, arguments, parameters)


@pytest.mark.parametrize("name", ["nas-energy", "energy-summary", "dashboard"])
def test_none_does_where_the_hours_are_split_by_state(house: SmartPlug, name: str) -> None:
    import_string("nasctl.tasks.split_hours")()
    assert_answer_is_indexed(name, {}, {})


@pytest.mark.parametrize("name", ["energy-current", "energy-summary", "dashboard"])
def test_none_does_where_redis_has_lost_the_latest_readings(
    house: SmartPlug, redis_server: Any, name: str
) -> None:
    redis_server.flushall()
    assert_answer_is_indexed(name, {}, {})


def assert_answer_is_indexed(
    name: str, arguments: dict[str, str], parameters: dict[str, str]
) -> None:
    client = Client()
    client.force_login(User.objects.create_user("reader"))
    with recorded() as queries:
        response: Any = client.get(reverse(name, kwargs=arguments), parameters)
        b"".join(response)
    assert response.status_code == 200, response.content
    assert_indexed(queries, least=3)


def test_every_answer_of_energy_is_looked_at() -> None:
    names = {str(pattern.name) for pattern in urlpatterns}
    assert {name for name in names if name.startswith("energy-")} <= {read[0] for read in READS}


@pytest.mark.parametrize("task", TASKS)
def test_no_task_reads_a_whole_table(
    house: SmartPlug, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    monkeypatch.setattr(filling, "_ask", _asks_nobody)
    with recorded() as queries:
        import_string(task)()
        import_string(task)()  # where nothing is left to do
    assert_indexed(queries)


def _asks_nobody(_plug: SmartPlug, wanted: Any) -> Future[Remembered]:
    answer: Future[Remembered] = Future()
    answer.set_result(Remembered(dict.fromkeys(wanted.hours, 30.0), NOW - HOUR))
    return answer


def test_the_tasks_do_something(house: SmartPlug, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does nothing asks nothing, and its plans would tell nothing."""
    monkeypatch.setattr(filling, "_ask", _asks_nobody)
    before = PowerSample.objects.count()
    import_string("energy.tasks.store_samples")()
    assert PowerSample.objects.count() == before + 16
    import_string("energy.tasks.prune_samples")()
    assert PowerSample.objects.count() == before + 16 - 40
    import_string("energy.tasks.fill_hours")()
    assert EnergyHour.objects.exclude(source="measured").exists()
    import_string("energy.tasks.roll_up_hours")()
    assert EnergyHour.objects.filter(hour=THIS_HOUR - HOUR).count() == 2
    import_string("nasctl.tasks.split_hours")()
    assert apps.get_model("nasctl", "NasHour")._default_manager.count() > 50
    import_string("energy.tasks.look_for_anomalies")()
    assert not Anomaly.objects.filter(ended_at=None).exists()


def test_rebuilding_reads_no_whole_table(house: SmartPlug) -> None:
    with recorded() as queries:
        first = rebuilding.rebuildable_from(NOW, 7)
        hours = [THIS_HOUR - HOUR * n for n in range(3)]
        rebuilding.rebuild_hours(hours, [house.pk], INTERVAL_S)
    assert first is not None
    assert_indexed(queries, least=5)


def test_the_currency_of_the_household_is_found_without_a_scan(house: SmartPlug) -> None:
    with recorded() as queries:
        tariffs.household_currency()
    assert_indexed(queries)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param(
            'SELECT * FROM "energy_energyhour" WHERE energy_wh > 1',
            {"energy_energyhour"},
            id="a table",
        ),
        pytest.param(
            'SELECT COUNT(*) FROM "energy_powersample"', {"energy_powersample"}, id="an index"
        ),
        pytest.param(
            'SELECT 1 FROM "energy_smartplug" WHERE EXISTS (SELECT 1 FROM "energy_energyhour" U0 '
            "WHERE U0.energy_wh > 1)",
            {"energy_energyhour", "energy_smartplug"},
            id="a table by another name",
        ),
        pytest.param(
            'SELECT * FROM "energy_powersample" ORDER BY power_w LIMIT 1',
            {"energy_powersample"},
            id="the first row of an order that must be made",
        ),
        pytest.param(
            'SELECT * FROM "nasctl_statechange" WHERE to_state = 1 ORDER BY at LIMIT 1',
            {"nasctl_statechange"},
            id="the first row that is something",
        ),
        pytest.param(
            'DELETE FROM "nasctl_nashour" WHERE hour < 1', {"nasctl_nashour"}, id="a deletion"
        ),
        pytest.param(
            'UPDATE "energy_anomaly" SET kind = 1 WHERE ended_at > 1',
            {"energy_anomaly"},
            id="a change",
        ),
        pytest.param(
            'SELECT "at" FROM "nasctl_statechange" ORDER BY "at" DESC LIMIT 1',
            set(),
            id="the first row of an index",
        ),
        pytest.param(
            'SELECT * FROM "energy_energyhour" WHERE plug_id = 1 AND hour > 1',
            set(),
            id="a search",
        ),
    ],
)
def test_a_scan_is_seen(sql: str, expected: set[str]) -> None:
    assert scans(sql, plan_of(sql, ())) == expected


def test_a_scan_is_told_with_its_plan() -> None:
    with recorded() as queries, transaction.atomic():
        list(EnergyHour.objects.filter(energy_wh__gt=1))
        list(SmartPlug.objects.all())
    [bad] = bad_plans(queries)
    assert bad.startswith("energy_energyhour: SELECT")
    assert "SCAN energy_energyhour" in bad
