"""What a visitor chose to see, by the query of the page; nonsense means what is shown by itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from energy.periods import Period

#: The filters of what happened; "" is everything.
EVENT_GROUPS = ("nas", "inbox", "names", "plug")
_PERIOD = Period.WEEK
#: A curve older than this no household has.
_FIRST_DAY = dt.date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Choice:
    """What to show, and what the visitor may.

    Attributes:
        day: a day in the past; None: today.
        period: of the energy section.
        events: one of ``EVENT_GROUPS``; "" for all.
        is_admin: sees what is an admin's to know, and links to the admin site.
        may_wake: may press the wake button.
    """

    day: dt.date | None = None
    period: Period = _PERIOD
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
            period=Period(period) if period in list(Period) else _PERIOD,
            events=events if events in EVENT_GROUPS else "",
            is_admin=is_admin,
            may_wake=may_wake,
        )

    def link(self, **changes: Any) -> str:  # noqa: ANN401  # the fields' own types
        """Return the page's query with some things changed, such as ``"?period=month"``; "?" for none."""
        other = replace(self, **changes)
        chosen = {
            "day": other.day.isoformat() if other.day else "",
            "period": "" if other.period == _PERIOD else other.period.value,
            "events": other.events,
        }
        return "?" + urlencode({name: value for name, value in chosen.items() if value})


def _past_day(text: str, today: dt.date) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return day if _FIRST_DAY <= day < today else None
