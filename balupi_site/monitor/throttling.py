"""What the Pi's firmware says of its power and heat; nothing on other machines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: Raspberry Pi's kernels show the firmware's word here, in hexadecimal digits.
_PLATFORM = Path("/sys/devices/platform")
_WORD = "soc*/soc*firmware/get_throttled"
#: Bits of that word (Raspberry Pi documentation, "vcgencmd get_throttled"); + 16: since the start.
_LOW_VOLTAGE, _CAPPED, _THROTTLED, _WARM = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_SINCE_START = 16


@dataclass(frozen=True)
class Throttling:
    """How the Pi is doing now, and whether the firmware remembers that it was worse.

    How far back it remembers is not known: kernels may clear its memory whenever they ask (their driver
    raspberrypi-hwmon does so every few seconds, as far as its source tells; not tried on a Pi).

    Attributes:
        has_low_voltage: its power supply is too weak.
        is_slowed: it runs slower than it could, for its voltage or its heat.
        is_warm: it is near its limit (60 °C on a 3B+) and a little slower; no harm.
    """

    has_low_voltage: bool
    had_low_voltage: bool
    is_slowed: bool
    was_slowed: bool
    is_warm: bool


def throttling(platform: Path = _PLATFORM) -> Throttling | None:
    """Return what the firmware says; None where there is none that says it."""
    for path in platform.glob(_WORD):
        try:
            return of_word(int(path.read_text(), 16))
        except (OSError, ValueError):
            continue
    return None


def of_word(word: int) -> Throttling:
    """Return what the firmware's word means."""
    slowed = _CAPPED | _THROTTLED
    return Throttling(
        has_low_voltage=bool(word & _LOW_VOLTAGE),
        had_low_voltage=bool(word & _LOW_VOLTAGE << _SINCE_START),
        is_slowed=bool(word & slowed),
        was_slowed=bool(word & slowed << _SINCE_START),
        is_warm=bool(word & _WARM),
    )
