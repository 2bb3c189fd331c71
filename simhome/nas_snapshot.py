"""The metadata that the NAS sends when it goes offline."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from simhome.nas_users import NasUser

_GENERATED_VERSION = 1


def shutdown_snapshot(
    *, now: datetime, hostname: str, uptime_seconds: int, users: Sequence[NasUser]
) -> dict[str, object]:
    """Return a snapshot in the shape and key order of BaluHost's snapshot export.

    The shape is in the dashboard contract (``GET /api/handshake/snapshot``); an array that is well
    is "optimal" there, a disk that is well "PASSED". The last backup is of the night before, as a
    time without offset, which is what BaluHost's database gives.
    """
    night = (now - timedelta(days=1)).replace(hour=3, minute=0, second=11, microsecond=4200)
    size_bytes, used_bytes = 4_000_787_030_016, 1_203_487_232_000
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
        "storage": {
            "arrays": [
                {
                    "name": "md0",
                    "level": "raid1",
                    "state": "optimal",
                    "size_bytes": size_bytes,
                    "devices": ["sda1", "sdb1"],
                }
            ],
            "total_bytes": size_bytes,
            "used_bytes": used_bytes,
        },
        "smart_health": {
            "/dev/sda": {"status": "PASSED", "temperature_c": 36, "power_on_hours": 12034},
            "/dev/sdb": {"status": "PASSED", "temperature_c": 37, "power_on_hours": None},
        },
        "services": {
            "vpn": {"active_clients": 2},
            "shares": {"active_shares": 5},
            "backups": {
                "last_backup": night.replace(tzinfo=None).isoformat(),
                "status": "completed",
            },
        },
        "users": {
            "total": len(users),
            "list": [{"username": user.username, "role": user.role} for user in users],
        },
        "files_summary": {"total_files": 48211, "total_size_bytes": used_bytes},
    }
