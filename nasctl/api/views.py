"""``/api/nas/...``."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.lib.queue import enqueue
from nasctl import services
from nasctl.api.serializers import PageSerializer, WakeRequestSerializer
from nasctl.models import Wake
from nasctl.tasks import watch_nas


class StatusView(APIView):
    """The NAS now."""

    def get(self, _request: Request) -> Response:
        """Answer everything that is known of it."""
        return Response(asdict(services.nas_overview(timezone.now())))


class TimelineView(APIView):
    """The NAS's history."""

    def get(self, request: Request) -> Response:
        """Answer a page of it, newest first."""
        page = PageSerializer(data=request.query_params)
        page.is_valid(raise_exception=True)
        return Response(asdict(services.timeline(timezone.now(), **page.validated_data)))


class WakeView(APIView):
    """One wake."""

    def get(self, _request: Request, wake_id: str) -> Response:
        """Answer its stages."""
        try:
            wake = Wake.objects.filter(pk=UUID(wake_id)).first()
        except ValueError:
            wake = None
        if wake is None:
            raise Http404("There is no such wake.")
        return Response(asdict(services.wake_overview(wake, timezone.now())))


class WakeOnLanView(APIView):
    """Waking the NAS."""

    def post(self, request: Request) -> Response:
        """Send the signal; the first three fields are those of BaluPi 0.1."""
        command = WakeRequestSerializer(data=request.data)
        command.is_valid(raise_exception=True)
        now = timezone.now()
        wake = services.request_wake(
            requested_by=request.user.get_username(),
            requested_from="api",
            anyway=command.validated_data["anyway"],
            now=now,
        )
        enqueue(watch_nas)
        return Response(
            {
                "wol_sent": True,
                "nas_previous_state": wake.previous_state,
                "estimated_boot_time_s": services.estimated_boot_s(),
                "url": reverse("nas-wake", args=[wake.pk]),
                "wake": asdict(services.wake_overview(wake, now)),
            }
        )
