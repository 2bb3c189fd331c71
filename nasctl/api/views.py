"""``/api/nas/...``."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.lib.network import client_address
from balupi_site.lib.queue import enqueue
from balupi_site.lib.throttle import Limit
from nasctl import services
from nasctl.api.serializers import WakeRequestSerializer
from nasctl.models import Wake
from nasctl.tasks import watch_nas

#: A person presses a button twice; a script in a loop must not keep the radio and the log busy.
_WAKES = Limit("wake-api", attempts=10, seconds=60)


class StatusView(APIView):
    """The NAS now."""

    def get(self, _request: Request) -> Response:
        """Answer everything that is known of it."""
        return Response(asdict(services.nas_overview(timezone.now())))


class WakeView(APIView):
    """One wake."""

    def get(self, _request: Request, wake_id: str) -> Response:
        """Answer its stages."""
        try:
            wake = Wake.objects.filter(pk=UUID(wake_id)).first()
        except ValueError:
            wake = None
        if wake is None:
            raise Http404(_("There is no such wake."))
        return Response(asdict(services.wake_overview(wake, timezone.now())))


class WakeOnLanView(APIView):
    """Waking the NAS."""

    def post(self, request: Request) -> Response:
        """Send the signal; the first three fields are those of BaluPi 0.1."""
        command = WakeRequestSerializer(data=request.data)
        command.is_valid(raise_exception=True)
        _WAKES.spend(_waker(request), _("Too many wakes in a minute; the NAS needs one to boot."))
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


def _waker(request: Request) -> str:
    """Return whose wakes are counted together: those of one token or user at one address."""
    token = getattr(request.auth, "pk", "")
    return f"{request.user.pk} {token} {client_address(request)}"
