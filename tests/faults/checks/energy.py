"""What is stored is what the plugs measured, and what is not known is told."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.faults.checks.windows import Window, overlaps

_GAP_INTERVALS = 3.5
_ENERGY_SHARE = 0.01
#: Power that jumps between two samples is not seen when; loads wander by less than this.
_STEP_W = 6.0


@dataclass(frozen=True)
class Measured:
    """What a plug's own meter says, or what BaluPi has stored: power in W at a moment."""

    at: float
    power_w: float


@dataclass(frozen=True)
class Meter:
    """The true energy of a plug since some moment, in Wh, and its power."""

    at: float
    power_w: float
    energy_wh: float


@dataclass(frozen=True)
class EnergyFigures:
    """What was compared.

    Attributes:
        compared_s: how much of the run.
        stored_wh: what BaluPi says for that part.
        true_wh: what the plug's meter says.
        problems: what was not stored at all.
    """

    compared_s: float
    stored_wh: float
    true_wh: float
    problems: tuple[str, ...]


def compare_energy(
    plug: str,
    samples: Sequence[Measured],
    meter: Sequence[Meter],
    *,
    gaps: Collection[Window] = (),
    distorted: Collection[Window] = (),
    interval_s: float,
) -> EnergyFigures:
    """Compare what was stored with the plug's meter, line by line from sample to sample.

    Left out are moments at which the load jumps: a sampler cannot know when between two samples.

    Args:
        plug: its name.
        samples: what was stored, rising.
        meter: what the plug knows, rising.
        gaps: when nothing needs to be stored. What is stored all the same has to be right.
        distorted: the hours to which a wrong clock moved what was measured at another time.
        interval_s: the planned seconds from one sample to the next.
    """
    start_at, end_at = meter[0].at, meter[-1].at
    inside = [one for one in samples if start_at <= one.at <= end_at]
    jumps = [
        Window(earlier.at - interval_s, later.at + interval_s)
        for earlier, later in pairwise(meter)
        if abs(later.power_w - earlier.power_w) > _STEP_W
    ]
    compared_s = stored_wh = true_wh = 0.0
    problems = []
    for earlier, later in pairwise(inside):
        length_s = later.at - earlier.at
        if overlaps(earlier.at, later.at, distorted):
            continue
        if length_s > interval_s * _GAP_INTERVALS:
            if not overlaps(earlier.at, later.at, gaps):
                since = f"{length_s:.0f} s from {earlier.at:.0f}"
                problems.append(f"energy of {plug}: nothing stored for {since}")
            continue
        if overlaps(earlier.at, later.at, jumps):
            continue
        compared_s += length_s
        stored_wh += (earlier.power_w + later.power_w) / 2 * length_s / 3600
        true_wh += _energy_wh(meter, later.at) - _energy_wh(meter, earlier.at)
    return EnergyFigures(compared_s, stored_wh, true_wh, tuple(problems))


def wrong_energy(
    figures: Mapping[str, EnergyFigures], *, run_s: float, least_share: float
) -> list[str]:
    """Return what is wrong with the energy of the house.

    Args:
        figures: by plug.
        run_s: how long the run was.
        least_share: so much of it, over all plugs, has to be compared, or nothing is proved.
    """
    found = [problem for one in figures.values() for problem in one.problems]
    stored_wh = sum(one.stored_wh for one in figures.values())
    true_wh = sum(one.true_wh for one in figures.values())
    compared = sum(one.compared_s for one in figures.values()) / (run_s * len(figures))
    if compared < least_share:
        found.append(f"energy: only {compared:.0%} of the run could be compared")
    elif abs(stored_wh / true_wh - 1) > _ENERGY_SHARE:
        found.append(f"energy: {stored_wh:.3f} Wh stored, the meters say {true_wh:.3f} Wh")
    return found


def invented_samples(
    plug: str, samples: Iterable[Measured], silent: Collection[Window]
) -> list[str]:
    """Return samples from a time in which the plug said nothing."""
    return [
        f"energy of {plug}: a sample of {one.power_w} W at {one.at:.0f}, when it was silent"
        for one in samples
        if any(window.start_at + 1 < one.at < window.end_at - 1 for window in silent)
    ]


def unmarked_gaps(
    hours: Mapping[float, float], samples: Iterable[Measured], *, interval_s: float
) -> list[str]:
    """Return the hours whose coverage is not what the samples cover.

    An hour's last sample may be so new that the hour does not have it yet.

    Args:
        hours: start to coverage, 0 to 1.
        samples: of all these hours, and a little before and after them.
        interval_s: the planned seconds from one to the next.
    """
    times = sorted({one.at for one in samples})
    found = []
    for start_at, coverage in hours.items():
        last = bisect_left(times, start_at + 3600) - 1
        covered = [
            _covered_s(known, start_at, interval_s)
            for known in (times, times[:last] + times[last + 1 :])
        ]
        if all(abs(covered_s - coverage * 3600) > 1 for covered_s in covered):
            found.append(
                f"energy: the hour from {start_at:.0f} says {coverage:.2%} measured,"
                f" it is {covered[0] / 3600:.2%}"
            )
    return found


def _covered_s(times: Sequence[float], start_at: float, interval_s: float) -> float:
    """Return the seconds of an hour that samples at these times cover."""
    return sum(
        max(0.0, min(later, start_at + 3600) - max(earlier, start_at))
        for earlier, later in pairwise(times)
        if later - earlier <= interval_s * _GAP_INTERVALS
    )


def _energy_wh(meter: Sequence[Meter], at: float) -> float:
    """Return the meter's reading between two looks at it."""
    later = min(bisect_left(meter, at, key=lambda look: look.at), len(meter) - 1)
    before, after = meter[max(later - 1, 0)], meter[later]
    if after.at <= before.at:
        return after.energy_wh
    share = (at - before.at) / (after.at - before.at)
    return before.energy_wh + (after.energy_wh - before.energy_wh) * share
