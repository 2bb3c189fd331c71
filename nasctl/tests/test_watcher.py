"""The watcher: from looks to rows, wishes and stages, over restarts, races and set clocks."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from balupi_site.lib import progress
from balupi_site.lib.locks import file_lock
from balupi_site.lib.progress import Work
from nasctl import services
from nasctl.evidence import Answer, Presence, Reading, Stage
from nasctl.models import NasStatus, StateChange, Wake, WakeResult
from nasctl.moments import Moment
from nasctl.pace import Job
from nasctl.probe import Probe
from nasctl.services import looks, moves, watching
from nasctl.services import watcher as watcher_module
from nasctl.services.looks import Askers, Errand, Look
from nasctl.services.sightings import load_notes
from nasctl.services.watcher import Watcher
from nasctl.state import NasState, Reason
from pihole.models import NameStatus

pytestmark = pytest.mark.django_db

S, R = NasState, Reason
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
GOOD = Probe(Answer.GOOD, 401)
BAD_GATEWAY = Probe(Answer.BAD_STATUS, 502)
GONE = Probe(Answer.TIMEOUT)


class Home:
    """A watcher, its clocks, and a NAS whose answers arrive at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = NOON
        self.uptime_s = 5000.0
        self.boot_id = "one"
        self.presence, self.probe = Presence.OK, GOOD
        self.power_w: float | None = None
        self.errands: list[Errand] = []
        self.name_switches = self.arrivals = 0
        monkeypatch.setattr("nasctl.services.moves.moment_at", lambda _now: self.clock())
        monkeypatch.setattr("nasctl.services.wakes.moment_at", lambda _now: self.clock())
        self.restart()

    def restart(self) -> None:
        """Begin a new watch, as after a restart of the worker."""
        self.watcher = Watcher(
            names_changed=self._names_changed,
            has_arrived=self._has_arrived,
            clock=self.clock,
            start=self.errands.append,
        )

    def _names_changed(self) -> None:
        self.name_switches += 1

    def _has_arrived(self) -> None:
        self.arrivals += 1

    def clock(self) -> Moment:
        return Moment(self.wall, self.uptime_s, self.boot_id)

    def pass_time(self, seconds: float) -> None:
        """Let time pass in steps of half a second."""
        for _step in range(int(seconds * 2)):
            self.look()
            self.wall += timedelta(seconds=0.5)
            self.uptime_s += 0.5
        self.look()

    def look(self) -> None:
        """Begin what is due and bring what it found."""
        self.watcher.step(longest_s=0)
        while self.errands_to_do:
            self.watcher.inbox.put(self._done(self.errands_to_do.pop(0)))
            self.watcher.step(longest_s=0)

    @property
    def errands_to_do(self) -> list[Errand]:
        return self.errands

    def _done(self, errand: Errand) -> Look:
        if errand.job is Job.PRESENCE:
            return Look(errand.job, errand.started_s, presence=self.presence)
        if errand.job is Job.PROBE:
            return Look(errand.job, errand.started_s, probe=self.probe)
        power = None if self.power_w is None else Reading(self.power_w, self.uptime_s)
        is_power = errand.job is Job.POWER
        return Look(errand.job, errand.started_s, power=power if is_power else None)

    def vanish(self, power_w: float | None = None) -> None:
        self.presence, self.probe, self.power_w = Presence.SILENT, GONE, power_w

    def appear(self, power_w: float | None = None) -> None:
        self.presence, self.probe, self.power_w = Presence.OK, GOOD, power_w

    @property
    def status(self) -> NasStatus:
        return NasStatus.current(self.clock())

    def wake(self) -> Wake:
        return services.request_wake(
            requested_by="kim", requested_from="api", anyway=False, now=self.wall
        )


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(monkeypatch)


def reasons() -> list[str]:
    return list(StateChange.objects.order_by("pk").values_list("reason", flat=True))


def test_the_first_looks_find_a_nas_that_is_there(home: Home) -> None:
    home.look()
    assert (home.status.state, home.status.probed) == (S.ONLINE, True)
    assert NameStatus.current().wanted == "nas"
    assert home.name_switches == 1
    home.pass_time(60)
    assert reasons() == [R.ANSWERS]
    assert home.name_switches == 1


def test_the_first_looks_leave_the_names_until_they_know(home: Home) -> None:
    home.vanish()
    home.pass_time(5)
    assert home.status.state == S.UNKNOWN
    assert NameStatus.current().wanted == ""
    home.pass_time(5)
    assert home.status.state == S.OFFLINE
    assert NameStatus.current().wanted == "pi"


def test_a_nas_that_vanishes_is_noted_with_its_evidence(home: Home) -> None:
    home.look()
    home.vanish(power_w=20.0)
    home.pass_time(20)
    assert reasons() == [R.ANSWERS, R.POWERED_NOT_ANSWERING]
    row = StateChange.objects.first()
    assert row is not None
    assert row.evidence["presence"] == "silent"
    assert row.evidence["presence_misses"] == 3
    assert row.evidence["power_w"] == 20.0
    assert (home.status.planned, home.name_switches) == (False, 2)


def test_a_wake_of_another_process_goes_through_its_stages(home: Home) -> None:
    home.vanish(power_w=1.2)
    home.pass_time(10)
    wake = home.wake()
    home.pass_time(6)
    assert home.status.state == S.BOOTING
    home.power_w = 41.0
    home.pass_time(6)
    home.presence, home.probe = Presence.OK, BAD_GATEWAY
    home.pass_time(6)
    home.appear(power_w=41.0)
    home.pass_time(4)
    wake.refresh_from_db()
    assert (wake.result, home.status.state, home.status.wake) == (
        WakeResult.SUCCEEDED,
        S.ONLINE,
        None,
    )
    times = [wake.power_seen_at, wake.port_answered_at, wake.healthy_at]
    seconds = [(at - wake.requested_at).total_seconds() for at in times if at]
    assert seconds == [pytest.approx(7, abs=3), pytest.approx(13, abs=3), pytest.approx(19, abs=3)]
    assert wake.finished_at == wake.healthy_at


@pytest.mark.parametrize(
    ("power_w", "presence", "stage", "word"),
    [
        pytest.param(1.2, Presence.SILENT, Stage.POWER_SEEN, "Wake-on-LAN", id="no power"),
        pytest.param(41.0, Presence.SILENT, Stage.PORT_ANSWERED, "network", id="no port"),
        pytest.param(41.0, Presence.OK, Stage.HEALTHY, "BaluHost", id="no BaluHost"),
    ],
)
def test_a_wake_that_fails_names_the_stage_and_what_to_do(
    home: Home, power_w: float, presence: Presence, stage: Stage, word: str, monkeypatch: Any
) -> None:
    home.vanish(power_w=1.2)
    home.pass_time(10)
    wake = home.wake()
    Wake.objects.update(watches_power=True)
    home.presence, home.probe, home.power_w = presence, BAD_GATEWAY, power_w
    home.pass_time(89)
    assert home.status.state == S.BOOTING
    home.pass_time(4)
    wake.refresh_from_db()
    assert (wake.result, wake.failed_stage) == (WakeResult.FAILED, stage)
    assert word in wake.message
    assert (home.status.state, home.status.wake) == (S.OFFLINE, None)
    assert home.wake() != wake


def test_health_is_asked_only_while_our_own_wake_runs(home: Home) -> None:
    """Any other request may end the NAS's soft sleep."""
    asked: list[tuple[str, bool]] = []
    done = home._done

    def note(errand: Errand) -> Look:
        if errand.job is Job.PROBE:
            asked.append((home.status.state, errand.after_wake))
        return done(errand)

    home._done = note  # type: ignore[method-assign]
    home.look()
    home.pass_time(40)
    home.vanish()
    home.pass_time(40)
    services.note_coming_online(home.wall)
    home.pass_time(5)
    services.note_going_offline(home.wall)
    home.pass_time(40)
    assert {state for state, _after_wake in asked} == {
        S.UNKNOWN,
        S.ONLINE,
        S.SHUTTING_DOWN,
        S.OFFLINE,
    }
    assert not any(after_wake for _state, after_wake in asked)
    home.wake()
    home.pass_time(4)
    assert asked[-1] == (S.BOOTING, True)


def test_coming_online_gives_the_name_back_at_the_first_good_probe(home: Home) -> None:
    home.vanish()
    home.pass_time(10)
    services.note_coming_online(home.wall)
    home.presence, home.probe = Presence.OK, BAD_GATEWAY
    home.pass_time(10)
    assert (home.status.state, NameStatus.current().wanted) == (S.ONLINE, "pi")
    switches = home.name_switches
    home.appear()
    home.pass_time(1)
    assert (home.status.probed, NameStatus.current().wanted) == (True, "nas")
    assert home.name_switches == switches + 1
    assert reasons()[-1] == R.CALLED_COMING_ONLINE


def test_a_good_bye_is_not_undone_by_answers_on_the_way_down(home: Home) -> None:
    """The predecessor showed it never, and led the name back to a dying NAS."""
    home.look()
    services.note_going_offline(home.wall)
    home.pass_time(40)
    assert (home.status.state, NameStatus.current().wanted) == (S.SHUTTING_DOWN, "pi")
    home.vanish(power_w=1.2)
    home.pass_time(5)
    assert reasons() == [R.ANSWERS, R.CALLED_GOING_OFFLINE, R.SHUT_DOWN]


def test_a_restart_of_the_worker_forgets_no_miss(home: Home, redis_server: Any) -> None:
    """The predecessor counted from 0 again and was 65 s late."""
    home.restart()
    home.look()
    home.vanish()
    home.pass_time(14)
    saved = load_notes()
    assert saved is not None
    assert saved.memory.presence_misses == 2
    watcher_module._last_notes = None  # another process
    home.restart()
    home.pass_time(1)
    assert home.status.state == S.OFFLINE


def test_without_redis_a_new_watch_of_the_process_knows_the_misses(home: Home) -> None:
    home.look()
    home.vanish()
    home.pass_time(14)
    home.restart()
    home.pass_time(1)
    assert home.status.state == S.OFFLINE


@pytest.mark.parametrize(
    ("change", "expected_misses"),
    [
        pytest.param(
            lambda home: setattr(home, "uptime_s", home.uptime_s + 3600), 1, id="an hour later"
        ),
        pytest.param(lambda home: setattr(home, "boot_id", "two"), 1, id="in another boot"),
    ],
)
def test_old_misses_are_not_in_a_row(
    home: Home, change: Callable[[Home], None], expected_misses: int
) -> None:
    home.look()
    home.vanish()
    home.pass_time(14)
    change(home)
    home.restart()
    home.look()
    assert home.watcher._memory.presence_misses == expected_misses
    assert home.status.state == S.ONLINE


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_is_set_ends_no_boot_and_declares_nothing(home: Home, step: timedelta) -> None:
    home.vanish()
    home.pass_time(10)
    wake = home.wake()
    home.pass_time(5)
    home.wall += step
    home.pass_time(80)
    assert home.status.state == S.BOOTING
    home.pass_time(8)
    wake.refresh_from_db()
    assert (home.status.state, wake.result) == (S.OFFLINE, WakeResult.FAILED)


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_is_set_leaves_a_nas_online(home: Home, step: timedelta) -> None:
    home.look()
    home.wall += step
    home.pass_time(60)
    assert reasons() == [R.ANSWERS]


def test_a_boot_from_the_future_ends_all_the_same(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """The Pi itself was started again, its clock behind what the database holds."""
    home.vanish()
    home.pass_time(10)
    wake = home.wake()
    home.wall -= timedelta(days=200)
    home.uptime_s, home.boot_id = 20.0, "two"
    home.restart()
    home.pass_time(80)
    assert home.status.state == S.BOOTING
    assert [record.message for record in caplog.records if "in the future" in record.message]
    home.pass_time(15)
    wake.refresh_from_db()
    assert (home.status.state, wake.result) == (S.OFFLINE, WakeResult.FAILED)


def test_a_wake_whose_process_died_is_ended_by_the_next_watch(home: Home) -> None:
    home.vanish()
    home.pass_time(10)
    wake = home.wake()
    home.wall += timedelta(hours=2)
    home.uptime_s, home.boot_id = 20.0, "two"
    home.restart()
    home.look()
    wake.refresh_from_db()
    assert (home.status.state, wake.result) == (S.OFFLINE, WakeResult.FAILED)


def test_a_call_that_is_faster_than_the_verdict_wins(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.look()
    home.vanish()
    home.pass_time(14)
    write, overtaking = moves.change_state, [True]

    def be_overtaken(*args: Any, **kwargs: Any) -> object:
        if overtaking and overtaking.pop():
            services.note_going_offline(home.wall)
        return write(*args, **kwargs)

    monkeypatch.setattr("nasctl.services.moves.change_state", be_overtaken)
    home.pass_time(2)
    assert reasons() == [R.ANSWERS, R.CALLED_GOING_OFFLINE]
    home.pass_time(10)
    assert reasons()[2:] == [R.SHUT_DOWN]


def test_a_database_that_is_away_does_not_end_the_watch(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home.look()

    def fail(_now: Moment) -> NasStatus:
        raise OperationalError("database is locked")

    with monkeypatch.context() as broken:
        broken.setattr("nasctl.services.moves.current_status", fail)
        home.pass_time(30)
    assert len([one for one in caplog.records if "database" in one.message]) == 1
    home.vanish()
    home.pass_time(25)
    assert home.status.state == S.OFFLINE


@pytest.fixture
def marks(monkeypatch: pytest.MonkeyPatch) -> dict[Work, float]:
    """What has advanced in this process."""
    found: dict[Work, float] = {}
    monkeypatch.setattr(progress, "_advanced_s", found)
    return found


def test_the_watch_advances_by_looks_and_not_by_steps(home: Home, marks: dict[Work, float]) -> None:
    home.watcher.step(longest_s=0)
    home.watcher.step(longest_s=0)
    assert marks == {}, "nobody has looked: all who could may hang"
    home.look()
    assert Work.WATCH in marks


def test_a_watch_without_a_database_does_what_it_can(
    home: Home, marks: dict[Work, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_now: Moment) -> NasStatus:
        raise OperationalError("database is locked")

    monkeypatch.setattr("nasctl.services.moves.current_status", fail)
    home.watcher.step(longest_s=0)
    home.watcher.step(longest_s=0)
    assert Work.WATCH in marks, "starting the worker again would mend no database"


def test_a_wish_that_was_never_told_is_told_by_the_next_watch(home: Home) -> None:
    home.look()
    NameStatus.objects.update(wanted="pi")
    home.restart()
    home.look()
    assert NameStatus.current().wanted == "nas"
    assert home.name_switches == 2


def test_a_quiet_minute_writes_nothing_and_asks_the_database_little(
    home: Home, django_assert_max_num_queries: Any
) -> None:
    home.look()
    with django_assert_max_num_queries(300):  # half-second steps; each reads the state once
        home.pass_time(60)
    assert home.status.version == 1


# Its arrival, which has the inbox moved.


def test_a_nas_that_is_there_at_the_first_look_has_arrived_once(home: Home) -> None:
    home.pass_time(120)
    assert home.arrivals == 1


def test_a_nas_that_does_not_answer_has_not_arrived(home: Home) -> None:
    home.vanish()
    home.pass_time(60)
    home.presence, home.probe = Presence.OK, BAD_GATEWAY
    home.pass_time(60)
    assert home.arrivals == 0


def test_a_nas_that_goes_on_answering_does_not_arrive_again(home: Home) -> None:
    home.pass_time(20)
    home.probe = BAD_GATEWAY  # one miss is no absence
    home.pass_time(4)
    home.appear()
    home.pass_time(300)
    assert (home.status.state, home.arrivals) == (S.ONLINE, 1)
    home.restart()
    home.pass_time(60)
    assert home.arrivals == 1, "a new watch is no arrival"


def test_a_nas_arrives_after_our_wake_when_balu_host_answers(home: Home) -> None:
    home.vanish(power_w=1.2)
    home.pass_time(10)
    home.wake()
    home.pass_time(6)
    home.presence, home.probe, home.power_w = Presence.OK, BAD_GATEWAY, 41.0
    home.pass_time(10)
    assert (home.status.state, home.arrivals) == (S.BOOTING, 0), "its port is not BaluHost yet"
    home.appear(power_w=41.0)
    home.pass_time(120)
    assert (home.status.state, home.arrivals) == (S.ONLINE, 1)


def test_a_nas_arrives_after_it_slept_and_said_nothing(home: Home) -> None:
    """Suspend and resume send no call; the predecessor left the inbox lying then."""
    home.pass_time(20)
    home.vanish(power_w=1.2)
    home.pass_time(60)
    assert (home.status.state, home.arrivals) == (S.OFFLINE, 1)
    home.appear(power_w=41.0)
    home.pass_time(120)
    assert (home.status.state, home.arrivals) == (S.ONLINE, 2)


def test_a_nas_arrives_after_an_outage(home: Home) -> None:
    """Two good answers in a row are asked for then; they are one arrival."""
    home.pass_time(20)
    home.vanish()
    home.pass_time(60)
    assert (home.status.planned, home.arrivals) == (False, 1)
    home.appear()
    home.pass_time(120)
    assert (home.status.state, home.arrivals) == (S.ONLINE, 2)


def test_a_service_that_was_started_again_arrives_when_it_answers(home: Home) -> None:
    home.pass_time(20)
    services.note_going_offline(home.wall)
    home.presence, home.probe = Presence.REFUSED, Probe(Answer.REFUSED)
    home.pass_time(5)
    services.note_coming_online(home.wall)
    home.presence, home.probe = Presence.OK, BAD_GATEWAY
    home.pass_time(5)
    assert (home.status.state, home.arrivals) == (S.ONLINE, 1), "it calls before it serves"
    home.appear()
    home.pass_time(120)
    assert (reasons()[1:], home.arrivals) == ([R.CALLED_GOING_OFFLINE, R.CALLED_COMING_ONLINE], 2)


def test_a_good_bye_that_did_not_come_true_ends_in_an_arrival(home: Home) -> None:
    """It stayed: what was left in the inbox meanwhile goes there now."""
    home.pass_time(20)
    services.note_going_offline(home.wall)
    home.pass_time(100)
    assert (home.status.state, home.arrivals) == (S.SHUTTING_DOWN, 1)
    home.pass_time(60)
    assert (reasons()[-1], home.arrivals) == (R.SERVICE_RESTART, 2)


def test_an_arrival_that_somebody_else_noted_first_is_told_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call overtakes the verdict; the next good answer counts."""
    home.vanish()
    home.pass_time(10)
    write, overtaking = moves.change_state, [True]

    def be_overtaken(*args: Any, **kwargs: Any) -> object:
        if overtaking and overtaking.pop():
            services.note_coming_online(home.wall)
        return write(*args, **kwargs)

    monkeypatch.setattr("nasctl.services.moves.change_state", be_overtaken)
    home.appear()
    home.pass_time(60)
    assert reasons()[-1] == R.CALLED_COMING_ONLINE
    assert (home.status.probed, home.arrivals) == (True, 1)


# The watch in its thread.


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Looks that are answered at once, without a network."""
    done: list[Job] = []

    def run(errand: Errand) -> Look:
        done.append(errand.job)
        is_presence = errand.job is Job.PRESENCE
        return Look(errand.job, errand.started_s, presence=Presence.OK if is_presence else None)

    monkeypatch.setattr(looks, "run", run)
    return done


def test_a_watch_looks_until_it_is_over(quick_looks: list[Job]) -> None:
    assert services.watch(names_changed=lambda: None, is_over=lambda: len(quick_looks) >= 3)
    assert set(quick_looks) == {Job.PRESENCE, Job.PROBE, Job.POWER}
    assert watching._inbox is None


def test_a_watch_tells_of_the_arrival_that_it_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(errand: Errand) -> Look:
        probe = GOOD if errand.job is Job.PROBE else None
        return Look(errand.job, errand.started_s, probe=probe)

    monkeypatch.setattr(looks, "run", run)
    told: list[str] = []
    is_over = iter([False] * 20)
    services.watch(
        names_changed=lambda: told.append("names"),
        has_arrived=lambda: told.append("arrival"),
        is_over=lambda: len(told) > 1 or next(is_over, True),
    )
    assert told == ["names", "arrival"]


def test_there_is_one_watch_and_the_second_call_nudges_it(quick_looks: list[Job]) -> None:
    nudges: Any = queue.SimpleQueue()
    watching._set_inbox(nudges)
    try:
        with file_lock("watch") as is_ours:
            assert is_ours
            assert services.watch(names_changed=lambda: None) is False
    finally:
        watching._set_inbox(None)
    assert nudges.get(timeout=5) is None
    assert quick_looks == []


def test_stop_watching_ends_a_watch_that_waits(quick_looks: list[Job]) -> None:
    """The next look is 10 s away; the worker must not wait for it."""
    home_is_quiet = threading.Event()

    def stop_when_quiet() -> None:
        assert home_is_quiet.wait(10)
        services.stop_watching()

    stopper = threading.Thread(target=stop_when_quiet)
    stopper.start()
    watcher = Watcher(names_changed=lambda: None)
    watching._set_inbox(watcher.inbox)
    try:
        while not watching._stopping.is_set():
            home_is_quiet.set()
            watcher.step()
    finally:
        watching._set_inbox(None)
        watcher.close()
        stopper.join(10)
    assert services.watch(names_changed=lambda: None), "it had the lock, but nothing to do any more"


def test_a_look_that_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    results: Any = queue.SimpleQueue()
    hanging = threading.Event()

    def run(errand: Errand) -> Look:
        if errand.job is Job.POWER:
            hanging.wait(10)
        return Look(errand.job, errand.started_s)

    monkeypatch.setattr(looks, "run", run)
    askers = Askers(results)
    askers.start(Errand(Job.POWER, 1.0))
    askers.start(Errand(Job.PRESENCE, 1.0))
    askers.start(Errand(Job.PROBE, 1.0))
    assert {results.get(timeout=5).job for _look in range(2)} == {Job.PRESENCE, Job.PROBE}
    hanging.set()
    assert results.get(timeout=5).job is Job.POWER
    askers.stop()


def test_a_look_that_breaks_brings_nothing_and_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    results: Any = queue.SimpleQueue()

    def run(_errand: Errand) -> Look:
        raise ZeroDivisionError

    monkeypatch.setattr(looks, "run", run)
    askers = Askers(results)
    askers.start(Errand(Job.POWER, 1.0))
    assert results.get(timeout=5) == Look(Job.POWER, 1.0)
    askers.stop()
    assert "power could not be looked at" in caplog.text
