"""How this app's API is described; only the generator reads it."""

from __future__ import annotations

from rest_framework import serializers

from balupi_site.lib.openapi import Operation, Operations, get
from pihole.api.serializers import OverviewSerializer, StatisticsSerializer, SwitchSerializer

_NAMES = "names"


class NamesSwitchSerializer(OverviewSerializer):
    """What is known of the names just after the choice."""

    queued = serializers.BooleanField(help_text="false: it is done within a minute.")


OPERATIONS: Operations = {
    "pihole-status": get(
        id="names_status", tag=_NAMES, summary="Where the names lead", answer=OverviewSerializer
    ),
    "pihole-stats": get(
        id="pihole_stats", tag=_NAMES, summary="Pi-hole's figures", answer=StatisticsSerializer
    ),
    "pihole-dns": {
        "POST": Operation(
            id="names_switch",
            tag=_NAMES,
            summary="Choose where the names lead",
            body=SwitchSerializer,
            answers={200: NamesSwitchSerializer},
        )
    },
}
