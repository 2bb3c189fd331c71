"""The answers about what happened, described: they are the services' dataclasses.

Nothing is checked or made by these; the generator of the API's description reads them.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from balupi_site.events.kinds import Kind
from nasctl.api.answer_serializers import REASON, STATES, WakeSerializer


class StateItemSerializer(serializers.Serializer[Any]):
    """A state of the NAS and how long it lasted."""

    kind = serializers.ChoiceField(choices=["state"])
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True, help_text="null: it lasts.")
    duration_s = serializers.FloatField(
        allow_null=True, help_text="Seconds, so far; null: the clock was set back within."
    )
    from_state = serializers.ChoiceField(choices=STATES)
    state = serializers.ChoiceField(choices=STATES)
    state_text = serializers.CharField(help_text="In words.")
    reason = serializers.CharField(help_text=REASON)
    reason_text = serializers.CharField(help_text="In words.")
    is_trouble = serializers.BooleanField(help_text="It is gone, and nobody sent it away.")
    restart_s = serializers.FloatField(
        allow_null=True, help_text="Seconds that BaluHost was away to restart; null: it did not."
    )
    is_in_future = serializers.BooleanField(help_text="The clock was wrong then, or is now.")
    evidence = serializers.DictField(help_text="What it was concluded from.")


class WakeItemSerializer(serializers.Serializer[Any]):
    """A wake."""

    kind = serializers.ChoiceField(choices=["wake"])
    at = serializers.DateTimeField()
    wake = WakeSerializer()


class EventItemSerializer(serializers.Serializer[Any]):
    """Anything else that happened."""

    kind = serializers.ChoiceField(choices=["event"])
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    event_kind = serializers.ChoiceField(choices=Kind.values)
    subject = serializers.CharField(help_text="Whom or what it happened to.")
    sentence = serializers.CharField(help_text="In words.")
    is_trouble = serializers.BooleanField(help_text="Somebody may want to do something about it.")
    duration_s = serializers.FloatField(
        allow_null=True, help_text="Seconds that what ended had lasted; null: it has no length."
    )
    who = serializers.CharField(help_text="Empty: BaluPi by itself, or it is not told.")
    via = serializers.CharField(help_text="Such as `api`; empty as above.")
    address = serializers.CharField(help_text="For admins; empty as above.")
    facts = serializers.DictField(help_text="More, by kind.")


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="TimelineItem",
        serializers={
            "state": StateItemSerializer,
            "wake": WakeItemSerializer,
            "event": EventItemSerializer,
        },
        resource_type_field_name="kind",
        many=True,
    )
)
class _ItemsField(serializers.Field[Any, Any, Any, Any]):
    """A list of all three."""


class TimelineSerializer(serializers.Serializer[Any]):
    """A page of the history, newest first."""

    items = _ItemsField()
    next_before = serializers.DateTimeField(
        allow_null=True, help_text="`before` of the page after; null: there is none."
    )
