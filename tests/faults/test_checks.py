"""Each check finds what it is there for: given what was seen, it says what is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults.checks import energy, files, history, names, processes
from tests.faults.checks.energy import Measured, Meter
from tests.faults.checks.history import Change
from tests.faults.checks.names import Answers
from tests.faults.checks.processes import Usage
from tests.faults.checks.windows import Window

NAS, PI = "192.0.2.53", "192.0.2.2"


def answers(kind: str, address: str = "", lasted_s: float = 1.0) -> list[Answers]:
    return [Answers(100.0, 100.0 + lasted_s, kind, address)]


@pytest.mark.parametrize(
    ("found", "windows"),
    [
        pytest.param(answers("1 address", NAS), {}, id="the NAS's address"),
        pytest.param(answers("1 address", PI), {}, id="the Pi's address"),
        pytest.param(
            answers("Timeout", lasted_s=60), {"away": [Window(99, 161)]}, id="no resolver"
        ),
        pytest.param(answers("Timeout", lasted_s=2), {}, id="one slow answer"),
        pytest.param(
            answers("1 address", "192.0.2.99"),
            {"foreign": [Window(99, 102)]},
            id="another's writing",
        ),
        pytest.param(
            answers("NXDOMAIN", lasted_s=0.1), {"foreign": [Window(99, 102)]}, id="another's hole"
        ),
    ],
)
def test_an_answer_that_a_client_may_get_is_no_problem(
    found: list[Answers], windows: dict[str, list[Window]]
) -> None:
    assert names.wrong_answers(found, addresses=(NAS, PI), **windows) == []


@pytest.mark.parametrize(
    ("found", "windows"),
    [
        pytest.param(answers("NXDOMAIN", lasted_s=0.01), {}, id="a hole"),
        pytest.param(answers("NXDOMAIN"), {"away": [Window(99, 102)]}, id="a hole, not silence"),
        pytest.param(answers("2 addresses"), {}, id="both addresses at once"),
        pytest.param(answers("0 addresses"), {}, id="an empty answer"),
        pytest.param(answers("1 address", "192.0.2.99"), {}, id="a strange address"),
        pytest.param(
            answers("Timeout", lasted_s=60), {"away": [Window(99, 110)]}, id="long silence"
        ),
        pytest.param(answers("NXDOMAIN"), {"foreign": [Window(99, 102)]}, id="too long a hole"),
    ],
)
def test_an_answer_that_no_client_may_get_is_told(
    found: list[Answers], windows: dict[str, list[Window]]
) -> None:
    assert len(names.wrong_answers(found, addresses=(NAS, PI), **windows)) == 1


def allowed_s(*, has_fought: bool = False, restart_said_at: float | None = None) -> float:
    return names.allowed_s(
        has_fought=has_fought, fight_s=65, restart_said_at=restart_said_at, healed_at=1000
    )


def test_thirty_seconds_are_enough_unless_a_rule_of_the_design_takes_longer() -> None:
    assert allowed_s() == 30
    assert allowed_s(has_fought=True) == 65
    assert allowed_s(restart_said_at=990) == 140
    assert allowed_s(restart_said_at=500) == 30


def change(number: int, before: str, after: str, reason: str = "answers") -> Change:
    return Change(number, f"12:00:{number:02}", before, after, reason)


GONE_AND_BACK = [change(1, "online", "offline", "no_answer"), change(2, "offline", "online")]
TIMES = [one.at for one in GONE_AND_BACK]
MISSING = [GONE_AND_BACK[0], change(2, "online", "offline")]
TWICE = [*GONE_AND_BACK, change(3, "online", "online")]


def test_a_history_that_tells_each_fact_once_is_no_problem() -> None:
    called = change(3, "online", "online", "called_coming_online")
    assert history.broken_history([*GONE_AND_BACK, called], [*TIMES, called.at], departures=1) == []


@pytest.mark.parametrize(
    ("changes", "times", "departures", "told"),
    [
        pytest.param(MISSING, TIMES, 2, "online follows offline", id="a change is missing"),
        pytest.param(TWICE, [*TIMES, "12:00:03"], 1, "online is told again", id="a state twice"),
        pytest.param(GONE_AND_BACK, [*TIMES, TIMES[0]], 1, "2 entries for 1", id="an entry twice"),
        pytest.param(GONE_AND_BACK, TIMES[:1], 1, "0 entries for 1", id="an entry is missing"),
        pytest.param(GONE_AND_BACK, TIMES, 0, "left 1 times, in truth 0", id="a false alarm"),
    ],
)  # fmt: skip
def test_a_fact_told_twice_or_not_at_all_is_told(
    changes: list[Change], times: list[str], departures: int, told: str
) -> None:
    (problem,) = history.broken_history(changes, times, departures)
    assert told in problem


def test_entries_are_counted_between_what_was_surely_and_what_was_perhaps_noted() -> None:
    assert history.wrong_counts({"nas.call": 3}, {"nas.call": 3}, {"nas.call": 4}) == []
    assert len(history.wrong_counts({"nas.call": 2}, {"nas.call": 3}, {"nas.call": 4})) == 1
    assert len(history.wrong_counts({"nas.call": 5}, {"nas.call": 3}, {"nas.call": 4})) == 1
    assert len(history.wrong_counts({}, {"nas.call": 1}, {"nas.call": 1})) == 1


PUT = {"one": b"a.jpg", "two": b"b.jpg"}
BOTH = ["file there twice: b'b'", "file there twice: b'c'"]


@pytest.mark.parametrize(
    ("here", "there", "is_over", "told"),
    [
        pytest.param({"one"}, {b"b.jpg": "two"}, False, [], id="one waits, one has arrived"),
        pytest.param({"one", "two"}, {b"b.jpg": "two"}, False, [], id="arrived, not yet removed here"),
        pytest.param(set(), {b"a.jpg": "one", b"b.jpg": "two"}, True, [], id="both have arrived"),
        pytest.param({"one"}, {}, False, ["file lost: b'b.jpg'"], id="lost"),
        pytest.param({"one"}, {b"b.jpg": "two"}, True, ["file not arrived: b'a.jpg'"], id="late"),
        pytest.param({"one", "two"}, {b"b": "half"}, False, ["file torn on the NAS: b'b'"], id="torn"),
        pytest.param({"one"}, {b"b": "two", b"c": "two"}, False, BOTH, id="twice"),
    ],
)  # fmt: skip
def test_a_file_that_is_lost_torn_late_or_there_twice_is_told(
    here: set[str], there: dict[bytes, str], is_over: bool, told: list[str]
) -> None:
    assert files.wrong_files(PUT, here, there, is_over=is_over) == told


def steady(power_w: float, seconds: int) -> list[Meter]:
    return [Meter(at, power_w, power_w * at / 3600) for at in range(seconds + 1)]


def stored(power_w: float, *times: float) -> list[Measured]:
    return [Measured(at, power_w) for at in times]


def compared(samples: list[Measured], meter: list[Meter], **windows: list[Window]) -> list[str]:
    figures = {"NAS": energy.compare_energy("NAS", samples, meter, interval_s=10, **windows)}
    return energy.wrong_energy(figures, run_s=meter[-1].at, least_share=0.3)


def test_energy_that_the_meter_confirms_is_no_problem() -> None:
    assert compared(stored(36, *range(0, 101, 10)), steady(36, 100)) == []


def test_energy_off_by_more_than_a_hundredth_is_told() -> None:
    (problem,) = compared(stored(37, *range(0, 101, 10)), steady(36, 100))
    assert problem == "energy: 1.028 Wh stored, the meters say 1.000 Wh"


def test_a_hole_in_what_is_stored_is_told_unless_it_was_announced() -> None:
    samples = stored(36, 0, 10, 20, 30, 70, 80, 90, 100)
    (problem,) = compared(samples, steady(36, 100))
    assert "nothing stored for 40 s" in problem
    assert compared(samples, steady(36, 100), gaps=[Window(40, 60)]) == []


def test_what_is_stored_in_an_announced_gap_has_to_be_right() -> None:
    samples = [*stored(36, 0, 10, 20, 30, 40, 50), *stored(72, 60, 70), *stored(36, 80, 90, 100)]
    assert len(compared(samples, steady(36, 100), gaps=[Window(40, 80)])) == 1


def test_what_a_wrong_clock_moved_into_an_hour_is_left_out() -> None:
    samples = sorted([*stored(36, *range(0, 101, 10)), *stored(99, 45, 55)], key=lambda one: one.at)
    assert len(compared(samples, steady(36, 100))) == 1
    assert compared(samples, steady(36, 100), distorted=[Window(41, 59)]) == []


def test_a_run_of_which_hardly_anything_can_be_compared_proves_nothing() -> None:
    (problem,) = compared(
        stored(36, *range(0, 101, 10)), steady(36, 100), distorted=[Window(0, 75)]
    )
    assert "only 20% of the run" in problem


def test_a_jump_between_two_samples_is_left_out() -> None:
    meter = [
        *steady(36, 50),
        *(Meter(at, 1.2, 0.5 + 1.2 * (at - 50) / 3600) for at in range(51, 101)),
    ]
    samples = [*stored(36, 0, 10, 20, 30, 40, 50), *stored(1.2, 60, 70, 80, 90, 100)]
    assert compared(samples, meter) == []


def test_a_sample_of_a_silent_plug_is_invented() -> None:
    silent = [Window(100, 120)]
    assert energy.invented_samples("NAS", stored(36, 90, 130), silent) == []
    assert len(energy.invented_samples("NAS", stored(36, 90, 110, 130), silent)) == 1


def test_an_hour_that_says_more_or_less_than_was_measured_is_told() -> None:
    samples = stored(36, *range(0, 1801, 10))
    assert energy.unmarked_gaps({0.0: 0.5}, samples, interval_s=10) == []
    assert len(energy.unmarked_gaps({0.0: 1.0}, samples, interval_s=10)) == 1
    assert len(energy.unmarked_gaps({0.0: 0.4}, samples, interval_s=10)) == 1


def test_an_hour_need_not_have_the_very_last_sample_yet() -> None:
    samples = stored(36, *range(0, 1811, 10), 5400)
    assert energy.unmarked_gaps({0.0: 0.5}, samples, interval_s=10) == []


@pytest.mark.parametrize(
    "line",
    [
        "Traceback (most recent call last):",
        "Exception in thread Thread-1:",
        "[ERROR] Task energy.tasks.poll_plugs[1] raised unexpected: ValueError()",
        "[CRITICAL] beat has ended",
    ],
)
def test_a_trace_of_an_unhandled_exception_is_told_with_what_follows(line: str) -> None:
    (problem,) = processes.trouble_in(f"web: all well\n{line}\n  and why")
    assert problem.startswith(f"log: {line}")
    assert "and why" in problem


def test_a_log_that_tells_of_handled_trouble_is_none() -> None:
    assert processes.trouble_in("WARNING Redis is away, readings are kept in memory: Timeout") == []


WARM = Usage(program="worker", pid=7, age_s=60, uss_mib=80, descriptors=40, threads=20)


def aged(*held: Usage) -> list[Usage]:
    return [replace(one, age_s=60.0 + number * 30) for number, one in enumerate(held)]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"uss_mib": 95.0}, id="memory"),
        pytest.param({"descriptors": 80}, id="descriptors"),
        pytest.param({"threads": 40}, id="threads"),
    ],
)
def test_what_a_process_holds_more_and_more_is_told(more: dict[str, float]) -> None:
    grown = replace(WARM, **more)  # type: ignore[arg-type]
    assert len(processes.leaks(aged(WARM, grown, grown, grown))) == 1


def test_what_is_held_for_a_moment_or_before_it_was_warm_is_no_leak() -> None:
    grown = replace(WARM, uss_mib=95.0, descriptors=80, threads=40)
    assert processes.leaks(aged(WARM, grown, WARM, grown)) == []
    assert processes.leaks([replace(WARM, age_s=5, uss_mib=20), *aged(WARM, WARM)]) == []
    assert processes.leaks([*aged(WARM, WARM), *aged(*[replace(grown, pid=8)] * 4)]) == []
