"""The shapes of this app's input and output."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ComplaintSerializer(serializers.Serializer[Any]):
    """A problem or a warning."""

    code = serializers.CharField()
    message = serializers.CharField()
    since = serializers.DateTimeField()


class NameSerializer(serializers.Serializer[Any]):
    """One name: where it should lead and where it leads."""

    name = serializers.CharField()
    wanted = serializers.CharField(allow_null=True)
    actual = serializers.ListField(child=serializers.CharField(), allow_null=True)
    answer = serializers.CharField(allow_null=True)
    ok = serializers.BooleanField(allow_null=True)


class OverrideSerializer(serializers.Serializer[Any]):
    """A person's choice."""

    target = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class FiguresSerializer(serializers.Serializer[Any]):
    """Pi-hole's figures of the last 24 hours."""

    queries = serializers.IntegerField(allow_null=True)
    blocked = serializers.IntegerField(allow_null=True)
    percent_blocked = serializers.FloatField(allow_null=True)
    domains_on_lists = serializers.IntegerField(allow_null=True)
    blocking = serializers.CharField(allow_null=True)
    blocking_timer_s = serializers.FloatField(allow_null=True)
    version = serializers.CharField(allow_null=True)


class StatisticsSerializer(serializers.Serializer[Any]):
    """Pi-hole's figures with their age; null where none are known."""

    statistics = FiguresSerializer(allow_null=True)
    statistics_at = serializers.DateTimeField(allow_null=True)
    statistics_age_s = serializers.FloatField(allow_null=True)


class OverviewSerializer(StatisticsSerializer):
    """Everything that is known of the names."""

    target = serializers.CharField(allow_null=True)
    wanted_by_state = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    override = OverrideSerializer(allow_null=True)
    changed_at = serializers.DateTimeField(allow_null=True)
    is_switching = serializers.BooleanField()
    names = NameSerializer(many=True)
    ok = serializers.BooleanField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    age_s = serializers.FloatField(allow_null=True)
    problem = ComplaintSerializer(allow_null=True)
    warnings = ComplaintSerializer(many=True)
    failures = serializers.IntegerField()
    next_try_at = serializers.DateTimeField(allow_null=True)


class SwitchSerializer(serializers.Serializer[Any]):
    """Where an admin wants the names to lead."""

    # The usual message repeats the input, which need not be printable.
    target = serializers.ChoiceField(
        choices=["nas", "pi", "auto"], error_messages={"invalid_choice": "Must be nas, pi or auto."}
    )
