"""The REST API of unlocking a plug for a moment."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.lib.network import client_address
from energy import services
from energy.api.queries import plug_or_404
from energy.models import SwitchUnlock


class UnlockView(APIView):
    """Letting one plug be switched, whatever guards say."""

    def post(self, request: Request, device_id: str) -> Response:
        """Unlock the plug and return until when; again: from now on."""
        plug = plug_or_404(device_id)
        until = services.unlock_plug(
            plug,
            unlocked_by=request.user.get_username(),
            unlocked_from=client_address(request),
            now=timezone.now(),
        )
        return Response(
            {
                "device_id": plug.device_id,
                "unlocked_until": until.isoformat(),
                "seconds": int(SwitchUnlock.DURATION.total_seconds()),
            }
        )
