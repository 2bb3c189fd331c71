"""The answers about tariffs, described: what ``price_serializers.py`` makes; the generator reads them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

_DECIMAL = r"^[0-9]+(\.[0-9]+)?$"


class _AmountField(serializers.RegexField):
    """An amount as a string, which keeps all its digits."""

    def __init__(self, help_text: str) -> None:
        super().__init__(_DECIMAL, help_text=help_text)


class _PricedSerializer(serializers.Serializer[Any]):
    price_per_kwh_cents = serializers.FloatField(help_text="Hundredths of the currency per kWh.")
    price_per_kwh = _AmountField("The same in the currency per kWh, with all digits.")


class StoredZoneSerializer(_PricedSerializer):
    """Times at which the tariff has another price."""

    name = serializers.CharField()
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6),
        help_text="The days on which it begins: 0 is Monday.",
    )
    start = serializers.RegexField(r"^[0-9]{2}:[0-9]{2}$")
    end = serializers.RegexField(
        r"^[0-9]{2}:[0-9]{2}$", help_text="Not after the start: on the next day."
    )


class StoredTariffSerializer(_PricedSerializer):
    """A tariff; its days are those of the household."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    base_fee_per_month = _AmountField("In the currency.")
    currency = serializers.CharField(help_text="Such as `EUR`.")
    valid_from = serializers.DateField(allow_null=True, help_text="null: since ever.")
    valid_to = serializers.DateField(
        allow_null=True, help_text="The day after the last one; null: until further notice."
    )
    zones = StoredZoneSerializer(many=True)
    is_active = serializers.BooleanField(help_text="Others are kept, but not counted with.")
    created_at = serializers.DateTimeField()


class EndedTariffSerializer(serializers.Serializer[Any]):
    """The tariff that ends for a new one."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    valid_from = serializers.DateField(allow_null=True)
    valid_to = serializers.DateField(allow_null=True)
    is_active = serializers.BooleanField(help_text="false: it never began.")


class TariffsChangedSerializer(serializers.Serializer[Any]):
    """What a change of tariffs did."""

    ended = EndedTariffSerializer(allow_null=True)
    repriced_hours = serializers.IntegerField(help_text="Hours that have another price now.")


class ChangedTariffSerializer(StoredTariffSerializer, TariffsChangedSerializer):
    """The tariff as it is now, and what its change did."""


class TariffCostSerializer(serializers.Serializer[Any]):
    """What the hours of a tariff cost before and after."""

    id = serializers.IntegerField(allow_null=True, help_text="null: not stored.")
    name = serializers.CharField()
    cost_before = _AmountField("In `currency_before`.")
    cost_after = _AmountField("In `currency_after`.")


class PricePreviewSerializer(serializers.Serializer[Any]):
    """What a change does to the past; the tariffs' costs add up to the whole."""

    hours = serializers.IntegerField()
    first_hour = serializers.DateTimeField(allow_null=True, help_text="null: none changes.")
    last_hour = serializers.DateTimeField(allow_null=True)
    energy_kwh = serializers.FloatField(help_text="kWh in these hours.")
    cost_before = _AmountField("Of these hours.")
    cost_after = _AmountField("Of these hours.")
    base_fees_before = _AmountField("Until now.")
    base_fees_after = _AmountField("Until now.")
    currency_before = serializers.CharField()
    currency_after = serializers.CharField()
    by_tariff = TariffCostSerializer(many=True)


class DryRunSerializer(TariffsChangedSerializer):
    """What a change would do; nothing was changed."""

    dry_run = serializers.BooleanField()
    preview = PricePreviewSerializer()


class DryRunQuery(serializers.Serializer[Any]):
    """Whether a change is only looked at; the view reads it by itself."""

    dry_run = serializers.ChoiceField(
        choices=["true", "false"],
        default="false",
        help_text="`true`: tell what the change would do, and change nothing.",
    )
