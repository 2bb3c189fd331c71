"""What the evidence argues for, told a second time and compared over the whole product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import NamedTuple

from nasctl.evidence import (
    Memory,
    Reading,
    Seen,
    Standing,
)
from nasctl.judge import Verdict, judge, moved
from nasctl.state import NasState, PowerState, Reason, Target, is_legal, power_state, wanted_target
from nasctl.tests.judged import BAD, GOOD, LIMITS, NOW, OK, OVER, REFUSED, SILENT, WAKE, R, S, seen

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
