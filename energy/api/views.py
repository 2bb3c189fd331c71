"""The REST API of plugs and present power."""

from __future__ import annotations

from django.utils import timezone
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.lib.errors import RefusedError
from balupi_site.lib.kept import retold
from energy import services
from energy.api.queries import plug_or_404
from energy.api.serializers import PlugEditSerializer, current_json, plug_json
from energy.asking import ask_to_search, ask_to_switch
from energy.models import SmartPlug


class CurrentView(APIView):
    """Present power of all plugs."""

    def get(self, _request: Request) -> Response:
        """Return every enabled plug's latest value with its age, and their sum."""
        return Response(current_json(services.latest_readings(timezone.now())))


class PlugListView(APIView):
    """All plugs."""

    def get(self, _request: Request) -> Response:
        """Return all plugs, those that are not polled too."""
        latest = services.latest_readings(timezone.now(), with_disabled=True)
        return Response([plug_json(each) for each in latest])


class DiscoverView(APIView):
    """Searching for plugs."""

    def post(self, _request: Request) -> Response:
        """Search the network and return every device found with what became of it."""
        found = ask_to_search()
        found = [{**each, "message": retold(each["message"])} for each in found]
        added = sum(each["outcome"] == "added" for each in found)
        return Response({"found": len(found), "added": added, "devices": found})


class PlugView(APIView):
    """One plug."""

    def get(self, _request: Request, device_id: str) -> Response:
        """Return the plug."""
        return _answer(plug_or_404(device_id))

    def put(self, request: Request, device_id: str) -> Response:
        """Change name, role, enabled or host; what is left out stays."""
        plug = plug_or_404(device_id)
        serializer = PlugEditSerializer(plug, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        try:
            services.edit_plug(plug, **serializer.validated_data)
        except RefusedError as error:
            if error.code != "nas_role_taken":
                raise
            # Somebody was faster between the check and the write.
            raise serializers.ValidationError({"role": [str(error)]}) from error
        return _answer(plug)

    patch = put

    def delete(self, _request: Request, device_id: str) -> Response:
        """Delete the plug with all its samples and hours."""
        services.delete_plug(plug_or_404(device_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SwitchView(APIView):
    """Switching one plug; the URL says how."""

    action = "toggle"

    def post(self, _request: Request, device_id: str) -> Response:
        """Switch and return the state that the plug itself reports."""
        plug = plug_or_404(device_id)
        is_on = ask_to_switch(plug, self.action)
        state = "on" if is_on else "off"
        return Response({"device_id": plug.device_id, "new_state": state, "relay_on": is_on})


def _answer(plug: SmartPlug) -> Response:
    [latest] = services.latest_of_plugs([plug], timezone.now())
    return Response(plug_json(latest))
