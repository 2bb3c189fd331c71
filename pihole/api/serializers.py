"""The shapes of this app's input and output."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ComplaintSerializer(serializers.Serializer[Any]):
    """A problem or a warning."""

    code = serializers.CharField(help_text="A stable word.")
    message = serializers.CharField(help_text="What failed, why, and what to do.")
    since = serializers.DateTimeField()


class NameSerializer(serializers.Serializer[Any]):
    """One name: where it should lead and where it leads."""

    name = serializers.CharField()
    wanted = serializers.CharField(
        allow_null=True, help_text="IPv4 address; null: it is left as it is."
    )
    actual = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="IPv4 addresses; null: not known."
    )
    answer = serializers.CharField(
        allow_null=True, help_text="How DNS answered, such as `addresses`; null: not known."
    )
    ok = serializers.BooleanField(
        allow_null=True,
        help_text="It leads where it should; null: not known, or nothing is wanted.",
    )


class OverrideSerializer(serializers.Serializer[Any]):
    """A person's choice."""

    target = serializers.CharField(help_text="`nas` or `pi`.")
    by = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class FiguresSerializer(serializers.Serializer[Any]):
    """Pi-hole's figures of the last 24 hours."""

    queries = serializers.IntegerField(allow_null=True, help_text="null: Pi-hole did not say.")
    blocked = serializers.IntegerField(allow_null=True)
    percent_blocked = serializers.FloatField(allow_null=True, help_text="0 to 100.")
    domains_on_lists = serializers.IntegerField(allow_null=True)
    blocking = serializers.CharField(allow_null=True, help_text="Pi-hole's own word.")
    blocking_timer_s = serializers.FloatField(
        allow_null=True, help_text="Seconds until that changes; null: it stays."
    )
    version = serializers.CharField(allow_null=True)


class StatisticsSerializer(serializers.Serializer[Any]):
    """Pi-hole's figures with their age; null where none are known."""

    statistics = FiguresSerializer(allow_null=True)
    statistics_at = serializers.DateTimeField(allow_null=True)
    statistics_age_s = serializers.FloatField(allow_null=True, help_text="Seconds.")


class OverviewSerializer(StatisticsSerializer):
    """Everything that is known of the names."""

    target = serializers.CharField(
        allow_null=True, help_text="Where they should lead, `nas` or `pi`; null: left as they are."
    )
    wanted_by_state = serializers.CharField(allow_null=True, help_text="Without the override.")
    reason = serializers.CharField(help_text="Why they should lead there.")
    override = OverrideSerializer(allow_null=True)
    changed_at = serializers.DateTimeField(
        allow_null=True, help_text="When that was last decided differently."
    )
    is_switching = serializers.BooleanField(help_text="Decided after the last look.")
    names = NameSerializer(many=True)
    ok = serializers.BooleanField(
        allow_null=True, help_text="All lead where they should; null: as for one."
    )
    checked_at = serializers.DateTimeField(allow_null=True, help_text="The last look; null: none.")
    age_s = serializers.FloatField(allow_null=True, help_text="Seconds since then.")
    problem = ComplaintSerializer(allow_null=True)
    warnings = ComplaintSerializer(many=True)
    failures = serializers.IntegerField(help_text="Looks in a row with a problem.")
    next_try_at = serializers.DateTimeField(allow_null=True)


class SwitchSerializer(serializers.Serializer[Any]):
    """Where an admin wants the names to lead."""

    # The usual message repeats the input, which need not be printable.
    target = serializers.ChoiceField(
        choices=["nas", "pi", "auto"], error_messages={"invalid_choice": "Must be nas, pi or auto."}
    )
