"""Fields of what is asked and sent, and the refusal of misspelt ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from rest_framework import serializers

from balupi_site.lib.clock import household_zone
from balupi_site.lib.fields import FIRST_YEAR, LAST_YEAR, YEARS
from energy.periods import midnight

#: Any JSON value, not looked at yet.
_Raw = Any


class Choice(serializers.ChoiceField):
    """A choice whose refusal names what there is."""

    def __init__(self, choices: list[str], **options: Any) -> None:  # noqa: ANN401  # DRF's options
        message = f"{{input}} is none of {', '.join(choices)}."
        super().__init__(choices=choices, error_messages={"invalid_choice": message}, **options)


class MoneyField(serializers.Field[Decimal, Any, str, Any]):
    """An amount from 0 up, as a number or a string with a point; rounded to its decimal places."""

    def __init__(self, *, places: int, most: Decimal | int, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self.unit, self.most = Decimal(1).scaleb(-places), Decimal(most)

    def to_internal_value(self, data: _Raw) -> Decimal:
        """Return the amount, or refuse what is none."""
        if isinstance(data, bool) or not isinstance(data, int | float | str):
            raise serializers.ValidationError(_("This must be a number."))
        try:
            amount = Decimal(str(data).strip())
        except InvalidOperation:
            raise serializers.ValidationError(_("This must be a number, such as 32.5.")) from None
        if not amount.is_finite() or not 0 <= amount <= self.most:
            raise serializers.ValidationError(
                _("This must be from 0 to %(most)s.") % {"most": f"{self.most:,f}"}
            )
        return abs(amount).quantize(self.unit)  # no -0

    def to_representation(self, value: Decimal) -> str:
        """Return it as a string, which keeps all its digits."""
        return f"{value:f}"


class DayField(serializers.Field[dt.date, Any, str, Any]):
    """A day, or a date-time of which the household's day counts."""

    def to_internal_value(self, data: _Raw) -> dt.date:
        """Return the day, or refuse what is none."""
        try:
            at = dt.datetime.fromisoformat(data)
            return at.astimezone(household_zone()).date() if at.tzinfo else at.date()
        except (TypeError, ValueError, OverflowError):
            text = 'This must be a day such as "2026-01-31", or an ISO date-time.'
            raise serializers.ValidationError(text) from None

    def to_representation(self, value: dt.date) -> str:
        """Return the day."""
        return value.isoformat()


class ClockField(serializers.Field[dt.time, Any, str, Any]):
    """A time of the day; 24:00 is midnight."""

    def to_internal_value(self, data: _Raw) -> dt.time:
        """Return the time, or refuse what is none."""
        try:
            at = dt.time() if data == "24:00" else dt.time.fromisoformat(data)
        except (TypeError, ValueError):
            at = None
        if at is None or at.tzinfo is not None or at.second or at.microsecond:
            raise serializers.ValidationError(_('This must be a time such as "22:00".'))
        return at

    def to_representation(self, value: dt.time) -> str:
        """Return hours and minutes."""
        return f"{value:%H:%M}"


class MomentField(serializers.Field[dt.datetime, str, str, Any]):
    """A day, or a time with or without an offset: without one it is the household's."""

    def to_internal_value(self, data: str) -> dt.datetime:
        """Return it in UTC; a day is its first moment."""
        zone: ZoneInfo = self.context["zone"]
        if "T" in data:
            data = data.replace(" ", "+")  # what an unescaped + has become on its way
        try:
            day = parse_date(data)
            at = midnight(day, zone) if day else parse_datetime(data)
        except (ValueError, OverflowError):
            at = None
        if at is None:
            raise serializers.ValidationError(
                _("Neither a day such as 2026-03-01 nor a time such as 2026-03-01T12:00+01:00.")
            )
        local = at.astimezone(zone) if at.tzinfo else at
        if not FIRST_YEAR <= local.year <= LAST_YEAR:
            raise serializers.ValidationError(YEARS)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(dt.UTC)

    def to_representation(self, value: dt.datetime) -> str:
        """Return it as it is written in a query."""
        return value.isoformat()


class StrictFieldsSerializer(serializers.Serializer[Any]):
    """Refuses misspelt fields; those of our own answers are passed over."""

    answer_fields: frozenset[str] = frozenset()

    def to_internal_value(self, data: _Raw) -> Any:  # noqa: ANN401  # DRF's signature
        """Return the values of known fields."""
        if isinstance(data, Mapping):
            unknown = set(data) - set(self.fields) - self.answer_fields
            if unknown:
                raise serializers.ValidationError(
                    {_as_text(name): [_("There is no such field.")] for name in unknown}
                )
        return super().to_internal_value(data)


def _as_text(name: Any) -> str:  # noqa: ANN401  # a key of any mapping
    """Return a name that can be sent: JSON may hold half a character, UTF-8 may not."""
    return str(name).encode("utf-8", "replace").decode()
