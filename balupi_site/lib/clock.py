"""Whether the wall clock can be believed: the Pi has no battery-backed clock."""

from __future__ import annotations

import ctypes
import ctypes.util
import datetime as dt
from pathlib import Path

from balupi_site.version import BUILD_DATE

#: adjtimex(2): the return value of a clock that nothing has synchronised.
_TIME_ERROR = 5
#: Run-time folders of the time services of Debian: systemd-timesyncd, chrony, ntpsec, ntpd.
_TIME_SERVICES = ("/run/systemd/timesync", "/run/chrony", "/run/ntpd.pid", "/run/ntpsec")
#: struct timex is 208 bytes on 64-bit Linux (see sys/timex.h); zeroed means "only read".
_TIMEX_BYTES = 256


def is_plausible(now: dt.datetime) -> bool:
    """Tell whether ``now`` may be stored.

    True when the kernel says a time service has set the clock. Where no time service runs, a clock
    after this release's build date is believed.
    """
    return kernel_is_synchronised() or (not time_service_runs() and now >= BUILD_DATE)


def kernel_is_synchronised() -> bool:
    """Tell whether the kernel's clock is marked as synchronised; False where it cannot be asked."""
    try:
        libc = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6", use_errno=True)
        state = libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return False
    return bool(0 <= state < _TIME_ERROR)


def time_service_runs() -> bool:
    """Tell whether one of Debian's time services is running here."""
    return any(Path(path).exists() for path in _TIME_SERVICES)
