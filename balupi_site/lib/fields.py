"""Input that is taken as it is described: REST framework's own fields also take what looks similar."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

#: Years that a household's clock may show.
FIRST_YEAR, LAST_YEAR = 2000, 2100
YEARS = f"The year must be from {FIRST_YEAR} to {LAST_YEAR}."

#: Any JSON value, not looked at yet.
_Raw = Any


class TextField(serializers.CharField):
    """A text; a number is none."""

    def to_internal_value(self, data: _Raw) -> str:
        """Return the text, or refuse what is none."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    """JSON's true or false; neither 1 nor "yes" is one."""

    def to_internal_value(self, data: _Raw) -> bool:
        """Return it, or refuse what is none."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class WholeField(serializers.IntegerField):
    """A whole number of JSON; a text with digits is none."""

    def to_internal_value(self, data: _Raw) -> int:
        """Return the number, or refuse what is none."""
        if isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class CalendarDayField(serializers.DateField):
    """A day of a year that no mistake means."""

    def to_internal_value(self, data: _Raw) -> dt.date:
        """Return the day, or refuse what is none."""
        day = super().to_internal_value(data)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise serializers.ValidationError(YEARS)
        return day


class QuerySerializer(serializers.Serializer[Any]):
    """Parameters of a URL: one that is there but empty is a mistake, not the default."""

    def to_internal_value(self, data: _Raw) -> Any:  # noqa: ANN401  # DRF's signature
        """Return the values."""
        empty = [
            name
            for name, field in self.fields.items()
            if data.get(name) == "" and not getattr(field, "allow_blank", False)
        ]
        if empty:
            text = _("This may not be empty; leave it out.")
            raise serializers.ValidationError({name: [text] for name in empty})
        return super().to_internal_value(data)
