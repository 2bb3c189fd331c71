"""The history as CSV, a stretch of it at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from django.conf import settings
from rest_framework import serializers

from balupi_site.lib.csv_lines import csv_lines, no_formula
from energy.api.queries import Asked, Choice
from energy.models import PowerSample, SmartPlug
from energy.periods import Resolution, Span, buckets, local_day, midnight
from energy.services.figures import Figure, PriceBook, figures_of, known_spans
from energy.services.history import samples_between

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


def export_lines(
    question: Asked, now: dt.datetime, book: PriceBook, *, decimal: str
) -> Iterator[str]:
    """Return the lines of the file, the names of the columns first; a row per plug and bucket.

    Money is rounded to a hundredth of a cent. What is not known is empty.

    Args:
        question: plugs, span and resolution; without one, the samples themselves.
        now: nothing is told of what is still to come.
        book: the prices.
        decimal: "point" or "comma".
    """
    is_raw = question.resolution is None
    rows = _sample_rows(question, now, book) if is_raw else _rows(question, now, book)
    written = ([_written(value, decimal) for value in row] for row in rows)
    names = _SAMPLE_COLUMNS if is_raw else _COLUMNS
    return csv_lines(chain([names], written), separator=_SEPARATORS[decimal])


def _rows(question: Asked, now: dt.datetime, book: PriceBook) -> Iterator[tuple[Any, ...]]:
    resolution = question.resolution or Resolution.HOUR
    known = known_spans(question.plugs, now).values()
    begun = min((span.start for span in known), default=now)  # before it all rows would be empty
    start = max(question.span.start, midnight(local_day(begun, book.zone), book.zone))
    for chunk in _chunks(Span(start, question.span.end), _CHUNK_DAYS[resolution], book):
        cut = [bucket for bucket in buckets(chunk, resolution, book.zone) if bucket.start < now]
        if not cut:
            return
        figures = figures_of(question.plugs, cut, now, book)
        for number in range(len(cut)):
            for plug in question.plugs:
                yield _row(plug, figures[plug.pk][number], book)


def _row(plug: SmartPlug, figure: Figure, book: PriceBook) -> tuple[Any, ...]:
    prices = list(figure.costs)
    cost = figure.cost
    return (
        *(_local(at, book) for at in (figure.span.start, figure.span.end)),
        book.zone.key,
        plug.device_id,
        no_formula(plug.name),
        figure.energy_wh,
        "Wh",
        figure.filled_wh,
        figure.power_min_w,
        figure.power_avg_w,
        figure.power_max_w,
        figure.coverage,
        figure.source,
        None if cost is None else round(cost, 4),
        book.currency,
        " + ".join(no_formula(f"{it.tariff_name} {it.zone_name}".strip()) for it in prices),
        prices[0].per_kwh if len(prices) == 1 else None,
    )


def _sample_rows(question: Asked, now: dt.datetime, book: PriceBook) -> Iterator[tuple[Any, ...]]:
    plugs = {plug.pk: plug for plug in question.plugs}
    kept = dt.timedelta(days=settings.ENERGY_SAMPLE_RETENTION_DAYS + 1)
    span = Span(max(question.span.start, now - kept), min(question.span.end, now))
    for chunk in _chunks(span, _RAW_CHUNK_DAYS, book):
        for sample in samples_between(question.plugs, chunk):
            yield _sample_row(plugs[sample.plug_id], sample, book)


def _sample_row(plug: SmartPlug, sample: PowerSample, book: PriceBook) -> tuple[Any, ...]:
    return (
        _local(sample.at, book),
        book.zone.key,
        plug.device_id,
        no_formula(plug.name),
        sample.power_w,
        "W",
        sample.voltage_v,
        sample.current_a,
    )


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


def _written(value: object, decimal: str) -> str:
    if value is None:
        return ""
    text = _digits(value) if isinstance(value, float) else str(value)
    return text.replace(".", ",") if decimal == "comma" and not isinstance(value, str) else text


def _digits(value: float) -> str:
    """Return a number without an exponent, with one decimal at least."""
    whole, _point, decimals = f"{value:.{_PLACES}f}".partition(".")
    return f"{whole}.{decimals.rstrip('0') or '0'}"
