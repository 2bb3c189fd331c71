"""The page's energy section: what was used, what it cost, what sleeping saved, what is unusual."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from balupi_site.page.choice import Choice
from balupi_site.words import kilowatt_hours, money, percent
from energy.models import Anomaly, SmartPlug
from energy.periods import Period, day_span, local_day
from energy.services import anomaly_text, fallback_price
from energy.services.figures import Figure, PriceBook, figures_of, household_zone
from energy.services.history import Comparison, compared
from nasctl.services.energy import Saved, saved_in

_PERIODS = (Period.DAY, Period.WEEK, Period.MONTH, Period.YEAR)
#: A difference below this is none.
_SAME = 0.005


def context(_choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    return {"energy": energy(now)}


def energy(now: dt.datetime) -> dict[str, Any]:
    """Return the template context of the section."""
    book = PriceBook.read()
    found = compared(list(SmartPlug.objects.all()), _PERIODS, now, book)
    spans = [found[period][0].span for period in (Period.DAY, Period.MONTH)]
    saved = saved_in(spans, now, book) or []
    lasting = Anomaly.objects.filter(ended_at__isnull=True).select_related("plug")
    return {
        "rows": [_row(period, *found[period], book) for period in _PERIODS],
        "is_empty": all(figure.energy_wh is None for figure, _compared in found.values()),
        "saved": [
            _saved(label, each, book.currency)
            for label, each in zip((_("Today"), _("This month")), saved, strict=False)
        ],
        "unusual": [anomaly_text(anomaly, now) for anomaly in lasting],
    }


def today_wh(now: dt.datetime) -> dict[int, float]:
    """Return what each plug used today up to now, in Wh, by its primary key; only what is known."""
    book = PriceBook((), fallback_price(), "", household_zone())  # costs are not asked for
    today = day_span(local_day(now, book.zone), book.zone)
    plugs = list(SmartPlug.objects.all())
    found = figures_of(plugs, [today], now, book)
    return {pk: it.energy_wh for pk, [it] in found.items() if it.energy_wh is not None}


def _row(period: Period, figure: Figure, comparison: Comparison, book: PriceBook) -> dict[str, Any]:
    labels = {
        Period.DAY: _("Today"),
        Period.WEEK: _("This week"),
        Period.MONTH: _("This month"),
        Period.YEAR: _("This year"),
    }
    return {
        "label": labels[period],
        "kwh": kilowatt_hours(figure.energy_wh),
        "is_known": figure.energy_wh is not None,
        "money": money(figure.cost, book.currency),
        "compared": _compared(period, comparison),
        "gaps": _gaps(figure),
    }


def _compared(period: Period, comparison: Comparison) -> str:
    """Return the comparison in words; "" where too little is known of one of the two."""
    before = {
        Period.DAY: _("yesterday by this time"),
        Period.WEEK: _("last week by this time"),
        Period.MONTH: _("last month by this time"),
        Period.YEAR: _("last year by this time"),
    }[period]
    difference = comparison.difference
    if difference is None:
        return ""
    if abs(difference) < _SAME:
        return _("as much as %(before)s") % {"before": before}
    words = (
        _("%(percent)s more than %(before)s")
        if difference > 0
        else _("%(percent)s less than %(before)s")
    )
    return words % {"percent": percent(abs(difference)), "before": before}


def _gaps(figure: Figure) -> str:
    """Return what of the time is not measured, in words; "" where next to nothing is."""
    missing = 1 - (figure.coverage if figure.coverage is not None else 1)
    if missing < _SAME or figure.energy_wh is None:
        return ""
    if figure.filled_wh:
        return _(
            "%(percent)s of the time was not measured; %(kwh)s kWh are from the plugs' memory"
        ) % {
            "percent": percent(missing),
            "kwh": kilowatt_hours(figure.filled_wh),
        }
    return _("%(percent)s of the time was not measured") % {"percent": percent(missing)}


def _saved(label: str, saved: Saved, currency: str) -> dict[str, Any]:
    return {
        "label": label,
        "is_known": saved.energy_wh is not None,
        "kwh": kilowatt_hours(saved.energy_wh),
        "money": money(saved.cost, currency),
        "words": saved.formula or saved.reason,
    }
