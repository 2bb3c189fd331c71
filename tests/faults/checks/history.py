"""Each fact is told once, and none that was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


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
