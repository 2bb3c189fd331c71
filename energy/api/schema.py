"""How this app's API is described; only the generator reads it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import PolymorphicProxySerializer

from balupi_site.lib.openapi import YEARS_PATTERN, Operation, Operations, get
from energy.api import answer_serializers as answers
from energy.api import price_answer_serializers as prices
from energy.api.anomaly_views import AnomalyQuery
from energy.api.export import ExportQuery
from energy.api.price_serializers import TariffSerializer
from energy.api.queries import HistoryQuery
from energy.api.serializers import PlugEditSerializer

_ENERGY, _PLUGS, _PRICES = "energy", "plugs", "prices"
_GUARDED = (
    "409 with the code `nas_on` or `nas_role`: it is the NAS's plug, and the NAS is not off; an admin "
    "may unlock it for a minute. 502: the plug refused. 503: the plug or the worker did not answer."
)


class MoneyExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """An amount of money: a number, or a string that keeps all digits."""

    target_class = "energy.api.fields.MoneyField"

    def map_serializer_field(self, auto_schema: object, direction: str) -> dict[str, Any]:
        """Return its shape."""
        most = self.target.most
        whole = len(f"{most:f}") - 1  # so many digits are below the limit, whatever they are
        return {
            "oneOf": [
                {"type": "number", "minimum": 0, "maximum": int(most)},
                {"type": "string", "pattern": rf"^[0-9]{{1,{whole}}}(\.[0-9]{{1,6}})?$"},
            ],
            "description": f"Rounded to {-self.target.unit.as_tuple().exponent} decimal places.",
        }


class DayExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A day."""

    target_class = "energy.api.fields.DayField"

    def map_serializer_field(self, auto_schema: object, direction: str) -> dict[str, Any]:
        """Return its shape."""
        text = "A day of the household, or a date-time of which its day counts."
        shapes = [{"type": "string", "format": each} for each in ("date", "date-time")]
        return {"anyOf": shapes, "description": text}


class ClockExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A time of the day."""

    target_class = "energy.api.fields.ClockField"

    def map_serializer_field(self, auto_schema: object, direction: str) -> dict[str, Any]:
        """Return its shape."""
        pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
        return {"type": "string", "pattern": pattern, "description": "Such as `22:00`."}


class MomentExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A day or a time."""

    target_class = "energy.api.fields.MomentField"

    def map_serializer_field(self, auto_schema: object, direction: str) -> dict[str, Any]:
        """Return its shape."""
        return {
            "anyOf": [
                {"type": "string", "format": each, "pattern": YEARS_PATTERN}
                for each in ("date", "date-time")
            ],
            "description": "A day, which is its first moment, or a time; without an offset it is "
            "the household's. From 2000 to 2100.",
        }


class ExportFileQuery(HistoryQuery, ExportQuery):
    """All parameters of the file."""


def _switch(action: str, summary: str) -> dict[str, Operation]:
    return {
        "POST": Operation(
            id=f"plug_{action}",
            tag=_PLUGS,
            summary=summary,
            text=_GUARDED,
            answers={200: answers.SwitchedSerializer},
            errors=(409, 502),
        )
    }


def _edit_plug(name: str) -> Operation:
    return Operation(
        id=name,
        tag=_PLUGS,
        summary="Change a plug",
        text="409 with the code `nas_role`: it guards the relay of a NAS that is not off.",
        body=PlugEditSerializer(partial=True),
        is_body_optional=True,
        answers={200: answers.PlugSerializer},
        errors=(409,),
    )


def _edit_price(name: str) -> Operation:
    return Operation(
        id=name,
        tag=_PRICES,
        summary="Change a tariff",
        body=TariffSerializer(partial=True),
        is_body_optional=True,
        query=prices.DryRunQuery,
        answers={
            200: PolymorphicProxySerializer(
                component_name="ChangedTariffOrDryRun",
                serializers=[prices.ChangedTariffSerializer, prices.DryRunSerializer],
                resource_type_field_name=None,
            )
        },
    )


OPERATIONS: Operations = {
    "energy-current": get(
        id="energy_current", tag=_ENERGY, summary="Present power", answer=answers.CurrentSerializer
    ),
    "energy-history": get(
        id="energy_history",
        tag=_ENERGY,
        summary="Energy over time",
        text="At most 20 000 rows; more are refused with 400.",
        query=HistoryQuery,
        answer=PolymorphicProxySerializer(
            component_name="HistoryOrSamples",
            serializers=[answers.HistorySerializer, answers.SamplesSerializer],
            resource_type_field_name=None,
        ),
        errors=(404,),
    ),
    "energy-costs": get(
        id="energy_costs",
        tag=_ENERGY,
        summary="What energy costs",
        query=HistoryQuery,
        answer=answers.CostsSerializer,
        errors=(404,),
    ),
    "energy-export": get(
        id="energy_export",
        tag=_ENERGY,
        summary="The history as CSV",
        text="Energy in Wh, power in W, money in the currency of the row.",
        query=ExportFileQuery,
        answer="text/csv",
        errors=(404,),
    ),
    "energy-anomalies": get(
        id="energy_anomalies",
        tag=_ENERGY,
        summary="What is or was unusual",
        query=AnomalyQuery,
        answer=answers.AnomaliesSerializer,
        errors=(404,),
    ),
    "energy-prices": {
        "GET": Operation(
            id="prices_list",
            tag=_PRICES,
            summary="All tariffs",
            answers={200: prices.StoredTariffSerializer(many=True)},
        ),
        "POST": Operation(
            id="price_add",
            tag=_PRICES,
            summary="Add a tariff",
            text="A price is needed: `price_per_kwh_cents` or `price_per_kwh`, for zones too.",
            body=TariffSerializer,
            query=prices.DryRunQuery,
            answers={201: prices.ChangedTariffSerializer, 200: prices.DryRunSerializer},
        ),
    },
    "energy-price": {
        "GET": Operation(
            id="price",
            tag=_PRICES,
            summary="One tariff",
            answers={200: prices.StoredTariffSerializer},
        ),
        "PUT": _edit_price("price_edit"),
        "PATCH": _edit_price("price_patch"),
        "DELETE": Operation(
            id="price_delete",
            tag=_PRICES,
            summary="Delete a tariff",
            query=prices.DryRunQuery,
            answers={
                200: PolymorphicProxySerializer(
                    component_name="TariffsChangedOrDryRun",
                    serializers=[prices.TariffsChangedSerializer, prices.DryRunSerializer],
                    resource_type_field_name=None,
                )
            },
        ),
    },
    "plugs": get(
        id="plugs_list", tag=_PLUGS, summary="All plugs", answer=answers.PlugSerializer(many=True)
    ),
    "plug": {
        "GET": Operation(
            id="plug", tag=_PLUGS, summary="One plug", answers={200: answers.PlugSerializer}
        ),
        "PUT": _edit_plug("plug_edit"),
        "PATCH": _edit_plug("plug_patch"),
        "DELETE": Operation(
            id="plug_delete",
            tag=_PLUGS,
            summary="Delete a plug with its history",
            text="409 with the code `nas_role`: it is the NAS's plug, and the NAS is not off.",
            answers={204: None},
            errors=(409,),
        ),
    },
    "plug-discover": {
        "POST": Operation(
            id="plugs_discover",
            tag=_PLUGS,
            summary="Search for plugs",
            text="Takes about 5 s. 502: no Tapo account is set. 503: the worker did not answer.",
            answers={200: answers.DiscoverySerializer},
            errors=(502,),
        )
    },
    "plug-on": _switch("on", "Switch a plug on"),
    "plug-off": _switch("off", "Switch a plug off"),
    "plug-toggle": _switch("toggle", "Switch a plug over; the plug itself is asked how it is"),
    "plug-unlock": {
        "POST": Operation(
            id="plug_unlock",
            tag=_PLUGS,
            summary="Let the NAS's plug be switched for a minute",
            answers={200: answers.UnlockedSerializer},
        )
    },
}
