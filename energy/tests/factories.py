"""Plugs and readings for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from energy.models import SmartPlug
from energy.readings import Identity, Reading, Seen, Target

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KLAP: dict[str, Any] = {
    "device_family": "SMART.TAPOPLUG",
    "encryption_type": "KLAP",
    "login_version": 2,
    "https": False,
    "http_port": 8123,
}


def mac_of(number: int) -> str:
    """Return the MAC address of the simulated home's plug of the same number."""
    return f"02:00:5e:00:00:{number:02x}"


def id_of(number: int) -> str:
    """Return the device id of the simulated home's plug of the same number."""
    return f"{number:040X}"


def make_plug(number: int = 101, **fields: Any) -> SmartPlug:
    """Store a plug as discovery would."""
    values = {
        "device_id": id_of(number),
        "mac": mac_of(number),
        "name": f"Plug {number}",
        "model": "P110",
        "firmware_version": "1.3.2 Build 250114 Rel.101500",
        "host": f"127.0.0.{number}",
        "connection": KLAP,
    }
    return SmartPlug.objects.create(**{**values, **fields})


def make_reading(number: int = 101, **values: Any) -> Reading:
    """Return a complete reading of a plug that draws 60 W."""
    defaults: dict[str, Any] = {
        "device_id": id_of(number),
        "at": NOON,
        "power_w": 60.0,
        "voltage_v": 230.0,
        "current_a": 0.26,
        "today_energy_wh": 480.0,
        "relay_on": True,
        "rssi": -50,
    }
    return Reading(**{**defaults, **values})


def make_target(number: int = 101, **fields: Any) -> Target:
    """Return how to reach a plug."""
    values: dict[str, Any] = {
        "mac": mac_of(number),
        "device_id": id_of(number),
        "host": f"127.0.0.{number}",
        "connection": KLAP,
    }
    return Target(**{**values, **fields})


def make_seen(plug: SmartPlug, **values: Any) -> Seen:
    """Return a good answer of a stored plug."""
    target = Target(plug.mac, plug.device_id, plug.host, plug.connection)
    identity = Identity(plug.device_id, plug.mac, plug.name, plug.model, plug.firmware_version)
    reading = make_reading(**{"device_id": plug.device_id, **values})
    return Seen(target, identity, reading)
