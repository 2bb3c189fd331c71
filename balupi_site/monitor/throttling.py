"""What the Pi's firmware says of its power and heat; nothing on other machines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from balupi_site.lib.boot import boot_id
from balupi_site.lib.remembered import Remembered

#: Raspberry Pi's kernels show the firmware's word here, in hexadecimal digits.
_PLATFORM = Path("/sys/devices/platform")
_WORD = "soc*/soc*firmware/get_throttled"
#: Bits of that word (Raspberry Pi documentation, "vcgencmd get_throttled"); + 16: since the start.
_LOW_VOLTAGE, _CAPPED, _THROTTLED, _WARM = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_SINCE_START = 16
_NOW_BITS = (1 << _SINCE_START) - 1


@dataclass(frozen=True)
class Throttling:
    """How the Pi is doing now, and whether it was worse at a look since its start.

    The firmware remembers that itself, but kernels may clear its memory whenever they ask (their driver
    raspberrypi-hwmon does so every few seconds, as far as its source tells; not tried on a Pi). So the
    worker remembers what it saw, each half minute; what came and went between may be missed.

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
    """Return what the firmware says and what was seen since the start; None where none says anything."""
    word = _word(platform)
    return None if word is None else of_word(word | _bits_seen())


def note(platform: Path = _PLATFORM) -> None:
    """Remember what the firmware says; for the one process that looks every half minute."""
    word = _word(platform)
    if word is None:
        return
    before = _bits_seen()
    bits = before | (word & ~_NOW_BITS) | (word & _NOW_BITS) << _SINCE_START
    if bits != before:
        _seen.save((boot_id(), bits))


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


def _word(platform: Path) -> int | None:
    for path in platform.glob(_WORD):
        try:
            return int(path.read_text(), 16)
        except (OSError, ValueError):
            continue
    return None


def _bits_seen() -> int:
    """Return the bits "since the start" of all looks since this start; 0 where nothing is known."""
    start_id, bits = _seen.load() or ("", 0)
    return bits if start_id and start_id == boot_id() else 0


def _of_text(text: str) -> tuple[str, int]:
    start_id, bits = text.split(" ")
    return start_id, int(bits, 16)


_seen = Remembered[tuple[str, int]](
    "monitor:throttled",
    "how the Pi's power was",
    to_text=lambda seen: f"{seen[0]} {seen[1]:x}",
    of_text=_of_text,
)
