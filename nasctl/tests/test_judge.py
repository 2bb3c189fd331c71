"""What the evidence argues for, cell by cell and over the whole product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import pytest

from nasctl.evidence import (
    Answer,
    Limits,
    Memory,
    Presence,
    Reading,
    RunningWake,
    Seen,
    Stage,
    Standing,
)
from nasctl.judge import Verdict, judge, moved
from nasctl.state import NasState, PowerState, Reason, Target, is_legal, power_state, wanted_target

S, R = NasState, Reason
OK, REFUSED, SILENT = Presence.OK, Presence.REFUSED, Presence.SILENT
GOOD, BAD, LATE = Answer.GOOD, Answer.BAD_STATUS, Answer.TIMEOUT
LIMITS = Limits()
NOW = 10_000.0


def standing(state: NasState, *, age_s: float = 200.0, **more: object) -> Standing:
    return Standing(state=state, moved_s=NOW - age_s, **more)  # type: ignore[arg-type]


def seen(
    presence: Presence | None = None, probe: Answer | None = None, power_w: float | None = None
) -> Seen:
    power = None if power_w is None else Reading(power_w, NOW)
    return Seen(started_s=NOW - 0.1, presence=presence, probe=probe, power=power)


def verdict(where: Standing, memory: Memory, look: Seen | None) -> Verdict:
    return judge(where, memory, look, NOW, LIMITS)


ONLINE = standing(S.ONLINE, probed=True)
MISSED_2 = Memory(presence_misses=2)
BAD_2 = Memory(probe_misses=2, port_open_s=NOW - 99)
LOW = Memory(power=Reading(1.2, NOW - 30))
WAKE = RunningWake(requested_s=NOW - 20, deadline_s=NOW + 70)
OVER = RunningWake(requested_s=NOW - 90, deadline_s=NOW)

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


# The whole product, against an oracle that is written destination by destination.


class Case(NamedTuple):
    where: Standing
    memory: Memory
    look: Seen


_WAKES = (None, WAKE, OVER, replace(WAKE, is_leaving=True))
_POWERS = (None, 0.5, 5.0, 20.0, 100.0)
_MEMORIES = [
    Memory(
        presence_misses=presence,
        probe_misses=probe,
        goods=goods,
        good_probe_s=NOW - 4 if goods else None,
        answered_s=NOW - 4 if goods else None,
        port_open_s=NOW - 4 if is_open else None,
        seen_gone=gone,
        power=None if power_w is None else Reading(power_w, NOW - 3),
    )
    for presence, probe, goods, is_open, gone, power_w in product(
        range(4), range(4), (0, 1), (False, True), (False, True), (None, 1.2, 40.0)
    )
    if not (is_open and presence)
]
_LOOKS = [
    seen(presence, probe, power_w)
    for presence, probe, power_w in product((None, OK, REFUSED, SILENT), (None, GOOD, BAD), _POWERS)
]
_STANDINGS = [
    Standing(
        state=state,
        moved_s=NOW - age_s,
        reason=reason,
        probed=probed,
        planned=planned,
        wake=wake,
    )
    for state, age_s, reason, probed, planned, wake in product(
        S,
        (30.0, 95.0, 130.0, 300.0),
        (R.ANSWERS, R.CALLED_COMING_ONLINE),
        (False, True),
        (False, True),
        _WAKES,
    )
    # Only what can be: probed and called are of a NAS that is online, wakes of booting and online.
    if (state is S.ONLINE or (not probed and reason is R.ANSWERS))
    and (wake is None or state in (S.ONLINE, S.BOOTING))
]


def _cases() -> Iterator[Case]:
    """Every standing meets every look, each time with each 21st of the memories, every time others."""
    for number, (where, look) in enumerate(product(_STANDINGS, _LOOKS)):
        for memory in _MEMORIES[number % 21 :: 21]:
            yield Case(where, memory, look)


def oracle(case: Case) -> Reason | None:  # noqa: C901, PLR0911, PLR0912, PLR0915  # a second telling, on purpose plain
    where, memory, look = case
    age_s = NOW - where.moved_s
    state = where.state
    awaited = (
        state is S.ONLINE
        and where.reason is R.CALLED_COMING_ONLINE
        and not where.probed
        and look.started_s - where.moved_s < 60
    )
    old_system = where.wake is not None and where.wake.is_leaving
    # Counters.
    tcp, http, goods = memory.presence_misses, memory.probe_misses, memory.goods
    gone = memory.seen_gone
    answered = memory.answered_s
    is_open = memory.port_open_s is not None
    if look.presence is OK:
        tcp, answered, is_open = 0, look.started_s, True
    elif look.presence is not None:
        gone, is_open = True, False
        if state is S.SHUTTING_DOWN and look.presence is REFUSED:
            tcp = 0
        elif not awaited:
            tcp = min(tcp + 1, 3)
    if look.probe is GOOD:
        tcp, http, answered, is_open = 0, 0, look.started_s, True
        goods += 0 if old_system and not gone else 1
    elif look.probe is not None:
        goods = 0
        gone = True
        if state is not S.SHUTTING_DOWN and not awaited:
            http = min(http + 1, 3)
    # Power, where it says anything.
    reading = look.power or memory.power
    band = PowerState.UNKNOWN
    if reading is not None and (answered is None or reading.measured_s > answered):
        band = power_state(reading.power_w, (2, 15, 60))
    runs = band in (PowerState.IDLE, PowerState.ACTIVE)
    over = where.wake is not None and where.wake.deadline_s <= NOW

    # To online.
    enough = 1 if where.planned or where.wake else 2
    if state in (S.UNKNOWN, S.OFFLINE, S.BOOTING) and goods >= enough:
        return R.ANSWERS
    if state is S.SHUTTING_DOWN:
        last_good = look.started_s if look.probe is GOOD else memory.good_probe_s
        if goods and last_good is not None and last_good - where.moved_s >= 120:
            return R.SERVICE_RESTART
    # To booting by itself.
    if state is S.OFFLINE:
        before, after = memory.power, look.power
        if before and after and before.power_w < 15 <= after.power_w:
            return R.WOKEN_BY_OTHER
        return None
    # To offline.
    if state is S.BOOTING:
        return R.BOOT_FAILED if (over if where.wake else age_s >= 90) else None
    if state is S.SHUTTING_DOWN:
        low = band in (PowerState.OFF, PowerState.STANDBY)
        if low or (tcp == 3 and not runs):
            return R.SHUT_DOWN
        return R.RESTARTING if age_s >= 300 else None
    if awaited:
        return None
    misses = max(tcp, http)
    if band is PowerState.OFF and misses:
        loss = R.POWER_GONE
    elif misses < 3:
        return None
    elif runs or is_open:
        loss = R.POWERED_NOT_ANSWERING
    elif band is PowerState.STANDBY:
        loss = R.FELL_ASLEEP
    else:
        loss = R.NO_ANSWER
    return R.WAKE if state is S.ONLINE and where.wake and not over else loss


def test_the_whole_product_agrees_with_the_oracle_and_the_invariants() -> None:
    count = 0
    moves: set[tuple[NasState, NasState, Reason]] = set()
    for case in _cases():
        found = judge(case.where, case.memory, case.look, NOW, LIMITS)
        assert found.move is oracle(case), case
        count += 1
        if found.move:
            after = moved(case.where, found.move, NOW)
            moves.add((case.where.state, after.state, found.move))
            _check_move(case, after, found)
        else:
            _check_rest(case, found)
    assert count > 50_000
    assert len(moves) == 17, sorted(moves)


def _check_move(case: Case, after: Standing, found: Verdict) -> None:
    assert is_legal(case.where.state, after.state, found.move or R.ANSWERS), case
    assert wanted_target(after.state, probed=after.probed) is (
        Target.NAS if after.state is S.ONLINE else Target.PI
    )
    if after.state is S.ONLINE:  # never without a good probe since the last move
        assert found.memory.goods > 0, case
        assert found.memory.good_probe_s is not None
        assert found.memory.good_probe_s >= case.where.moved_s
    if case.where.state is S.BOOTING and after.state is S.OFFLINE:  # never by misses
        deadline_s = case.where.wake.deadline_s if case.where.wake else case.where.moved_s + 90
        assert deadline_s <= NOW
    if case.where.state is S.ONLINE:  # never because of one witness's one or two misses alone
        assert found.move is R.POWER_GONE or case.where.wake or _misses(found) == 3


def _check_rest(case: Case, found: Verdict) -> None:
    if found.probed and not case.where.probed:
        assert case.where.state is S.ONLINE
        assert found.memory.goods > 0, case
    assert case.where.probed <= found.probed, case
    assert _misses(found) <= 3


def _misses(found: Verdict) -> int:
    return max(found.memory.presence_misses, found.memory.probe_misses)
