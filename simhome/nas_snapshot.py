"""The metadata that the NAS sends when it goes offline."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from simhome.nas_users import NasUser

_GENERATED_VERSION = 1
_SIZE_BYTES, _USED_BYTES = 4_000_787_030_016, 1_203_487_232_000


def shutdown_snapshot(
    *, now: datetime, hostname: str, uptime_seconds: int, users: Sequence[NasUser]
) -> dict[str, object]:
    """Return a snapshot in the shape and key order of BaluHost's snapshot export.

    The shape is in the dashboard contract (``GET /api/handshake/snapshot``); an array that is well
    is "optimal" there, a disk that is well "PASSED". The last backup is of the night before, as a
    time without offset, which is what BaluHost's database gives.
    """
    return {
        "version": _GENERATED_VERSION,
        "generated_at": now.isoformat(),
        "baluhost_version": "1.38.0",
        "system": {
            "hostname": hostname,
            "uptime_seconds": uptime_seconds,
            "cpu_model": "AMD Ryzen 5 5600G with Radeon Graphics",
            "ram_total_gb": 15.5,
        },
        "storage": _storage(),
        "smart_health": {
            "/dev/sda": {"status": "PASSED", "temperature_c": 36, "power_on_hours": 12034},
            "/dev/sdb": {"status": "PASSED", "temperature_c": 37, "power_on_hours": None},
        },
        "services": _services(now),
        "users": {
            "total": len(users),
            "list": [{"username": user.username, "role": user.role} for user in users],
        },
        "files_summary": {"total_files": 48211, "total_size_bytes": _USED_BYTES},
    }


def _storage() -> dict[str, object]:
    array = {
        "name": "md0",
        "level": "raid1",
        "state": "optimal",
        "size_bytes": _SIZE_BYTES,
        "devices": ["sda1", "sdb1"],
    }
    return {"arrays": [array], "total_bytes": _SIZE_BYTES, "used_bytes": _USED_BYTES}


def _services(now: datetime) -> dict[str, object]:
    night = (now - timedelta(days=1)).replace(hour=3, minute=0, second=11, microsecond=4200)
    return {
        "vpn": {"active_clients": 2},
        "shares": {"active_shares": 5},
        "backups": {
            "last_backup": night.replace(tzinfo=None).isoformat(),
            "status": "completed",
        },
    }
