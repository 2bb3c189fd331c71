"""What the evidence argues for, cell by cell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nasctl.evidence import (
    Answer,
    Memory,
    Reading,
    RunningWake,
    Seen,
    Stage,
    Standing,
)
from nasctl.judge import Verdict, judge
from nasctl.state import NasState, Reason
from nasctl.tests.judged import (
    BAD,
    GOOD,
    LATE,
    LIMITS,
    NOW,
    OK,
    OVER,
    REFUSED,
    SILENT,
    WAKE,
    R,
    S,
    seen,
)


def standing(state: NasState, *, age_s: float = 200.0, **more: object) -> Standing:
    return Standing(state=state, moved_s=NOW - age_s, **more)  # type: ignore[arg-type]


def verdict(where: Standing, memory: Memory, look: Seen | None) -> Verdict:
    return judge(where, memory, look, NOW, LIMITS)


ONLINE = standing(S.ONLINE, probed=True)

MISSED_2 = Memory(presence_misses=2)

BAD_2 = Memory(probe_misses=2, port_open_s=NOW - 99)

LOW = Memory(power=Reading(1.2, NOW - 30))

CELLS = [
    # unknown
    ("unknown, one good probe", standing(S.UNKNOWN), Memory(), seen(probe=GOOD), R.ANSWERS),
    ("unknown, TCP alone", standing(S.UNKNOWN), Memory(), seen(OK), None),
    ("unknown, second silence", standing(S.UNKNOWN), Memory(presence_misses=1), seen(SILENT), None),
    ("unknown, third silence", standing(S.UNKNOWN), MISSED_2, seen(SILENT), R.NO_ANSWER),
    ("unknown, no power", standing(S.UNKNOWN), Memory(), seen(SILENT, power_w=1.2), R.POWER_GONE),
    ("unknown, third 502", standing(S.UNKNOWN), BAD_2, seen(probe=BAD), R.POWERED_NOT_ANSWERING),
    # online
    ("online, good", ONLINE, MISSED_2, seen(probe=GOOD), None),
    ("online, second silence", ONLINE, Memory(presence_misses=1), seen(SILENT), None),
    ("online, third silence", ONLINE, MISSED_2, seen(SILENT), R.NO_ANSWER),
    ("online, third refusal", ONLINE, MISSED_2, seen(REFUSED), R.NO_ANSWER),
    ("online, third 502", ONLINE, BAD_2, seen(probe=BAD), R.POWERED_NOT_ANSWERING),
    ("online, third hang", ONLINE, BAD_2, seen(probe=LATE), R.POWERED_NOT_ANSWERING),
    ("online, one 502", ONLINE, Memory(probe_misses=1), seen(probe=BAD), None),
    ("online, witnesses do not add up", ONLINE, MISSED_2, seen(probe=BAD), None),
    (
        "online, one silence without power",
        ONLINE,
        Memory(),
        seen(SILENT, power_w=1.9),
        R.POWER_GONE,
    ),
    ("online, no power but no miss", ONLINE, Memory(), seen(power_w=0.0), None),
    ("online, one silence in standby", ONLINE, Memory(), seen(SILENT, power_w=2.6), None),
    ("online, suspended", ONLINE, MISSED_2, seen(SILENT, power_w=2.6), R.FELL_ASLEEP),
    ("online, frozen at 20 W", ONLINE, MISSED_2, seen(SILENT, power_w=20), R.POWERED_NOT_ANSWERING),
    ("online, frozen at 80 W", ONLINE, MISSED_2, seen(SILENT, power_w=80), R.POWERED_NOT_ANSWERING),
    (
        "online, a reading from before the last answer",
        ONLINE,
        Memory(answered_s=NOW - 5, power=Reading(0.0, NOW - 6)),
        seen(SILENT),
        None,
    ),
    (
        "online, a reading of 36 s ago",
        ONLINE,
        Memory(power=Reading(0.0, NOW - 36)),
        seen(SILENT),
        None,
    ),
    (
        "online, our packets are on their way",
        replace(ONLINE, wake=WAKE),
        MISSED_2,
        seen(SILENT),
        R.WAKE,
    ),
    ("online, our wake is over", replace(ONLINE, wake=OVER), MISSED_2, seen(SILENT), R.NO_ANSWER),
    # coming online
    (
        "just called, third silence",
        standing(S.ONLINE, age_s=59, reason=R.CALLED_COMING_ONLINE),
        MISSED_2,
        seen(SILENT, BAD, 0.5),
        None,
    ),
    (
        "called a minute ago, third silence",
        standing(S.ONLINE, age_s=61, reason=R.CALLED_COMING_ONLINE),
        MISSED_2,
        seen(SILENT),
        R.NO_ANSWER,
    ),
    (
        "just called but answered already, third silence",
        standing(S.ONLINE, age_s=30, reason=R.CALLED_COMING_ONLINE, probed=True),
        MISSED_2,
        seen(SILENT),
        R.NO_ANSWER,
    ),
    # offline
    ("offline, silence", standing(S.OFFLINE), Memory(), seen(SILENT), None),
    ("offline, TCP alone", standing(S.OFFLINE), Memory(), seen(OK), None),
    ("offline as planned, good", standing(S.OFFLINE), Memory(), seen(OK, GOOD), R.ANSWERS),
    (
        "outage, first good",
        standing(S.OFFLINE, planned=False),
        Memory(),
        seen(OK, GOOD),
        None,
    ),
    (
        "outage, second good",
        standing(S.OFFLINE, planned=False),
        Memory(goods=1),
        seen(probe=GOOD),
        R.ANSWERS,
    ),
    ("offline, power rises", standing(S.OFFLINE), LOW, seen(power_w=41), R.WOKEN_BY_OTHER),
    ("offline, power rises to 15 W", standing(S.OFFLINE), LOW, seen(power_w=15), R.WOKEN_BY_OTHER),
    ("offline, power rises to standby", standing(S.OFFLINE), LOW, seen(power_w=14.9), None),
    ("offline, power was never low", standing(S.OFFLINE), Memory(), seen(power_w=41), None),
    (
        "offline, power stays high",
        standing(S.OFFLINE),
        Memory(power=Reading(20, NOW - 30)),
        seen(power_w=41),
        None,
    ),
    # booting
    ("booting, silence", standing(S.BOOTING, age_s=50), MISSED_2, seen(SILENT, LATE, 0.0), None),
    (
        "booting, good",
        standing(S.BOOTING, age_s=50, wake=WAKE),
        Memory(),
        seen(probe=GOOD),
        R.ANSWERS,
    ),
    (
        "booting after an outage, by our wake",
        standing(S.BOOTING, age_s=50, wake=WAKE, planned=False),
        Memory(),
        seen(probe=GOOD),
        R.ANSWERS,
    ),
    (
        "booting after an outage, by itself",
        standing(S.BOOTING, age_s=50, planned=False),
        Memory(),
        seen(probe=GOOD),
        None,
    ),
    ("booting, just in time", standing(S.BOOTING, age_s=89.9), Memory(), seen(SILENT), None),
    ("booting, over", standing(S.BOOTING, age_s=90), Memory(), None, R.BOOT_FAILED),
    (
        "booting, over, but good",
        standing(S.BOOTING, age_s=90, wake=OVER),
        Memory(),
        seen(probe=GOOD),
        R.ANSWERS,
    ),
    (
        "booting for long, our wake goes on",
        standing(S.BOOTING, age_s=120, wake=WAKE),
        Memory(),
        None,
        None,
    ),
    (
        "booting, our wake is over",
        standing(S.BOOTING, age_s=5, wake=OVER),
        Memory(),
        None,
        R.BOOT_FAILED,
    ),
    (
        "woken on its way down, the old system answers",
        standing(S.BOOTING, age_s=5, wake=replace(WAKE, is_leaving=True)),
        Memory(),
        seen(OK, GOOD),
        None,
    ),
    (
        "woken on its way down, gone since",
        standing(S.BOOTING, age_s=50, wake=replace(WAKE, is_leaving=True)),
        Memory(seen_gone=True),
        seen(OK, GOOD),
        R.ANSWERS,
    ),
    # shutting down
    (
        "leaving, still answers",
        standing(S.SHUTTING_DOWN, age_s=119),
        Memory(),
        seen(OK, GOOD),
        None,
    ),
    (
        "leaving, answers after the grace",
        standing(S.SHUTTING_DOWN, age_s=121),
        Memory(),
        seen(OK, GOOD),
        R.SERVICE_RESTART,
    ),
    (
        "leaving, third silence",
        standing(S.SHUTTING_DOWN, age_s=9),
        MISSED_2,
        seen(SILENT),
        R.SHUT_DOWN,
    ),
    ("leaving, third refusal", standing(S.SHUTTING_DOWN, age_s=9), MISSED_2, seen(REFUSED), None),
    ("leaving, third 502", standing(S.SHUTTING_DOWN, age_s=9), BAD_2, seen(probe=BAD), None),
    (
        "leaving, power falls",
        standing(S.SHUTTING_DOWN, age_s=9),
        Memory(),
        seen(power_w=1.2),
        R.SHUT_DOWN,
    ),
    (
        "leaving, power falls to standby",
        standing(S.SHUTTING_DOWN, age_s=9),
        Memory(),
        seen(power_w=2.6),
        R.SHUT_DOWN,
    ),
    (
        "leaving, low power from before the call",
        standing(S.SHUTTING_DOWN, age_s=9),
        Memory(power=Reading(1.2, NOW - 10)),
        seen(REFUSED),
        None,
    ),
    (
        "leaving, silent but powered",
        standing(S.SHUTTING_DOWN, age_s=60),
        MISSED_2,
        seen(SILENT, power_w=38),
        None,
    ),
    (
        "leaving, silent but powered for 5 min",
        standing(S.SHUTTING_DOWN, age_s=300),
        MISSED_2,
        seen(SILENT, power_w=38),
        R.RESTARTING,
    ),
    (
        "leaving, 502 for 5 min",
        standing(S.SHUTTING_DOWN, age_s=300),
        Memory(),
        seen(OK, BAD),
        R.RESTARTING,
    ),
]


@pytest.mark.parametrize(
    ("where", "memory", "look", "expected"),
    [pytest.param(*cell[1:], id=cell[0]) for cell in CELLS],
)
def test_each_cell_of_the_table(
    where: Standing, memory: Memory, look: Seen | None, expected: Reason | None
) -> None:
    assert verdict(where, memory, look).move is expected


def test_the_cells_show_every_move_that_evidence_can_argue_for() -> None:
    by_people = {R.CALLED_COMING_ONLINE, R.CALLED_GOING_OFFLINE}
    assert {cell[4] for cell in CELLS} - {None} == set(R) - by_people


def test_the_name_follows_the_first_good_probe_after_coming_online() -> None:
    called = standing(S.ONLINE, age_s=3, reason=R.CALLED_COMING_ONLINE)
    assert verdict(called, Memory(), seen(OK)).probed is False
    assert verdict(called, Memory(), seen(probe=GOOD)).probed is True


@pytest.mark.parametrize("bad", [answer for answer in Answer if answer is not GOOD])
def test_every_other_answer_is_a_miss(bad: Answer) -> None:
    assert verdict(ONLINE, BAD_2, seen(probe=bad)).move is R.POWERED_NOT_ANSWERING


def test_tcp_success_does_not_reset_http_misses() -> None:
    memory = verdict(ONLINE, BAD_2, seen(OK)).memory
    assert (memory.presence_misses, memory.probe_misses) == (0, 2)


def test_a_look_that_began_before_the_last_move_proves_nothing() -> None:
    old = Seen(started_s=NOW - 31, presence=SILENT, probe=GOOD)
    assert verdict(standing(S.OFFLINE, age_s=30), MISSED_2, old).memory == MISSED_2


def test_an_overtaken_bad_probe_is_not_counted() -> None:
    memory = Memory(goods=1, good_probe_s=NOW - 1)
    late = Seen(started_s=NOW - 4, probe=LATE)
    assert verdict(ONLINE, memory, late).memory == memory


@pytest.mark.parametrize(
    ("wake", "memory", "look", "expected"),
    [
        pytest.param(WAKE, Memory(), seen(SILENT, power_w=1.2), (), id="nothing yet"),
        pytest.param(WAKE, Memory(), seen(SILENT, power_w=41), (Stage.POWER_SEEN,), id="power"),
        pytest.param(
            WAKE,
            Memory(power=Reading(41, NOW - 21)),
            seen(SILENT),
            (),
            id="power from before the wake",
        ),
        pytest.param(WAKE, Memory(), seen(OK), (Stage.PORT_ANSWERED,), id="port without a plug"),
        pytest.param(
            WAKE,
            Memory(),
            seen(OK, GOOD, 41),
            (Stage.POWER_SEEN, Stage.PORT_ANSWERED, Stage.HEALTHY),
            id="all at once",
        ),
        pytest.param(
            replace(WAKE, reached=frozenset({Stage.POWER_SEEN})),
            Memory(),
            seen(OK, power_w=41),
            (Stage.PORT_ANSWERED,),
            id="each stage once",
        ),
        pytest.param(
            replace(WAKE, is_leaving=True),
            Memory(),
            seen(OK, GOOD, 38),
            (),
            id="the old system on its way out",
        ),
    ],
)
def test_a_wake_goes_through_its_stages(
    wake: RunningWake, memory: Memory, look: Seen, expected: tuple[Stage, ...]
) -> None:
    assert verdict(standing(S.BOOTING, age_s=20, wake=wake), memory, look).stages == expected


@pytest.mark.parametrize(
    ("look", "is_over"),
    [
        pytest.param(seen(OK, BAD), True, id="over"),
        pytest.param(seen(probe=GOOD), False, id="awake in the last moment"),
    ],
)
def test_a_wake_ends_at_its_deadline(look: Seen, is_over: bool) -> None:
    where = standing(S.BOOTING, age_s=90, wake=OVER)
    assert verdict(where, Memory(), look).wake_is_over is is_over


def test_wake_anyway_while_online_succeeds_with_the_next_good_probe() -> None:
    where = replace(ONLINE, wake=WAKE)
    before = Memory(good_probe_s=NOW - 30, answered_s=NOW - 30, port_open_s=NOW - 99)
    assert verdict(where, before, None).stages == ()
    assert Stage.HEALTHY in verdict(where, before, seen(probe=GOOD)).stages
