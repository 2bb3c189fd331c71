"""Rules: what must hold of what was seen. Each returns what is wrong, in words; nothing where all is well."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

#: Design, section 3 and 4: the names are right so long after the last fault.
CONVERGED_S = 30.0
#: An answer after going-offline proves nothing for so long (ADR 11): where the coming-online
#: call is lost, only that tells a restarted service from one that is on its way down.
GRACE_S = 120.0
#: Between BaluHost's DELETE and PUT the name is not there; that hole is not ours.
_FOREIGN_HOLE_S = 0.3
#: The simulated Pi-hole shares two cores with everything else.
_SILENCE_S = 5.0
_GAP_INTERVALS = 3.5
_ENERGY_SHARE = 0.01
#: Power that jumps between two samples is not seen when; loads wander by less than this.
_STEP_W = 6.0


@dataclass(frozen=True)
class Window:
    """A span of time, Unix seconds."""

    start_at: float
    end_at: float

    def overlaps(self, start_at: float, end_at: float) -> bool:
        """Tell whether any of ``[start_at, end_at]`` lies in it."""
        return self.start_at <= end_at and start_at <= self.end_at


# Names


@dataclass(frozen=True)
class Answers:
    """Equal answers in a row of the name server.

    Attributes:
        kind: as ``benchmarks.follow`` names it.
        address: "" where there was not exactly one.
    """

    start_at: float
    end_at: float
    kind: str
    address: str


def wrong_answers(
    answers: Iterable[Answers],
    *,
    addresses: Collection[str],
    away: Collection[Window] = (),
    foreign: Collection[Window] = (),
) -> list[str]:
    """Return each answer that no client may ever get.

    Args:
        answers: in order.
        addresses: where the name may lead.
        away: when the resolver did not answer at all.
        foreign: when somebody else wrote our names.
    """
    return [
        f"the name: {one.kind} {one.address} for {one.end_at - one.start_at:.2f} s at {one.start_at:.2f}"
        for one in answers
        if not _is_right(one, addresses, away, foreign)
    ]


def _is_right(
    one: Answers, addresses: Collection[str], away: Collection[Window], foreign: Collection[Window]
) -> bool:
    lasted_s = one.end_at - one.start_at
    is_foreign = _within(one.start_at, one.end_at, foreign)
    if one.kind == "1 address":
        return one.address in addresses or is_foreign
    if _is_silence(one.kind):
        return lasted_s < _SILENCE_S or _within(one.start_at, one.end_at, away)
    return is_foreign and lasted_s < _FOREIGN_HOLE_S


def _is_silence(kind: str) -> bool:
    return kind == "Timeout" or kind.endswith("Error")


def allowed_s(
    *, has_fought: bool, fight_s: float, restart_said_at: float | None, healed_at: float
) -> float:
    """Return how long after the last fault the names may still lead elsewhere.

    Args:
        has_fought: somebody else wrote our names.
        fight_s: how long their last word stands then.
        restart_said_at: when the NAS, which is up, said good-bye without being heard coming back;
            None: it did not.
        healed_at: when the last fault ended.
    """
    limit_s = max(CONVERGED_S, fight_s if has_fought else 0.0)
    if restart_said_at is not None:
        limit_s = max(limit_s, restart_said_at + GRACE_S + CONVERGED_S - healed_at)
    return limit_s


# The NAS's state


@dataclass(frozen=True)
class Change:
    """A row of the NAS's history."""

    pk: int
    at: str
    before: str
    after: str
    reason: str


def broken_history(
    changes: Sequence[Change], event_times: Iterable[str], departures: int
) -> list[str]:
    """Return where facts are told twice, or not at all.

    Args:
        changes: the history, in the order it was written.
        event_times: of the timeline's entries about the NAS's state.
        departures: how often the NAS really stopped answering.
    """
    found = [
        f"history: {later.before} follows {earlier.after} (row {later.pk})"
        for earlier, later in pairwise(changes)
        if later.before != earlier.after
    ]
    found += [
        f"history: {change.after} is told again (row {change.pk}, {change.reason})"
        for change in changes
        if change.before == change.after and change.reason != "called_coming_online"
    ]
    in_history, in_timeline = Counter(change.at for change in changes), Counter(event_times)
    found += [
        f"timeline: {in_timeline[at]} entries for {in_history[at]} change(s) at {at}"
        for at in sorted(in_history | in_timeline)
        if in_history[at] != in_timeline[at]
    ]
    left = [change for change in changes if change.before == "online" != change.after]
    if len(left) > departures:
        found.append(f"history: the NAS left {len(left)} times, in truth {departures} times")
    return found


def wrong_counts(
    told: Mapping[str, int], least: Mapping[str, int], most: Mapping[str, int]
) -> list[str]:
    """Return which facts have fewer or more entries than there were."""
    return [
        f"timeline: {told.get(fact, 0)} entries of {fact}, there were {least[fact]} to {most[fact]}"
        for fact in sorted(least)
        if not least[fact] <= told.get(fact, 0) <= most[fact]
    ]


# Files


def wrong_files(
    put: Mapping[str, bytes],
    here: Collection[str],
    there: Mapping[bytes, str],
    *,
    is_over: bool,
    unread: Collection[bytes] = (),
) -> list[str]:
    """Return which files are lost, torn or there twice.

    Args:
        put: SHA-256 of each content that was put into the inbox, to its path.
        here: SHA-256 of each file in the inbox, read before ``there``.
        there: each file on the NAS under its final name, to its SHA-256.
        is_over: everything must have arrived by now.
        unread: paths not looked at.
    """
    arrived = Counter(there.values())
    lost = [path for digest, path in put.items() if digest not in here and not arrived[digest]]
    late = [path for digest, path in put.items() if is_over and not arrived[digest]]
    torn = [path for path, digest in there.items() if digest not in put]
    twice = [path for path, digest in there.items() if arrived[digest] > 1]
    stories = {"lost": lost, "not arrived": [path for path in late if path not in lost]}
    stories |= {"torn on the NAS": torn, "there twice": twice}
    return [f"file {story}: {path!r}" for story, paths in stories.items() for path in paths]


# Energy


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
        if _overlaps(earlier.at, later.at, distorted):
            continue
        if length_s > interval_s * _GAP_INTERVALS:
            if not _overlaps(earlier.at, later.at, gaps):
                since = f"{length_s:.0f} s from {earlier.at:.0f}"
                problems.append(f"energy of {plug}: nothing stored for {since}")
            continue
        if _overlaps(earlier.at, later.at, jumps):
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

    The last sample may be so new that its hour does not have it yet.

    Args:
        hours: start to coverage, 0 to 1.
        samples: of all these hours, and a little before and after them.
        interval_s: the planned seconds from one to the next.
    """
    times = sorted({one.at for one in samples})
    return [
        f"energy: the hour from {start_at:.0f} says {coverage:.2%} measured,"
        f" it is {_covered_s(times, start_at, interval_s) / 3600:.2%}"
        for start_at, coverage in hours.items()
        if not any(
            abs(_covered_s(known, start_at, interval_s) - coverage * 3600) < 1
            for known in (times, times[:-1])
        )
    ]


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


# Logs


_TROUBLE = re.compile(
    r"Traceback \(most recent call last\)|Exception in thread|Exception ignored|raised unexpected"
    r"|Unrecoverable|\bCRITICAL\b|Segmentation fault|never awaited|ResourceWarning"
)


def trouble_in(log: str) -> list[str]:
    """Return each trace of an exception that nobody handled, with the lines after it."""
    lines = log.splitlines()
    return [
        "log: " + "\n     ".join(lines[number : number + 60])
        for number, line in enumerate(lines)
        if _TROUBLE.search(line)
    ]


# Memory, threads, files


@dataclass(frozen=True)
class Usage:
    """What a process held at a moment; ``uss_mib`` is what it shares with nobody."""

    program: str
    pid: int
    age_s: float
    uss_mib: float
    descriptors: int
    threads: int


#: After so long a process has loaded and opened what it needs.
_WARM_S = 60.0
#: A thread of the pool that was not needed yet; each has its own connection to the database, which is
#: three descriptors.
_MORE_MIB, _MORE_DESCRIPTORS, _MORE_THREADS = 12.0, 30, 8


def leaks(usages: Iterable[Usage]) -> list[str]:
    """Return which processes hold more and more, each process compared with itself when it was warm.

    The least of the last three looks counts: what is held for a moment is no leak.
    """
    found = []
    by_process: dict[tuple[str, int], list[Usage]] = {}
    for one in usages:
        if one.age_s >= _WARM_S:
            by_process.setdefault((one.program, one.pid), []).append(one)
    for (program, _pid), looks in by_process.items():
        first, last = looks[0], looks[-3:]
        more = {
            "MiB": (min(one.uss_mib for one in last) - first.uss_mib, _MORE_MIB),
            "descriptors": (
                min(one.descriptors for one in last) - first.descriptors,
                _MORE_DESCRIPTORS,
            ),
            "threads": (min(one.threads for one in last) - first.threads, _MORE_THREADS),
        }
        found += [
            f"{program} holds {growth:.0f} more {what} than when it was warm"
            for what, (growth, limit) in more.items()
            if growth > limit
        ]
    return found


def _within(start_at: float, end_at: float, windows: Collection[Window]) -> bool:
    return any(window.start_at <= start_at and end_at <= window.end_at for window in windows)


def _overlaps(start_at: float, end_at: float, windows: Iterable[Window]) -> bool:
    return any(window.overlaps(start_at, end_at) for window in windows)
