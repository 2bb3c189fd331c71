"""The answers about the NAS's energy and the house's, described.

Nothing is checked or made by these; the generator of the API's description reads them.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from energy.periods import Period
from nasctl.api.answer_serializers import STATES
from nasctl.energy_split import HourState
from nasctl.state import PowerState

_NOT_KNOWN_KWH = "kWh; null: not known."
_NOT_KNOWN_COST = "In the currency; null: not known."


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
    nas_public_state = serializers.ChoiceField(choices=STATES)
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
