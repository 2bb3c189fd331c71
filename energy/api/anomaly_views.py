"""The REST API of what is or was wrong with plugs."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.lib.kept import retold_facts
from energy import services
from energy.api.fields import Choice
from energy.api.queries import plug_or_404
from energy.models import Anomaly

_LONGEST_PAGE = 200


class AnomalyQuery(serializers.Serializer[Any]):
    """Which anomalies: of one plug or all, those that last, those that are over or both."""

    device_id = serializers.CharField(
        default="", allow_blank=True, help_text="Left out: of all plugs."
    )
    open = Choice(
        ["true", "false"],
        default="",
        allow_blank=True,
        help_text="`true`: that last; `false`: that are over; empty: both.",
    )
    limit = serializers.IntegerField(default=50, min_value=1, max_value=_LONGEST_PAGE)


class AnomalyListView(APIView):
    """What is or was wrong."""

    def get(self, request: Request) -> Response:
        """Return anomalies, the newest first."""
        query = AnomalyQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        rows = Anomaly.objects.select_related("plug")
        if asked["device_id"]:
            rows = rows.filter(plug=plug_or_404(asked["device_id"]))
        if asked["open"]:
            rows = rows.filter(ended_at__isnull=asked["open"] == "true")
        now = timezone.now()
        return Response({"anomalies": [_as_json(row, now) for row in rows[: asked["limit"]]]})


def _as_json(row: Anomaly, now: dt.datetime) -> dict[str, Any]:
    """Return one; ``ended_at`` null: it lasts. ``duration_s`` null: the clock was set back in it."""
    return {
        "device_id": row.plug.device_id,
        "device_name": row.plug.name,
        "kind": row.kind,
        "text": services.anomaly_text(row, now),
        "began_at": row.began_at.isoformat(),
        "ended_at": row.ended_at.isoformat() if row.ended_at else None,
        "duration_s": services.anomaly_duration_s(row, now),
        "facts": retold_facts(row.facts),
    }
