"""Whether this process answers, and how the Pi is doing."""

from __future__ import annotations

import socket

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.monitor.status import pi_status
from balupi_site.version import VERSION


class HealthView(APIView):
    """``GET /api/health``: this process answers; needs no login and no database."""

    authentication_classes = ()

    def get(self, _request: Request) -> Response:
        """Answer at once; ``service`` tells a browser whether the name leads to the Pi or the NAS."""
        return Response(
            {
                "status": "ok",
                "service": "balupi",
                "version": VERSION,
                "hostname": socket.gethostname(),
                "cache_enabled": False,
                "energy_enabled": bool(settings.TAPO_USERNAME),
            }
        )


class PingView(APIView):
    """``GET /api/ping``: the smallest answer."""

    authentication_classes = ()

    def get(self, _request: Request) -> Response:
        """Answer at once."""
        return Response({"ping": "pong"})


class SystemStatusView(APIView):
    """``GET /api/system/status``: CPU, memory, disk, temperature of the Pi."""

    def get(self, _request: Request) -> Response:
        """Return the Pi's figures; both names of the temperature, as the NAS-built page reads one."""
        pi = pi_status()
        return Response({**pi.__dict__, "cpu_temp_celsius": pi.temperature_c})
