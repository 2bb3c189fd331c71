"""The answers about the NAS and its wakes, described: the services' dataclasses, as a test compares.

Nothing is checked or made by these; the generator of the API's description reads them.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from nasctl.evidence import Stage
from nasctl.models import WakeResult
from nasctl.state import NasState, PowerState

STATES = [state.value for state in NasState]
REASON = "A stable word; empty: none was noted."


class SightingSerializer(serializers.Serializer[Any]):
    """When something was last seen, and how it was."""

    result = serializers.CharField(help_text="A stable word; empty where only the time counts.")
    at = serializers.DateTimeField()
    age_s = serializers.FloatField(help_text="Seconds.")
    status = serializers.IntegerField(allow_null=True, help_text="HTTP status; null: no answer.")


class EvidenceSerializer(serializers.Serializer[Any]):
    """What the witnesses said last; null: not known, as without Redis."""

    presence = SightingSerializer(allow_null=True, help_text="The last try to connect by TCP.")
    presence_ok = SightingSerializer(allow_null=True, help_text="The last connection.")
    probe = SightingSerializer(allow_null=True, help_text="The last HTTP request.")
    good_probe = SightingSerializer(allow_null=True, help_text="The last good answer.")
    presence_misses = serializers.IntegerField(allow_null=True, help_text="In a row.")
    probe_misses = serializers.IntegerField(allow_null=True, help_text="In a row.")
    watched_at = serializers.DateTimeField(allow_null=True, help_text="When it was last looked at.")
    watched_age_s = serializers.FloatField(allow_null=True, help_text="Seconds.")
    is_watched = serializers.BooleanField(allow_null=True, help_text="Somebody looks all the time.")


class WakeStageSerializer(serializers.Serializer[Any]):
    """One stage of a wake."""

    stage = serializers.ChoiceField(choices=["packet_sent", *(stage.value for stage in Stage)])
    label = serializers.CharField(help_text="In words.")  # type: ignore[assignment]  # a word of DRF's too
    status = serializers.ChoiceField(choices=["done", "waiting", "failed", "skipped"])
    at = serializers.DateTimeField(allow_null=True)
    after_s = serializers.FloatField(allow_null=True, help_text="Seconds since it was asked for.")


class WakeSerializer(serializers.Serializer[Any]):
    """One wake with its stages."""

    id = serializers.UUIDField()
    result = serializers.ChoiceField(choices=WakeResult.values)
    requested_by = serializers.CharField()
    requested_from = serializers.CharField(help_text="`api`, `page` or `command`.")
    requested_at = serializers.DateTimeField()
    age_s = serializers.FloatField(help_text="Seconds since then.")
    previous_state = serializers.ChoiceField(choices=STATES)
    deadline_at = serializers.DateTimeField()
    remaining_s = serializers.FloatField(
        allow_null=True, help_text="Seconds until it is given up; null: it has ended."
    )
    expected_s = serializers.FloatField(
        allow_null=True,
        help_text="Seconds until the NAS is ready, as the last wakes went; null: it has ended.",
    )
    finished_at = serializers.DateTimeField(allow_null=True)
    failed_stage = serializers.CharField(help_text="Empty where none failed.")
    message = serializers.CharField(help_text="What went wrong and what to do, or empty.")
    stages = WakeStageSerializer(many=True)


class WakeRefusalSerializer(serializers.Serializer[Any]):
    """Why a wake makes no sense now."""

    code = serializers.ChoiceField(choices=["already_online", "already_booting", "no_power"])
    message = serializers.CharField()


class NasStatusSerializer(serializers.Serializer[Any]):
    """Everything that is known of the NAS."""

    state = serializers.ChoiceField(choices=STATES)
    state_text = serializers.CharField(help_text="In words.")
    since = serializers.DateTimeField(allow_null=True, help_text="null: it was never looked at.")
    age_s = serializers.FloatField(allow_null=True, help_text="Seconds in this state.")
    is_since_in_future = serializers.BooleanField(
        help_text="The clock was wrong when it was noted, or is now."
    )
    reason = serializers.CharField(help_text=REASON)
    reason_text = serializers.CharField(help_text="In words.")
    planned = serializers.BooleanField(help_text="false: it vanished while it should be there.")
    probed = serializers.BooleanField(help_text="A good answer was seen in this state.")
    power_state = serializers.ChoiceField(
        choices=[state.value for state in PowerState],
        help_text="By a reading of its plug that is not stale.",
    )
    power_w = serializers.FloatField(
        allow_null=True, help_text="W, as last read, however old; null: never."
    )
    power_at = serializers.DateTimeField(allow_null=True)
    power_age_s = serializers.FloatField(allow_null=True, help_text="Seconds.")
    relay_on = serializers.BooleanField(allow_null=True, help_text="Of its plug; null: not known.")
    evidence = EvidenceSerializer()
    wanted = serializers.ChoiceField(
        choices=["nas", "pi", ""], help_text="Where its names should lead; empty: leave them."
    )
    wake = WakeSerializer(allow_null=True, help_text="The one that runs.")
    last_wake = WakeSerializer(allow_null=True, help_text="The newest one, running or not.")
    can_wake = serializers.BooleanField()
    why_not_wake = WakeRefusalSerializer(allow_null=True, help_text="null: a wake makes sense.")


class WakeSentSerializer(serializers.Serializer[Any]):
    """The signal was sent; the first three fields are those of BaluPi 0.1."""

    wol_sent = serializers.BooleanField()
    nas_previous_state = serializers.ChoiceField(choices=STATES)
    estimated_boot_time_s = serializers.IntegerField(help_text="Seconds, as the last wakes went.")
    url = serializers.CharField(help_text="Where to follow it.")
    wake = WakeSerializer()
