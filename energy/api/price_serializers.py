"""Input of the price API, and the shapes of its answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from balupi_site.lib.fields import FlagField, TextField, WholeField
from energy.api.fields import ClockField, DayField, MoneyField, StrictFieldsSerializer
from energy.models import Tariff
from energy.services.price_preview import PricePreview
from energy.services.tariffs import rule_of
from energy.tariffs import TariffRule, ZoneRule, as_shown

#: As the models have it.
_MAX_PRICE = 100_000
_MAX_FEE = 100_000
_MAX_ZONES = 50
_WEEKDAYS = range(7)


class PriceSerializer(StrictFieldsSerializer):
    """A price per kWh, in either of two fields."""

    price_per_kwh_cents = MoneyField(places=4, most=_MAX_PRICE * 100, required=False)
    price_per_kwh = MoneyField(places=6, most=_MAX_PRICE, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Make one price out of the two fields."""
        cents, price = attrs.pop("price_per_kwh_cents", None), attrs.get("price_per_kwh")
        if cents is None and price is None:
            raise serializers.ValidationError(
                {"price_per_kwh_cents": [_("This field is required.")]}
            )
        if cents is not None and price is not None and cents != price * 100:
            text = _(
                "price_per_kwh and price_per_kwh_cents contradict each other; send one of them."
            )
            raise serializers.ValidationError(
                {"price_per_kwh": [text], "price_per_kwh_cents": [text]}
            )
        attrs["price_per_kwh"] = cents / 100 if price is None else price
        return attrs


class ZoneSerializer(PriceSerializer):
    """A zone of a tariff."""

    name = TextField(max_length=32)
    weekdays = serializers.ListField(
        child=WholeField(min_value=0, max_value=6),
        default=lambda: list(_WEEKDAYS),
        allow_empty=False,
        max_length=len(_WEEKDAYS),
    )
    start = ClockField()
    end = ClockField()


class TariffSerializer(PriceSerializer):
    """A tariff as it is sent to us; ``rule`` and ``is_active`` tell what is wanted."""

    answer_fields = frozenset({"id", "created_at", "ended", "repriced_hours"})

    name = TextField(max_length=64)
    base_fee_per_month = MoneyField(places=2, most=_MAX_FEE, default=Decimal(0))
    currency = serializers.RegexField(r"^[A-Z]{3}\Z", required=False)
    valid_from = DayField(allow_null=True, default=None)
    valid_to = DayField(allow_null=True, default=None)
    is_active = FlagField(default=True)
    zones = serializers.ListField(child=ZoneSerializer(), default=list, max_length=_MAX_ZONES)

    def rule(self, currency: str) -> TariffRule:
        """Return the wanted tariff; ``currency`` is for where none was sent."""
        values = self.validated_data
        return TariffRule(
            tariff_id=None,
            name=values["name"],
            price_per_kwh=values["price_per_kwh"],
            base_fee_per_month=values["base_fee_per_month"],
            currency=values.get("currency", currency),
            valid_from=values["valid_from"],
            valid_to=values["valid_to"],
            zones=tuple(
                ZoneRule(
                    zone["name"],
                    frozenset(zone["weekdays"]),
                    zone["start"],
                    zone["end"],
                    zone["price_per_kwh"],
                )
                for zone in values["zones"]
            ),
        )


def merged(tariff: Tariff, data: Any) -> Any:  # noqa: ANN401  # any JSON
    """Return what a tariff is to be if ``data`` changes a part of it; no mapping: as it is."""
    if not isinstance(data, Mapping):
        return data
    stored = tariff_json(tariff)
    if "price_per_kwh" in data or "price_per_kwh_cents" in data:
        del stored["price_per_kwh"], stored["price_per_kwh_cents"]
    return {**stored, **data}


def tariff_json(tariff: Tariff) -> dict[str, Any]:
    """Return a stored tariff; its zones should be prefetched."""
    return {
        "id": tariff.pk,
        **rule_json(rule_of(tariff)),
        "is_active": tariff.is_active,
        "created_at": tariff.created_at.astimezone(dt.UTC).isoformat(),
    }


def rule_json(rule: TariffRule) -> dict[str, Any]:
    """Return a tariff, stored or not; days are those of the household, ``valid_to`` is exclusive."""
    return {
        "name": rule.name,
        **_price_json(rule.price_per_kwh),
        "base_fee_per_month": _decimal(rule.base_fee_per_month),
        "currency": rule.currency,
        "valid_from": rule.valid_from.isoformat() if rule.valid_from else None,
        "valid_to": rule.valid_to.isoformat() if rule.valid_to else None,
        "zones": [_zone_json(zone) for zone in rule.zones],
    }


def ended_json(ended: TariffRule | None) -> dict[str, Any] | None:
    """Return the tariff that ends for a new one; it does not count any more if it never began."""
    if ended is None:
        return None
    return {
        "id": ended.tariff_id,
        "name": ended.name,
        "valid_from": ended.valid_from.isoformat() if ended.valid_from else None,
        "valid_to": ended.valid_to.isoformat() if ended.valid_to else None,
        "is_active": ended.valid_from != ended.valid_to,
    }


def preview_json(preview: PricePreview) -> dict[str, Any]:
    """Return what a change does to the past; the tariffs' costs add up to the whole."""
    before = as_shown([each.before for each in preview.by_tariff])
    after = as_shown([each.after for each in preview.by_tariff])
    [fee_before, fee_after] = [
        as_shown([fee])[0] for fee in (preview.fee_before, preview.fee_after)
    ]
    return {
        "hours": preview.hours,
        "first_hour": preview.first.astimezone(dt.UTC).isoformat() if preview.first else None,
        "last_hour": preview.last.astimezone(dt.UTC).isoformat() if preview.last else None,
        "energy_kwh": round(preview.energy_wh / 1000, 6),
        "cost_before": _decimal(sum(before, Decimal("0.00"))),
        "cost_after": _decimal(sum(after, Decimal("0.00"))),
        "base_fees_before": _decimal(fee_before),
        "base_fees_after": _decimal(fee_after),
        "currency_before": preview.currency_before,
        "currency_after": preview.currency_after,
        "by_tariff": [
            {
                "id": each.tariff_id,
                "name": each.name,
                "cost_before": _decimal(was),
                "cost_after": _decimal(becomes),
            }
            for each, was, becomes in zip(preview.by_tariff, before, after, strict=True)
        ],
    }


def _zone_json(zone: ZoneRule) -> dict[str, Any]:
    return {
        "name": zone.name,
        "weekdays": sorted(zone.weekdays),
        "start": f"{zone.start:%H:%M}",
        "end": f"{zone.end:%H:%M}",
        **_price_json(zone.price_per_kwh),
    }


def _price_json(price_per_kwh: Decimal) -> dict[str, Any]:
    return {
        "price_per_kwh_cents": float(price_per_kwh * 100),
        "price_per_kwh": _decimal(price_per_kwh),
    }


def _decimal(amount: Decimal) -> str:
    return f"{amount:f}"
