"""Spans of time in which something could not be right."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """A span of time, Unix seconds."""

    start_at: float
    end_at: float

    def overlaps(self, start_at: float, end_at: float) -> bool:
        """Tell whether any of ``[start_at, end_at]`` lies in it."""
        return self.start_at <= end_at and start_at <= self.end_at


def within(start_at: float, end_at: float, windows: Collection[Window]) -> bool:
    """Tell whether all of a span lies in one of the windows."""
    return any(window.start_at <= start_at and end_at <= window.end_at for window in windows)


def overlaps(start_at: float, end_at: float, windows: Iterable[Window]) -> bool:
    """Tell whether any of a span lies in one of the windows."""
    return any(window.overlaps(start_at, end_at) for window in windows)
