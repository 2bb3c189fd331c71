"""How much is written to the card (or disk) that holds BaluPi's data: cards wear out by it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from balupi_site.lib.boot import boot_id
from balupi_site.lib.remembered import Remembered

_BLOCKS = Path("/sys/dev/block")
#: In a block device's "stat": the sectors written since the start, always of 512 bytes
#: (kernel documentation, "Block layer statistics").
_SECTORS_WRITTEN, _SECTOR_BYTES = 6, 512
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Counter:
    """What the kernel counted since the start.

    Attributes:
        device: such as "mmcblk0", the first SD card.
        boot_at: when that start was, by a clock that may have been set since.
        start_id: which start that was; "" where the kernel does not say.
    """

    device: str
    written_bytes: int
    boot_at: datetime
    start_id: str = ""

    @property
    def is_card(self) -> bool:
        """Whether it is an SD card."""
        return self.device.startswith("mmcblk")

    def daily_bytes(self, now: datetime) -> float | None:
        """Return what is written in 24 h on average since the start; None within the first day."""
        up = now - self.boot_at
        return self.written_bytes / (up / _DAY) if up >= _DAY else None


@dataclass(frozen=True)
class Written:
    """What was written today, so far.

    Attributes:
        since: when counting began: later than midnight where nobody counted before.
        last_bytes, boot_at, start_id: the kernel's counter at the last look, and the start that it
            counts from.
    """

    day: date
    device: str
    since: datetime
    today_bytes: int
    last_bytes: int
    boot_at: datetime
    start_id: str = ""


def advanced(before: Written | None, counter: Counter, now: datetime) -> Written:
    """Return the day's sum after another look; a new day, disk or first look begins anew."""
    if before is None or before.device != counter.device:
        return _begun(counter, now)
    counted_before = before.last_bytes if _is_same_start(before, counter) else 0
    more = max(counter.written_bytes - counted_before, 0)
    today, day_bytes, since = timezone.localdate(now), before.today_bytes + more, before.since
    if before.day != today:
        day_bytes = more
        since = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return Written(
        day=today,
        device=counter.device,
        since=since,
        today_bytes=day_bytes,
        last_bytes=counter.written_bytes,
        boot_at=counter.boot_at,
        start_id=counter.start_id,
    )


def _is_same_start(before: Written, counter: Counter) -> bool:
    """Tell whether there was no start in between; a clock that was set is none (a Pi's often is)."""
    if before.start_id and counter.start_id:
        return before.start_id == counter.start_id
    return abs(counter.boot_at - before.boot_at) < timedelta(minutes=1)


def _begun(counter: Counter, now: datetime) -> Written:
    today = timezone.localdate(now)
    is_all_of_today = timezone.localdate(counter.boot_at) == today
    return Written(
        day=today,
        device=counter.device,
        since=counter.boot_at if is_all_of_today else now,
        today_bytes=counter.written_bytes if is_all_of_today else 0,
        last_bytes=counter.written_bytes,
        boot_at=counter.boot_at,
        start_id=counter.start_id,
    )


def counter(now: datetime, uptime_s: float, blocks: Path = _BLOCKS) -> Counter | None:
    """Return the counter of the disk that holds the data; None where the kernel has none for it."""
    try:
        number = settings.DATA_DIR.stat().st_dev
        folder = (blocks / f"{os.major(number)}:{os.minor(number)}").resolve(strict=True)
        disk = folder.parent if (folder / "partition").exists() else folder
        fields = (disk / "stat").read_text().split()
        written = int(fields[_SECTORS_WRITTEN]) * _SECTOR_BYTES
    except (OSError, ValueError, IndexError):  # a container's layer, a network's disk
        return None
    return Counter(disk.name, written, now - timedelta(seconds=uptime_s), boot_id())


def note(now: datetime, uptime_s: float) -> None:
    """Count on; for the one process that looks every half minute. Redis away: nothing is counted."""
    found = counter(now, uptime_s)
    if found is None:
        return
    _remembered.save(advanced(_remembered.load(), found, now))


def written(now: datetime) -> Written | None:
    """Return what was written today; None before the first look of a day, or while Redis is away."""
    found = _remembered.load()
    return found if found is not None and found.day == timezone.localdate(now) else None


def _of_text(text: str) -> Written:
    data: dict[str, Any] = json.loads(text)
    return Written(
        day=date.fromisoformat(data["day"]),
        device=str(data["device"]),
        since=datetime.fromisoformat(data["since"]),
        today_bytes=int(data["today_bytes"]),
        last_bytes=int(data["last_bytes"]),
        boot_at=datetime.fromisoformat(data["boot_at"]),
        start_id=str(data.get("start_id", "")),
    )


_remembered = Remembered[Written](
    "monitor:written",
    "what was written to the card",
    to_text=lambda found: json.dumps(asdict(found), default=lambda value: value.isoformat()),
    of_text=_of_text,
)
