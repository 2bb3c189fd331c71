"""Whether the wall clock can be believed (the Pi has no battery-backed one), and its zone."""

from __future__ import annotations

import ctypes
import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings

from balupi_site.version import BUILD_DATE

#: adjtimex(2): the return value of a clock that nothing has synchronised.
_TIME_ERROR = 5
#: Run-time folders of the time services of Debian: systemd-timesyncd, chrony, ntpsec, ntpd.
_TIME_SERVICES = ("/run/systemd/timesync", "/run/chrony", "/run/ntpd.pid", "/run/ntpsec")
#: systemd-timesyncd makes it when it first sets the clock; /run is empty after each start.
_TIMESYNCD_MARK = "/run/systemd/timesync/synchronized"
#: struct timex is 208 bytes on 64-bit Linux (see sys/timex.h); zeroed means "only read".
_TIMEX_BYTES = 256


class _Seen:
    """What this process has seen of the clock."""

    is_synchronised = False


_seen = _Seen()


def household_zone() -> ZoneInfo:
    """Return the household's time zone, by which days and months begin."""
    return ZoneInfo(settings.TIME_ZONE)


def is_plausible(now: dt.datetime) -> bool:
    """Tell whether ``now`` may be stored.

    True when a time service has set the clock since the Pi started; it stays right when the service is
    lost later (the kernel calls it unsynchronised after nine hours without the Internet). Where no
    time service runs, a clock after this release's build date is believed.
    """
    return was_synchronised() or (not time_service_runs() and now >= BUILD_DATE)


def was_synchronised() -> bool:
    """Tell whether a time service has set the clock since the Pi started, as far as this process knows.

    systemd-timesyncd leaves a file behind for that; of others it is known from when this process
    first saw it.
    """
    if not _seen.is_synchronised:
        _seen.is_synchronised = kernel_is_synchronised() or Path(_TIMESYNCD_MARK).exists()
    return _seen.is_synchronised


def kernel_is_synchronised() -> bool:
    """Tell whether the kernel's clock is marked as synchronised; False where it cannot be asked."""
    try:
        # The C library that Python runs with; to search for it by name starts a program each time.
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return False
    return bool(0 <= state < _TIME_ERROR)


def time_service_runs() -> bool:
    """Tell whether one of Debian's time services is running here."""
    return any(Path(path).exists() for path in _TIME_SERVICES)
