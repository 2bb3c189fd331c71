"""The shapes of the answers about history and costs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from energy.api.queries import Asked
from energy.models import PowerSample, SmartPlug
from energy.periods import Span
from energy.services.figures import Figure, PriceBook, known_spans
from energy.services.history import Comparison, History, PlugHistory
from energy.tariffs import as_shown

#: Places of an amount of money: a hundredth of a cent, for an hour of standby is less than a cent.
_PLACES = 4


def history_json(asked: Asked, found: History) -> dict[str, Any]:
    """Return the answer of ``GET /api/energy/history``.

    ``data`` is the plug asked for, or all together; ``devices`` has each plug's own rows then. All
    costs add up as they are shown.
    """
    return {
        **_head(asked, found),
        "resolution": found.resolution.value,
        "data": _rows(found.figures, found.book, asked.plug),
        "total": _total(found.total),
        "devices": [] if asked.plug else [_device(it, found.book) for it in found.plugs],
    }


def samples_json(asked: Asked, samples: Sequence[PowerSample], book: PriceBook) -> dict[str, Any]:
    """Return the answer where the samples themselves are asked for."""
    plugs = {plug.pk: plug for plug in asked.plugs}
    rows = [
        {
            "timestamp": _local(sample.at, book),
            **_name(plugs[sample.plug_id]),
            "power_w": sample.power_w,
            "voltage_v": sample.voltage_v,
            "current_a": sample.current_a,
        }
        for sample in samples
    ]
    return {
        **_name(asked.plug),
        "period": asked.period.value if asked.period else None,
        **_span(asked.span, book),
        "resolution": "raw",
        "data": rows,
    }


def costs_json(asked: Asked, found: History, now: dt.datetime) -> dict[str, Any]:
    """Return the answer of ``GET /api/energy/costs``; parts add up to the whole as they are shown.

    The base fee is of exactly the time that is over and that the house was measured in; it is the
    house's: no plug has a part in it.
    """
    total = found.total
    base_fee = _money(Decimal(0) if asked.plug else _base_fee(asked, found, now))
    energy_cost = _money(total.cost or Decimal(0))
    [now_price] = found.book.spans(Span(now, now + dt.timedelta(microseconds=1)))
    kwh = round(Decimal(total.energy_wh or 0) / 1000, 9)
    mean = energy_cost / kwh if kwh else None
    prices = list(total.costs)
    cents = mean if len(prices) > 1 else (prices[0] if prices else now_price.price).per_kwh
    return {
        **_head(asked, found),
        "total_kwh": _kwh(total.energy_wh or 0.0),
        "total_known": total.energy_wh is not None,
        "cost_cents": float(energy_cost * 100),
        "price_per_kwh_cents": float(round((cents or Decimal(0)) * 100, 4)),
        "price_now_per_kwh_cents": float(now_price.price.per_kwh * 100),
        "cost": float(energy_cost),
        "base_fee": float(base_fee),
        "total_cost": float(energy_cost + base_fee),
        "coverage": _ratio(total.coverage),
        "by_price": _by_price(total),
        "by_device": _by_device(found),
    }


def _base_fee(asked: Asked, found: History, now: dt.datetime) -> Decimal:
    over = found.span.until(now)
    begun = min((span.start for span in known_spans(asked.plugs, now).values()), default=over.end)
    start = max(over.start, begun)
    return found.book.base_fee(Span(start, over.end)) if start < over.end else Decimal(0)


def _head(asked: Asked, found: History) -> dict[str, Any]:
    return {
        **_name(asked.plug),
        "period": asked.period.value if asked.period else None,
        **_span(found.span, found.book),
        "currency": found.book.currency,
        "comparison": _comparison(found.comparison, found.book),
    }


def _name(plug: SmartPlug | None) -> dict[str, str]:
    if plug is None:
        return {"device_id": "all", "device_name": "all"}
    return {"device_id": plug.device_id, "device_name": plug.name}


def _span(span: Span, book: PriceBook) -> dict[str, str]:
    return {
        "from": _local(span.start, book),
        "to": _local(span.end, book),
        "time_zone": book.zone.key,
    }


def _rows(
    figures: Sequence[Figure], book: PriceBook, plug: SmartPlug | None
) -> list[dict[str, Any]]:
    costs = as_shown([figure.cost or Decimal(0) for figure in figures], _PLACES)
    return [
        {
            "timestamp": _local(figure.span.start, book),
            "until": _local(figure.span.end, book),
            **_name(plug),
            "avg_power_w": _rounded(figure.power_avg_w),
            "max_power_w": _rounded(figure.power_max_w),
            "min_power_w": _rounded(figure.power_min_w),
            "energy_wh": _rounded(figure.energy_wh),
            "filled_wh": _rounded(figure.filled_wh),
            "coverage": _ratio(figure.coverage),
            "known": _ratio(figure.known),
            "source": figure.source,
            "cost": float(shown) if figure.cost is not None else None,
        }
        for figure, shown in zip(figures, costs, strict=True)
    ]


def _device(found: PlugHistory, book: PriceBook) -> dict[str, Any]:
    return {
        **_name(found.plug),
        "role": found.plug.role,
        "data": _rows(found.figures, book, found.plug),
        "total": _total(found.total),
    }


def _total(figure: Figure) -> dict[str, Any]:
    return {
        "energy_wh": _rounded(figure.energy_wh),
        "filled_wh": _rounded(figure.filled_wh),
        "coverage": _ratio(figure.coverage),
        "known": _ratio(figure.known),
        "cost": None if figure.cost is None else float(_money(figure.cost)),
    }


def _comparison(found: Comparison | None, book: PriceBook) -> dict[str, Any] | None:
    if found is None:
        return None
    difference = found.difference
    return {
        **_span(found.before.span, book),
        **_total(found.before),
        "difference_percent": None if difference is None else round(100 * difference, 1),
    }


def _by_price(total: Figure) -> list[dict[str, Any]]:
    parts = sorted(total.costs.items(), key=lambda it: (it[0].tariff_name, it[0].zone_name))
    costs = as_shown([part.cost for _price, part in parts], _PLACES)
    return [
        {
            "tariff_id": price.tariff_id,
            "tariff": price.tariff_name,
            "zone": price.zone_name,
            "price_per_kwh": float(price.per_kwh),
            "energy_kwh": _kwh(part.energy_wh),
            "cost": float(shown),
        }
        for (price, part), shown in zip(parts, costs, strict=True)
    ]


def _by_device(found: History) -> list[dict[str, Any]]:
    costs = as_shown([it.total.cost or Decimal(0) for it in found.plugs], _PLACES)
    return [
        {
            **_name(it.plug),
            "energy_kwh": None if it.total.energy_wh is None else _kwh(it.total.energy_wh),
            "cost": float(shown) if it.total.cost is not None else None,
            "coverage": _ratio(it.total.coverage),
        }
        for it, shown in zip(found.plugs, costs, strict=True)
    ]


def _money(amount: Decimal) -> Decimal:
    [shown] = as_shown([amount], _PLACES)
    return shown


def _kwh(energy_wh: float) -> float:
    return round(energy_wh / 1000, 6)


def _local(at: dt.datetime, book: PriceBook) -> str:
    return at.astimezone(book.zone).isoformat()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _ratio(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
