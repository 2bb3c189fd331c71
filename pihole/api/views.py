"""``/api/pihole/...``."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.lib.queue import enqueue
from pihole import services
from pihole.api.serializers import OverviewSerializer, StatisticsSerializer, SwitchSerializer
from pihole.tasks import reconcile_names


class StatusView(APIView):
    """Where the names should lead, where they lead, and what is in the way."""

    def get(self, _request: Request) -> Response:
        """Answer what the last look found."""
        return Response(OverviewSerializer(services.overview(timezone.now())).data)


class StatsView(APIView):
    """Pi-hole's figures."""

    def get(self, _request: Request) -> Response:
        """Answer the figures of the last look; Pi-hole itself is not asked."""
        return Response(StatisticsSerializer(services.overview(timezone.now())).data)


class DnsView(APIView):
    """An admin's choice of where the names lead."""

    def post(self, request: Request) -> Response:
        """Note the choice and have it done soon; ``queued`` false: within a minute."""
        command = SwitchSerializer(data=request.data)
        command.is_valid(raise_exception=True)
        now = timezone.now()
        services.set_override(command.validated_data["target"], request.user.get_username(), now)
        queued = enqueue(reconcile_names)
        return Response({"queued": queued, **OverviewSerializer(services.overview(now)).data})
