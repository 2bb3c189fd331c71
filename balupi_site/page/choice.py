"""What a visitor chose to see, by the query of the page; nonsense means what is shown by itself."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from energy.periods import Period

#: The filters of what happened; "" is everything.
EVENT_GROUPS = ("nas", "inbox", "names", "plug")
_PERIOD = Period.WEEK
#: A part of a day: from and to on the wall clock, hours and minutes.
_PART = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9])-([01][0-9]|2[0-4])([0-5][0-9])")
_LEAST_PART_MIN, _PART_STEP_MIN, _DAY_MIN = 30, 5, 1440
#: A curve older than this no household has.
_FIRST_DAY = dt.date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Choice:
    """What to show, and what the visitor may.

    Attributes:
        day: a day in the past; None: today.
        part: of that day, from and to in minutes of the wall clock; None: all of it.
        period: of the energy section.
        energy: a day in the past, whose period the energy section shows; None: the present one.
        events: one of ``EVENT_GROUPS``; "" for all.
        is_admin: sees what is an admin's to know, and links to the admin site.
        may_wake: may press the wake button.
    """

    day: dt.date | None = None
    part: tuple[int, int] | None = None
    period: Period = _PERIOD
    energy: dt.date | None = None
    events: str = ""
    is_admin: bool = False
    may_wake: bool = False

    @classmethod
    def of(
        cls, query: Mapping[str, str], today: dt.date, *, is_admin: bool, may_wake: bool
    ) -> Choice:
        """Read the query of the page; what makes no sense is left out."""
        period = query.get("period", "")
        events = query.get("events", "")
        return cls(
            day=_past_day(query.get("day", ""), today),
            part=_part(query.get("part", "")),
            period=Period(period) if period in list(Period) else _PERIOD,
            energy=_past_day(query.get("energy", ""), today),
            events=events if events in EVENT_GROUPS else "",
            is_admin=is_admin,
            may_wake=may_wake,
        )

    def link(self, **changes: Any) -> str:  # noqa: ANN401  # the fields' own types
        """Return the page's query with some things changed, such as ``"?period=month"``; "?" for none."""
        other = replace(self, **changes)
        chosen = {
            "day": other.day.isoformat() if other.day else "",
            "part": _part_text(other.part) if other.part else "",
            "period": "" if other.period == _PERIOD else other.period.value,
            "energy": other.energy.isoformat() if other.energy else "",
            "events": other.events,
        }
        return "?" + urlencode({name: value for name, value in chosen.items() if value})


def _past_day(text: str, today: dt.date) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return day if _FIRST_DAY <= day < today else None


def _part(text: str) -> tuple[int, int] | None:
    """Return a part of the day like "1800-2400", in steps of five minutes."""
    found = _PART.fullmatch(text)
    if found is None:
        return None
    from_h, from_min, to_h, to_min = map(int, found.groups())
    first, last = 60 * from_h + from_min, 60 * to_h + to_min
    is_even = first % _PART_STEP_MIN == 0 == last % _PART_STEP_MIN
    is_part = last <= _DAY_MIN and _LEAST_PART_MIN <= last - first < _DAY_MIN
    return (first, last) if is_even and is_part else None


def _part_text(part: tuple[int, int]) -> str:
    return "-".join(f"{minute // 60:02}{minute % 60:02}" for minute in part)
