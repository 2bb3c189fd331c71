"""Input of the plug API, and the shapes of its answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from rest_framework import serializers

from balupi_site.lib.fields import FlagField, TextField
from balupi_site.lib.kept import retold
from energy.addresses import flaw_of_host
from energy.api.fields import StrictFieldsSerializer
from energy.models import PlugRole, SmartPlug
from energy.services import PlugLatest


class PlugEditSerializer(StrictFieldsSerializer, serializers.ModelSerializer[SmartPlug]):
    """What an admin may change of a plug; all of it is optional."""

    answer_fields = frozenset(
        {
            "id", "device_id", "mac", "model", "firmware_version", "status", "status_message",
            "status_since", "first_seen_at", "is_online", "latest",
        }
    )  # fmt: skip

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
        models.BooleanField: FlagField,
    }

    class Meta:
        model = SmartPlug
        fields = ["name", "role", "enabled", "host", "site"]

    def validate_host(self, host: str) -> str:
        """Keep what we talk to at home."""
        if flaw := flaw_of_host(host):
            raise serializers.ValidationError(flaw)
        return host

    def validate_role(self, role: str) -> str:
        """Keep the role NAS to one plug."""
        others = SmartPlug.objects.filter(role=PlugRole.NAS)
        if self.instance is not None:
            others = others.exclude(pk=self.instance.pk)
        if role == PlugRole.NAS and others.exists():
            raise serializers.ValidationError(_("Another plug has the role NAS already."))
        return role


def current_json(latest: Iterable[PlugLatest]) -> dict[str, Any]:
    """Return the answer of ``GET /api/energy/current``.

    ``total_power_w`` adds up what is fresh; ``total_is_complete`` tells whether that is all plugs.
    """
    latest = list(latest)
    fresh = [w for each in latest if (w := each.present_power_w) is not None]
    return {
        "devices": [_current_device(each) for each in latest],
        "total_power_w": round(sum(fresh), 3),
        "total_is_complete": len(fresh) == len(latest),
    }


def _current_device(latest: PlugLatest) -> dict[str, Any]:
    """Return one plug; its numbers are never null, which the NAS-built page cannot bear."""
    plug, reading = latest.plug, latest.reading
    return {
        "device_id": plug.device_id,
        "name": plug.name,
        "device_name": plug.name,
        "role": plug.role,
        "power_w": latest.power_w or 0.0,
        "power_known": latest.power_w is not None,
        "voltage_v": (reading.voltage_v if reading else None) or 0.0,
        "current_a": (reading.current_a if reading else None) or 0.0,
        "is_online": latest.is_online,
        "is_stale": latest.is_stale,
        "age_s": _rounded(latest.age_s),
        "timestamp": _iso(reading.at if reading else None),
        "status": plug.status,
        "status_message": retold(plug.status_message),
    }


def plug_json(latest: PlugLatest) -> dict[str, Any]:
    """Return all there is to say about a plug; None is what is not known."""
    plug = latest.plug
    return {
        "id": plug.device_id,
        "device_id": plug.device_id,
        "mac": plug.mac,
        "name": plug.name,
        "model": plug.model,
        "firmware_version": plug.firmware_version,
        "role": plug.role,
        "host": plug.host,
        "site": plug.site,
        "enabled": plug.enabled,
        "status": plug.status,
        "status_message": retold(plug.status_message),
        "status_since": _iso(plug.status_since),
        "first_seen_at": _iso(plug.created_at),
        "is_online": latest.is_online,
        "latest": _latest_json(latest),
    }


def _latest_json(latest: PlugLatest) -> dict[str, Any] | None:
    reading = latest.reading
    if reading is None:
        return None
    return {
        "at": _iso(reading.at),
        "age_s": _rounded(latest.age_s),
        "is_stale": latest.is_stale,
        "power_w": reading.power_w,
        "voltage_v": reading.voltage_v,
        "current_a": reading.current_a,
        "today_energy_wh": reading.today_energy_wh,
        "relay_on": reading.relay_on,
        "rssi_dbm": reading.rssi,
    }


def _iso(at: dt.datetime | None) -> str | None:
    return at.astimezone(dt.UTC).isoformat() if at else None


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
