"""How the API of the Pi itself is described; only the generator reads it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers

from balupi_site.frontend.shell import PresenceSerializer
from balupi_site.lib.openapi import Operation, Operations, get

_SYSTEM = "system"
_SHELL = "NAS-built page"


class HealthSerializer(serializers.Serializer[Any]):
    """This process answers."""

    status = serializers.ChoiceField(choices=["ok"])
    service = serializers.ChoiceField(
        choices=["balupi"], help_text="Whether a name leads to the Pi or to the NAS."
    )
    version = serializers.CharField()
    hostname = serializers.CharField()
    cache_enabled = serializers.BooleanField(help_text="Always false.")
    energy_enabled = serializers.BooleanField(help_text="A Tapo account is set.")


class PingSerializer(serializers.Serializer[Any]):
    """The smallest answer."""

    ping = serializers.ChoiceField(choices=["pong"])


class PiStatusSerializer(serializers.Serializer[Any]):
    """What the Pi says of itself."""

    hostname = serializers.CharField()
    cpu_percent = serializers.FloatField(help_text="0 to 100.")
    memory_percent = serializers.FloatField(help_text="0 to 100.")
    memory_used_mb = serializers.IntegerField(help_text="MiB.")
    memory_total_mb = serializers.IntegerField(help_text="MiB.")
    disk_percent = serializers.FloatField(help_text="0 to 100, where BaluPi's data are.")
    disk_used_mb = serializers.IntegerField(help_text="MiB.")
    disk_total_mb = serializers.IntegerField(help_text="MiB.")
    temperature_c = serializers.FloatField(
        allow_null=True, help_text="°C; null: there is no sensor."
    )
    uptime_seconds = serializers.IntegerField()


class SystemStatusSerializer(PiStatusSerializer):
    """What the Pi says of itself, with both names of the temperature."""

    cpu_temp_celsius = serializers.FloatField(allow_null=True, help_text="As `temperature_c`.")


class ReleaseSerializer(serializers.Serializer[Any]):
    """Which release this is."""

    version = serializers.CharField()
    commit = serializers.CharField(help_text="Empty: not known.")
    commit_short = serializers.CharField(help_text="Empty: not known.")
    tag = serializers.CharField(allow_null=True, help_text="Always null.")
    date = serializers.CharField(allow_null=True, help_text="Always null.")
    is_dev_build = serializers.BooleanField(help_text="It plays with a simulated home.")
    is_prerelease = serializers.BooleanField()


class ModeSerializer(serializers.Serializer[Any]):
    """Whether the disks are made up; never."""

    dev_mode = serializers.BooleanField(help_text="Always false.")


class SetupSerializer(serializers.Serializer[Any]):
    """Whether the NAS's setup wizard is wanted; never here."""

    setup_required = serializers.BooleanField(help_text="Always false.")
    completed_steps = serializers.ListField(child=serializers.CharField())


class PresenceAnswerSerializer(serializers.Serializer[Any]):
    """How often the page shall say that it is open."""

    present = serializers.BooleanField()
    enabled = serializers.BooleanField(help_text="Always false: a Pi never sleeps.")
    mode = serializers.ChoiceField(choices=["active"])
    heartbeat_interval_seconds = serializers.IntegerField()
    timeout_minutes = serializers.IntegerField()


class StatusBarSerializer(serializers.Serializer[Any]):
    """What goes on in the background; nothing."""

    pills = serializers.ListField(help_text="Always empty.")
    show_bottom_upload = serializers.BooleanField(help_text="Always false.")


class SmartDevicesSerializer(serializers.Serializer[Any]):
    """The NAS's own plugs; none here."""

    devices = serializers.ListField(help_text="Always empty; ours are at `/api/tapo/devices`.")
    total = serializers.IntegerField()


OPERATIONS: Operations = {
    "health": get(id="health", tag=_SYSTEM, summary="BaluPi answers", answer=HealthSerializer),
    "ping": get(id="ping", tag=_SYSTEM, summary="The smallest answer", answer=PingSerializer),
    "system-status": get(
        id="system_status",
        tag=_SYSTEM,
        summary="Processor, memory, disk and temperature of the Pi",
        answer=SystemStatusSerializer,
    ),
    "schema": get(id="schema", tag=_SYSTEM, summary="This description", answer=OpenApiTypes.OBJECT),
    "updates-version": get(
        id="release", tag=_SHELL, summary="Which release", answer=ReleaseSerializer
    ),
    "system-mode": get(id="mode", tag=_SHELL, summary="No made-up disks", answer=ModeSerializer),
    "setup-status": get(id="setup", tag=_SHELL, summary="No setup wizard", answer=SetupSerializer),
    "sleep-presence": {
        "POST": Operation(
            id="presence",
            tag=_SHELL,
            summary="A page is open",
            body=PresenceSerializer,
            answers={200: PresenceAnswerSerializer},
        )
    },
    "statusbar-state": get(
        id="status_bar",
        tag=_SHELL,
        summary="Nothing goes on in the background",
        answer=StatusBarSerializer,
    ),
    "smart-devices": get(
        id="smart_devices",
        tag=_SHELL,
        summary="None of the NAS's own plugs",
        answer=SmartDevicesSerializer,
    ),
}
