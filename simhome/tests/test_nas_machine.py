"""The NAS machine: states, stages, faults and power, with time as an argument."""

from datetime import UTC, datetime, timedelta

import pytest

from simhome.nas_actions import ACTIONS, ActionRefusedError, UnknownActionError, act
from simhome.nas_machine import NasMachine
from simhome.nas_stages import Call, Face, NasState, NasTimings

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
IDLE_NAS = NasTimings(idle_after_seconds=90, idle_check_seconds=30)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def nas(state: NasState = NasState.RUNNING, timings: NasTimings | None = None) -> NasMachine:
    return NasMachine(now=START, state=state, timings=timings)


def finish_call(machine: NasMachine, seconds: float) -> None:
    assert machine.pending_call is not None
    machine.call_finished(machine.pending_call.serial, at(seconds))


def calling(machine: NasMachine) -> Call | None:
    return machine.pending_call.call if machine.pending_call else None


def look(machine: NasMachine, seconds: float) -> tuple[str, str, str, float]:
    machine.tick(at(seconds))
    power_w = machine.power.power_w(at(seconds))
    return machine.state, machine.stage.name, machine.face, power_w


class TestBoot:
    @pytest.mark.parametrize(
        ("seconds", "stage", "face"),
        [
            pytest.param(0, "power", Face.SILENT, id="power comes at once, the network does not"),
            pytest.param(14.9, "power", Face.SILENT, id="still starting"),
            pytest.param(15, "port", Face.FRONT_502, id="the front server comes first"),
            pytest.param(24.9, "port", Face.FRONT_502, id="BaluHost is not there yet"),
            pytest.param(25, "calling", Face.FRONT_502, id="it calls before it serves"),
            pytest.param(600, "calling", Face.FRONT_502, id="it waits for the call"),
        ],
    )
    def test_it_goes_through_its_stages(self, seconds: float, stage: str, face: Face) -> None:
        machine = nas(NasState.OFF)
        machine.magic_packet(START)
        state, stage_now, face_now, power_w = look(machine, seconds)
        assert (state, stage_now, face_now) == (NasState.BOOTING, stage, face)
        assert 41 <= power_w <= 43.5

    def test_it_serves_from_the_moment_its_call_is_over(self) -> None:
        machine = nas(NasState.OFF)
        machine.magic_packet(START)
        machine.tick(at(25))
        assert calling(machine) is Call.COMING_ONLINE
        assert machine.first_good_answer_at is None
        finish_call(machine, 27)
        assert (machine.state, machine.face) == (NasState.RUNNING, Face.HEALTHY)
        assert machine.first_good_answer_at == at(27)

    def test_without_calls_it_serves_as_soon_as_it_is_up(self) -> None:
        machine = nas(NasState.OFF)
        act(machine, "calls_off", START, {})
        machine.magic_packet(START)
        machine.tick(at(100))
        assert machine.state is NasState.RUNNING
        assert machine.first_good_answer_at == at(25)

    @pytest.mark.parametrize(
        ("stage", "face"),
        [pytest.param("power", Face.SILENT), pytest.param("port", Face.FRONT_502)],
    )
    def test_it_stops_half_way_until_it_is_let_go(self, stage: str, face: Face) -> None:
        machine = nas(NasState.OFF)
        act(machine, "boot_stops_at", START, {"stage": stage})
        machine.magic_packet(START)
        assert look(machine, 1000)[1:3] == (stage, face)
        act(machine, "boot_normally", at(1000), {})
        assert look(machine, 1010)[1] == "calling"

    def test_a_call_of_a_former_boot_changes_nothing(self) -> None:
        machine = nas(NasState.OFF)
        machine.magic_packet(START)
        machine.tick(at(25))
        assert machine.pending_call is not None
        old = machine.pending_call.serial
        act(machine, "crash", at(26), {})
        machine.magic_packet(at(30))
        machine.call_finished(old, at(56))
        assert machine.stage.name == "calling"


class TestWake:
    @pytest.mark.parametrize(
        ("state", "after"),
        [
            pytest.param(NasState.OFF, NasState.BOOTING, id="off"),
            pytest.param(NasState.CRASHED, NasState.BOOTING, id="crashed"),
            pytest.param(NasState.SUSPENDED, NasState.RESUMING, id="suspended"),
        ],
    )
    def test_a_magic_packet_wakes_what_sleeps(self, state: NasState, after: NasState) -> None:
        machine = nas(state)
        assert machine.magic_packet(at(1))
        assert machine.state is after

    @pytest.mark.parametrize(
        "state",
        [
            state
            for state in NasState
            if state not in (NasState.OFF, NasState.CRASHED, NasState.SUSPENDED)
        ],
    )
    def test_a_magic_packet_changes_nothing_else(self, state: NasState) -> None:
        machine = nas(state)
        assert not machine.magic_packet(START)
        assert machine.state is state

    def test_a_nas_told_not_to_boot_ignores_it(self) -> None:
        machine = nas(NasState.OFF)
        act(machine, "no_boot", START, {})
        assert not machine.magic_packet(START)
        act(machine, "boot_normally", START, {})
        assert machine.magic_packet(START)

    def test_a_nas_without_mains_cannot_be_woken(self) -> None:
        machine = nas(NasState.OFF)
        machine.set_mains(on=False, now=START)
        assert not machine.magic_packet(at(1))
        with pytest.raises(ActionRefusedError, match="power_back"):
            act(machine, "power_on", at(1), {})

    def test_it_resumes_without_a_call(self) -> None:
        machine = nas(NasState.SUSPENDED)
        machine.magic_packet(START)
        assert look(machine, 3.9)[:3] == (NasState.RESUMING, "power", Face.SILENT)
        assert look(machine, 4)[:3] == (NasState.RUNNING, "running", Face.HEALTHY)
        assert machine.first_good_answer_at == at(4)


class TestShutdown:
    def test_it_calls_then_answers_a_little_then_goes_silent(self) -> None:
        machine = nas()
        act(machine, "shutdown", START, {})
        assert calling(machine) is Call.GOING_OFFLINE
        assert look(machine, 9)[1:3] == ("calling", Face.HEALTHY)
        finish_call(machine, 10)
        assert look(machine, 11.9)[1:3] == ("answering", Face.HEALTHY)
        assert look(machine, 12)[1:3] == ("front", Face.FRONT_502)
        assert look(machine, 14)[1:3] == ("port_closed", Face.REFUSED)
        assert look(machine, 16) == (NasState.OFF, "off", Face.SILENT, 1.2)

    def test_it_can_be_gone_while_it_calls(self) -> None:
        machine = nas(timings=NasTimings(shutdown_answering_seconds=0))
        act(machine, "shutdown", START, {})
        assert machine.face is Face.FRONT_502

    def test_a_restart_of_the_service_makes_both_calls(self) -> None:
        machine = nas()
        act(machine, "restart_service", START, {})
        assert calling(machine) is Call.GOING_OFFLINE
        finish_call(machine, 1)
        assert look(machine, 5.9)[1:3] == ("away", Face.FRONT_502)
        machine.tick(at(6))
        assert calling(machine) is Call.COMING_ONLINE
        assert machine.first_good_answer_at is None
        finish_call(machine, 7)
        assert machine.first_good_answer_at == at(7)
        assert machine.life == 0

    def test_a_dead_backend_makes_no_call(self) -> None:
        machine = nas()
        act(machine, "backend_dead", START, {})
        act(machine, "shutdown", at(1), {})
        assert machine.pending_call is None
        assert look(machine, 7)[0] == NasState.OFF


class TestPower:
    @pytest.mark.parametrize(
        ("state", "low_w", "high_w"),
        [
            pytest.param(NasState.OFF, 1.2, 1.2, id="off"),
            pytest.param(NasState.CRASHED, 1.2, 1.2, id="crashed"),
            pytest.param(NasState.SUSPENDED, 2.6, 2.6, id="suspended"),
            pytest.param(NasState.SOFT_SLEEP, 21.5, 22.5, id="soft sleep"),
            pytest.param(NasState.BOOTING, 41, 43.5, id="booting"),
        ],
    )
    def test_each_state_has_its_power(self, state: NasState, low_w: float, high_w: float) -> None:
        machine = nas(state)
        drawn = [machine.power.power_w(at(n)) for n in range(0, 3600, 5)]
        assert low_w <= min(drawn)
        assert max(drawn) <= high_w

    @pytest.mark.parametrize(
        ("activity", "low_w", "high_w"),
        [pytest.param("busy", 38, 55), pytest.param("idle", 31, 36)],
    )
    def test_work_costs_power(self, activity: str, low_w: float, high_w: float) -> None:
        machine = nas()
        act(machine, activity, START, {})
        drawn = [machine.power.power_w(at(n)) for n in range(0, 3600, 5)]
        assert low_w <= min(drawn) < low_w + 1
        assert high_w - 1 < max(drawn) <= high_w

    def test_it_may_draw_the_same_all_the_while(self) -> None:
        machine = nas()
        act(machine, "steady", START, {})
        assert {machine.power.power_w(at(n)) for n in range(0, 3600, 5)} == {33.5}

    def test_a_day_by_itself_has_work_and_rest_and_is_the_same_for_a_seed(self) -> None:
        day = [at(n) for n in range(0, 86400, 60)]
        drawn = [nas().power.power_w(moment) for moment in day]
        assert drawn == [nas().power.power_w(moment) for moment in day]
        busy_share = sum(power_w > 37 for power_w in drawn) / len(drawn)
        assert 0.05 < busy_share < 0.5
        other = NasMachine(now=START, seed=1)
        assert drawn != [other.power.power_w(moment) for moment in day]

    def test_a_meter_may_ask_for_what_has_passed(self) -> None:
        machine = nas()
        act(machine, "crash", at(100.5), {})
        machine.tick(at(200))
        assert machine.power.power_w(at(100)) > 30
        assert machine.power.power_w(at(100.5)) == 1.2
        assert machine.power.next_change(at(100.2)) == at(100.5)
        assert machine.power.next_change(at(101)) is None

    def test_power_is_constant_up_to_its_next_change(self) -> None:
        machine = nas()
        moment, seen = START, set()
        while moment < at(600):
            change = machine.power.next_change(moment)
            assert change is not None
            assert moment < change
            just_before = change - timedelta(microseconds=1)
            assert machine.power.power_w(moment) == machine.power.power_w(just_before)
            seen.add(machine.power.power_w(moment))
            moment = change
        assert len(seen) > 50

    def test_without_mains_there_is_none(self) -> None:
        machine = nas()
        machine.set_mains(on=False, now=at(1))
        assert look(machine, 1) == (NasState.OFF, "off", Face.SILENT, 0.0)
        machine.set_mains(on=True, now=at(2))
        assert look(machine, 2) == (NasState.OFF, "off", Face.SILENT, 1.2)

    def test_a_frozen_nas_draws_on(self) -> None:
        machine = nas()
        act(machine, "freeze", START, {})
        assert look(machine, 60)[2] is Face.SILENT
        assert look(machine, 60)[3] > 30


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "face"),
        [
            pytest.param("freeze", Face.SILENT),
            pytest.param("hang", Face.HANG),
            pytest.param("refuse", Face.REFUSED),
            pytest.param("backend_dead", Face.FRONT_502),
            pytest.param("html_200", Face.HTML_200),
        ],
    )
    @pytest.mark.parametrize("cure", ["recover", "unhang"])
    def test_a_fault_shows_until_recovery(self, fault: str, face: Face, cure: str) -> None:
        machine = nas()
        act(machine, fault, at(1), {})
        assert machine.face is face
        assert machine.first_good_answer_at is None
        assert machine.face_since == at(1)
        act(machine, cure, at(9), {})
        assert machine.face is Face.HEALTHY
        assert machine.first_good_answer_at == at(9)

    def test_slow_is_still_healthy(self) -> None:
        machine = nas()
        act(machine, "slow", at(1), {"seconds": 3})
        assert (machine.face, machine.slow_seconds) == (Face.HEALTHY, 3)
        act(machine, "recover", at(2), {})
        assert machine.slow_seconds == 0

    def test_a_fault_does_not_open_a_port_that_is_closed(self) -> None:
        machine = nas(NasState.BOOTING)
        act(machine, "html_200", at(1), {})
        assert look(machine, 1)[2] is Face.SILENT
        assert look(machine, 15)[2] is Face.HTML_200

    def test_a_new_boot_has_no_old_fault(self) -> None:
        machine = nas()
        act(machine, "slow", START, {})
        act(machine, "crash", at(1), {})
        machine.magic_packet(at(2))
        assert (machine.fault, machine.slow_seconds) == (None, 0)

    def test_a_frozen_boot_goes_on_after_recovery(self) -> None:
        machine = nas(NasState.BOOTING)
        act(machine, "freeze", at(1), {})
        assert look(machine, 100)[1] == "power"
        act(machine, "recover", at(100), {})
        assert look(machine, 100)[1] == "port"
        assert machine.face_since == at(100)


class TestSoftSleep:
    @pytest.mark.parametrize(
        "path",
        [
            "/api/system/info",
            "/api/system/info?full=1",
            "/api/system/sleep/status",
            "/api/power/status",
            "/api/monitoring/cpu/current",
        ],
    )
    def test_harmless_requests_leave_it_asleep(self, path: str) -> None:
        machine = nas(NasState.SOFT_SLEEP)
        machine.request(path, at(1))
        assert machine.state is NasState.SOFT_SLEEP

    @pytest.mark.parametrize(
        "path", ["/api/health", "/api/auth/me", "/api/auth/login", "/api/system/status", "/api/x"]
    )
    def test_any_other_request_ends_it(self, path: str) -> None:
        machine = nas(NasState.SOFT_SLEEP)
        machine.request(path, at(1))
        assert machine.state is NasState.RUNNING
        assert machine.changes[-1].why == f"request {path}"

    def test_it_answers_all_the_time(self) -> None:
        machine = nas()
        act(machine, "soft_sleep", at(1), {})
        machine.request("/api/health", at(2))
        assert machine.first_good_answer_at == START

    def test_an_idle_nas_falls_asleep(self) -> None:
        machine = nas(timings=IDLE_NAS)
        act(machine, "idle", START, {})
        assert look(machine, 89)[0] == NasState.RUNNING
        assert look(machine, 90)[0] == NasState.SOFT_SLEEP

    def test_a_busy_nas_does_not(self) -> None:
        machine = nas(timings=IDLE_NAS)
        act(machine, "busy", START, {})
        assert look(machine, 3600)[0] == NasState.RUNNING

    def test_by_itself_it_never_sleeps_unless_told_after_how_long(self) -> None:
        machine = nas()
        act(machine, "idle", START, {})
        assert look(machine, 86400)[0] == NasState.RUNNING
        assert machine.next_due() is None

    @pytest.mark.parametrize(
        ("per_minute", "state"),
        [
            pytest.param(5, NasState.SOFT_SLEEP, id="five a minute are idle"),
            pytest.param(6, NasState.RUNNING, id="six a minute keep it awake"),
        ],
    )
    def test_even_harmless_requests_keep_it_awake(self, per_minute: int, state: NasState) -> None:
        machine = nas(timings=IDLE_NAS)
        act(machine, "idle", START, {})
        for number in range(per_minute * 10):
            machine.request("/api/system/info", at(number * 60 / per_minute + 0.1))
        machine.tick(at(600))
        assert machine.state is state


class TestActions:
    @pytest.mark.parametrize("name", ACTIONS)
    @pytest.mark.parametrize("state", list(NasState))
    def test_each_action_is_possible_exactly_where_it_says(
        self, name: str, state: NasState
    ) -> None:
        machine = nas(state)
        options = {"stage": "port"} if name == "boot_stops_at" else {}
        if state in ACTIONS[name].states:
            act(machine, name, at(0), options)
        else:
            with pytest.raises(ActionRefusedError, match=f"while the NAS is {state}; possible: "):
                act(machine, name, at(0), options)
            assert machine.state is state

    @pytest.mark.parametrize(
        ("name", "options", "message"),
        [
            pytest.param("explode", {}, "there are: power_on, shutdown", id="unknown action"),
            pytest.param("crash", {"seconds": 3}, "takes no options", id="unknown option"),
            pytest.param("slow", {"seconds": "x"}, "must be a number", id="not a number"),
            pytest.param("slow", {"seconds": -1}, "must be a number", id="below zero"),
            pytest.param("boot_stops_at", {}, "stage=power or stage=port", id="no stage"),
            pytest.param("timings", {"boot_seconds": 1}, "must not be above", id="order"),
            pytest.param("timings", {"resume_seconds": None}, "resume_seconds", id="no number"),
            pytest.param("timings", {"idle_check_seconds": 0}, "above 0", id="a loop"),
        ],
    )
    def test_what_makes_no_sense_is_refused_with_the_reason(
        self, name: str, options: dict[str, object], message: str
    ) -> None:
        with pytest.raises(UnknownActionError, match=message):
            act(nas(), name, START, options)

    def test_timings_count_from_the_next_state_on(self) -> None:
        machine = nas(NasState.OFF)
        act(machine, "timings", START, {"boot_port_seconds": 1, "boot_seconds": 2})
        machine.magic_packet(START)
        assert look(machine, 2)[1] == "calling"


def test_a_clock_set_back_does_not_stop_it() -> None:
    machine = nas(NasState.OFF)
    machine.magic_packet(START)
    machine.tick(at(10))
    machine.tick(at(10 - 3600))
    assert look(machine, 14.9 - 3600)[1] == "power"
    assert look(machine, 15 - 3600)[1] == "port"
    act(machine, "crash", at(20 - 3600), {})
    assert machine.power.power_w(at(20 - 3600)) == 1.2


def test_next_due_is_when_something_happens() -> None:
    machine = nas(NasState.OFF)
    assert machine.next_due() is None
    machine.magic_packet(START)
    assert machine.next_due() == at(15)
    machine.tick(at(15))
    assert machine.next_due() == at(25)
    machine.tick(at(25))
    assert machine.next_due() is None
