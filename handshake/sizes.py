"""Rules: sizes in words."""

from __future__ import annotations

from django.utils.formats import get_format

from balupi_site.lib.words import NBSP

_STEP = 1000


def size_text(size_bytes: float) -> str:
    """Return "0 B", "4.2 kB", "950 MB": three figures, in steps of 1000 as disks are sold."""
    size, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < _STEP:
            break
        size, unit = size / _STEP, larger
    digits = 1 if 0 < size < 100 and unit != "B" else 0  # noqa: PLR2004  # three figures
    return f"{size:.{digits}f} {unit}"


def shown_size(size_bytes: float) -> str:
    """Return an amount of bytes in the reader's way of writing, "36.1 MB"."""
    point = get_format("DECIMAL_SEPARATOR")
    return size_text(size_bytes).replace(".", point).replace(" ", NBSP)
