"""The rule that splits an hour by state: the lines are cut exactly, the parts add up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.metering import Sample, hour_figures
from nasctl.energy_split import (
    HOUR_STATE_LABELS,
    LEAST_KNOWN_S,
    Change,
    HourEnergy,
    HourState,
    Part,
    StateSpan,
    hour_state,
    runs,
    split_hour,
    state_spans,
)
from nasctl.state import NasState, Reason

HOUR = datetime(2026, 11, 24, 12, tzinfo=UTC)
S = HourState
INTERVAL_S = 30


def at(minute: float) -> datetime:
    return HOUR + timedelta(minutes=minute)


def spans(*ends: tuple[HourState, float]) -> list[StateSpan]:
    """Return states one after the other, each with the minute of its end."""
    start, found = 0.0, []
    for state, end in ends:
        found.append(StateSpan(at(start), at(end), state))
        start = end
    return found


def samples(first: float, last: float, power_w: float) -> list[Sample]:
    """Return a sample every 30 s, both ends included."""
    return [Sample(at(first + n / 2), power_w) for n in range(int((last - first) * 2) + 1)]


def split(
    row: HourEnergy,
    states: list[StateSpan],
    measured: list[Sample],
    typical_w: dict[HourState, float] | None = None,
) -> dict[HourState, Part]:
    parts = split_hour(row, states, measured, interval_s=INTERVAL_S, typical_w=typical_w or {})
    return {part.state: part for part in parts}


HALVES = spans((S.ONLINE, 30), (S.OFFLINE, 60))
STEP = [*samples(0, 29.5, 36), *samples(30, 60, 2)]


@pytest.mark.parametrize(
    ("row", "states", "measured", "expected"),
    [
        pytest.param(
            HourEnergy(HOUR, 60, 3600),
            spans((S.ONLINE, 60)),
            samples(0, 60, 60),
            {S.ONLINE: (3600, 60, 3600)},
            id="one state has it all",
        ),
        pytest.param(
            HourEnergy(HOUR, 17.7 + 19 / 120 + 1, 3600),
            HALVES,
            STEP,
            # The line from 36 W to 2 W lies in the first half: half a minute of 19 W on average.
            {S.ONLINE: (1800, 17.7 + 19 / 120, 1800), S.OFFLINE: (1800, 1, 1800)},
            id="cut where the state changes",
        ),
        pytest.param(
            HourEnergy(HOUR, 30, 1800),
            HALVES,
            samples(0, 30, 60),
            {S.ONLINE: (1800, 30, 1800), S.OFFLINE: (1800, None, 0)},
            id="a gap is not known, not zero",
        ),
        pytest.param(
            HourEnergy(HOUR, 36, 3600, is_measured=False),
            HALVES,
            [],
            {S.UNKNOWN: (3600, 36, 3600)},
            id="nobody saw what the NAS did in an hour of the plug's memory",
        ),
        pytest.param(
            HourEnergy(HOUR, 31, 3600, is_measured=False),
            HALVES,
            samples(0, 30, 60),
            {S.ONLINE: (1800, 30, 1800), S.UNKNOWN: (1800, 1, 1800)},
            id="memory completes what was not measured, and nobody saw that",
        ),
        pytest.param(
            HourEnergy(HOUR, 46, 3600, is_measured=False),
            spans((S.UNKNOWN, 10), (S.ONLINE, 30), (S.OFFLINE, 60)),
            samples(0, 40, 60),
            {
                S.UNKNOWN: (600 + 1200, 10 + 6, 600 + 1200),
                S.ONLINE: (1200, 20, 1200),
                S.OFFLINE: (600, 10, 600),
            },
            id="what was measured stays with its states",
        ),
        pytest.param(
            HourEnergy(HOUR, 20, 3600, is_measured=False),
            HALVES,
            samples(0, 60, 40),
            {S.ONLINE: (1800, 10, 1800), S.OFFLINE: (1800, 10, 1800)},
            id="memory that is behind its samples",
        ),
        pytest.param(
            HourEnergy(HOUR, 36, 3600),
            HALVES,
            [],
            {S.ONLINE: (1800, 35, 1800), S.OFFLINE: (1800, 1, 1800)},
            id="a measured hour without samples goes by duration and what NAS draw",
        ),
        pytest.param(
            HourEnergy(HOUR, 5, 0),
            HALVES,
            [],
            {S.ONLINE: (1800, None, 0), S.OFFLINE: (1800, None, 0)},
            id="energy of no time tells nothing",
        ),
        pytest.param(
            HourEnergy(HOUR, 18, 1800),
            HALVES,
            [],
            {S.ONLINE: (1800, 17.5, 900), S.OFFLINE: (1800, 0.5, 900)},
            id="measured, and its samples are gone",
        ),
        pytest.param(
            HourEnergy(HOUR, 0, 3600),
            HALVES,
            samples(0, 60, 0),
            {S.ONLINE: (1800, 0, 1800), S.OFFLINE: (1800, 0, 1800)},
            id="0 W is known to be 0",
        ),
        pytest.param(
            HourEnergy(HOUR, 20, 3600),
            HALVES,
            samples(0, 60, 40),
            {S.ONLINE: (1800, 10, 1800), S.OFFLINE: (1800, 10, 1800)},
            id="a row that is behind its samples is what counts",
        ),
    ],
)
def test_parts_are_cut_and_shared_out(
    row: HourEnergy,
    states: list[StateSpan],
    measured: list[Sample],
    expected: dict[HourState, tuple[float, float | None, float]],
) -> None:
    found = split(row, states, measured)
    assert set(found) == set(expected)
    for state, (duration_s, energy_wh, known_s) in expected.items():
        part = found[state]
        assert part.duration_s == pytest.approx(duration_s)
        assert part.energy_wh == (None if energy_wh is None else pytest.approx(energy_wh))
        assert part.known_s == pytest.approx(known_s)


def test_a_change_between_two_samples_cuts_the_line_between_them() -> None:
    measured = [Sample(at(0), 0), Sample(at(1), 60)]
    row = HourEnergy(HOUR, 0.5, 60)
    found = split(row, spans((S.OFFLINE, 0.5), (S.BOOTING, 60)), measured)
    assert found[S.OFFLINE].energy_wh == pytest.approx(15 * 30 / 3600)
    assert found[S.BOOTING].energy_wh == pytest.approx(45 * 30 / 3600)
    assert (found[S.OFFLINE].known_s, found[S.BOOTING].known_s) == (30, 30)


def test_neighbours_across_the_edges_count_for_the_part_inside() -> None:
    measured = [
        Sample(at(-0.5), 10),
        Sample(at(0.5), 30),
        Sample(at(59.5), 30),
        Sample(at(60.5), 10),
    ]
    [figure] = [it for it in hour_figures(measured, INTERVAL_S) if it.hour == HOUR]
    row = HourEnergy(HOUR, figure.energy_wh, figure.coverage * 3600)
    part = split(row, spans((S.ONLINE, 60)), measured)[S.ONLINE]
    assert part.energy_wh == pytest.approx(25 / 60 * 2 * 0.5)
    assert part.known_s == 60


def test_measured_means_beat_what_nas_draw_in_general() -> None:
    row = HourEnergy(HOUR, 52, 3600)
    found = split(row, HALVES, [], {S.ONLINE: 100, S.OFFLINE: 4})
    assert found[S.ONLINE].energy_wh == pytest.approx(50)
    assert found[S.OFFLINE].energy_wh == pytest.approx(2)


def test_means_of_0_w_share_out_by_duration() -> None:
    row = HourEnergy(HOUR, 4, 3600)
    found = split(row, spans((S.OFFLINE, 60)), [], {S.OFFLINE: 0})
    assert found[S.OFFLINE].energy_wh == 4


def test_a_state_that_comes_back_is_one_part() -> None:
    states = spans((S.ONLINE, 10), (S.OFFLINE, 50), (S.ONLINE, 60))
    found = split(HourEnergy(HOUR, 30, 3600), states, samples(0, 60, 30))
    assert found[S.ONLINE].duration_s == 20 * 60
    assert found[S.ONLINE].energy_wh == pytest.approx(10)


def test_what_lies_outside_the_hour_does_not_count() -> None:
    states = [StateSpan(at(-90), at(150), S.ONLINE)]
    found = split(HourEnergy(HOUR, 30, 3600), states, samples(-60, 120, 30))
    assert found == {S.ONLINE: Part(S.ONLINE, 3600, 30, 3600)}


@given(
    cuts=st.lists(st.floats(0, 60), max_size=6),
    chosen=st.lists(st.sampled_from(list(S)), min_size=7, max_size=7),
    powers=st.lists(st.tuples(st.floats(-2, 62), st.floats(0, 400)), max_size=150),
    memory_wh=st.one_of(st.none(), st.floats(0, 400)),
    is_pruned=st.booleans(),
)
def test_parts_always_add_up_to_the_row_and_are_never_negative(
    cuts: list[float],
    chosen: list[HourState],
    powers: list[tuple[float, float]],
    memory_wh: float | None,
    is_pruned: bool,
) -> None:
    ends = [*sorted(cuts), 60.0]
    states = spans(*zip(chosen, ends, strict=False))
    measured = [Sample(at(minute), power_w) for minute, power_w in powers]
    figures = [it for it in hour_figures(measured, INTERVAL_S) if it.hour == HOUR]
    measured_wh = figures[0].energy_wh if figures else 0.0
    known_s = figures[0].coverage * 3600 if figures else 0.0
    if memory_wh is not None:
        measured_wh, known_s = measured_wh + memory_wh, 3600.0
    if known_s <= LEAST_KNOWN_S:
        return
    row = HourEnergy(HOUR, measured_wh, known_s, is_measured=memory_wh is None)
    found = split(row, states, [] if is_pruned else measured).values()
    known = [part.energy_wh for part in found if part.energy_wh is not None]
    assert fsum(known) == pytest.approx(row.energy_wh, abs=1e-9)
    assert all(wh >= -1e-9 for wh in known)
    assert fsum(part.duration_s for part in found) == pytest.approx(3600)
    assert fsum(part.known_s for part in found) == pytest.approx(known_s, abs=0.01)
    assert all(-1e-6 <= part.known_s <= part.duration_s + 1e-6 for part in found)


# --- states ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        pytest.param("offline", Reason.SHUT_DOWN, S.OFFLINE, id="sent to sleep"),
        pytest.param("offline", Reason.FELL_ASLEEP, S.OFFLINE, id="suspended"),
        pytest.param("offline", Reason.RESTARTING, S.OFFLINE, id="gone after a good-bye"),
        pytest.param("offline", Reason.POWER_GONE, S.OFFLINE, id="draws nothing"),
        pytest.param("offline", Reason.POWERED_NOT_ANSWERING, S.UNREACHABLE, id="hangs"),
        pytest.param("offline", Reason.NO_ANSWER, S.UNREACHABLE, id="silent"),
        pytest.param("offline", Reason.BOOT_FAILED, S.UNREACHABLE, id="did not come up"),
        pytest.param("online", Reason.NO_ANSWER, S.ONLINE, id="online is online"),
        pytest.param("dreaming", "of old", S.UNKNOWN, id="a word of another release"),
        pytest.param("offline", "of old", S.OFFLINE, id="a reason of another release"),
    ],
)
def test_a_nas_that_crashed_does_not_sleep(state: str, reason: str, expected: HourState) -> None:
    assert hour_state(state, reason) is expected


def test_every_public_state_has_energy_of_its_own_and_a_label() -> None:
    assert {state.value for state in NasState} < {state.value for state in HourState}
    assert set(HOUR_STATE_LABELS) == set(HourState)


def test_states_cover_the_time_without_a_hole() -> None:
    changes = [
        Change(at(-90), "online", Reason.ANSWERS),
        Change(at(10), "shutting_down", Reason.CALLED_GOING_OFFLINE),
        Change(at(12), "offline", Reason.SHUT_DOWN),
    ]
    assert state_spans(changes, at(0), at(60)) == spans(
        (S.ONLINE, 10), (S.SHUTTING_DOWN, 12), (S.OFFLINE, 60)
    )


def test_before_the_first_change_nothing_is_known() -> None:
    changes = [Change(at(20), "online", Reason.ANSWERS), Change(at(70), "offline", "")]
    assert state_spans(changes, at(0), at(60)) == spans((S.UNKNOWN, 20), (S.ONLINE, 60))


def test_changes_at_one_instant_leave_the_last() -> None:
    changes = [Change(at(20), "online", ""), Change(at(20), "offline", Reason.SHUT_DOWN)]
    assert state_spans(changes, at(0), at(60)) == spans((S.UNKNOWN, 20), (S.OFFLINE, 60))


def test_no_time_has_no_states() -> None:
    assert state_spans([Change(at(-1), "online", "")], at(0), at(0)) == []


def test_hours_that_follow_each_other_are_one_run() -> None:
    hours = [at(60 * n) for n in (0, 1, 2, 5, 7, 8)]
    assert runs(hours) == [(at(0), at(180)), (at(300), at(360)), (at(420), at(540))]
