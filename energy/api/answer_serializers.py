"""The answers about plugs, history and costs, described: what views and ``history_json.py`` make.

Nothing is checked or made by these; the generator of the API's description reads them, and tests
compare them with real answers.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from energy.models import PlugRole, PlugStatus
from energy.periods import Period, Resolution

_PLUG_OR_ALL = "The plug; `all`: every plug together."


class CurrentDeviceSerializer(serializers.Serializer[Any]):
    """A plug's latest value; its numbers are never null, which the NAS-built page cannot bear."""

    device_id = serializers.CharField()
    name = serializers.CharField()
    device_name = serializers.CharField(help_text="The name again, as BaluPi 0.1 called it.")
    role = serializers.ChoiceField(choices=PlugRole.values)
    power_w = serializers.FloatField(help_text="W; 0 where `power_known` is false.")
    power_known = serializers.BooleanField()
    voltage_v = serializers.FloatField(help_text="V; 0 where it is not known.")
    current_a = serializers.FloatField(help_text="A; 0 where it is not known.")
    is_online = serializers.BooleanField(help_text="It answered lately.")
    is_stale = serializers.BooleanField(help_text="The value is too old to be the present one.")
    age_s = serializers.FloatField(
        allow_null=True, help_text="Seconds since it was read; null: never."
    )
    timestamp = serializers.DateTimeField(allow_null=True, help_text="When it was read.")
    status = serializers.ChoiceField(choices=PlugStatus.values)
    status_message = serializers.CharField(help_text="What is wrong and what to do, or empty.")


class CurrentSerializer(serializers.Serializer[Any]):
    """Present power of the house."""

    devices = CurrentDeviceSerializer(many=True)
    total_power_w = serializers.FloatField(help_text="W; the sum of what is fresh.")
    total_is_complete = serializers.BooleanField(help_text="The sum is of all plugs.")


class PlugLatestSerializer(serializers.Serializer[Any]):
    """What a plug said last; null: it does not tell."""

    at = serializers.DateTimeField()
    age_s = serializers.FloatField(allow_null=True, help_text="Seconds.")
    is_stale = serializers.BooleanField(help_text="Too old to be the present value.")
    power_w = serializers.FloatField(allow_null=True, help_text="W.")
    voltage_v = serializers.FloatField(allow_null=True, help_text="V.")
    current_a = serializers.FloatField(allow_null=True, help_text="A.")
    today_energy_wh = serializers.FloatField(
        allow_null=True, help_text="Wh since the plug's own midnight."
    )
    relay_on = serializers.BooleanField(allow_null=True)
    rssi_dbm = serializers.IntegerField(allow_null=True, help_text="Its radio's reception, dBm.")


class PlugSerializer(serializers.Serializer[Any]):
    """A plug."""

    id = serializers.CharField(help_text="As `device_id`.")
    device_id = serializers.CharField()
    mac = serializers.CharField()
    name = serializers.CharField()
    model = serializers.CharField(help_text="Such as `P110`; empty: not known.")
    firmware_version = serializers.CharField(help_text="Empty: not known.")
    role = serializers.ChoiceField(choices=PlugRole.values)
    host = serializers.CharField(help_text="Its IPv4 address.")
    site = serializers.CharField(help_text="Where it is; empty: at home.")
    enabled = serializers.BooleanField(help_text="It is polled.")
    status = serializers.ChoiceField(choices=PlugStatus.values)
    status_message = serializers.CharField(help_text="What is wrong and what to do, or empty.")
    status_since = serializers.DateTimeField(allow_null=True)
    first_seen_at = serializers.DateTimeField(allow_null=True)
    is_online = serializers.BooleanField(help_text="It answered lately.")
    latest = PlugLatestSerializer(allow_null=True, help_text="null: nothing was read yet.")


class FoundDeviceSerializer(serializers.Serializer[Any]):
    """A device that answered the search."""

    host = serializers.CharField(help_text="Its IPv4 address.")
    mac = serializers.CharField()
    model = serializers.CharField()
    name = serializers.CharField()
    outcome = serializers.ChoiceField(
        choices=["added", "known", "failed", "unsupported"],
        help_text="`failed`: a plug that could not be logged in to, or that gave no reading.",
    )
    message = serializers.CharField(help_text="What is wrong and what to do, or empty.")


class DiscoverySerializer(serializers.Serializer[Any]):
    """What a search has found."""

    found = serializers.IntegerField()
    added = serializers.IntegerField()
    devices = FoundDeviceSerializer(many=True)


class SwitchedSerializer(serializers.Serializer[Any]):
    """What the plug itself reports after it was switched."""

    device_id = serializers.CharField()
    new_state = serializers.ChoiceField(choices=["on", "off"])
    relay_on = serializers.BooleanField()


class UnlockedSerializer(serializers.Serializer[Any]):
    """Until when a plug may be switched, whatever guards say."""

    device_id = serializers.CharField()
    unlocked_until = serializers.DateTimeField()
    seconds = serializers.IntegerField(help_text="How long that is.")


class AnomalySerializer(serializers.Serializer[Any]):
    """Something unusual about a plug."""

    device_id = serializers.CharField()
    device_name = serializers.CharField()
    kind = serializers.CharField(help_text="A stable word, such as `plug_lost`.")
    text = serializers.CharField(help_text="The sentence for people.")
    began_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True, help_text="null: it lasts.")
    duration_s = serializers.FloatField(
        allow_null=True, help_text="Seconds; null: the clock was set back in it."
    )
    facts = serializers.DictField(help_text="The figures that it was concluded from.")


class AnomaliesSerializer(serializers.Serializer[Any]):
    """What is or was wrong, the newest first."""

    anomalies = AnomalySerializer(many=True)


class FigureSerializer(serializers.Serializer[Any]):
    """Energy and what it cost; null: nothing is known."""

    energy_wh = serializers.FloatField(allow_null=True, help_text="Wh.")
    filled_wh = serializers.FloatField(
        allow_null=True, help_text="Wh of it that are from the plug's own memory."
    )
    coverage = serializers.FloatField(
        allow_null=True, help_text="Measured part of the time that is over, 0 to 1."
    )
    known = serializers.FloatField(
        allow_null=True, help_text="Measured or filled part of it, 0 to 1."
    )
    cost = serializers.FloatField(allow_null=True, help_text="In the currency; without base fees.")


class HistoryRowSerializer(FigureSerializer):
    """A bucket of time."""

    timestamp = serializers.DateTimeField(help_text="Its beginning.")
    until = serializers.DateTimeField(help_text="Its end, which is not part of it.")
    device_id = serializers.CharField(help_text=_PLUG_OR_ALL)
    device_name = serializers.CharField(help_text=_PLUG_OR_ALL)
    avg_power_w = serializers.FloatField(allow_null=True, help_text="W.")
    max_power_w = serializers.FloatField(allow_null=True, help_text="W.")
    min_power_w = serializers.FloatField(allow_null=True, help_text="W.")
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a word of DRF's too
        choices=["measured", "plug", "mixed", "predecessor"],
        allow_null=True,
        help_text=(
            "Where it is known from; `plug`: the plug's own memory; `predecessor`: some of it was "
            "taken over from the predecessor, which counted about 8 % too little."
        ),
    )


class SpanSerializer(serializers.Serializer[Any]):
    """A stretch of time; ``to`` is not part of it."""

    time_zone = serializers.CharField(help_text="The household's, such as `Europe/Berlin`.")

    def get_fields(self) -> dict[str, Any]:
        """Add the fields of which one has the name of a word of Python."""
        span = {name: serializers.DateTimeField() for name in ("from", "to")}
        return {**super().get_fields(), **span}


class ComparisonSerializer(SpanSerializer, FigureSerializer):
    """The period before, as far into it as this one has come."""

    difference_percent = serializers.FloatField(
        allow_null=True, help_text="How much more energy than then; null: one of both is unknown."
    )


class _HeadSerializer(SpanSerializer):
    device_id = serializers.CharField(help_text=_PLUG_OR_ALL)
    device_name = serializers.CharField(help_text=_PLUG_OR_ALL)
    period = serializers.ChoiceField(
        choices=[str(each) for each in Period],
        allow_null=True,
        help_text="null: a span was asked for.",
    )


class _MoneyHeadSerializer(_HeadSerializer):
    currency = serializers.CharField(help_text="Such as `EUR`.")
    comparison = ComparisonSerializer(
        allow_null=True,
        help_text="null: a span was asked for, or there is nothing to compare with.",
    )


class DeviceHistorySerializer(serializers.Serializer[Any]):
    """A plug's own rows."""

    device_id = serializers.CharField()
    device_name = serializers.CharField()
    role = serializers.ChoiceField(choices=PlugRole.values)
    data = HistoryRowSerializer(many=True)  # type: ignore[assignment]  # a word of DRF's too
    total = FigureSerializer()


class HistorySerializer(_MoneyHeadSerializer):
    """Energy over time; all costs add up as they are shown."""

    resolution = serializers.ChoiceField(choices=[str(each) for each in Resolution])
    data = HistoryRowSerializer(many=True, help_text="Of the plug, or of all plugs together.")  # type: ignore[assignment]  # a word of DRF's too
    total = FigureSerializer()
    devices = DeviceHistorySerializer(
        many=True, help_text="Each plug's own, where all were asked for."
    )


class SampleSerializer(serializers.Serializer[Any]):
    """A reading; null: the plug did not tell."""

    timestamp = serializers.DateTimeField()
    device_id = serializers.CharField()
    device_name = serializers.CharField()
    power_w = serializers.FloatField(help_text="W.")
    voltage_v = serializers.FloatField(allow_null=True, help_text="V.")
    current_a = serializers.FloatField(allow_null=True, help_text="A.")


class SamplesSerializer(_HeadSerializer):
    """The readings themselves; kept for some days."""

    resolution = serializers.ChoiceField(choices=["raw"])
    data = SampleSerializer(many=True)  # type: ignore[assignment]  # a word of DRF's too


class CostByPriceSerializer(serializers.Serializer[Any]):
    """What was used at one price."""

    tariff_id = serializers.IntegerField(
        allow_null=True, help_text="null: the default price of the settings."
    )
    tariff = serializers.CharField()
    zone = serializers.CharField(help_text="Empty: outside the tariff's zones.")
    price_per_kwh = serializers.FloatField(help_text="In the currency.")
    energy_kwh = serializers.FloatField(help_text="kWh.")
    cost = serializers.FloatField(help_text="In the currency.")


class CostByDeviceSerializer(serializers.Serializer[Any]):
    """A plug's part; null: nothing is known."""

    device_id = serializers.CharField()
    device_name = serializers.CharField()
    energy_kwh = serializers.FloatField(allow_null=True, help_text="kWh.")
    cost = serializers.FloatField(allow_null=True, help_text="In the currency.")
    coverage = serializers.FloatField(allow_null=True, help_text="Measured part, 0 to 1.")


class CostsSerializer(_MoneyHeadSerializer):
    """The costs of exactly the range; parts add up to the whole as they are shown."""

    total_kwh = serializers.FloatField(help_text="kWh; 0 where `total_known` is false.")
    total_known = serializers.BooleanField()
    cost_cents = serializers.FloatField(help_text="`cost` in hundredths.")
    price_per_kwh_cents = serializers.FloatField(
        help_text="Hundredths per kWh; the mean where there was more than one price."
    )
    price_now_per_kwh_cents = serializers.FloatField(help_text="Hundredths per kWh, now.")
    cost = serializers.FloatField(help_text="Of the energy, in the currency.")
    base_fee = serializers.FloatField(help_text="In the currency; 0 for a single plug.")
    total_cost = serializers.FloatField(help_text="Both together.")
    coverage = serializers.FloatField(allow_null=True, help_text="Measured part, 0 to 1.")
    by_price = CostByPriceSerializer(many=True)
    by_device = CostByDeviceSerializer(many=True)
