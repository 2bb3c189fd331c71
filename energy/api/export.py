"""The history as CSV, a stretch of it at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import chain
from typing import Any

from django.conf import settings
from rest_framework import serializers

from balupi_site.lib.csv_lines import csv_blocks, no_formula
from energy.api.fields import Choice
from energy.api.queries import Asked
from energy.models import SmartPlug
from energy.periods import Resolution, Span, buckets, local_day, midnight
from energy.services.figures import Figure, PriceBook, figures_of, known_spans
from energy.services.history import samples_between
from energy.tariffs import Price

#: Writes a number.
Number = Callable[[float | Decimal | None], str]

#: How much is read at a time, so that a long export needs little memory.
_CHUNK_DAYS = {Resolution.HOUR: 7, Resolution.DAY: 31, Resolution.MONTH: 31}
_RAW_CHUNK_DAYS = 1
_COLUMNS = (
    "start", "end", "time_zone", "device_id", "device_name", "energy", "unit", "filled",
    "power_min_w", "power_avg_w", "power_max_w", "coverage", "source", "cost", "currency",
    "tariff", "price_per_kwh",
)  # fmt: skip
_SAMPLE_COLUMNS = (
    "time", "time_zone", "device_id", "device_name", "power", "unit", "voltage_v", "current_a",
)  # fmt: skip
#: Millionths of a Wh or W: what lies behind is not measured, but comes of floating-point sums.
_PLACES = 6
_SEPARATORS = {"point": ",", "comma": ";"}


class ExportQuery(serializers.Serializer[Any]):
    """The parameters of ``export.csv`` beside those of the history."""

    decimal = Choice(
        list(_SEPARATORS),
        default="point",
        help_text="With `comma` columns are separated by semicolons.",
    )


def export_blocks(
    question: Asked, now: dt.datetime, book: PriceBook, *, decimal: str
) -> Iterator[str]:
    """Return the blocks of the file, the names of the columns first; a row per plug and bucket.

    Money is rounded to a hundredth of a cent. What is not known is empty.

    Args:
        question: plugs, span and resolution; without one, the samples themselves.
        now: nothing is told of what is still to come.
        book: the prices.
        decimal: "point" or "comma".
    """
    number = _NUMBERS[decimal]
    if question.resolution is None:
        rows = chain([_SAMPLE_COLUMNS], _sample_rows(question, now, book, number))
    else:
        rows = chain([_COLUMNS], _rows(question, question.resolution, now, book, number))
    return csv_blocks(rows, separator=_SEPARATORS[decimal])


def _rows(
    question: Asked, resolution: Resolution, now: dt.datetime, book: PriceBook, number: Number
) -> Iterator[tuple[str, ...]]:
    known = known_spans(question.plugs, now).values()
    begun = min((span.start for span in known), default=now)  # before it all rows would be empty
    start = max(question.span.start, midnight(local_day(begun, book.zone), book.zone))
    names = _names(question.plugs)
    for chunk in _chunks(Span(start, question.span.end), _CHUNK_DAYS[resolution], book):
        cut = [bucket for bucket in buckets(chunk, resolution, book.zone) if bucket.start < now]
        if not cut:
            return  # all that follows is to come; decades of it would be asked for in vain
        figures = figures_of(question.plugs, cut, now, book)
        for index, bucket in enumerate(cut):
            times = (_local(bucket.start, book), _local(bucket.end, book), book.zone.key)
            for plug_id, name in names.items():
                yield *times, *name, *_told(figures[plug_id][index], book, number)


def _told(figure: Figure, book: PriceBook, number: Number) -> tuple[str, ...]:
    prices, cost = list(figure.costs), figure.cost
    return (
        number(figure.energy_wh),
        "Wh",
        number(figure.filled_wh),
        number(figure.power_min_w),
        number(figure.power_avg_w),
        number(figure.power_max_w),
        number(figure.coverage),
        figure.source or "",
        number(None if cost is None else round(cost, 4)),
        book.currency,
        " + ".join([_price_name(it) for it in prices]),
        number(prices[0].per_kwh if len(prices) == 1 else None),
    )


def _price_name(price: Price) -> str:
    return no_formula(f"{price.tariff_name} {price.zone_name}".strip())


def _sample_rows(
    question: Asked, now: dt.datetime, book: PriceBook, number: Number
) -> Iterator[tuple[str, ...]]:
    names = _names(question.plugs)
    kept = dt.timedelta(days=settings.ENERGY_SAMPLE_RETENTION_DAYS + 1)
    span = Span(max(question.span.start, now - kept), min(question.span.end, now))
    for chunk in _chunks(span, _RAW_CHUNK_DAYS, book):
        for sample in samples_between(question.plugs, chunk):
            yield (
                _local(sample.at, book),
                book.zone.key,
                *names[sample.plug_id],
                number(sample.power_w),
                "W",
                number(sample.voltage_v),
                number(sample.current_a),
            )


def _names(plugs: Iterable[SmartPlug]) -> dict[int, tuple[str, str]]:
    return {plug.pk: (plug.device_id, no_formula(plug.name)) for plug in plugs}


def _chunks(span: Span, days: int, book: PriceBook) -> Iterable[Span]:
    """Cut a span at first days of months, and at midnights at most ``days`` days apart."""
    start = span.start
    while start < span.end:
        day = local_day(start, book.zone)
        next_month = (day.replace(day=1) + dt.timedelta(32)).replace(day=1)
        end = min(midnight(min(day + dt.timedelta(days), next_month), book.zone), span.end)
        yield Span(start, end)
        start = end


def _local(at: dt.datetime, book: PriceBook) -> str:
    return at.astimezone(book.zone).isoformat()


def _with_point(value: float | Decimal | None) -> str:
    """Return a number without an exponent, a float with one decimal at least; "" where it is not known."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return str(value)
    text = f"{value:.{_PLACES}f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def _with_comma(value: float | Decimal | None) -> str:
    return _with_point(value).replace(".", ",")


_NUMBERS: dict[str, Number] = {"point": _with_point, "comma": _with_comma}
