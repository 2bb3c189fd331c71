"""Rules: one hour of the NAS's plug, split by what the NAS did in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import fsum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from energy.metering import HOUR, Line, Sample, lines, microseconds
from nasctl.reasons import STATE_LABELS
from nasctl.state import NasState, Reason

HOUR_S = 3600.0
#: What a NAS draws in a state of which no whole hour was measured yet, in W.
FALLBACK_ASLEEP_W, FALLBACK_W = 1.0, 35.0

_SECOND_US = 1_000_000
_HOUR_US = 3600 * _SECOND_US
#: Less known time than this is the rounding of a row, in s; energy of no time tells nothing.
LEAST_KNOWN_S = 0.001


class HourState(StrEnum):
    """What energy is split by: the public states, and a NAS that is on but does not answer."""

    ONLINE = "online"
    BOOTING = "booting"
    SHUTTING_DOWN = "shutting_down"
    OFFLINE = "offline"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


HOUR_STATE_LABELS: dict[HourState, str | Promise] = {
    **{HourState(state): label for state, label in STATE_LABELS.items()},
    HourState.UNREACHABLE: _("not answering"),
}

#: Reasons of an absence that is no sleep: a NAS that crashed saves nothing.
_NO_SLEEP = frozenset({Reason.POWERED_NOT_ANSWERING, Reason.NO_ANSWER, Reason.BOOT_FAILED})


@dataclass(frozen=True, slots=True)
class Change:
    """The NAS came into a state, and why; as the history has it."""

    at: datetime
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class StateSpan:
    """The NAS was in a state for ``[start, end)``."""

    start: datetime
    end: datetime
    state: HourState


@dataclass(frozen=True, slots=True)
class HourEnergy:
    """What is known of an hour as a whole.

    Attributes:
        energy_wh: measured, or from the plug's memory, or both.
        known_s: how much of the hour that is the energy of.
        is_measured: all of it was measured by us, so we saw what the NAS did.
    """

    hour: datetime
    energy_wh: float
    known_s: float
    is_measured: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """A state's part of an hour.

    Attributes:
        duration_s: how long the NAS was in it.
        energy_wh: of the known part of that time; None: nothing of it is known.
        known_s: how much of the duration that is the energy of.
    """

    state: HourState
    duration_s: float
    energy_wh: float | None
    known_s: float


@dataclass(slots=True)
class _Tally:
    """What has been counted for a state; of the time between samples that tell about it."""

    duration_us: int = 0
    metered_us: int = 0
    metered_wh: float = 0.0

    @property
    def blank_s(self) -> float:
        return (self.duration_us - self.metered_us) / _SECOND_US


def hour_state(state: str, reason: str) -> HourState:
    """Return what counts for the energy; words of another release are UNKNOWN."""
    if state == NasState.OFFLINE and reason in _NO_SLEEP:
        return HourState.UNREACHABLE
    return HourState(state) if state in list(HourState) else HourState.UNKNOWN


def state_spans(changes: Iterable[Change], start: datetime, end: datetime) -> list[StateSpan]:
    """Return the states from ``start`` to ``end`` without a hole; unknown before the first change.

    Args:
        changes: in rising order, the last one before ``start`` too, if there is one.
        start: of the first span.
        end: of the last span; nothing where it is not after ``start``.
    """
    spans, state, since = [], HourState.UNKNOWN, start
    for change in changes:
        at = min(max(change.at, start), end)
        if at > since:
            spans.append(StateSpan(since, at, state))
        state, since = hour_state(change.state, change.reason), at
    if end > since:
        spans.append(StateSpan(since, end, state))
    return spans


def typical_power_w(state: HourState, measured_w: Mapping[HourState, float]) -> float:
    """Return what the NAS draws in a state, as it was measured or else as NAS do."""
    fallback_w = FALLBACK_ASLEEP_W if state is HourState.OFFLINE else FALLBACK_W
    return measured_w.get(state, fallback_w)


def split_hour(
    row: HourEnergy,
    spans: Iterable[StateSpan],
    samples: Iterable[Sample],
    *,
    interval_s: float,
    typical_w: Mapping[HourState, float],
) -> list[Part]:
    """Return a part for each state of the hour; their energies add up to the row's.

    Between samples the lines of power are cut where the state changes. What a measured row knows
    beyond them (its samples are gone) is shared out over the rest of the time, by duration and
    typical power. What a row knows from the plug's memory, or from the predecessor, is UNKNOWN's, and
    so is that time: BaluPi was not there to see what the NAS did, its last state proves nothing.

    A row that knows the energy of no time at all gives parts without energy.

    Args:
        row: the hour.
        spans: the states; what lies outside the hour does not count.
        samples: in any order, with the neighbours across the hour's edges.
        interval_s: the planned seconds from one sample to the next.
        typical_w: what each state draws, as far as it was measured.
    """
    tallies = _tallies(row.hour, spans, samples, interval_s)
    if not row.is_measured:
        tallies = _blank_as_unknown(tallies)
    known_s = _known_s(row.known_s, tallies)
    energy_wh = _energy_wh(row, tallies, known_s, typical_w)
    return [
        Part(
            state,
            tally.duration_us / _SECOND_US,
            energy_wh[state] if known_s[state] > 0 else None,
            known_s[state],
        )
        for state, tally in tallies.items()
    ]


def _tallies(
    hour: datetime, spans: Iterable[StateSpan], samples: Iterable[Sample], interval_s: float
) -> dict[HourState, _Tally]:
    tallies: dict[HourState, _Tally] = {}
    hour_us = microseconds(hour)
    inside = [
        (
            max(microseconds(span.start), hour_us),
            min(microseconds(span.end), hour_us + _HOUR_US),
            span.state,
        )
        for span in spans
    ]
    inside = [(start, end, state) for start, end, state in inside if start < end]
    known = list(lines(samples, interval_s))
    for start_us, end_us, state in inside:
        tally = tallies.setdefault(state, _Tally())
        tally.duration_us += end_us - start_us
        for line in known:
            _meter(tally, line, start_us, end_us)
    return tallies


def _blank_as_unknown(tallies: Mapping[HourState, _Tally]) -> dict[HourState, _Tally]:
    """Leave the states the time that was measured in them; the rest is UNKNOWN's."""
    blank_us = sum(tally.duration_us - tally.metered_us for tally in tallies.values())
    found = {
        state: replace(tally, duration_us=tally.metered_us)
        for state, tally in tallies.items()
        if tally.metered_us
    }
    if blank_us:
        unknown = found.get(HourState.UNKNOWN, _Tally())
        found[HourState.UNKNOWN] = replace(unknown, duration_us=unknown.duration_us + blank_us)
    return found


def _meter(tally: _Tally, line: Line, start_us: int, end_us: int) -> None:
    """Add the energy of a line between two instants."""
    part = line.between(start_us, end_us)
    if part is not None:
        tally.metered_us += part.length_us
        tally.metered_wh += part.energy_w_us / _HOUR_US


def _known_s(row_s: float, tallies: Mapping[HourState, _Tally]) -> dict[HourState, float]:
    """Return the known time by state; of the time without samples all states know the same share."""
    if row_s <= LEAST_KNOWN_S:
        return dict.fromkeys(tallies, 0.0)
    metered_s = {state: tally.metered_us / _SECOND_US for state, tally in tallies.items()}
    rest_s, blank_s = row_s - fsum(metered_s.values()), fsum(t.blank_s for t in tallies.values())
    if rest_s <= LEAST_KNOWN_S or blank_s <= 0:
        # A row that is behind its samples knows less, evenly.
        factor = min(row_s / max(fsum(metered_s.values()), LEAST_KNOWN_S), 1.0)
        return {state: seconds * factor for state, seconds in metered_s.items()}
    share = min(rest_s / blank_s, 1.0)
    return {state: metered_s[state] + tally.blank_s * share for state, tally in tallies.items()}


def _energy_wh(
    row: HourEnergy,
    tallies: Mapping[HourState, _Tally],
    known_s: Mapping[HourState, float],
    typical_w: Mapping[HourState, float],
) -> dict[HourState, float]:
    """Return the energy by state, together exactly the row's."""
    found = {state: tally.metered_wh for state, tally in tallies.items()}
    metered_wh = fsum(found.values())
    rest_s = {state: known_s[state] - tallies[state].metered_us / _SECOND_US for state in tallies}
    rest_wh = row.energy_wh - metered_wh
    if rest_wh > 0 and fsum(rest_s.values()) > LEAST_KNOWN_S:
        shares = _shares(rest_s, typical_w)
        found = {state: found[state] + rest_wh * shares[state] for state in found}
    elif metered_wh > 0:
        found = {state: wh * row.energy_wh / metered_wh for state, wh in found.items()}
    else:
        shares = _shares(known_s, typical_w)
        found = {state: row.energy_wh * shares[state] for state in found}
    return _exactly(row.energy_wh, found)


def _shares(
    seconds: Mapping[HourState, float], typical_w: Mapping[HourState, float]
) -> dict[HourState, float]:
    """Return each state's share of an energy, by time and typical power; 1 together."""
    weights = {state: s * typical_power_w(state, typical_w) for state, s in seconds.items()}
    if fsum(weights.values()) <= 0:
        weights = dict(seconds)
    whole = fsum(weights.values())
    return {state: weight / whole if whole > 0 else 0.0 for state, weight in weights.items()}


def _exactly(whole_wh: float, found: Mapping[HourState, float]) -> dict[HourState, float]:
    """Give what rounding left over to the largest part."""
    if not found:
        return {}
    largest = max(found, key=lambda state: found[state])
    others_wh = fsum(wh for state, wh in found.items() if state is not largest)
    return {**found, largest: whole_wh - others_wh}


def runs(hours: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    """Return the stretches ``[start, end)`` that hours (rising) make where they follow each other."""
    found: list[tuple[datetime, datetime]] = []
    for hour in hours:
        if found and found[-1][1] == hour:
            found[-1] = found[-1][0], hour + HOUR
        else:
            found.append((hour, hour + HOUR))
    return found
