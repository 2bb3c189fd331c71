"""The figures of a footprint run, and its table with the budget beside each."""

from __future__ import annotations

import contextlib
import json
import platform
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import budget
from benchmarks.kernel_counters import OTHERS, OURS, Look, Memory
from benchmarks.wal_pages import WAL_BYTES_PER_PAGE, Written

_DAY_S, _HOUR_S = 86400, 3600


def figures(
    start: Look,
    end: Look,
    database: Written,
    *,
    after_load: Memory,
    after_idle: Memory,
    highest_pss_mib: Mapping[str, float],
    files: Mapping[str, str],
) -> dict[str, Any]:
    """Return what happened between two looks, per hour and day; memory in MiB, bytes in MB of 10^6."""
    elapsed_s = end.at_s - start.at_s
    per_day, per_hour = _DAY_S / elapsed_s, _HOUR_S / elapsed_s
    written = {
        name: (end.written_bytes[name] - start.written_bytes[name]) * per_day / 1e6
        for name in (*OURS, OTHERS)
    }
    return {
        "machine": f"{platform.machine()}, {_cpu_name()}, Python {platform.python_version()}",
        "notes": _notes(start, end),
        "idle_minutes": round(elapsed_s / 60, 2),
        "pss_mib_after_load": _rounded(after_load.pss),
        "pss_mib_after_idle": _rounded(after_idle.pss),
        "pss_mib_highest": _rounded(highest_pss_mib),
        "anonymous_mib_after_idle": _rounded(after_idle.anonymous),
        "cpu_s_per_hour": _rounded(
            {name: (end.cpu_s[name] - start.cpu_s[name]) * per_hour for name in OURS}, 2
        ),
        "mb_per_day_proc_io": _rounded(written),
        "mb_per_day_block": _difference(start.block_bytes, end.block_bytes, per_day / 1e6),
        "where_bytes_go": {
            "mb_per_day_proc_io_of_the_simulated_home": round(written[OTHERS], 1),
            "database_commits_per_hour": round(database.commits * per_hour, 1),
            "database_mb_per_day": {
                name: round(count * WAL_BYTES_PER_PAGE * per_day / 1e6, 2)
                for name, count in database.pages.most_common()
            },
            "journal_commits_per_hour": _difference(
                start.journal_commits, end.journal_commits, per_hour
            ),
            "files": dict(files),
        },
    }


def brief(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the few figures of a checkpoint."""
    names = (
        "pss_mib_after_idle",
        "anonymous_mib_after_idle",
        "cpu_s_per_hour",
        "mb_per_day_proc_io",
    )
    return {
        "idle_minutes": found["idle_minutes"],
        **{name: found[name][budget.TOGETHER] for name in names},
        "mb_per_day_block": found["mb_per_day_block"],
    }


def table(found: Mapping[str, Any]) -> str:
    """Return the table as Markdown, and below it what the limits of the units follow from."""
    lines = [
        f"| {found['machine']} | redis | web | worker | together | budget | |",
        "|---|---|---|---|---|---|---|",
        *(_row(line) for line in _lines(found)),
        "",
        *(_limit(process, found["pss_mib_highest"][process]) for process in OURS),
        "",
        *found["notes"],
        "Where the bytes go:",
        json.dumps(found["where_bytes_go"], indent=2),
    ]
    return "\n".join(lines)


def _lines(found: Mapping[str, Any]) -> list[budget.Line]:
    block = found["mb_per_day_block"]
    idle = f"{found['idle_minutes']:g} idle minutes"
    return [
        budget.Line("PSS after load, MiB", found["pss_mib_after_load"], budget.PSS_MIB),
        budget.Line(f"PSS after {idle}, MiB", found["pss_mib_after_idle"], budget.PSS_MIB),
        budget.Line(
            "of it anonymous, MiB", found["anonymous_mib_after_idle"], budget.ANONYMOUS_MIB
        ),
        budget.Line("CPU seconds per idle hour", found["cpu_s_per_hour"], budget.CPU_S_PER_HOUR),
        budget.Line(
            "MB written per day, /proc/<pid>/io",
            found["mb_per_day_proc_io"],
            budget.PROC_IO_MB_PER_DAY,
        ),
        budget.Line(
            "MB written per day, block level",
            {} if block is None else {budget.TOGETHER: block},
            budget.BLOCK_MB_PER_DAY,
        ),
    ]


def _row(line: budget.Line) -> str:
    limit = line.budget[budget.TOGETHER]
    told = ", ".join(f"{name} {by:+g}" for name, by in line.excess.items())
    verdict = "not measured" if not line.measured else f"over: {told}" if told else "within"
    values = [str(line.measured.get(name, "")) for name in OURS]
    together = line.measured.get(budget.TOGETHER, "")
    return f"| {line.what} | {' | '.join(values)} | **{together}** | {limit:g} | {verdict} |"


def _limit(process: str, highest_mib: float) -> str:
    needed_mib = budget.needed_memory_max_mib(process, highest_mib)
    limit_mib = budget.memory_max_mib(process)
    verdict = "too low" if limit_mib is None or limit_mib < needed_mib else "enough"
    return (
        f"{process}: highest PSS {highest_mib:g} MiB here, so MemoryMax of at least {needed_mib:.0f} MiB; "
        f"its unit has {limit_mib or 'none'}: {verdict}."
    )


def _notes(start: Look, end: Look) -> list[str]:
    notes = [
        f"{name} was started again meanwhile: its CPU and bytes are not right."
        for name in OURS
        if start.pids[name] != end.pids[name]
    ]
    if find_spec("psycopg"):
        notes.append(
            "psycopg is installed and loaded: some 8 MiB per process that a Pi with SQLite does not have."
        )
    return notes


def _rounded(values: Mapping[str, float], digits: int = 1) -> dict[str, float]:
    ours = {name: values[name] for name in OURS}
    return {name: round(value, digits) for name, value in ours.items()} | {
        budget.TOGETHER: round(sum(ours.values()), digits)
    }


def _difference(start: int | None, end: int | None, factor: float) -> float | None:
    return None if start is None or end is None else round((end - start) * factor, 1)


def _cpu_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return "unknown CPU"
