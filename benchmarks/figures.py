"""What is measured: figures, each with how it was taken, and their table."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import sqlite3
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
#: Values of an earlier run, by part, name and what.
Earlier = Mapping[tuple[str, str, str], float | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        name: what was measured: a call, a process, a fault.
        what: which figure of it, such as "median".
        value: None where it could not be measured.
        unit: of the value; "" for a count.
        how: how it was taken, one sentence.
    """

    name: str
    what: str
    value: float | None
    unit: str
    how: str


def median_and_worst(
    name: str, values: Sequence[float], unit: str, how: str, *, what: str = ""
) -> list[Figure]:
    """Return the two figures of repeated measurements; values None without any."""
    middle, worst = (statistics.median(values), max(values)) if values else (None, None)
    how = f"{how} {len(values)} times." if len(values) > 1 else how
    return [
        Figure(name, f"{what} median".strip(), middle, unit, how),
        Figure(name, f"{what} worst".strip(), worst, unit, how),
    ]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share (0 to 1) does not exceed; of few values, the highest."""
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


def table(part: str, figures: Sequence[Figure], earlier: Earlier) -> str:
    """Return the figures of a part as Markdown: a row for each name, a column for each what.

    Args:
        part: the name of the part.
        figures: what it found.
        earlier: values that are told beside the new ones.
    """
    units: dict[str, set[str]] = {}
    for it in figures:
        units.setdefault(it.what, set()).add(it.unit)
    cells = {(it.name, it.what): _cell(part, it, units[it.what], earlier) for it in figures}
    heads = [", ".join([what, *(of - {""} if len(of) == 1 else ())]) for what, of in units.items()]
    lines = [f"## {part}", "", f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    lines += [
        f"| {name} | {' | '.join(cells.get((name, what), '') for what in units)} |"
        for name in dict.fromkeys(it.name for it in figures)
    ]
    hows = dict.fromkeys(it.how for it in figures)
    return "\n".join([*lines, "", *(f"- {how}" for how in hows), ""])


def _cell(part: str, figure: Figure, units: set[str], earlier: Earlier) -> str:
    """Return a value, after its earlier one; with its unit where not the whole column has it."""
    now = _number(figure.value) + (f" {figure.unit}".rstrip() if len(units) > 1 else "")
    key = (part, figure.name, figure.what)
    return f"{_number(earlier[key])} → {now}" if key in earlier else now


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    value = value or 0.0  # never "-0"
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2  # noqa: PLR2004
    return f"{value:,.{digits}f}"


def as_json(parts: Mapping[str, Iterable[Figure]]) -> dict[str, Any]:
    """Return what is written to a file: the machine, the release, all figures."""
    return {
        "machine": machine(),
        "commit": _commit(),
        "load_average": os.getloadavg(),
        "parts": {part: [asdict(it) for it in figures] for part, figures in parts.items()},
    }


def earlier_values(found: Mapping[str, Any]) -> Earlier:
    """Return the values in what ``as_json`` once returned."""
    return {
        (part, it["name"], it["what"]): it["value"]
        for part, figures in found["parts"].items()
        for it in figures
    }


def machine() -> str:
    """Return what the figures were taken on, in one line."""
    cpu = "unknown CPU"
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "Model")):
                cpu = line.partition(":")[2].strip()
    return (
        f"{platform.machine()}, {cpu}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def _commit() -> str | None:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
