"""What the NAS-built page asks any server at start, and a Pi has little to say about (dashboard contract)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.lib.fields import TextField
from balupi_site.version import COMMIT, VERSION

#: The page asks again after this; an answer of ours never changes.
_PRESENCE_INTERVAL_S = 300
_PRESENCE_TIMEOUT_MIN = 15
_SHORT = 7


class VersionView(APIView):
    """``GET /api/updates/version``: which release this is; the page shows it."""

    authentication_classes = ()

    def get(self, _request: Request) -> Response:
        """Answer at once; ``tag`` and ``date`` are the NAS's and always null here."""
        return Response(
            {
                "version": VERSION,
                "commit": COMMIT,
                "commit_short": COMMIT[:_SHORT],
                "tag": None,
                "date": None,
                "is_dev_build": not settings.IS_PROD,
                "is_prerelease": not VERSION.replace(".", "").isdigit(),
            }
        )


class ModeView(APIView):
    """``GET /api/system/mode``: whether the NAS plays with made-up disks; a Pi never does."""

    authentication_classes = ()

    def get(self, _request: Request) -> Response:
        """Answer at once."""
        return Response({"dev_mode": False})


class SetupView(APIView):
    """``GET /api/setup/status``: whether the page shows the NAS's setup wizard; never here."""

    authentication_classes = ()

    def get(self, _request: Request) -> Response:
        """Answer at once."""
        return Response({"setup_required": False, "completed_steps": []})


class PresenceSerializer(serializers.Serializer[Any]):
    """Which open page says that somebody looks at it; a UUID where the browser can make one."""

    client_id = TextField(max_length=64)
    client_type = TextField(default="web", max_length=32)


class PresenceView(APIView):
    """``POST /api/system/sleep/presence``: on the NAS it keeps the NAS awake; the Pi never sleeps."""

    def post(self, request: Request) -> Response:
        """Note nothing, and have the page ask rarely: the interval is in seconds."""
        PresenceSerializer(data=request.data).is_valid(raise_exception=True)
        return Response(
            {
                "present": True,
                "enabled": False,
                "mode": "active",
                "heartbeat_interval_seconds": _PRESENCE_INTERVAL_S,
                "timeout_minutes": _PRESENCE_TIMEOUT_MIN,
            }
        )


class StatusBarView(APIView):
    """``GET /api/system/statusbar/state``: what the NAS does in the background; nothing here."""

    def get(self, _request: Request) -> Response:
        """Answer at once."""
        return Response({"pills": [], "show_bottom_upload": False})


class SmartDevicesView(APIView):
    """``GET /api/smart-devices/``: the NAS's own plugs; empty, so that the page hides its power tab.

    Ours are at ``/api/tapo/devices``.
    """

    def get(self, _request: Request) -> Response:
        """Answer at once."""
        return Response({"devices": [], "total": 0})
