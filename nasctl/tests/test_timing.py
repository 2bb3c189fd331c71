"""How soon the names follow the NAS, at the worst, over many moments between the looks."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from nasctl.evidence import Limits, RunningWake, Stage, Standing
from nasctl.pace import Job
from nasctl.state import NasState, Reason, Target
from nasctl.tests.simulation import Face, Household, coming_online, going_offline, woken

S, R = NasState, Reason
LIMITS = Limits()
#: Moments of the trouble; 30 s is the longest rhythm, and 0.37 meets no grid.
PHASES = [100 + number * 0.37 for number in range(82)]


def until(moment_s: float, before: Face, after: Face) -> Callable[[float], Face]:
    return lambda at_s: before if at_s < moment_s else after


def lasting(moment_s: float, before_w: float, after_w: float) -> Callable[[float], float]:
    return lambda at_s: before_w if at_s < moment_s else after_w


def last_start_s(home: Household, job: Job, moment_s: float) -> float:
    return max(at_s for at_s in home.starts[job] if at_s < moment_s)


def only_move_s(home: Household, reason: Reason) -> float:
    [(at_s, found)] = home.moves
    assert found is reason
    return at_s


@pytest.mark.parametrize(
    ("face", "after_w", "job", "limit_s"),
    [
        pytest.param(Face.SILENT, None, Job.PRESENCE, 20, id="power cut or suspend, no plug"),
        pytest.param(Face.SILENT, 0.0, Job.PRESENCE, 20, id="power cut"),
        pytest.param(Face.SILENT, 2.6, Job.PRESENCE, 20, id="suspend"),
        pytest.param(Face.REFUSED, 35.0, Job.PRESENCE, 20, id="connection refused"),
        pytest.param(Face.BAD_GATEWAY, 35.0, Job.PROBE, 40, id="502"),
        pytest.param(Face.HANG, 35.0, Job.PROBE, 60, id="accepts, never answers"),
    ],
)
def test_the_name_leaves_a_nas_in_trouble_in_time(
    face: Face, after_w: float | None, job: Job, limit_s: float
) -> None:
    worst_s = 0.0
    for moment_s in PHASES:
        power = None if after_w is None else lasting(moment_s, 35.0, after_w)
        home = Household(until(moment_s, Face.GOOD, face), power_w=power).run(moment_s + 80)
        took_s = home.target_s(Target.PI, 0.0) - last_start_s(home, job, moment_s)
        worst_s = max(worst_s, took_s)
    assert worst_s <= limit_s - 1, "a second is left for the switch itself"
    assert worst_s > 2.0


def test_a_power_cut_is_believed_at_the_first_miss() -> None:
    for moment_s in PHASES:
        home = Household(
            until(moment_s, Face.GOOD, Face.SILENT), power_w=lasting(moment_s, 35.0, 0.0)
        ).run(moment_s + 40)
        assert home.target_s(Target.PI, 0.0) - moment_s <= 16
        assert home.moves[0][1] is R.POWER_GONE


@pytest.mark.parametrize("before", [Face.SILENT, Face.REFUSED, Face.BAD_GATEWAY, Face.HANG])
def test_the_name_returns_four_seconds_after_the_first_good_answer_to_our_wake(
    before: Face,
) -> None:
    for moment_s in PHASES[::2]:
        home = Household(
            until(moment_s, before, Face.GOOD),
            standing=Standing(state=S.OFFLINE, moved_s=-1000.0, planned=False),
        )
        home.at(60.0, woken(60.0, LIMITS))
        home.run(moment_s + 30)
        assert home.target_s(Target.NAS, 0.0) - moment_s <= 3.5


@pytest.mark.parametrize("before", [Face.SILENT, Face.REFUSED, Face.BAD_GATEWAY, Face.HANG])
@pytest.mark.parametrize("start_s", [0.0, 600.0])
@pytest.mark.parametrize("planned", [True, False])
def test_the_name_returns_sixteen_seconds_after_any_other_first_good_answer(
    before: Face, start_s: float, planned: bool
) -> None:
    """Also after a backend that was dead behind its front server for ten minutes."""
    worst_s = 0.0
    for phase_s in PHASES:
        moment_s = start_s + phase_s
        home = Household(
            until(moment_s, before, Face.GOOD),
            standing=Standing(state=S.OFFLINE, moved_s=-1000.0, planned=planned),
        ).run(moment_s + 40)
        worst_s = max(worst_s, home.target_s(Target.NAS, 0.0) - moment_s)
    assert worst_s <= 15


@pytest.mark.parametrize(
    ("face", "power_w", "expected", "limit_s"),
    [
        pytest.param(Face.GOOD, None, S.ONLINE, 0.1, id="there"),
        pytest.param(Face.SILENT, 1.2, S.OFFLINE, 2.5, id="off, with a plug"),
        pytest.param(Face.SILENT, None, S.OFFLINE, 8.5, id="off, no plug"),
        pytest.param(Face.REFUSED, None, S.OFFLINE, 6.5, id="refuses"),
        pytest.param(Face.HANG, None, S.OFFLINE, 12.0, id="hangs"),
    ],
)
def test_the_first_start_knows_in_seconds(
    face: Face, power_w: float | None, expected: NasState, limit_s: float
) -> None:
    power = None if power_w is None else (lambda _at_s: power_w)
    home = Household(
        lambda _at_s: face, power_w=power, standing=Standing(state=S.UNKNOWN, moved_s=0.0)
    ).run(60.0)
    assert home.standing.state is expected
    assert home.moves[0][0] <= limit_s
    assert home.standing.planned, "what the first look finds is no alarm"


def test_a_boot_of_our_own_is_never_shown_as_offline_before_its_deadline() -> None:
    home = Household(lambda _at_s: Face.SILENT, standing=Standing(state=S.OFFLINE, moved_s=-9.0))
    home.at(5.0, woken(5.0, LIMITS))
    home.run(200.0)
    assert [reason for _at_s, reason in home.moves] == [R.BOOT_FAILED]
    assert 95.0 <= home.moves[0][0] <= 98.0
    packets = home.starts[Job.PACKET]
    assert packets[0] == 5.0
    assert packets[-1] <= 35.0
    assert [later - one for one, later in itertools.pairwise(packets)] == pytest.approx(
        [5.0] * (len(packets) - 1)
    )


def test_packets_end_when_the_plug_delivers_power() -> None:
    home = Household(
        lambda _at_s: Face.SILENT,
        power_w=lasting(12.0, 1.2, 41.0),
        standing=Standing(state=S.OFFLINE, moved_s=-9.0),
    )
    home.at(5.0, woken(5.0, LIMITS))
    home.run(60.0)
    assert home.starts[Job.PACKET] == [5.0, 10.0]


def test_a_wake_on_the_way_down_is_repeated_until_the_nas_hears_it() -> None:
    """It still answers for 20 s, is gone for 30 s, and its card hears packets only then."""

    def face(at_s: float) -> Face:
        return Face.GOOD if at_s < 20 or at_s >= 70 else Face.SILENT

    home = Household(face, power_w=lambda at_s: 1.2 if 25 <= at_s < 50 else 38.0)
    home.at(2.0, going_offline(2.0))
    home.at(4.0, woken(4.0, LIMITS))
    home.run(100.0)
    assert home.target_s(Target.PI, 0.0) == 2.0
    assert home.target_s(Target.NAS, 2.5) == pytest.approx(71.5, abs=2.0)
    assert max(home.starts[Job.PACKET]) >= 25.0


def test_a_nas_that_still_answers_after_its_good_bye_keeps_the_name_at_the_pi() -> None:
    home = Household(until(40.0, Face.GOOD, Face.SILENT), power_w=lasting(45.0, 38.0, 1.2))
    home.at(12.0, going_offline(12.0))
    home.run(200.0)
    assert [target for _at_s, target in home.targets] == [Target.NAS, Target.PI]
    assert only_move_s(home, R.SHUT_DOWN) == pytest.approx(46.5, abs=2.0)


def test_a_restart_of_the_service_gives_the_name_back_at_the_first_good_probe() -> None:
    def face(at_s: float) -> Face:
        return Face.BAD_GATEWAY if 12 <= at_s < 22.3 else Face.GOOD

    home = Household(face, power_w=lambda _at_s: 35.0)
    home.at(12.0, going_offline(12.0))
    home.at(20.0, coming_online(20.0))
    home.run(60.0)
    assert home.moves == []
    assert home.target_s(Target.PI, 0.0) == 12.0
    assert home.target_s(Target.NAS, 12.0) - 22.3 <= 1.1


def test_a_good_bye_that_comes_to_nothing_ends_after_its_grace() -> None:
    home = Household(lambda _at_s: Face.GOOD, power_w=lambda _at_s: 35.0)
    home.at(10.0, going_offline(10.0))
    home.run(200.0)
    assert only_move_s(home, R.SERVICE_RESTART) == pytest.approx(132.0, abs=2.0)


def test_a_machine_that_restarts_is_given_five_minutes() -> None:
    home = Household(until(14.0, Face.GOOD, Face.SILENT), power_w=lambda _at_s: 35.0)
    home.at(10.0, going_offline(10.0))
    home.run(400.0)
    assert only_move_s(home, R.RESTARTING) == pytest.approx(310.0, abs=3.0)


def test_coming_online_is_believed_for_a_minute() -> None:
    home = Household(
        lambda _at_s: Face.BAD_GATEWAY, standing=Standing(state=S.OFFLINE, moved_s=-99.0)
    )
    home.at(5.0, coming_online(5.0))
    home.run(100.0)
    assert [target for _at_s, target in home.targets] == [Target.PI]
    probes = [at_s for at_s in home.starts[Job.PROBE] if 5.0 <= at_s < 65.0]
    assert 58 <= len(probes) <= 62
    assert only_move_s(home, R.POWERED_NOT_ANSWERING) == pytest.approx(72.0, abs=3.0)


def test_power_that_rises_by_itself_is_a_boot() -> None:
    def face(at_s: float) -> Face:
        return Face.SILENT if at_s < 110.0 else Face.GOOD

    home = Household(
        face,
        power_w=lasting(75.0, 1.2, 41.0),
        standing=Standing(state=S.OFFLINE, moved_s=-99.0),
    ).run(150.0)
    assert [reason for _at_s, reason in home.moves] == [R.WOKEN_BY_OTHER, R.ANSWERS]
    assert home.target_s(Target.NAS, 0.0) - 110.0 <= 3.5


def test_a_machine_frozen_at_20_w_does_not_stay_online() -> None:
    home = Household(until(100.0, Face.GOOD, Face.HANG), power_w=lambda _at_s: 20.0).run(200.0)
    assert only_move_s(home, R.POWERED_NOT_ANSWERING) == pytest.approx(130.0, abs=31.0)
    assert home.standing.state is S.OFFLINE


def test_one_lost_look_moves_nothing_and_fast_mode_ends_again() -> None:
    home = Household(lambda at_s: Face.SILENT if 100 <= at_s < 101 else Face.GOOD).run(300.0)
    assert home.moves == []
    late = [at_s for at_s in home.starts[Job.PRESENCE] if at_s > 150]
    assert [later - one for one, later in itertools.pairwise(late)] == pytest.approx(
        [10.0] * (len(late) - 1)
    )


def test_looks_at_a_quiet_nas_keep_their_rhythm() -> None:
    home = Household(lambda _at_s: Face.GOOD, power_w=lambda _at_s: 33.0).run(600.0)
    assert len(home.starts[Job.PRESENCE]) == 60
    assert len(home.starts[Job.PROBE]) == 20
    assert home.starts[Job.PACKET] == []


def test_a_foreign_device_at_the_address_is_not_asked_every_three_seconds_for_ever() -> None:
    home = Household(
        lambda _at_s: Face.BAD_GATEWAY, standing=Standing(state=S.OFFLINE, moved_s=-9.0)
    ).run(1200.0)
    late = [at_s for at_s in home.starts[Job.PROBE] if at_s > 600]
    assert min(later - one for one, later in itertools.pairwise(late)) >= 9.9


def test_wake_anyway_while_online_becomes_a_boot_where_it_falls_silent() -> None:
    limits = LIMITS

    def anyway(standing: Standing) -> Standing:
        wake = RunningWake(requested_s=10.0, deadline_s=10.0 + limits.boot_s)
        return Standing(
            state=standing.state, moved_s=standing.moved_s, probed=standing.probed, wake=wake
        )

    def face(at_s: float) -> Face:
        return Face.SILENT if 9 <= at_s < 50 else Face.GOOD

    home = Household(face)
    home.at(10.0, anyway)
    home.run(80.0)
    assert [reason for _at_s, reason in home.moves] == [R.WAKE, R.ANSWERS]
    assert home.target_s(Target.NAS, 20.0) - 50.0 <= 3.5
    assert home.standing.wake is None


def test_stages_are_in_their_order() -> None:
    assert list(Stage) == [Stage.POWER_SEEN, Stage.PORT_ANSWERED, Stage.HEALTHY]
