"""What sleeping saved: today with its formula, this month, and since the NAS is watched."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeGuard

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from balupi_site.lib.words import day_of_month, kilowatt_hours, money, month_and_year, span
from balupi_site.page import adding
from balupi_site.page.choice import Choice
from balupi_site.page.energy import DRAWN_S
from energy.models import PowerSample, SmartPlug
from energy.periods import Period, Span, local_day, period_span
from energy.services.figures import PriceBook
from energy.services.latest import stale_after
from nasctl.models import NasHour
from nasctl.services.energy import Saved, idle_power, saved
from nasctl.services.nas_hours import nas_plug
from nasctl.services.stretches import Stretch, stretches

#: A formula is shown with one of these; a longer sleep is told in days, which says too little for it.
_DECIMALS, _TOLD_IN_HOURS = (1, 2), 48


def context(_choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    plug = nas_plug()
    return {"saved": None if plug is None else saving(plug, now)}


def saving(plug: SmartPlug, now: dt.datetime) -> dict[str, Any]:
    """Return the template context of the section, of the NAS's plug."""
    book = PriceBook.read()
    day = local_day(now, book.zone)
    first = (
        NasHour.objects.filter(plug=plug).order_by("hour").values_list("hour", flat=True).first()
    )
    today, month = (period_span(period, day, book.zone) for period in (Period.DAY, Period.MONTH))
    ever = Span(min(first or now, today.start), today.end)
    found = stretches(plug.pk, [today, month, ever], now, book)
    idle_w = idle_power(plug.pk, now)
    each = [saved(stretch, idle_w) for stretch in found]
    began = local_day(ever.start, book.zone)
    longer: dict[str, Saved | None] = {
        month_and_year(day): each[1] if began < day else None,
        _since(began, day): each[2] if ever.start < month.start else None,
    }
    return {
        "at": _counted_until(plug, today, now),
        "stale_s": settings.ENERGY_FLUSH_INTERVAL_SECONDS + stale_after().total_seconds() + DRAWN_S,
        **_today(each[0], found[0], book.currency),
        "rows": [_row(name, it, book.currency) for name, it in longer.items() if _is_sound(it)],
    }


def _today(it: Saved, stretch: Stretch, currency: str) -> dict[str, Any]:
    """Return today's figures; without them, why."""
    if it.energy_wh is None:
        return {"why": it.reason}
    if it.energy_wh < 0:
        return {"why": _("Asleep, the NAS drew more today than when idle, so nothing was saved.")}
    [used, saved_], always = adding.kilowatt_hours([stretch.energy_wh or 0.0, it.energy_wh])
    whole_wh = (stretch.energy_wh or 0.0) + it.energy_wh
    used_percent = 100 * (stretch.energy_wh or 0.0) / whole_wh if whole_wh else 0.0
    return {
        "kwh": saved_,
        "money": money(it.cost, currency),
        "words": formula(it) or it.reason,
        "bar": {
            "used": used,
            "saved": saved_,
            "always": always,
            "x": f"{used_percent:.2f}",
            "width": f"{100 - used_percent:.2f}",
        }
        if it.energy_wh > 0
        else None,
    }


def formula(it: Saved) -> str:
    """Return how it was worked out, in hours and minutes where that gives the same on paper.

    "" where there is nothing to work out.
    """
    if it.energy_wh is None or it.idle_power_w is None or it.asleep_power_w is None:
        return ""
    minutes = round(it.asleep_h * 60)
    shown = kilowatt_hours(it.energy_wh)
    for decimals in _DECIMALS if it.asleep_h < _TOLD_IN_HOURS else ():
        idle_w, asleep_w = round(it.idle_power_w, decimals), round(it.asleep_power_w, decimals)
        if kilowatt_hours(minutes / 60 * (idle_w - asleep_w)) == shown:
            values = {
                "span": span(minutes * 60),
                "idle": number_format(idle_w, decimal_pos=decimals),
                "asleep": number_format(asleep_w, decimal_pos=decimals),
            }
            return _("%(span)s asleep × (%(idle)s W awake and idle − %(asleep)s W asleep)") % values
    return it.formula


def _since(began: dt.date, day: dt.date) -> str:
    return _("Since %(day)s") % {"day": day_of_month(began, day)}


def _is_sound(it: Saved | None) -> TypeGuard[Saved]:
    return it is not None and it.energy_wh is not None and it.energy_wh >= 0


def _row(name: str, it: Saved, currency: str) -> dict[str, str]:
    return {
        "name": name,
        "kwh": kilowatt_hours(it.energy_wh),
        "money": money(it.cost, currency),
    }


def _counted_until(plug: SmartPlug, today: Span, now: dt.datetime) -> dt.datetime | None:
    """Return when the newest sample that is counted was taken; None: none today."""
    stored = PowerSample.objects.filter(plug=plug, at__gte=today.start, at__lte=now)
    return stored.order_by("-at").values_list("at", flat=True).first()
