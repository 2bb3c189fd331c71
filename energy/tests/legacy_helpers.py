"""Files such as the predecessor left them, made from its schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command

_SCHEMA = """
CREATE TABLE tapo_devices (id TEXT PRIMARY KEY, name TEXT, ip_address TEXT, mac_address TEXT,
    model TEXT, role TEXT, is_online INT, firmware TEXT, last_seen TEXT, created_at TEXT);
CREATE TABLE energy_samples (id INTEGER PRIMARY KEY, device_id TEXT, power_mw INT, voltage_mv INT,
    current_ma INT, energy_wh INT, timestamp DATETIME);
CREATE TABLE energy_hourly (id INTEGER PRIMARY KEY, device_id TEXT, hour TEXT, avg_power_w REAL,
    max_power_w REAL, min_power_w REAL, energy_wh REAL, sample_count INT);
CREATE TABLE energy_daily (id INTEGER PRIMARY KEY, device_id TEXT, date TEXT, avg_power_w REAL,
    max_power_w REAL, min_power_w REAL, energy_wh REAL, cost_cents REAL);
CREATE TABLE energy_price_config (id INTEGER PRIMARY KEY, name TEXT, price_per_kwh_cents REAL,
    valid_from TEXT, valid_to TEXT, is_active INT, created_at TEXT);
"""
#: The predecessor's own id of a plug, a UUID that says nothing.
NAS = "5f0c7f5e-6f63-4e0e-9a3b-0d8b0c3e1a01"
LAMP = "5f0c7f5e-6f63-4e0e-9a3b-0d8b0c3e1a02"


class OldHome:
    """Writes one such file, in WAL mode as the predecessor did."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.open() as file:
            file.execute("PRAGMA journal_mode=WAL")
            file.executescript(_SCHEMA)

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """Give a connection; what was done is committed at the end."""
        file = sqlite3.connect(self.path)
        try:
            yield file
            file.commit()
        finally:
            file.close()

    def add(self, table: str, *rows: dict[str, Any]) -> None:
        """Insert rows."""
        with self.open() as file:
            for row in rows:
                marks = ", ".join("?" * len(row))
                sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608  # a test's own words
                file.execute(sql, list(row.values()))

    def plug(self, old_id: str = NAS, **values: Any) -> None:
        """Add a plug with the MAC address of the tests' plug 101."""
        row = {"id": old_id, "name": "NAS", "ip_address": "127.0.0.101", "role": "nas"}
        row |= {"mac_address": "02:00:5E:00:00:65", "model": "P110", "firmware": "1.2.3"}
        self.add("tapo_devices", row | values)

    def hours(self, first: datetime, count: int, power_w: float = 100, **values: Any) -> None:
        """Add hours as they were counted: the last 55 minutes of each."""
        self.add(
            "energy_hourly",
            *(
                {
                    "device_id": NAS,
                    "hour": f"{first + timedelta(hours=number):%Y-%m-%dT%H:00:00}",
                    "avg_power_w": power_w,
                    "max_power_w": power_w + 5,
                    "min_power_w": power_w - 5,
                    "energy_wh": round(power_w * 110 * 30 / 3600, 2),
                    "sample_count": 110,
                }
                | values
                for number in range(count)
            ),
        )

    def samples(self, first: datetime, last: datetime, power_w: float = 100, **values: Any) -> None:
        """Add a reading every 30 s, both ends included."""
        self.add(
            "energy_samples",
            *(
                {
                    "device_id": NAS,
                    "power_mw": round(power_w * 1000),
                    "voltage_mv": 230_000,
                    "timestamp": _stamp(first + timedelta(seconds=30 * step)),
                }
                | values
                for step in range((last - first) // timedelta(seconds=30) + 1)
            ),
        )

    def price(self, name: str, price_cents: object, **values: Any) -> None:
        """Add a price that counts."""
        row = {"name": name, "price_per_kwh_cents": price_cents, "is_active": 1}
        row |= {"created_at": "2025-01-10 12:00:00"}
        self.add("energy_price_config", row | values)


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


def run(home: OldHome | Path, *arguments: str) -> str:
    """Run the command on a file and return what it told."""
    out = StringIO()
    path = home.path if isinstance(home, OldHome) else home
    call_command("import_legacy", str(path), *arguments, stdout=out)
    return out.getvalue()
