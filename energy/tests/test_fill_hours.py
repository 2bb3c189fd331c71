"""Missing hours get what the plug remembers; measured ones never change."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from balupi_site.lib.errors import TransientError
from energy import tasks
from energy.management.commands import fill_hours as command
from energy.memory import NoMemory, Remembered, Wanted
from energy.metering import HOUR
from energy.models import EnergyHour, EnergySource, PlugStatus, PowerSample, SmartPlug
from energy.plug_pool import MemoryResult, credentials_digest, shared_pool
from energy.readings import Failure, FailureKind, Seen, Target
from energy.rollup import roll_up
from energy.services import fill_hours, filling
from energy.services.polling import target_of
from energy.tests.conftest import SimHome
from energy.tests.factories import make_plug
from simhome.clock import ManualClock
from simhome.loads import ConstantLoad
from simhome.plug import SimPlug

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_server")]

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
QUARTER_PAST_NOON = NINE + 3 * HOUR + 15 * MINUTE


@pytest.fixture(autouse=True)
def _flush_interval(settings: Any) -> None:
    """Let samples wait for five minutes, so that hours are filled from ten minutes after their end."""
    settings.ENERGY_FLUSH_INTERVAL_SECONDS = 300


def added(at: datetime, number: int = 101, **fields: Any) -> SmartPlug:
    """Store a plug that was added at a time of its own."""
    plug = make_plug(number, **fields)
    SmartPlug.objects.filter(pk=plug.pk).update(created_at=at)
    plug.refresh_from_db()
    return plug


def measure(plug: SmartPlug, hour: datetime, energy_wh: float, coverage: float) -> None:
    EnergyHour.objects.create(
        plug=plug,
        hour=hour,
        energy_wh=energy_wh,
        power_min_w=1,
        power_avg_w=energy_wh / coverage,
        power_max_w=99,
        coverage=coverage,
    )


def rows(plug: SmartPlug) -> dict[datetime, tuple[float, float, str]]:
    """Return energy, coverage and source by hour."""
    return {
        row.hour: (row.energy_wh, row.coverage, row.source)
        for row in EnergyHour.objects.filter(plug=plug).order_by("hour")
    }


# --- which hours are asked for, with a pool that answers as it is told ---------------------------


class FakePool:
    """Remembers what was wanted of which plug, and answers 50 Wh for each hour or as told."""

    def __init__(self) -> None:
        self.result: MemoryResult | None = None
        self.is_told = False
        self.wanted: list[Wanted] = []
        self.before_it_answers: Any = lambda: None

    def tell(self, result: MemoryResult) -> None:
        self.result, self.is_told = result, True

    def start_remembering(self, target: Target, wanted: Wanted) -> Future[MemoryResult]:
        self.wanted.append(wanted)
        self.before_it_answers()
        all_hours = Remembered(dict.fromkeys(wanted.hours, 50.0), wanted.hours[-1] + HOUR)
        future: Future[MemoryResult] = Future()
        future.set_result(self.result if self.is_told else all_hours)
        return future


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> FakePool:
    fake = FakePool()
    monkeypatch.setattr(filling, "shared_pool", lambda: fake)
    return fake


def hours_wanted(memory: FakePool) -> list[str]:
    return [f"{hour:%H}" for each in memory.wanted for hour in each.hours]


def test_a_missing_hour_gets_the_plugs_energy_and_says_so(memory: FakePool) -> None:
    plug = added(NINE)
    [filled] = fill_hours(QUARTER_PAST_NOON)
    assert (filled.missing, filled.filled, filled.energy_wh) == (3, 3, 150)
    assert rows(plug) == {NINE + HOUR * step: (50, 0, EnergySource.PLUG) for step in range(3)}
    powers_w = EnergyHour.objects.values_list("power_min_w", "power_avg_w", "power_max_w")
    assert set(powers_w) == {(None, None, None)}
    plug.refresh_from_db()
    assert plug.memory_read_until == NINE + 3 * HOUR


def test_an_hour_that_was_measured_in_part_is_completed(memory: FakePool) -> None:
    plug = added(NINE)
    measure(plug, NINE, 20, 0.5)
    measure(plug, NINE + HOUR, 60, 0.9)
    measure(plug, NINE + 2 * HOUR, 40, 0.979)
    [filled] = fill_hours(QUARTER_PAST_NOON)
    assert rows(plug) == {
        NINE: (50, 0.5, EnergySource.MIXED),
        NINE + HOUR: (60, 0.9, EnergySource.MEASURED),
        NINE + 2 * HOUR: (50, 0.979, EnergySource.MIXED),
    }
    assert (filled.missing, filled.filled, filled.energy_wh) == (3, 2, 40)
    mixed = EnergyHour.objects.get(hour=NINE)
    assert mixed.power_avg_w is not None
    assert mixed.power_avg_w * mixed.coverage == 20  # the measured part


def test_measured_hours_are_never_changed(memory: FakePool) -> None:
    plug = added(NINE)
    for step, coverage in enumerate((1.0, 0.98, 0.99)):
        measure(plug, NINE + step * HOUR, 10, coverage)
    before = rows(plug)
    [filled] = fill_hours(QUARTER_PAST_NOON)
    assert memory.wanted == []  # so the plug is not asked either
    assert (filled.missing, rows(plug)) == (0, before)


def test_an_hour_that_is_measured_while_the_plug_is_asked_stays_measured(memory: FakePool) -> None:
    plug = added(NINE)
    memory.before_it_answers = lambda: measure(plug, NINE + HOUR, 10, 1.0)
    fill_hours(QUARTER_PAST_NOON)
    assert rows(plug)[NINE + HOUR] == (10, 1.0, EnergySource.MEASURED)
    assert rows(plug)[NINE] == (50, 0, EnergySource.PLUG)


def test_hours_that_were_filled_before_are_not_asked_for_again(memory: FakePool) -> None:
    plug = added(NINE)
    fill_hours(QUARTER_PAST_NOON)
    SmartPlug.objects.update(memory_read_until=None)
    assert fill_hours(QUARTER_PAST_NOON)[0].missing == 0
    assert (len(memory.wanted), len(rows(plug))) == (1, 3)


def test_of_two_that_fill_at_the_same_time_one_does_it(memory: FakePool) -> None:
    added(NINE)

    def another_is_faster() -> None:
        memory.before_it_answers = lambda: None
        assert fill_hours(QUARTER_PAST_NOON)[0].filled == 3

    memory.before_it_answers = another_is_faster
    assert fill_hours(QUARTER_PAST_NOON)[0].filled == 0


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        pytest.param(30, (50, 0.5, EnergySource.MIXED), id="half an hour of it"),
        pytest.param(60, (20, 1.0, EnergySource.MEASURED), id="all of it"),
    ],
)
@pytest.mark.parametrize("comes_first", ["samples", "plug"])
def test_late_samples_and_the_plug_agree_whoever_comes_first(
    memory: FakePool, minutes: int, expected: tuple[float, float, str], comes_first: str
) -> None:
    plug = added(NINE)
    if comes_first == "plug":
        fill_hours(NINE + 75 * MINUTE)
    times = [NINE + step * MINUTE / 2 for step in range(2 * minutes + 1)]
    PowerSample.objects.bulk_create(PowerSample(plug=plug, at=at, power_w=20) for at in times)
    roll_up([(plug.pk, at) for at in times], interval_s=30)
    if comes_first == "samples":
        fill_hours(NINE + 75 * MINUTE)
    energy_wh, coverage, source = rows(plug)[NINE]
    assert (round(energy_wh, 6), coverage, source) == expected


def test_a_plug_that_is_deleted_while_it_is_asked_leaves_nothing(memory: FakePool) -> None:
    added(NINE)
    memory.before_it_answers = lambda: SmartPlug.objects.all().delete()
    [filled] = fill_hours(QUARTER_PAST_NOON)
    assert filled.filled == 0
    assert not EnergyHour.objects.exists()


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        pytest.param(NINE + HOUR, [], id="just over"),
        pytest.param(NINE + 69 * MINUTE, [], id="its samples may still wait"),
        pytest.param(NINE + 70 * MINUTE, ["09"], id="ten minutes later"),
        pytest.param(NINE + 150 * MINUTE, ["09", "10"], id="not the present hour"),
    ],
)
def test_the_present_and_hours_whose_samples_may_wait_are_left_alone(
    memory: FakePool, now: datetime, hours: list[str]
) -> None:
    added(NINE)
    fill_hours(now)
    assert hours_wanted(memory) == hours


def test_rarer_flushes_make_it_wait_longer(memory: FakePool, settings: Any) -> None:
    settings.ENERGY_FLUSH_INTERVAL_SECONDS = 1200
    added(NINE)
    fill_hours(NINE + 99 * MINUTE)
    assert memory.wanted == []
    fill_hours(NINE + 100 * MINUTE)
    assert hours_wanted(memory) == ["09"]


def test_nothing_is_filled_from_before_the_plug_was_added(memory: FakePool) -> None:
    added(NINE + 90 * MINUTE)
    fill_hours(QUARTER_PAST_NOON)
    assert hours_wanted(memory) == ["10", "11"]


def test_a_week_is_what_a_plug_remembers(memory: FakePool) -> None:
    added(NINE - timedelta(days=30))
    fill_hours(QUARTER_PAST_NOON)
    [wanted] = memory.wanted
    assert (wanted.hours[0], len(wanted.hours)) == (NINE + 4 * HOUR - timedelta(days=7), 167)


def test_what_was_dealt_with_is_not_asked_for_again(memory: FakePool) -> None:
    plug = added(NINE)
    memory.tell(Remembered({}, NINE + 3 * HOUR))  # it does not know
    fill_hours(QUARTER_PAST_NOON)
    fill_hours(QUARTER_PAST_NOON)
    assert len(memory.wanted) == 1
    memory.is_told = False
    fill_hours(QUARTER_PAST_NOON + 2 * HOUR)
    assert hours_wanted(memory)[3:] == ["12", "13"]
    assert list(rows(plug)) == [NINE + 3 * HOUR, NINE + 4 * HOUR]


def test_disabled_plugs_and_those_that_refuse_the_login_are_not_asked(memory: FakePool) -> None:
    added(NINE, 101, enabled=False)
    added(NINE, 102, refused_credentials=credentials_digest())
    assert fill_hours(QUARTER_PAST_NOON) == []
    assert memory.wanted == []


def test_plugs_with_nothing_missing_cost_a_query_each(
    memory: FakePool, django_assert_num_queries: Any
) -> None:
    for number in (101, 102, 103):
        added(QUARTER_PAST_NOON, number)
    with django_assert_num_queries(1 + 3):
        fill_hours(QUARTER_PAST_NOON)


# --- firmware that tells nothing ------------------------------------------------------------------


def test_a_refusal_is_a_message_that_is_logged_once_and_not_asked_for_again(
    memory: FakePool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    plug = added(NINE)
    memory.tell(NoMemory.REFUSED)
    for hours in range(0, 7 * 24, 5):
        [filled] = fill_hours(QUARTER_PAST_NOON + hours * HOUR)
        assert "does not tell past hours" in filled.message
    assert len(memory.wanted) == 1
    plug.refresh_from_db()
    assert plug.firmware_version in plug.memory_message
    assert [(each.levelname, each.name) for each in caplog.records] == [
        ("INFO", "energy.services.filling")
    ]
    assert (plug.status, rows(plug)) == (PlugStatus.UNKNOWN, {})


def test_a_refusal_is_forgotten_after_a_week(
    memory: FakePool, caplog: pytest.LogCaptureFixture
) -> None:
    added(NINE)
    memory.tell(NoMemory.REFUSED)
    fill_hours(QUARTER_PAST_NOON)
    caplog.set_level(logging.INFO)
    fill_hours(QUARTER_PAST_NOON + timedelta(days=7))
    fill_hours(QUARTER_PAST_NOON + timedelta(days=8))
    assert len(memory.wanted) == 2
    assert caplog.records == []  # it is nothing new


def test_another_firmware_is_asked_at_once_and_for_all_of_the_week(memory: FakePool) -> None:
    plug = added(NINE)
    memory.tell(NoMemory.REFUSED)
    fill_hours(QUARTER_PAST_NOON)
    SmartPlug.objects.update(firmware_version="1.4.0")
    memory.is_told = False
    fill_hours(QUARTER_PAST_NOON)
    assert len(rows(plug)) == 3
    plug.refresh_from_db()
    assert plug.memory_message == ""


def test_a_wrong_clock_is_a_message_and_asked_again_each_time(memory: FakePool) -> None:
    plug = added(NINE)
    memory.tell(NoMemory.WRONG_CLOCK)
    for hours in range(3):
        [filled] = fill_hours(QUARTER_PAST_NOON + hours * HOUR)
        assert "clock is wrong" in filled.message
    assert len(memory.wanted) == 3
    plug.refresh_from_db()
    assert (plug.memory_message, plug.memory_read_until) == (filled.message, None)
    memory.is_told = False
    fill_hours(QUARTER_PAST_NOON + 3 * HOUR)
    plug.refresh_from_db()
    assert (plug.memory_message, len(rows(plug))) == ("", 6)


def test_a_wrong_clock_after_another_firmwares_refusal_loses_no_hours(memory: FakePool) -> None:
    plug = added(NINE)
    memory.tell(NoMemory.REFUSED)
    fill_hours(QUARTER_PAST_NOON)
    SmartPlug.objects.update(firmware_version="1.4.0")
    memory.tell(NoMemory.WRONG_CLOCK)
    fill_hours(QUARTER_PAST_NOON)
    memory.is_told = False
    fill_hours(QUARTER_PAST_NOON)
    assert len(rows(plug)) == 3


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "not asked now"),
        (Failure(Target("", "", "", {}), FailureKind.UNREACHABLE, "No answer."), "No answer."),
    ],
    ids=["back-off", "unreachable"],
)
def test_a_plug_that_does_not_answer_is_asked_later(
    memory: FakePool, result: MemoryResult, message: str
) -> None:
    plug = added(NINE)
    memory.tell(result)
    [filled] = fill_hours(QUARTER_PAST_NOON)
    assert message in filled.message
    plug.refresh_from_db()
    assert (plug.memory_message, plug.memory_read_until) == ("", None)
    memory.is_told = False
    fill_hours(QUARTER_PAST_NOON)
    assert len(rows(plug)) == 3


# --- through python-kasa, with plugs that measure --------------------------------------------------


def add(home: SimHome, clock: ManualClock, number: int = 101, **options: Any) -> SimPlug:
    """Start a plug at the clock's time and store its row."""
    sim = home.add(number, clock=clock, **{"load": ConstantLoad(60.4), **options})
    added(clock.now(), number, host=sim.host)
    return sim


def plug_in(home: SimHome, sim: SimPlug, watts: float) -> None:
    home.do(lambda: setattr(sim, "load", ConstantLoad(watts)))


def pass_hours(home: SimHome, clock: ManualClock, hours: float) -> datetime:
    home.do(lambda: clock.advance(hours * 3600))
    return clock.now()


@pytest.mark.enable_socket
def test_after_an_outage_of_ours_the_plugs_fill_their_hours_and_are_asked_once(
    home: SimHome,
) -> None:
    clock = ManualClock(NINE)
    sims = [add(home, clock, number, load=ConstantLoad(number / 3)) for number in (101, 102, 103)]
    now = pass_hours(home, clock, 50.25)
    assert [each.filled for each in fill_hours(now)] == [50, 50, 50]
    for sim, plug in zip(sims, SmartPlug.objects.order_by("device_id"), strict=True):
        energies_wh = [energy_wh for energy_wh, _, _ in rows(plug).values()]
        assert energies_wh == [round(sim.load.power_w(now))] * 50
    calls = [dict(sim.calls) for sim in sims]
    assert calls == [{"handshake1": 1, "handshake2": 1, "request": 2}] * 3
    assert fill_hours(now)[0].missing == 0
    assert [dict(sim.calls) for sim in sims] == calls


@pytest.mark.enable_socket
def test_a_plug_remembers_only_what_it_metered(home: SimHome) -> None:
    clock = ManualClock(NINE)
    sim = add(home, clock)
    pass_hours(home, clock, 1)
    home.fault(sim, "unplugged")
    pass_hours(home, clock, 2)
    home.mend(sim)
    now = pass_hours(home, clock, 1.25)
    [filled] = fill_hours(now)
    assert (filled.missing, filled.filled) == (4, 2)
    assert list(rows(SmartPlug.objects.get())) == [NINE, NINE + 3 * HOUR]


@pytest.mark.enable_socket
def test_a_plug_out_of_the_wifi_fills_its_hours_when_it_is_back(home: SimHome) -> None:
    clock = ManualClock(NINE)
    sim = add(home, clock)
    home.fault(sim, "refuse")
    now = pass_hours(home, clock, 3.25)
    [filled] = fill_hours(now)
    assert (filled.filled, "refuses connections" in filled.message) == (0, True)
    requests = sim.calls["request"]
    home.mend(sim)
    [filled] = fill_hours(now)  # a moment later: it is left alone
    assert (filled.filled, sim.calls["request"]) == (0, requests)
    shared_pool().read_now(target_of(SmartPlug.objects.get()), wait_s=5, at_once=True)
    assert fill_hours(now)[0].filled == 3


@pytest.mark.enable_socket
@pytest.mark.parametrize("code", [-1002, -1008, -1001, -1501])
def test_a_refusal_costs_neither_the_session_nor_the_plugs_good_name(
    home: SimHome, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = ManualClock(NINE)
    sim = add(home, clock)
    home.fault(sim, "no_memory", code=code)
    now = pass_hours(home, clock, 3.25)
    assert "does not tell past hours" in fill_hours(now)[0].message
    seen = shared_pool().read_now(target_of(SmartPlug.objects.get()), wait_s=5)
    assert isinstance(seen, Seen)  # no back-off
    assert sim.calls["handshake1"] == 1
    assert {each.levelname for each in caplog.records if each.name.startswith("energy")} == {"INFO"}
    assert SmartPlug.objects.get().status == PlugStatus.UNKNOWN


@pytest.mark.enable_socket
@pytest.mark.parametrize("model", ["P110-old", "P100"])
def test_plugs_without_that_memory_are_a_refusal_too(home: SimHome, model: str) -> None:
    clock = ManualClock(NINE)
    add(home, clock, model=model)
    now = pass_hours(home, clock, 3.25)
    assert "does not tell past hours" in fill_hours(now)[0].message


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("fault", "parameters"),
    [("clock_unset", {}), ("clock_wrong", {}), ("clock_wrong", {"behind_s": 400})],
    ids=["no time at all", "another year", "some minutes"],
)
def test_a_plug_whose_clock_is_wrong_fills_nothing_until_it_is_right(
    home: SimHome, fault: str, parameters: dict[str, object]
) -> None:
    clock = ManualClock(NINE)
    sim = add(home, clock)
    home.fault(sim, fault, **parameters)
    now = pass_hours(home, clock, 3.25)
    assert "clock is wrong" in fill_hours(now)[0].message
    assert rows(SmartPlug.objects.get()) == {}
    home.mend(sim)
    assert fill_hours(now)[0].filled == 3
    assert SmartPlug.objects.get().memory_message == ""


@pytest.mark.enable_socket
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_a_plug_that_lives_in_another_zone_fills_the_same_hours(home: SimHome, zone: str) -> None:
    clock = ManualClock(NINE)
    sim = add(home, clock, time_zone=ZoneInfo(zone))
    plug_in(home, sim, 60)
    pass_hours(home, clock, 24)
    plug_in(home, sim, 80)
    now = pass_hours(home, clock, 5 * 24 + 0.25)
    assert fill_hours(now)[0].filled == 6 * 24
    known = [energy_wh for energy_wh, _, _ in rows(SmartPlug.objects.get()).values()]
    assert known == [60] * 24 + [80] * 5 * 24


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("start", "left_alone"),
    [
        pytest.param(datetime(2026, 3, 27, 9, tzinfo=UTC), 0, id="summer time begins"),
        pytest.param(datetime(2026, 10, 23, 9, tzinfo=UTC), 2, id="summer time ends"),
    ],
)
def test_in_a_week_with_a_change_of_the_clock_each_hour_is_in_its_place(
    home: SimHome, start: datetime, left_alone: int
) -> None:
    clock = ManualClock(start)
    sim = add(home, clock)
    for step in range(96):  # each hour another power
        plug_in(home, sim, 100 + step)
        pass_hours(home, clock, 1)
    now = pass_hours(home, clock, 0.25)
    assert fill_hours(now)[0].filled == 96 - left_alone
    for hour, (energy_wh, _, _) in rows(SmartPlug.objects.get()).items():
        assert energy_wh == 100 + (hour - start) // HOUR


@pytest.mark.enable_socket
def test_a_hanging_plug_does_not_keep_the_others_from_filling(home: SimHome, settings: Any) -> None:
    settings.ENERGY_PLUG_TIMEOUT_SECONDS = 1
    clock = ManualClock(NINE)
    hanging, _good = add(home, clock, 101), add(home, clock, 102)
    home.fault(hanging, "hang")
    now = pass_hours(home, clock, 2.25)
    assert [each.filled for each in fill_hours(now)] == [0, 2]


# --- the edges -------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_plausible", [True, False])
def test_the_hourly_task_needs_a_clock_that_can_be_believed(
    memory: FakePool, monkeypatch: pytest.MonkeyPatch, *, is_plausible: bool
) -> None:
    monkeypatch.setattr(tasks, "is_plausible", lambda _now: is_plausible)
    added(datetime.now(UTC) - 3 * HOUR)
    tasks.fill_hours()
    assert bool(memory.wanted) is is_plausible


def test_it_happens_every_hour(settings: Any) -> None:
    entry = settings.CELERY_BEAT_SCHEDULE["fill the hours"]
    assert (entry["task"], entry["schedule"]) == (tasks.fill_hours.name, 3600)


def run(monkeypatch: pytest.MonkeyPatch, *, is_plausible: bool = True) -> list[str]:
    """Run the command, its worker in this process."""
    monkeypatch.setattr(tasks, "is_plausible", lambda _now: is_plausible)
    answers: dict[str, Any] = {}

    def answer(reply_to: str, work: Any, **_by: Any) -> None:
        answers[reply_to] = work()

    def ask_worker(task: Any, *args: str, wait_s: int) -> Any:
        task("reply", *args)
        return answers["reply"]

    monkeypatch.setattr(tasks, "answer", answer)
    monkeypatch.setattr(command, "ask_worker", ask_worker)
    out = StringIO()
    call_command("fill_hours", stdout=out)
    return out.getvalue().splitlines()


def test_the_command_tells_what_was_filled(
    memory: FakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(datetime.now(UTC) - 3 * HOUR, 101, name="NAS")
    added(datetime.now(UTC), 102, name="New")
    nas, new = run(monkeypatch)
    count = len(memory.wanted[0].hours)
    assert nas == f"NAS: {count} of {count} hours filled, {50 * count} Wh"
    assert new == "New: nothing missing"


def test_the_command_tells_why_nothing_was_filled(
    memory: FakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(datetime.now(UTC) - 3 * HOUR, name="NAS")
    memory.tell(NoMemory.WRONG_CLOCK)
    [line] = run(monkeypatch)
    assert "0 of" in line
    assert "clock is wrong" in line
    memory.tell(NoMemory.REFUSED)
    run(monkeypatch)
    [line] = run(monkeypatch)  # not asked again, but the reason is told
    assert "does not tell past hours" in line


def test_the_command_says_what_to_do_without_plugs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "discover_plugs" in run(monkeypatch)[0]


def test_the_command_ends_with_the_reason_where_the_time_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(CommandError, match="time is not known"):
        run(monkeypatch, is_plausible=False)


def test_the_command_ends_with_the_reason_where_no_worker_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(*_args: Any, **_options: Any) -> None:
        raise TransientError("The worker did not answer.")

    monkeypatch.setattr(command, "ask_worker", nobody)
    with pytest.raises(CommandError, match="did not answer"):
        call_command("fill_hours")
