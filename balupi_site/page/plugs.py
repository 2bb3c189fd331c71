"""The plugs in figures: power now, what each used today and what that cost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from balupi_site.lib.kept import retold
from balupi_site.lib.words import UNKNOWN, day_and_clock, money, watts
from balupi_site.page import adding
from balupi_site.page.choice import Choice
from energy.models import PlugRole, SmartPlug
from energy.periods import Span, day_span, local_day
from energy.services import PlugLatest, latest_readings
from energy.services.figures import Figure, PriceBook, figures_of
from energy.services.latest import stale_after

#: Parts of names, in German and English, and what is drawn for them; ``bolt`` for the others.
_ICONS = {
    "flake": ("freez", "fridge", "gefrier", "kühl"),
    "screen": ("monitor", "screen", "tv", "bildschirm", "fernseh"),
}
_SECOND = dt.timedelta(seconds=1)


def context(_choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    found = latest_readings(now)
    book = PriceBook.read()
    return {
        "plugs": plugs(found, today(found, now, book), book.currency, now),
        "price": price(book, now) if found else "",
    }


def today(found: Sequence[PlugLatest], now: dt.datetime, book: PriceBook) -> dict[int, Figure]:
    """Return what each plug used today up to now, by its primary key."""
    day = day_span(local_day(now, book.zone), book.zone)
    figures = figures_of([it.plug for it in found], [day], now, book) if found else {}
    return {pk: figure for pk, [figure] in figures.items()}


def price(book: PriceBook, now: dt.datetime) -> str:
    """Return what a kWh costs now, such as "32 ct/kWh"."""
    per_kwh = book.spans(Span(now, now + _SECOND))[0].price.per_kwh
    if book.currency != "EUR":
        return _("%(money)s per kWh") % {"money": money(per_kwh, book.currency)}
    cents = (per_kwh * 100).quantize(Decimal("0.01")).normalize()
    return _("%(cents)s ct/kWh") % {"cents": number_format(f"{cents:f}")}


def plugs(
    found: Sequence[PlugLatest], used: Mapping[int, Figure], currency: str, now: dt.datetime
) -> dict[str, Any]:
    """Return all plugs and their sums, which add up as they are shown.

    Args:
        found: the plugs.
        used: today's figures of these plugs by primary key, as far as they are known.
        currency: of their costs.
        now: what times are told from.
    """
    power, total_w = _powers(found)
    known = {pk: figure for pk, figure in used.items() if figure.energy_wh is not None}
    kwh, total_kwh = adding.kilowatt_hours([it.energy_wh or 0.0 for it in known.values()])
    cost, total_cost = adding.moneys([it.cost or Decimal(0) for it in known.values()], currency)
    today = {
        pk: {"kwh": kwh[n], "cost": cost[n], "share": _share(known[pk], known)}
        for n, pk in enumerate(known)
    }
    silent = [it.plug.name for it in found if it.present_power_w is None]
    is_any_fresh = len(silent) < len(found)
    return {
        "rows": [_plug(it, power[it.plug.pk]) | today.get(it.plug.pk, {}) for it in found],
        "at": max((it.reading.at for it in found if it.reading is not None), default=None),
        "stale_s": stale_after().total_seconds(),
        "total_w": total_w if is_any_fresh else UNKNOWN,
        "total_kwh": total_kwh if known else "",
        "total_cost": total_cost,
        "without": _("without %(names)s") % {"names": ", ".join(silent)}
        if silent and is_any_fresh
        else "",
        "problems": [_problem(it.plug, now) for it in found if it.plug.status_message],
    }


def _powers(found: Sequence[PlugLatest]) -> tuple[dict[int, str], str]:
    fresh = {it.plug.pk: w for it in found if (w := it.present_power_w) is not None}
    shown, total = adding.powers(list(fresh.values()))
    last = {it.plug.pk: watts(it.power_w) for it in found}
    return last | dict(zip(fresh, shown, strict=True)), total


def _share(figure: Figure, known: Mapping[int, Figure]) -> str:
    """Return a plug's part of today's energy in percent."""
    whole_wh = sum(it.energy_wh or 0.0 for it in known.values())
    return f"{100 * (figure.energy_wh or 0.0) / whole_wh:.1f}" if whole_wh else "0"


def _plug(latest: PlugLatest, power_w: str) -> dict[str, Any]:
    reading, plug = latest.reading, latest.plug
    return {
        "pk": plug.pk,
        "name": plug.name,
        "icon": _icon(plug),
        "power_w": power_w,
        "kwh": "",
        "share": "0",
        "relay_is_off": reading is not None and reading.relay_on is False,
        "at": reading.at if reading else None,
        # Somebody asked, and it did not answer; without that, perhaps nobody has asked.
        "words": _("%(ago)s, does not answer") if plug.status_message else _("read %(ago)s"),
    }


def _icon(plug: SmartPlug) -> str:
    if plug.role == PlugRole.NAS:
        return "server"
    name = plug.name.lower()
    drawn = (icon for icon, parts in _ICONS.items() if any(part in name for part in parts))
    return next(drawn, "bolt")


def _problem(plug: SmartPlug, now: dt.datetime) -> dict[str, str]:
    """Return what is wrong with a plug and what to do, as it says itself, and since when."""
    since = plug.status_since
    return {
        "name": plug.name,
        "message": retold(plug.status_message),
        "since": _("Since %(when)s.") % {"when": day_and_clock(since, now)} if since else "",
    }
