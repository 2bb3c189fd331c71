"""What may be asked of the history: plugs, a period or a span, and how finely it is cut."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import Http404, QueryDict
from django.utils.translation import gettext as _
from rest_framework import serializers

from balupi_site.lib.fields import CalendarDayField
from energy.api.fields import Choice, MomentField
from energy.models import SmartPlug
from energy.periods import (
    RESOLUTION_OF,
    Period,
    Resolution,
    Span,
    buckets,
    local_day,
    period_span,
)

#: What one answer may hold; a file (export.csv) may hold more.
MAX_ROWS = 20_000
_MAX_SPAN = dt.timedelta(days=40 * 366)
#: Resolution by the longest span that has it where none is asked for.
_DEFAULT_RESOLUTIONS = (
    (dt.timedelta(hours=49), Resolution.HOUR),
    (dt.timedelta(days=93), Resolution.DAY),
    (_MAX_SPAN, Resolution.MONTH),
)
RAW = "raw"


@dataclass(frozen=True)
class Asked:
    """A checked question.

    Attributes:
        plugs: those asked for, in order of name; all of them where no plug was named.
        plug: the one that was named; None: the house.
        period: None where a span was asked for.
        day: a day of the period.
        resolution: None: the samples themselves.
    """

    plugs: tuple[SmartPlug, ...]
    plug: SmartPlug | None
    period: Period | None
    day: dt.date
    span: Span
    resolution: Resolution | None


class HistoryQuery(serializers.Serializer[Any]):
    """The parameters of ``history``, ``costs`` and ``export.csv``."""

    device_id = serializers.CharField(
        required=False, max_length=64, help_text="Left out or `all`: all plugs."
    )
    period = Choice(
        [str(period) for period in Period],
        required=False,
        help_text="A stretch of the calendar; not together with `from`.",
    )
    at = CalendarDayField(required=False, help_text="A day of the period; left out: today.")
    resolution = Choice(
        [RAW, *(str(each) for each in Resolution)],
        required=False,
        help_text="How finely it is cut; `raw`: the samples themselves.",
    )

    def get_fields(self) -> dict[str, Any]:
        """Add the fields whose names are words of Python."""
        span = {name: MomentField(required=False) for name in ("from", "to")}
        return {**super().get_fields(), **span}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what contradicts itself."""
        if "from" in attrs and ("period" in attrs or "at" in attrs):
            raise serializers.ValidationError({"from": [_("Either a period or from and to.")]})
        if "to" in attrs and "from" not in attrs:
            raise serializers.ValidationError({"to": [_("Only together with from.")]})
        start, end = attrs.get("from"), attrs.get("to")
        if start and end and end <= start:
            raise serializers.ValidationError({"to": [_("It must be after from.")]})
        if start and end and end - start > _MAX_SPAN:
            raise serializers.ValidationError({"from": [_("At most 40 years at once.")]})
        return attrs


def asked(
    parameters: QueryDict,
    now: dt.datetime,
    zone: ZoneInfo,
    *,
    default: Period,
    max_rows: int | None = MAX_ROWS,
) -> Asked:
    """Return what is asked for.

    Args:
        parameters: of the URL; unknown ones are passed over.
        now: the present.
        zone: the household's.
        default: the period where nothing is said.
        max_rows: refuse what would have more rows; None: any number.

    Raises:
        ValidationError: a parameter makes no sense; it is named.
        Http404: there is no such plug.
    """
    query = HistoryQuery(data=parameters.dict(), context={"zone": zone})
    query.is_valid(raise_exception=True)
    values = query.validated_data
    plug = plug_or_404(values["device_id"]) if values.get("device_id", "all") != "all" else None
    plugs = (plug,) if plug else tuple(SmartPlug.objects.all())
    day = values.get("at") or local_day(now, zone)
    period = None if "from" in values else Period(values.get("period") or default)
    span = period_span(period, day, zone) if period else _span(values, now)
    found = Asked(plugs, plug, period, day, span, _resolution(values, period, span))
    if max_rows is not None:
        _check_rows(found, zone, max_rows)
    return found


def plug_or_404(device_id: str) -> SmartPlug:
    """Return the plug; Http404 where there is none.

    An id is what the plug says, whatever is in it; but NUL is in none, and PostgreSQL refuses it.
    """
    plug = None if "\0" in device_id else SmartPlug.objects.filter(device_id=device_id).first()
    if plug is None:
        raise Http404(_("There is no such plug."))
    return plug


def _span(values: dict[str, Any], now: dt.datetime) -> Span:
    start, end = values["from"], values.get("to") or now.astimezone(dt.UTC)
    if end <= start:
        raise serializers.ValidationError({"from": [_("It must be in the past.")]})
    return Span(start, end)


def _resolution(values: dict[str, Any], period: Period | None, span: Span) -> Resolution | None:
    if "resolution" in values:
        word = values["resolution"]
        return None if word == RAW else Resolution(word)
    if period:
        return RESOLUTION_OF[period]
    length = span.end - span.start
    return next((each for most, each in _DEFAULT_RESOLUTIONS if length <= most), Resolution.MONTH)


def _check_rows(found: Asked, zone: ZoneInfo, max_rows: int) -> None:
    if found.resolution is None:
        interval = dt.timedelta(seconds=settings.ENERGY_SAMPLE_INTERVAL_SECONDS)
        rows = len(found.plugs) * ((found.span.end - found.span.start) // interval)
        if rows > max_rows:
            message = (
                f"These are up to {rows} rows, more than {max_rows}; ask for one plug or for less"
                " time, or take export.csv."
            )
            raise serializers.ValidationError({"resolution": [message]})
        return
    rows = round(len(found.plugs) * found.span.hours)
    # Counting a long span's hours one by one takes seconds; it is refused by its length alone.
    if found.resolution is not Resolution.HOUR or rows <= 2 * max_rows:
        rows = len(found.plugs) * len(buckets(found.span, found.resolution, zone))
    if rows > max_rows:
        message = f"These are {rows} rows, more than {max_rows}; take a coarser resolution."
        raise serializers.ValidationError({"resolution": [message]})
