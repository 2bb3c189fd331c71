"""The shapes of this app's input; its output are the services' dataclasses as they are."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from balupi_site.events.kinds import GROUPS, Kind, kinds_of
from balupi_site.events.retention import MOST_ROWS
from balupi_site.lib.fields import CalendarDayField, FlagField, QuerySerializer
from energy.periods import Period

_LONGEST_PAGE = 200


class WakeRequestSerializer(serializers.Serializer[Any]):
    """What may come with a wake; the NAS-built page sends no body at all."""

    anyway = FlagField(default=False, help_text="Also where it makes no sense.")


class KindsField(serializers.Field[list[str], list[str], list[str], Any]):
    """Names of groups or kinds of events, repeated or with commas between."""

    def get_value(self, dictionary: Any) -> Any:  # noqa: ANN401  # a QueryDict or plain data
        """Return all values of the parameter."""
        return dictionary.getlist(self.field_name) or serializers.empty

    def to_internal_value(self, data: list[str]) -> list[str]:
        """Return the names; refuse those that nothing is called."""
        words = [word.strip() for value in data for word in value.split(",")]
        for word in words:
            if not kinds_of(word):
                allowed = ", ".join([*GROUPS, *Kind.values])
                raise serializers.ValidationError(
                    _("“%(word)s” is none of %(allowed)s.")
                    % {"word": word[:40], "allowed": allowed}
                )
        return list(dict.fromkeys(words))


class LogQuery(QuerySerializer):
    """Which part of the log; without a limit, all."""

    kind = KindsField(default=list)
    since = serializers.DateTimeField(default=None, help_text="Not before it.")
    before = serializers.DateTimeField(default=None, help_text="Only before it.")
    trouble = serializers.BooleanField(
        default=False, help_text="Only what somebody may want to do something about."
    )
    limit = serializers.IntegerField(default=None, min_value=1, max_value=MOST_ROWS)


class PageQuery(LogQuery):
    """Which page of the history."""

    limit = serializers.IntegerField(default=50, min_value=1, max_value=_LONGEST_PAGE)


class NasEnergyQuery(QuerySerializer):
    """Which stretch of the calendar; ``at`` is any day of it, None: today."""

    period = serializers.ChoiceField(
        default=Period.DAY.value,
        choices=[period.value for period in Period],
        error_messages={"invalid_choice": f"{{input}} is none of {', '.join(Period)}."},
    )
    at = CalendarDayField(default=None, help_text="Any day of it; left out: today.")
