"""The rows of the dashboard contract: which call has which field, and what the page can bear there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

#: What the predecessor's page broke on; per call, those that may matter to it.
SITUATIONS = {
    "/api/health": ("empty", "Redis away"),
    "/api/handshake/status": ("all well", "empty", "NAS off", "Redis away"),
    "/api/energy/current": (
        *("all well", "empty", "plug never read", "plug without meter", "plug gone"),
        "Redis away",
    ),
    "/api/system/status": ("empty", "no sensor", "Redis away"),
    "/api/handshake/snapshot": ("all well", "NAS off"),
    "/api/monitoring/cpu/current": ("all well", "no sensor", "Redis away"),
    "/api/monitoring/cpu/history": ("all well", "no sensor", "Redis away"),
}
OF_SHELL = ("empty",)
OF_MONITOR = ("all well", "Redis away")


@dataclass(frozen=True)
class Kind:
    """What a value must be; the name is for people."""

    name: str
    fits: Callable[[Any], bool]

    def or_null(self) -> Kind:
        """Return the same, or null."""
        return Kind(f"{self.name} or null", lambda value: value is None or self.fits(value))


@dataclass(frozen=True)
class Row:
    """A field of an answer; ``a.b[].c{}.d``: of each item of a list, of each value of an object."""

    path: str
    field: str
    kind: Kind


def values_at(body: Any, field: str) -> Iterator[Any]:
    """Give every value at a place; a KeyError or TypeError where something on the way is missing."""
    here, _, rest = field.partition(".")
    name = here.rstrip("{}[]")
    found = [body[name]]
    for mark in (here[len(name) :])[::2]:
        found = [item for it in found for item in (it if mark == "[" else it.values())]
    for item in found:
        if rest:
            yield from values_at(item, rest)
        else:
            yield item


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None


def exactly(wanted: Any) -> Kind:
    return Kind(repr(wanted), lambda value: type(value) is type(wanted) and value == wanted)


def one_of(*wanted: str) -> Kind:
    return Kind(f"one of {wanted}", lambda value: value in wanted)


NUMBER = Kind("a finite number", _is_number)
COUNT = Kind("a count", _is_count)
PERCENT = Kind("0 to 100", lambda value: _is_number(value) and 0 <= value <= 100)
RATE = Kind("a number from 0", lambda value: _is_number(value) and value >= 0)
TEXT = Kind("text", lambda value: isinstance(value, str) and value != "")
BOOL = Kind("true or false", lambda value: isinstance(value, bool))
LIST = Kind("a list", lambda value: isinstance(value, list))
OBJECT = Kind("an object", lambda value: isinstance(value, dict))
TIME = Kind("ISO time with offset", _is_time)
NAS_STATE = one_of("online", "booting", "shutting_down", "offline", "unknown")
INTERFACE = one_of("wifi", "ethernet", "unknown")


def _rows(path: str, *fields: tuple[str, Kind]) -> list[Row]:
    return [Row(path, field, kind) for field, kind in fields]


_CPU = (
    ("timestamp", TIME),
    ("usage_percent", PERCENT),
    ("frequency_mhz", NUMBER.or_null()),
    ("temperature_celsius", NUMBER.or_null()),
    ("core_count", COUNT.or_null()),
    ("thread_count", COUNT),
    ("thread_usages[]", PERCENT),
)
_MEMORY = (
    ("timestamp", TIME),
    ("used_bytes", COUNT),
    ("total_bytes", COUNT),
    ("percent", PERCENT),
    ("available_bytes", COUNT),
)
_NETWORK = (
    ("timestamp", TIME),
    ("download_mbps", RATE),
    ("upload_mbps", RATE),
    ("interface_type", INTERFACE),
)
_DISK = (
    ("timestamp", TIME),
    ("disk_name", TEXT),
    ("read_mbps", RATE),
    ("write_mbps", RATE),
    ("read_iops", RATE),
    ("write_iops", RATE),
    ("avg_response_ms", RATE.or_null()),
    ("active_time_percent", PERCENT),
)
_UPTIME = (
    ("timestamp", TIME),
    ("server_uptime_seconds", COUNT),
    ("system_uptime_seconds", COUNT),
    ("server_start_time", TIME),
    ("system_boot_time", TIME),
)


def _history(
    path: str, fields: tuple[tuple[str, Kind], ...], place: str = "samples[]"
) -> list[Row]:
    below = [(f"{place}.{field}", kind) for field, kind in fields]
    return _rows(path, *below, ("sample_count", COUNT), ("source", TEXT))


REQUIRED = [
    *_rows(
        "/api/health",
        ("status", exactly("ok")),
        ("version", TEXT),
        ("hostname", TEXT),
        ("service", TEXT),
        ("cache_enabled", BOOL),
        ("energy_enabled", BOOL),
    ),
    *_rows(
        "/api/handshake/status",
        ("nas_state", NAS_STATE),
        ("since", TIME.or_null()),
        ("last_snapshot", TIME.or_null()),
        ("inbox_size_mb", NUMBER),
        ("inbox_files", COUNT),
    ),
    *_rows(
        "/api/energy/current",
        ("devices[].device_id", TEXT),
        ("devices[].name", TEXT),
        ("devices[].device_name", TEXT),
        ("devices[].power_w", NUMBER),
        ("devices[].voltage_v", NUMBER),
        ("devices[].current_a", NUMBER),
        ("devices[].is_online", BOOL),
        ("devices[].timestamp", TIME.or_null()),
        ("total_power_w", NUMBER),
    ),
    *_rows(
        "/api/system/status",
        ("cpu_percent", PERCENT),
        ("memory_percent", PERCENT),
        ("temperature_c", NUMBER.or_null()),
        ("cpu_temp_celsius", NUMBER.or_null()),
        ("uptime_seconds", NUMBER),
        ("hostname", TEXT),
        ("memory_used_mb", NUMBER),
        ("memory_total_mb", NUMBER),
    ),
    *_rows(
        "/api/handshake/snapshot",
        ("version", COUNT),
        ("generated_at", TIME),
        ("baluhost_version", TEXT),
        ("system", OBJECT),
        ("storage.arrays[].name", TEXT),
        ("storage.arrays[].level", TEXT),
        ("storage.arrays[].state", TEXT),
        ("storage.arrays[].devices", LIST),
        ("storage.total_bytes", COUNT),
        ("storage.used_bytes", COUNT),
        ("smart_health{}.status", TEXT),
        ("services.vpn.active_clients", COUNT),
        ("services.shares.active_shares", COUNT),
        ("users.total", COUNT),
        ("files_summary.total_files", COUNT),
        ("files_summary.total_size_bytes", COUNT),
    ),
]

SHELL = [
    *_rows(
        "/api/updates/version",
        ("version", TEXT),
        ("commit", TEXT),
        ("commit_short", TEXT),
        ("tag", exactly(None)),
        ("date", exactly(None)),
        ("is_dev_build", BOOL),
        ("is_prerelease", BOOL),
    ),
    *_rows("/api/system/mode", ("dev_mode", exactly(False))),
    *_rows(
        "/api/setup/status", ("setup_required", exactly(False)), ("completed_steps", exactly([]))
    ),
    *_rows(
        "/api/system/statusbar/state",
        ("pills", exactly([])),
        ("show_bottom_upload", exactly(False)),
    ),
    *_rows("/api/smart-devices/", ("devices", exactly([])), ("total", exactly(0))),
]

MONITOR = [
    *_rows("/api/monitoring/cpu/current", *_CPU),
    *_history("/api/monitoring/cpu/history", _CPU),
    *_rows("/api/monitoring/memory/current", *_MEMORY),
    *_history("/api/monitoring/memory/history", _MEMORY),
    *_rows("/api/monitoring/network/current", *_NETWORK),
    *_history("/api/monitoring/network/history", _NETWORK),
    *_rows("/api/monitoring/disk-io/current", *((f"disks{{}}.{name}", it) for name, it in _DISK)),
    *_history("/api/monitoring/disk-io/history", _DISK, "disks{}[]"),
    *_rows("/api/monitoring/disk-io/history", ("available_disks[]", TEXT)),
    *_rows("/api/monitoring/uptime/current", *_UPTIME),
    *_history("/api/monitoring/uptime/history", _UPTIME),
    *_rows("/api/monitoring/uptime/history", ("sleep_events", exactly([]))),
]

_USER = (
    ("id", COUNT),
    ("username", exactly("kim")),
    ("email", TEXT.or_null()),
    ("role", one_of("admin", "user")),
    ("is_active", exactly(True)),
    ("smb_enabled", BOOL),
    ("created_at", TIME),
    ("updated_at", TIME.or_null()),
)
LOGIN = _rows(
    "/api/auth/login",
    ("access_token", TEXT),
    ("token_type", exactly("bearer")),
    *((f"user.{field}", kind) for field, kind in _USER),
)
ME = _rows("/api/auth/me", *_USER)

PRESENCE = _rows(
    "/api/system/sleep/presence",
    ("present", BOOL),
    ("enabled", exactly(False)),
    ("mode", exactly("active")),
    ("heartbeat_interval_seconds", Kind("from 15", lambda value: _is_count(value) and value >= 15)),
    ("timeout_minutes", COUNT),
)

#: What each may ask of the database beside its login.
QUERIES = {
    "/api/health": 0,
    "/api/handshake/status": 3,
    "/api/energy/current": 2,
    "/api/system/status": 0,
    "/api/handshake/snapshot": 1,
    **{row.path: 0 for row in (*SHELL, *MONITOR)},
}
OPEN_PATHS = ("/api/health", "/api/updates/version", "/api/system/mode", "/api/setup/status")
