"""Part of ``energy.py``: storing, rolling up and polling many plugs."""

# ruff: noqa: PLC0415  # what needs Django is imported where a part has set it up

from __future__ import annotations

import argparse
import contextlib
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks import plug_farm
from benchmarks.energy_calls import counted, set_up
from benchmarks.energy_household import HOUR, SEED, STEP, STORED_UNTIL, make_plugs, put_all, timed

if TYPE_CHECKING:
    from energy.plug_pool import PlugPool
    from energy.readings import Target

BURST, BURSTS_PER_HOUR = 10, 12
SWEEPS = 10
#: aiohttp closes idle connections after 15 s; the product polls every 30 s.
PAUSE_S, PAUSED_SWEEPS = 20.0, 3


def rollup(options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of storing and rolling up."""
    from django.core.management import call_command

    set_up()
    call_command("migrate", verbosity=0)
    return {
        f"{count} plugs": _measure_hour(count) for count in sorted({options.plugs, options.crowd})
    }


def _measure_hour(count: int) -> dict[str, Any]:
    """Store an hour of samples burst by burst, then roll it up again from nothing."""
    from energy.models import EnergyHour, PowerSample, SmartPlug
    from energy.rollup import roll_up
    from energy.services import store_samples

    EnergyHour.objects.all().delete()
    PowerSample.objects.all().delete()
    SmartPlug.objects.all().delete()
    ids = make_plugs(count)
    names = list(SmartPlug.objects.values_list("device_id", flat=True))
    chance = random.Random(SEED)
    put_s, stored_s, queries = [], [], []
    start, stored = STORED_UNTIL - HOUR, 0
    for burst in range(BURSTS_PER_HOUR):
        times = [start + STEP * (BURST * burst + number) for number in range(BURST)]
        powers = {name: chance.uniform(1, 60) for name in names}
        put_s.append(timed(partial(put_all, powers, times)))
        start_s = time.perf_counter()
        with counted() as asked:
            stored += store_samples(times[-1] + STEP)
        stored_s.append(time.perf_counter() - start_s)
        queries.append(len(asked))
    EnergyHour.objects.all().delete()
    samples = list(PowerSample.objects.values_list("plug_id", "at"))
    start_s = time.perf_counter()
    with counted() as asked:
        rows = roll_up(samples, STEP.total_seconds())
    hour_s = time.perf_counter() - start_s
    again_s = timed(lambda: roll_up(samples, STEP.total_seconds()))
    if not stored == len(samples) == count * BURST * BURSTS_PER_HOUR or rows < len(ids):
        sys.exit(f"{stored} samples stored, {len(samples)} found, {rows} hours written")
    return {
        "samples": stored,
        "burst_put_s": round(statistics.median(put_s), 4),
        "burst_store_median_s": round(statistics.median(stored_s), 4),
        "burst_store_max_s": round(max(stored_s), 4),
        "burst_queries": max(queries),
        "hour_rollup_s": round(hour_s, 4),
        "hour_rollup_queries": len(asked),
        "hour_rollup_again_s": round(again_s, 4),
        "rss_mib": round(psutil.Process().memory_info().rss / 2**20, 1),
    }


@dataclass(frozen=True)
class Sweep:
    """One sweep: seconds by the clock and of CPU, and how many plugs answered."""

    wall_s: float
    cpu_s: float
    answered: int


def poll(options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of sweeps over many plugs."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    plug_farm.raise_file_limit()
    set_up()
    with plug_farm.running_farm(options.crowd, core=cores[-1]) as farm, _pool() as pool:
        targets = _targets(farm.plugs)
        pss = [_pss_mib()]
        first = [_sweep(pool, targets)]
        while first[-1].answered < len(targets) and len(first) < SWEEPS:
            first.append(_sweep(pool, targets))
        kept = [_sweep(pool, targets) for _number in range(SWEEPS)]
        paused = []
        for _number in range(PAUSED_SWEEPS):
            time.sleep(options.pause)
            paused.append(_sweep(pool, targets))
        pss.append(_pss_mib())
    return {
        "plugs": len(targets),
        "cores": {"poller": cores[0], "plugs": cores[-1]},
        "calls_in_all": farm.calls,
        "first_sweeps_with_handshakes": [asdict(it) for it in first],
        "sweeps_at_once": _summary(kept),
        f"sweeps_after_{options.pause:g}_s": _summary(paused),
        "pss_mib": {"before": pss[0], "with_all_sessions": pss[1]},
    }


@contextlib.contextmanager
def _pool() -> Iterator[PlugPool]:
    """Give the product's pool, with python-kasa loaded; closed at the end."""
    from energy.plug_pool import close_connections, shared_pool

    try:
        yield shared_pool()
    finally:
        close_connections()


def _targets(plugs: list[dict[str, Any]]) -> list[Target]:
    from energy.readings import Target, normal_mac

    connection = {
        "device_family": "SMART.TAPOPLUG",
        "encryption_type": "KLAP",
        "login_version": 2,
        "https": False,
        "http_port": plugs[0]["port"],
    }
    return [Target(normal_mac(p["mac"]), p["device_id"], p["host"], connection) for p in plugs]


def _sweep(pool: PlugPool, targets: list[Target]) -> Sweep:
    from energy.readings import Seen

    began_at, wall_s, cpu_s = datetime.now(UTC), time.perf_counter(), time.process_time()
    seen = sum(
        isinstance(result, Seen) and result.reading.at >= began_at
        for result in pool.iter_results(targets, at_once=True)
    )
    return Sweep(
        round(time.perf_counter() - wall_s, 3), round(time.process_time() - cpu_s, 3), seen
    )


def _summary(sweeps: list[Sweep]) -> dict[str, Any]:
    return {
        "wall_median_s": round(statistics.median(it.wall_s for it in sweeps), 3),
        "wall_max_s": max(it.wall_s for it in sweeps),
        "cpu_median_s": round(statistics.median(it.cpu_s for it in sweeps), 3),
        "fewest_answered": min(it.answered for it in sweeps),
        "sweeps": [asdict(it) for it in sweeps],
    }


def _pss_mib() -> float:
    return round(psutil.Process().memory_full_info().pss / 2**20, 1)
