"""The answers of this app, described: most are the services' dataclasses, whose fields a test compares.

Nothing is checked or made by these; the generator of the API's description reads them.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from balupi_site.events.kinds import Kind
from energy.periods import Period
from nasctl.energy_split import HourState
from nasctl.evidence import Stage
from nasctl.models import WakeResult
from nasctl.state import NasState, PowerState

_STATES = [state.value for state in NasState]
_REASON = "A stable word; empty: none was noted."
_NOT_KNOWN_KWH = "kWh; null: not known."
_NOT_KNOWN_COST = "In the currency; null: not known."


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
    previous_state = serializers.ChoiceField(choices=_STATES)
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

    state = serializers.ChoiceField(choices=_STATES)
    state_text = serializers.CharField(help_text="In words.")
    since = serializers.DateTimeField(allow_null=True, help_text="null: it was never looked at.")
    age_s = serializers.FloatField(allow_null=True, help_text="Seconds in this state.")
    is_since_in_future = serializers.BooleanField(
        help_text="The clock was wrong when it was noted, or is now."
    )
    reason = serializers.CharField(help_text=_REASON)
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
    nas_previous_state = serializers.ChoiceField(choices=_STATES)
    estimated_boot_time_s = serializers.IntegerField(help_text="Seconds, as the last wakes went.")
    url = serializers.CharField(help_text="Where to follow it.")
    wake = WakeSerializer()


class StateItemSerializer(serializers.Serializer[Any]):
    """A state of the NAS and how long it lasted."""

    kind = serializers.ChoiceField(choices=["state"])
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True, help_text="null: it lasts.")
    duration_s = serializers.FloatField(
        allow_null=True, help_text="Seconds, so far; null: the clock was set back within."
    )
    from_state = serializers.ChoiceField(choices=_STATES)
    state = serializers.ChoiceField(choices=_STATES)
    state_text = serializers.CharField(help_text="In words.")
    reason = serializers.CharField(help_text=_REASON)
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


class StateEnergySerializer(serializers.Serializer[Any]):
    """The NAS's energy in one state."""

    state = serializers.ChoiceField(choices=[state.value for state in HourState])
    label = serializers.CharField(help_text="In words.")  # type: ignore[assignment]  # a word of DRF's too
    hours = serializers.FloatField(help_text="h in it.")
    known_h = serializers.FloatField(help_text="h of them whose energy is known.")
    energy_kwh = serializers.FloatField(allow_null=True, help_text=_NOT_KNOWN_KWH)
    cost = serializers.FloatField(allow_null=True, help_text=_NOT_KNOWN_COST)


class NasTotalSerializer(serializers.Serializer[Any]):
    """All states together."""

    hours = serializers.FloatField(help_text="h.")
    known_h = serializers.FloatField(help_text="h of them whose energy is known.")
    energy_kwh = serializers.FloatField(allow_null=True, help_text=_NOT_KNOWN_KWH)
    cost = serializers.FloatField(allow_null=True, help_text=_NOT_KNOWN_COST)


class SavedSerializer(serializers.Serializer[Any]):
    """What sleeping saved."""

    energy_kwh = serializers.FloatField(allow_null=True, help_text=_NOT_KNOWN_KWH)
    cost = serializers.FloatField(allow_null=True, help_text=_NOT_KNOWN_COST)
    currency = serializers.CharField(help_text="Such as `EUR`.")
    asleep_h = serializers.FloatField(help_text="h.")
    idle_power_w = serializers.FloatField(
        allow_null=True, help_text="W that it would draw; null: not known."
    )
    asleep_power_w = serializers.FloatField(
        allow_null=True, help_text="W that it draws asleep; null: not known."
    )
    formula = serializers.CharField(help_text="How it was reckoned.")
    reason = serializers.CharField(help_text="Why nothing can be said, or empty.")


class NasEnergyPartSerializer(serializers.Serializer[Any]):
    """A day, or a month of a year."""

    date = serializers.DateField(help_text="Its first day.")
    asleep_h = serializers.FloatField(help_text="h.")
    energy_kwh = serializers.FloatField(allow_null=True, help_text=_NOT_KNOWN_KWH)
    energy_kwh_by_state = serializers.DictField(
        child=serializers.FloatField(allow_null=True), help_text=_NOT_KNOWN_KWH
    )
    saved_kwh = serializers.FloatField(allow_null=True, help_text=_NOT_KNOWN_KWH)
    saved_cost = serializers.FloatField(allow_null=True, help_text=_NOT_KNOWN_COST)


class NasEnergySerializer(serializers.Serializer[Any]):
    """The NAS's energy by state."""

    period = serializers.ChoiceField(choices=[period.value for period in Period])
    time_zone = serializers.CharField(help_text="The household's, such as `Europe/Berlin`.")
    currency = serializers.CharField(help_text="Such as `EUR`.")
    states = StateEnergySerializer(many=True)
    total = NasTotalSerializer()
    coverage = serializers.FloatField(
        allow_null=True, help_text="Measured part, 0 to 1; null: nothing of it is over."
    )
    saved = SavedSerializer()
    per_day = NasEnergyPartSerializer(
        many=True, required=False, help_text="Of a week or a month only."
    )
    per_month = NasEnergyPartSerializer(many=True, required=False, help_text="Of a year only.")

    def get_fields(self) -> dict[str, Any]:
        """Add the fields of which one has the name of a word of Python."""
        span = {name: serializers.DateTimeField() for name in ("from", "to")}
        return {**super().get_fields(), **span}


class EnergyAndCostSerializer(serializers.Serializer[Any]):
    """Energy and what it costs."""

    energy_kwh = serializers.FloatField(allow_null=True, help_text=_NOT_KNOWN_KWH)
    cost = serializers.FloatField(allow_null=True, help_text=_NOT_KNOWN_COST)


class SummarySerializer(serializers.Serializer[Any]):
    """The house at a glance; the first five fields are those of BaluPi 0.1."""

    total_devices = serializers.IntegerField(help_text="Plugs that are polled.")
    total_power_w = serializers.FloatField(help_text="W; 0 where it is not known.")
    avg_daily_kwh = serializers.FloatField(help_text="kWh a day; 0 where it is not known.")
    monthly_cost_estimate_cents = serializers.IntegerField(
        help_text="Hundredths of the currency for this month; 0 where it is not known."
    )
    nas_state = serializers.ChoiceField(
        choices=[state.value for state in PowerState], help_text="By its power."
    )
    nas_public_state = serializers.ChoiceField(choices=_STATES)
    total_power_w_known = serializers.BooleanField()
    avg_daily_kwh_known = serializers.BooleanField()
    monthly_cost_estimate_cents_known = serializers.BooleanField()
    days_counted = serializers.IntegerField(help_text="Days that the daily mean is of.")
    currency = serializers.CharField(help_text="Such as `EUR`.")
    today = EnergyAndCostSerializer()
    yesterday = EnergyAndCostSerializer()
    this_month = EnergyAndCostSerializer()
    last_month = EnergyAndCostSerializer()
    saved_today = EnergyAndCostSerializer(help_text="By sleeping.")
    saved_this_month = EnergyAndCostSerializer(help_text="By sleeping.")
