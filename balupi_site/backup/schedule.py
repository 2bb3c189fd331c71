"""Rules: when a backup is due, and which ones have had their time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, time, timedelta, tzinfo

from balupi_site.backup.naming import BackupName

#: When the household sleeps.
NIGHTLY_AT = time(3)
#: A Pi that just started has other things to do, and may not know the time yet.
_AFTER_START_S = 600.0
#: After a failure it is tried again so soon: a full card does not become empty by itself.
RETRY_AFTER = timedelta(hours=3)
#: Beyond it a time is of a clock that ran ahead, not of one that was set by a few seconds.
_AHEAD = timedelta(minutes=10)

_DAYS, _WEEKS, _MONTHS = 7, 4, 6
_BEFORE_RESTORE = 3


def may_try(failed_at: datetime | None, now: datetime, *, uptime_s: float) -> bool:
    """Tell whether it is time to try anything.

    Args:
        failed_at: when it last was tried in vain; None: the last try went well.
        now: the present, by a clock that can be believed.
        uptime_s: for how long the Pi has been running.
    """
    has_just_failed = failed_at is not None and timedelta() <= now - failed_at < RETRY_AFTER
    return uptime_s >= _AFTER_START_S and not has_just_failed


def is_due(newest_at: datetime | None, now: datetime, zone: tzinfo) -> bool:
    """Tell whether a backup shall be made now; a night that was missed is made up.

    Args:
        newest_at: when the newest one was made; None: there is none. One from the future, made by a
            clock that ran ahead, counts as none.
        now: the present, by a clock that can be believed.
        zone: the household's.
    """
    return newest_at is None or newest_at > now + _AHEAD or newest_at < last_night(now, zone)


def newest_of(names: Collection[BackupName], now: datetime) -> BackupName | None:
    """Return the newest backup, none from the future and none of before a restore; None: there is none."""
    past = [name for name in names if name.at <= now + _AHEAD and not name.is_before_restore]
    return max(past, key=_at, default=None)


def last_night(now: datetime, zone: tzinfo) -> datetime:
    """Return when the last night's backup was to be made, UTC."""
    local_day = now.astimezone(zone).date()
    # Both are turned into UTC before they are compared: at a change of the clocks a day has 23 or 25 hours.
    tonight = datetime.combine(local_day, NIGHTLY_AT, zone).astimezone(UTC)
    if tonight <= now:
        return tonight
    return datetime.combine(local_day - timedelta(days=1), NIGHTLY_AT, zone).astimezone(UTC)


def superseded(names: Collection[BackupName], now: datetime, zone: tzinfo) -> set[BackupName]:
    """Return the backups that may go: 7 days, 4 weeks and 6 months are kept, of each the newest.

    Counted are days that have a backup, so that a Pi that was off for long keeps its old ones. What
    is from the future stays until its time has come, and counts for nothing.
    """
    past = {name for name in names if name.at <= now + _AHEAD}
    regular = {name for name in past if not name.is_before_restore}
    kept = _newest_of(regular, _DAYS, lambda at: at.date().isoformat(), zone)
    kept |= _newest_of(regular, _WEEKS, lambda at: f"{at:%G-W%V}", zone)
    kept |= _newest_of(regular, _MONTHS, lambda at: f"{at:%Y-%m}", zone)
    kept |= set(sorted(past - regular, key=_at)[-_BEFORE_RESTORE:])
    return past - kept


def _newest_of(
    names: Collection[BackupName], count: int, period: Callable[[datetime], str], zone: tzinfo
) -> set[BackupName]:
    """Return the newest backup of each of the last periods that have one."""
    newest: dict[str, BackupName] = {}
    for name in sorted(names, key=_at):
        newest[period(name.at.astimezone(zone))] = name
    return set(sorted(newest.values(), key=_at)[-count:])


def _at(name: BackupName) -> datetime:
    return name.at
