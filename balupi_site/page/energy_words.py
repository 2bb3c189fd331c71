"""The energy section in sentences: which period, how it compares, what is missing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import formats
from django.utils.translation import gettext as _

from balupi_site.lib.words import (
    NBSP,
    count,
    day_of_month,
    kilowatt_hours,
    month_and_year,
    percent,
    span,
)
from balupi_site.page.day_words import date
from balupi_site.page.energy_figures import Shown, Step
from energy.periods import Period

_WH_PER_KWH = 1000
#: More gaps than this are told as one.
_GAPS_TOLD = 2
#: Two names below the bars are further apart than so many days.
_NAME_STEPS = 2
#: Less than this part of the time is too little to compare.
_COMPARABLE = 0.5
#: Of a time of which less than this part is known it is told.
_ALL = 0.95
#: A comparison may leave out plugs of which too little is known; then the whole is none of it.
_ROUNDING = 0.005


@dataclass(frozen=True, slots=True)
class Unit:
    """In what the energy of steps is told: kWh, or Wh of hours that have no whole one."""

    name: str
    wh: float

    def shown(self, energy_wh: float | None) -> str:
        """Return an energy without the unit."""
        return kilowatt_hours(energy_wh) if self.wh == _WH_PER_KWH else count(energy_wh)


def unit_of(period: Period, top_wh: float) -> Unit:
    """Return the unit of a drawing whose axis ends there."""
    is_small = period is Period.DAY and top_wh < _WH_PER_KWH
    return Unit("Wh", 1) if is_small else Unit("kWh", _WH_PER_KWH)


def title(shown: Shown, today: dt.date) -> str:
    """Return which period it is, such as "23 November to 29 November"."""
    first, last = shown.first, shown.last
    match shown.period:
        case Period.DAY:
            day = date(first, today)
            return _("Today, %(day)s") % {"day": day} if first == today else day
        case Period.WEEK:
            days = {"first": day_of_month(first, today), "last": day_of_month(last, today)}
            return _("%(first)s to %(last)s") % days
        case Period.MONTH:
            return month_and_year(first)
    return str(first.year)


def name_of_this(shown: Shown, title: str) -> str:
    """Return the legend's name of the period."""
    if not shown.is_present:
        return title
    return {
        Period.DAY: _("today"),
        Period.WEEK: _("this week"),
        Period.MONTH: _("this month"),
        Period.YEAR: _("this year"),
    }[shown.period]


def name_of_before(period: Period) -> str:
    """Return the legend's name of the period before."""
    return {
        Period.DAY: _("day before"),
        Period.WEEK: _("week before"),
        Period.MONTH: _("month before"),
        Period.YEAR: _("year before"),
    }[period]


def names_of_steps(period: Period) -> dict[str, str]:
    """Return how a drawing of these steps, and their column, are called."""
    each = {
        Period.DAY: (_("Energy per hour"), _("Hour")),
        Period.WEEK: (_("Energy per day"), _("Day")),
        Period.MONTH: (_("Energy per day"), _("Day")),
        Period.YEAR: (_("Energy per month"), _("Month")),
    }[period]
    return dict(zip(("drawing", "column"), each, strict=True))


def step_name(period: Period, step: Step, zone: ZoneInfo) -> str:
    """Return what a step is called in a sentence or a table."""
    local = step.span.start.astimezone(zone)
    match period:
        case Period.DAY:
            return local.strftime("%H:%M")
        case Period.WEEK:
            return formats.date_format(local, "D")
        case Period.MONTH:
            return day_of_month(local)
    return formats.date_format(local, "F")


def is_same_period(period: Period, day: dt.date, other: dt.date) -> bool:
    """Tell whether two days are in the same day, week, month or year."""
    match period:
        case Period.DAY:
            return day == other
        case Period.WEEK:
            return day.isocalendar()[:2] == other.isocalendar()[:2]
        case Period.MONTH:
            return (day.year, day.month) == (other.year, other.month)
    return day.year == other.year


def below(
    period: Period, starts: Sequence[dt.datetime], present: int | None
) -> Iterator[tuple[int, str, str]]:
    """Yield what stands below the bars: number of the step, text, CSS class.

    "wide" is not for phones and "thin" only for them; "today" is the present.

    Args:
        period: the whole.
        starts: of its steps, local.
        present: the number of the step that holds the present; None: it is over.
    """
    for number, start in enumerate(starts):
        now = " today" if number == present else ""
        match period:
            case Period.DAY if start.hour % 3 == 0:
                yield number, start.strftime("%H:%M"), "wide" if start.hour % 6 else ""
            case Period.WEEK:
                yield number, _("Today") if now else formats.date_format(start, "D"), now
            case Period.MONTH if now:
                yield number, str(start.day), now
            case Period.MONTH if start.day == 1 or start.day % 5 == 0:
                if present is None or abs(number - present) > _NAME_STEPS:
                    yield number, str(start.day), ""
            case Period.YEAR:
                name = formats.date_format(start, "M")
                yield number, name[:1], f"thin{now}"
                yield number, name, f"wide{now}"


def told(name: str, step: Step, unit: Unit) -> str:
    """Return a step in words."""
    now, before = (f"{unit.shown(wh)}{NBSP}{unit.name}" for wh in (step.energy_wh, step.before_wh))
    values = {"name": name, "energy": now, "before": before}
    if step.before_wh is None:
        return _("%(name)s: %(energy)s") % values
    if step.energy_wh is None:
        return _("%(name)s, the period before: %(before)s") % values
    return _("%(name)s: %(energy)s, the period before: %(before)s") % values


def compared(shown: Shown) -> dict[str, str] | None:
    """Return the comparison as the words before, the emphasis and the words after; None: there is none."""
    difference = shown.comparison.difference
    if difference is None:
        return None
    amount = {"percent": percent(abs(difference))}
    is_less = difference < 0
    how = (_("%(percent)s less") if is_less else _("%(percent)s more")) % amount
    before, _how, after = _than(shown).partition("%(how)s")
    return {
        "before": before,
        "how": how,
        "css": "less" if is_less else "rise",
        "after": after,
        "kwh": _kwh_before(shown, difference),
    }


def why_not_compared(shown: Shown) -> str:
    """Return why there is no comparison."""
    if not shown.comparison.before.expected_h:
        return _("There is nothing to compare with yet.")
    if shown.known_h < _COMPARABLE * shown.over_h:
        hours = {"n": _hours(shown.known_h), "m": _hours(shown.over_h)}
        return _("Only %(n)s of %(m)s h measured, so not compared with the time before.") % hours
    return _("Too little is known of the time before to compare.")


def filled(shown: Shown) -> list[str]:
    """Return what the plugs' memory filled, in sentences."""
    gaps = [(step, step.filled_h) for step in shown.steps if step.filled_h]
    # Translators: "Thu: 3 h filled in from the plug's memory".
    each = _("%(when)s: %(span)s filled in from the plug's memory")
    return _gaps(shown, gaps, each, _("%(span)s in all filled in from the plugs' memory"))


def predecessors(shown: Shown) -> list[str]:
    """Return what the predecessor counted, in sentences."""
    spans = [(step, step.predecessor_h) for step in shown.steps if step.predecessor_h]
    # Translators: "Thu: 22 h counted by the predecessor, about 8 % low".
    each = _("%(when)s: %(span)s counted by the predecessor, about 8 %% low")
    return _gaps(
        shown, spans, each, _("%(span)s in all counted by the predecessor, about 8 %% low")
    )


def missing(shown: Shown) -> list[str]:
    """Return what was not measured, in sentences."""
    gaps = [(step, step.missing_h) for step in shown.steps if step.missing_h]
    # Translators: "Wed: 2 h not measured, not counted".
    each = _("%(when)s: %(span)s not measured, not counted")
    return _gaps(shown, gaps, each, _("%(span)s in all not measured, not counted"))


def summary(shown: Shown, unit: Unit) -> str:
    """Return the drawing in one sentence: each value where they are few, else the highest."""
    known = [
        (step_name(shown.period, step, shown.book.zone), step.energy_wh)
        for step in shown.steps
        if step.energy_wh is not None
    ]
    drawing = names_of_steps(shown.period)["drawing"]
    if not known:
        return drawing
    if shown.period in {Period.WEEK, Period.YEAR}:
        values = ", ".join(f"{name} {unit.shown(wh)}" for name, wh in known)
        words = {"drawing": drawing, "unit": unit.name, "values": values}
        return _("%(drawing)s in %(unit)s: %(values)s.") % words
    name, wh = max(known, key=lambda pair: pair[1])
    most = {"drawing": drawing, "name": name, "energy": f"{unit.shown(wh)}{NBSP}{unit.name}"}
    return _("%(drawing)s. The most: %(name)s, %(energy)s.") % most


def void(shown: Shown, *, has_plugs: bool) -> str:
    """Return why there is no bar at all."""
    if not shown.is_present:
        return _("Nothing was measured in this time.")
    if not has_plugs:
        return _("No plug yet, so nothing is measured. The first one brings the first bar.")
    return _(
        "Nothing measured yet. The first bar appears within two minutes of a plug's first reading."
    )


def _than(shown: Shown) -> str:
    # Translators: %(how)s is "7% less" or "7% more".
    present = {
        Period.DAY: _("%(how)s than yesterday by this time"),
        Period.WEEK: _("%(how)s than the same part of last week"),
        Period.MONTH: _("%(how)s than the same part of last month"),
        Period.YEAR: _("%(how)s than the same part of last year"),
    }
    past = {
        Period.DAY: _("%(how)s than the day before"),
        Period.WEEK: _("%(how)s than the week before"),
        Period.MONTH: _("%(how)s than the month before"),
        Period.YEAR: _("%(how)s than the year before"),
    }
    return (present if shown.is_present else past)[shown.period]


def _kwh_before(shown: Shown, difference: float) -> str:
    """Return what was used then, or that some plugs are not compared where it makes a difference."""
    then_wh, now_wh = shown.comparison.before.energy_wh, shown.total.energy_wh
    if not then_wh or now_wh is None or abs(now_wh / then_wh - 1 - difference) > _ROUNDING:
        return _("plugs measured in both times")
    words = {"kwh": kilowatt_hours(then_wh), "percent": percent(shown.before_known)}
    if shown.before_known < _ALL:
        return _("%(kwh)s kWh, %(percent)s of that time measured") % words
    return _("%(kwh)s kWh") % words


def _gaps(shown: Shown, gaps: Sequence[tuple[Step, float]], each: str, together: str) -> list[str]:
    if len(gaps) > _GAPS_TOLD:
        return [together % {"span": _span(sum(hours for _step, hours in gaps))}]
    words: list[dict[str, Any]] = [
        {"when": step_name(shown.period, step, shown.book.zone), "span": _span(hours)}
        for step, hours in gaps
    ]
    return [each % gap for gap in words]


def _span(hours: float) -> str:
    """Return a duration; from three hours on whole ones say enough."""
    return span(round(hours) * 3600 if hours >= 3 else round(hours * 60) * 60)  # noqa: PLR2004  # see above


def _hours(hours: float) -> str:
    return formats.number_format(int(hours), force_grouping=True)
