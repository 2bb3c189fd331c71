"""How this app's API is described; only the generator reads it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension

from balupi_site.events.kinds import GROUPS, Kind
from balupi_site.lib.openapi import Operation, Operations, get
from nasctl.api import answer_serializers as answers
from nasctl.api import energy_answers as energy
from nasctl.api import timeline_answers as timeline
from nasctl.api.serializers import LogQuery, NasEnergyQuery, PageQuery, WakeRequestSerializer

_NAS, _ENERGY = "nas", "energy"


class KindsExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Words of the log."""

    target_class = "nasctl.api.serializers.KindsField"

    def map_serializer_field(self, auto_schema: object, direction: str) -> dict[str, Any]:
        """Return its shape."""
        words = {"type": "string", "enum": [*GROUPS, *Kind.values]}
        return {
            "type": "array",
            "items": words,
            "description": "Groups or kinds, repeated or with commas between; none: everything.",
        }


OPERATIONS: Operations = {
    "energy-summary": get(
        id="energy_summary",
        tag=_ENERGY,
        summary="The house at a glance",
        answer=energy.SummarySerializer,
    ),
    "nas-energy": get(
        id="nas_energy",
        tag=_NAS,
        summary="The NAS's energy by state",
        text="404: no plug has the role NAS.",
        query=NasEnergyQuery,
        answer=energy.NasEnergySerializer,
        errors=(404,),
    ),
    "nas-status": get(
        id="nas_status", tag=_NAS, summary="The NAS now", answer=answers.NasStatusSerializer
    ),
    "nas-timeline": get(
        id="nas_timeline",
        tag=_NAS,
        summary="The history",
        query=PageQuery,
        answer=timeline.TimelineSerializer,
    ),
    "nas-timeline-csv": get(
        id="nas_timeline_csv",
        tag=_NAS,
        summary="The log of events as CSV",
        query=LogQuery,
        answer="text/csv",
    ),
    "nas-wake": get(id="nas_wake", tag=_NAS, summary="One wake", answer=answers.WakeSerializer),
    "nas-wol": {
        "POST": Operation(
            id="nas_wol",
            tag=_NAS,
            summary="Wake the NAS",
            text="409: it makes no sense now (`already_online`, `already_booting`, `no_power`); "
            "`anyway` does it all the same. 429: too many in a minute. 503: no packet could be sent.",
            body=WakeRequestSerializer,
            is_body_optional=True,
            answers={200: answers.WakeSentSerializer},
            errors=(409,),
        )
    },
}
