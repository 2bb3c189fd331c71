"""The page's energy section: what was used and what it cost, beside the period before."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from balupi_site.lib.clock import household_zone
from balupi_site.lib.words import NBSP, clock, kilowatt_hours, money
from balupi_site.page import bars
from balupi_site.page import energy_words as words
from balupi_site.page.choice import Choice
from balupi_site.page.energy_figures import Shown, Step, shown
from energy.models import Anomaly
from energy.periods import Period, local_day
from energy.services import anomaly_text, latest_readings
from energy.services.anomalies import PLUG_LOST
from energy.services.latest import stale_after

#: How long a drawing of the section may be kept, and the page takes to ask for it.
DRAWN_S = 90
_DAY = dt.timedelta(days=1)
#: So many bars have room for their values on a phone; where there are more, two values must be
#: further apart than so many bars.
_PHONE_ROOMY, _LABEL_SLOTS = 7, 2


def context(choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    return {"energy": energy(choice, now)}


def energy(choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the template context of the section."""
    today = local_day(now, household_zone())
    period = shown(choice.period, choice.energy or today, now)
    title = words.title(period, today)
    readings = latest_readings(now) if period.is_present else []
    read_at = max((it.reading.at for it in readings if it.reading), default=None)
    compared = words.compared(period)
    is_known = period.total.energy_wh is not None
    is_void = not is_known and all(step.before_wh is None for step in period.steps)
    lasting = Anomaly.objects.filter(ended_at__isnull=True).exclude(kind=PLUG_LOST)
    return {
        "tabs": _tabs(choice, today),
        "title": title,
        **_steps_of_time(choice, period, today),
        "at": read_at,
        "stale_s": stale_after().total_seconds() + DRAWN_S,
        "counted": _("Counted until %(clock)s.") % {"clock": clock(read_at)} if read_at else "",
        "kwh": kilowatt_hours(period.total.energy_wh),
        "money": money(period.total.cost, period.book.currency),
        "compared": compared,
        "why": "" if compared or not is_known else words.why_not_compared(period),
        "void": words.void(period, has_plugs=bool(readings)) if is_void else "",
        "chart": None if is_void else _chart(choice, period, title, now),
        "unusual": [anomaly_text(it, now) for it in lasting.select_related("plug")],
    }


def _tabs(choice: Choice, today: dt.date) -> list[dict[str, Any]]:
    names = {
        Period.DAY: _("Day"),
        Period.WEEK: _("Week"),
        Period.MONTH: _("Month"),
        Period.YEAR: _("Year"),
    }
    return [
        {
            "name": name,
            "link": _link(choice, period, choice.energy or today, today),
            "is_chosen": period == choice.period,
        }
        for period, name in names.items()
    ]


def _link(choice: Choice, period: Period, day: dt.date, today: dt.date) -> str:
    """Return the link to the period that holds a day; the present one goes on with the days."""
    is_present = words.is_same_period(period, day, today)
    return choice.link(period=period, energy=None if is_present else day)


def _steps_of_time(choice: Choice, period: Shown, today: dt.date) -> dict[str, str]:
    """Return the links to the period before and after; "" where there is none."""
    before, after = period.first - _DAY, period.last + _DAY
    return {
        "before": _link(choice, period.period, before, today) if period.has_earlier else "",
        "after": "" if period.is_present else _link(choice, period.period, after, today),
    }


def _chart(choice: Choice, period: Shown, title: str, now: dt.datetime) -> dict[str, Any]:
    present = _present(period, now)
    drawn = bars.chart(
        [
            bars.Slot(
                energy_wh=step.energy_wh,
                filled_wh=step.figure.filled_wh if step.figure and step.filled_h else 0.0,
                missing=step.missing,
                before_wh=step.before_wh,
            )
            for step in period.steps
        ]
    )
    today = local_day(now, period.book.zone)
    unit = words.unit_of(period.period, drawn.grid[0].energy_wh)
    return {
        "bars": drawn,
        "unit": unit.name,
        "grid": _grid(drawn.grid, unit),
        "values": _values(drawn, period, present, unit),
        "names": _names(period, present),
        "summary": words.summary(period, unit),
        "this": words.name_of_this(period, title),
        "before": words.name_of_before(period.period),
        "filled": words.filled(period),
        "missing": words.missing(period),
        "predecessors": words.predecessors(period),
        "rows": [_row(choice, period, step, today, unit) for step in period.steps],
        **words.names_of_steps(period.period),
    }


def _grid(lines: tuple[bars.Line, ...], unit: words.Unit) -> list[dict[str, str]]:
    """Return the lines with their values; the first one carries the unit."""
    labels = [formats.number_format(f"{line.energy_wh / unit.wh:.4g}") for line in lines]
    labels[0] = f"{labels[0]}{NBSP}{unit.name}"
    return [{"y": line.y, "label": label} for line, label in zip(lines, labels, strict=True)]


def _values(
    drawn: bars.Chart, period: Shown, present: int | None, unit: words.Unit
) -> list[dict[str, str]]:
    """Return the values on the bars: all where there is room, else the present and the highest."""
    known = {n: wh for n, step in enumerate(period.steps) if (wh := step.energy_wh) is not None}
    highest = max(known, key=lambda n: known[n], default=None)
    told = {highest}
    if present in known and highest is not None and abs(present - highest) > _LABEL_SLOTS:
        told.add(present)
    count = len(period.steps)
    return [
        {
            "x": mark.x,
            "y": mark.y,
            "text": unit.shown(known[mark.slot]),
            "css": "" if mark.slot in told or count <= _PHONE_ROOMY else "wide",
        }
        for mark in drawn.marks
        if mark.slot in told or count <= bars.ROOMY
    ]


def _names(period: Shown, present: int | None) -> list[dict[str, str]]:
    """Return what stands below the bars: hours at their beginning, the others in the middle."""
    place = bars.left if period.period is Period.DAY else bars.middle
    locals_ = [step.span.start.astimezone(period.book.zone) for step in period.steps]
    return [
        {"x": place(number, len(locals_)), "text": text, "css": css}
        for number, text, css in words.below(period.period, locals_, present)
    ]


def _row(
    choice: Choice, period: Shown, step: Step, today: dt.date, unit: words.Unit
) -> dict[str, Any]:
    """Return a step as a row of the table; its link shows it closer."""
    zone = period.book.zone
    closer = Period.MONTH if period.period is Period.YEAR else Period.DAY
    is_closer = period.period is not Period.DAY and step.figure is not None
    day = local_day(step.span.start, zone)
    name = words.step_name(period.period, step, zone)
    return {
        "name": name,
        "link": _link(choice, closer, day, today) if is_closer else "",
        "energy": unit.shown(step.energy_wh),
        "money": money(step.figure.cost if step.figure else None, period.book.currency),
        "before": unit.shown(step.before_wh),
        "told": words.told(name, step, unit),
    }


def _present(period: Shown, now: dt.datetime) -> int | None:
    """Return the number of the step that holds the present."""
    steps = enumerate(period.steps)
    return next((n for n, step in steps if step.span.start <= now < step.span.end), None)
