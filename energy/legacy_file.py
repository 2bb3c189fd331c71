"""Adapter: the predecessor's SQLite file, which is only ever read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from balupi_site.lib.errors import PermanentError
from energy.legacy import Row

#: The columns that are used of each table, those of its primary key included.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "tapo_devices": ("id", "name", "ip_address", "mac_address", "model", "role", "firmware"),
    "energy_samples": ("id", "device_id", "power_mw", "voltage_mv", "timestamp"),
    "energy_hourly": (
        "id", "device_id", "hour", "avg_power_w", "max_power_w", "min_power_w", "energy_wh",
        "sample_count",
    ),
    "energy_daily": ("id", "device_id", "date", "energy_wh"),
    "energy_price_config": (
        "id", "name", "price_per_kwh_cents", "valid_from", "valid_to", "is_active", "created_at",
    ),
}  # fmt: skip
#: Columns that are known and of no use here.
_UNUSED: Mapping[str, frozenset[str]] = {
    "tapo_devices": frozenset({"is_online", "last_seen", "created_at"}),
    "energy_samples": frozenset({"current_ma", "energy_wh"}),
    "energy_hourly": frozenset(),
    "energy_daily": frozenset({"avg_power_w", "max_power_w", "min_power_w", "cost_cents"}),
    "energy_price_config": frozenset(),
}
#: Its owner may be writing; a moment later it is not.
_WAIT_S = 10.0


class LegacyFile:
    """The predecessor's tables; each reading is one pass over one of them."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path

    def unknown_columns(self) -> list[str]:
        """Return columns of a newer predecessor as ``table.column``; they are not read.

        Raises:
            PermanentError: a table or a column that is needed is not there.
        """
        unknown = []
        for table, needed in _COLUMNS.items():
            found = [str(row["name"]) for row in self._all(f"PRAGMA table_info({table})")]
            if not found:
                raise PermanentError(
                    f"{self._path} has no table {table}, so it is not the predecessor's database."
                )
            for column in needed:
                if column not in found:
                    raise PermanentError(
                        f"The table {table} in {self._path} has no column {column}: it is of another "
                        "version of the predecessor than this command knows."
                    )
            extra = set(found) - set(needed) - _UNUSED[table]
            unknown += [f"{table}.{column}" for column in sorted(extra)]
        return unknown

    def devices(self) -> list[Row]:
        """Return the plugs, by their id."""
        return list(self._rows("tapo_devices", order="id"))

    def prices(self) -> list[Row]:
        """Return the prices, by their id."""
        return list(self._rows("energy_price_config", order="id"))

    def hours(self, device_id: str) -> Iterator[Row]:
        """Yield a plug's hours, rising."""
        return self._rows("energy_hourly", device_id, order="hour")

    def days(self, device_id: str) -> Iterator[Row]:
        """Yield a plug's days, rising."""
        return self._rows("energy_daily", device_id, order="date")

    def samples(self, device_id: str) -> Iterator[Row]:
        """Yield a plug's readings, rising."""
        return self._rows("energy_samples", device_id, order="timestamp")

    def tells_voltage(self, device_id: str) -> bool:
        """Tell whether a plug ever told a voltage."""
        sql = "SELECT 1 FROM energy_samples WHERE device_id = ? AND voltage_mv > 0 LIMIT 1"
        return bool(self._all(sql, device_id))

    def strays(self, table: str) -> int:
        """Return the number of rows of a plug that is not in ``tapo_devices``."""
        sql = (
            f"SELECT count(*) AS count FROM {table} "  # noqa: S608  # our own names
            "WHERE device_id NOT IN (SELECT id FROM tapo_devices)"
        )
        return int(self._all(sql)[0]["count"])

    def _rows(self, table: str, device_id: str | None = None, *, order: str) -> Iterator[Row]:
        where = "" if device_id is None else "WHERE device_id = ? "
        sql = f"SELECT {', '.join(_COLUMNS[table])} FROM {table} {where}ORDER BY {order}, id"  # noqa: S608  # our own names
        cursor = self._connection.execute(sql, () if device_id is None else (device_id,))
        for row in cursor:
            yield dict(row)

    def _all(self, sql: str, *parameters: str) -> list[sqlite3.Row]:
        return list(self._connection.execute(sql, parameters))


@contextmanager
def opened(path: Path) -> Iterator[LegacyFile]:
    """Open the file for reading, in one view of it from begin to end, also where it is in use.

    Raises:
        PermanentError: there is no such file, we may not read it, or it is not what we expect.
    """
    if not _is_file(path):
        raise PermanentError(f"There is no file {path}.")
    try:
        with closing(_connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            connection.execute("BEGIN")
            yield LegacyFile(connection, path)
    except sqlite3.Error as error:
        raise PermanentError(_told(path, error)) from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError as error:  # a folder above is closed to us, as people's homes are
        raise PermanentError(_cannot_be_opened(path, "permission denied")) from error


def _connect(path: Path) -> sqlite3.Connection:
    """Connect without leaving a trace.

    A file in WAL mode that nobody has open has no -wal beside it; reading it would make one, unless
    we promise that nobody writes meanwhile.
    """
    is_in_use = path.with_name(f"{path.name}-wal").exists()
    mode = "mode=ro" if is_in_use else "mode=ro&immutable=1"
    address = f"file:{quote(str(path.resolve()))}?{mode}"
    return sqlite3.connect(address, uri=True, timeout=_WAIT_S, isolation_level=None)


def _told(path: Path, error: sqlite3.Error) -> str:
    text = str(error)
    if "not a database" in text:
        return f"{path} is no SQLite database."
    if "unable to open" in text or "readonly" in text:
        return _cannot_be_opened(path, text)
    return f"{path} cannot be read: {text}. Stop the predecessor, copy the file anew and try again."


def _cannot_be_opened(path: Path, why: str) -> str:
    return (
        f"{path} cannot be opened ({why}). BaluPi must be allowed to read it, and the file "
        f"{path.name}-wal beside it if there is one; copy them to where it may: "
        f"sudo install -m 600 -o balupi {path}* /var/lib/balupi/"
    )
