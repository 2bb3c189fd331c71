"""The shapes of this app's input; its output are the services' dataclasses as they are."""

from __future__ import annotations

from datetime import date
from typing import Any

from rest_framework import serializers

from energy.periods import Period

_LONGEST_PAGE = 200
#: Years that a household's clock may show.
_FIRST_YEAR, _LAST_YEAR = 2000, 2100


class WakeRequestSerializer(serializers.Serializer[Any]):
    """What may come with a wake; the NAS-built page sends no body at all."""

    anyway = serializers.BooleanField(default=False)


class PageSerializer(serializers.Serializer[Any]):
    """Which part of the history."""

    limit = serializers.IntegerField(default=50, min_value=1, max_value=_LONGEST_PAGE)
    before = serializers.DateTimeField(default=None)


class NasEnergyQuery(serializers.Serializer[Any]):
    """Which stretch of the calendar; ``at`` is any day of it, None: today."""

    period = serializers.ChoiceField(
        default=Period.DAY.value,
        choices=[period.value for period in Period],
        error_messages={"invalid_choice": f"{{input}} is none of {', '.join(Period)}."},
    )
    at = serializers.DateField(default=None)

    def validate_at(self, at: date | None) -> date | None:
        """Refuse years that only a mistake can mean."""
        if at is not None and not _FIRST_YEAR <= at.year <= _LAST_YEAR:
            raise serializers.ValidationError(
                f"The year must be from {_FIRST_YEAR} to {_LAST_YEAR}."
            )
        return at
