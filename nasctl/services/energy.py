"""What the NAS used in each of its states, and what sleeping saved, in energy and money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.words import NBSP
from energy.metering import HOUR
from energy.models import SmartPlug
from energy.periods import Period, Resolution, Span, buckets, period_span
from energy.services.figures import PriceBook, known_spans
from energy.tariffs import cost
from nasctl.energy_split import HOUR_S, HourState
from nasctl.saved import (
    IDLE_DAYS,
    Asleep,
    IdleHour,
    WhyUnknown,
    idle_power_w,
    saved_wh,
    shown_decimals,
    why_unknown,
)
from nasctl.services.nas_hours import nas_plug, whole_hours
from nasctl.services.stretches import Stretch, stretches

_RESOLUTION_OF = {
    Period.WEEK: Resolution.DAY,
    Period.MONTH: Resolution.DAY,
    Period.YEAR: Resolution.MONTH,
}
_WHY: dict[WhyUnknown, str | Promise] = {
    WhyUnknown.NOTHING_KNOWN: _("The NAS's plug was not read in this time."),
    WhyUnknown.NOT_WATCHED: _(
        "BaluPi did not see what the NAS did in most of this time, so its sleep is not known."
    ),
    WhyUnknown.NEVER_ASLEEP: _("The NAS did not sleep in this time."),
    WhyUnknown.SLEEP_NOT_READ: _("The NAS's plug was not read while the NAS slept."),
    WhyUnknown.NO_IDLE_POWER: _(
        "It is not known yet what the NAS draws while idle; that takes three whole hours awake."
    ),
}


@dataclass(frozen=True)
class Saved:
    """What sleeping saved.

    Attributes:
        energy_wh, cost: None: not known, ``reason`` says why.
        asleep_h: the known time asleep.
        idle_power_w, asleep_power_w: None: not known.
        formula: how it was worked out, with numbers; "" where there is nothing to work out.
        reason: a sentence, "" where there is a formula.
    """

    energy_wh: float | None
    cost: Decimal | None
    asleep_h: float
    idle_power_w: float | None
    asleep_power_w: float | None
    formula: str
    reason: str


@dataclass(frozen=True)
class NasEnergy:
    """A period of the NAS's energy.

    Attributes:
        span: the period; it may go on after the present.
        whole: what is known of it.
        coverage: the known part of the time that is over, since the plug is known, 0 to 1; None:
            there is no such time.
        parts: its days or months as far as they have begun; none of a day.
        saved_parts: what was saved in each of them.
    """

    period: Period
    span: Span
    book: PriceBook
    whole: Stretch
    coverage: float | None
    saved: Saved
    parts: tuple[Stretch, ...]
    saved_parts: tuple[Saved, ...]


def nas_energy(period: Period, day: date, now: datetime) -> NasEnergy | None:
    """Return the period that holds a day of the household; None: no plug has the role NAS.

    Args:
        period: day, week, month or year.
        day: any day of it.
        now: the present.
    """
    plug = nas_plug()
    if plug is None:
        return None
    book = PriceBook.read()
    span = period_span(period, day, book.zone)
    cut = buckets(span, _RESOLUTION_OF[period], book.zone) if period in _RESOLUTION_OF else [span]
    parts = stretches(plug.pk, [bucket for bucket in cut if bucket.start < now], now, book)
    whole = Stretch(span, tuple(pair for part in parts for pair in part.by_price))
    idle_w = idle_power(plug.pk, span.until(now).end)
    is_cut = period in _RESOLUTION_OF
    return NasEnergy(
        period=period,
        span=span,
        book=book,
        whole=whole,
        coverage=_coverage(plug, whole, now),
        saved=saved(whole, idle_w),
        parts=tuple(parts) if is_cut else (),
        saved_parts=tuple(saved(part, idle_w) for part in parts) if is_cut else (),
    )


def _coverage(plug: SmartPlug, whole: Stretch, now: datetime) -> float | None:
    """Return the known part of the time in which the plug could be read."""
    known = known_spans([plug], now)[plug.pk]
    end = min(whole.span.end, known.end)
    expected_h = max(end - max(whole.span.start, known.start), timedelta()) / HOUR
    return min(whole.known_h / expected_h, 1.0) if expected_h else None


def saved_in(spans: Sequence[Span], now: datetime, book: PriceBook) -> list[Saved] | None:
    """Return what sleeping saved in each span; None: no plug has the role NAS."""
    plug = nas_plug()
    if plug is None:
        return None
    idle_w = idle_power(plug.pk, now)
    return [saved(stretch, idle_w) for stretch in stretches(plug.pk, spans, now, book)]


def idle_power(plug_id: int, end: datetime) -> float | None:
    """Return what the NAS draws while it is on without work, in W, as ``saved.py`` says."""
    most = 24 * IDLE_DAYS.days
    hours = whole_hours(plug_id).filter(state=HourState.ONLINE, hour__lt=end).order_by("-hour")
    rows = hours.values_list("hour", "energy_wh", "known_s")[:most]
    return idle_power_w([IdleHour(at, (wh or 0.0) * HOUR_S / s) for at, wh, s in rows], end)


def saved(stretch: Stretch, idle_w: float | None) -> Saved:
    """Return what sleeping saved in a stretch, against this idle power."""
    asleep = stretch.asleep
    why = why_unknown(asleep, idle_w, known_h=stretch.known_h, watched=stretch.watched)
    energy_wh: float | None = None
    money: Decimal | None = None
    if why is WhyUnknown.NEVER_ASLEEP:
        energy_wh, money = 0.0, Decimal(0)
    elif why is None and idle_w is not None:
        energy_wh = saved_wh(asleep.known_h, asleep.energy_wh, idle_w)
        money = _saved_cost(stretch, idle_w)
    return Saved(
        energy_wh=energy_wh,
        cost=money,
        asleep_h=asleep.known_h,
        idle_power_w=idle_w,
        asleep_power_w=asleep.power_w,
        formula=_formula(asleep, idle_w) if why is None else "",
        reason=str(_WHY[why]) if why else "",
    )


def _saved_cost(stretch: Stretch, idle_w: float) -> Decimal:
    """Return what would have been paid more: at each hour's price."""
    asleep = [
        (price, sums[HourState.OFFLINE])
        for price, sums in stretch.by_price
        if HourState.OFFLINE in sums
    ]
    return sum(
        (cost(saved_wh(it.known_h, it.energy_wh, idle_w), price.per_kwh) for price, it in asleep),
        Decimal(0),
    )


def _formula(asleep: Asleep, idle_w: float | None) -> str:
    if idle_w is None or asleep.power_w is None:
        return ""
    kwh = saved_wh(asleep.known_h, asleep.energy_wh, idle_w) / 1000
    kwh_decimals = 2 if abs(kwh) < 10 else 1 if abs(kwh) < 100 else 0  # noqa: PLR2004  # as all kWh
    decimals = shown_decimals(asleep.known_h, idle_w, asleep.power_w, kwh_decimals=kwh_decimals)
    text = gettext("%(hours)s asleep × (%(idle)s idle − %(asleep)s asleep) = %(saved)s")
    return text % {
        "hours": f"{_shown(asleep.known_h, decimals)}{NBSP}h",
        "idle": f"{_shown(idle_w, decimals)}{NBSP}W",
        "asleep": f"{_shown(asleep.power_w, decimals)}{NBSP}W",
        "saved": f"{_shown(kwh, kwh_decimals)}{NBSP}kWh",
    }


def _shown(number: float, decimals: int) -> str:
    return number_format(round(number, decimals) + 0.0, decimal_pos=decimals, force_grouping=True)
