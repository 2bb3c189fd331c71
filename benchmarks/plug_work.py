"""Work on many plugs in a process of its own; ``plugs.py`` starts it with settings and a Redis.

Writes its figures to standard output, as JSON.
"""

# ruff: noqa: PLC0415  # what needs Django is imported when it has been set up

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import django
import psutil

from benchmarks import plug_farm

STEP, HOUR = timedelta(seconds=30), timedelta(hours=1)
BURST, BURSTS_PER_HOUR = 10, 12
SWEEPS = 10
#: aiohttp closes idle connections after 15 s; the product polls every 30 s.
PAUSE_S, PAUSED_SWEEPS = 20.0, 3
_SEED = 1


def main() -> int:
    """Do one work and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=["sweep", "storing"])
    parser.add_argument("plugs", type=int)
    parser.add_argument("--quick", action="store_true", help="without the pause between sweeps")
    options = parser.parse_args()
    if options.work == "sweep":
        print(json.dumps(sweep(options.plugs, 0.0 if options.quick else PAUSE_S)))
    else:
        print(json.dumps(storing(options.plugs)))
    return 0


def storing(count: int) -> dict[str, Any]:
    """Store an hour of samples burst by burst, then roll it up again from nothing."""
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from energy.models import EnergyHour, PowerSample
    from energy.services import store_samples
    from energy.services.rollup import roll_up

    names = _make_plugs(count)
    chance = random.Random(_SEED)
    stored_s, queries = [], []
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - HOUR
    for burst in range(BURSTS_PER_HOUR):
        times = [start + STEP * (BURST * burst + number) for number in range(BURST)]
        _put({name: chance.uniform(1, 60) for name in names}, times)
        with _counted() as asked:
            stored_s.append(_timed(lambda: store_samples(times[-1] + STEP)))  # noqa: B023
        queries.append(len(asked))
    EnergyHour.objects.all().delete()
    samples = list(PowerSample.objects.values_list("plug_id", "at"))
    with _counted() as asked:
        roll_up_s, roll_up_cpu_s = _timed(partial(roll_up, samples, STEP.total_seconds()))
    stored, hours = len(samples), EnergyHour.objects.count()
    if stored != count * BURST * BURSTS_PER_HOUR or hours < count:
        sys.exit(f"{stored} samples stored, {hours} hours written")
    return {
        "samples": stored,
        "store_s": round(statistics.median(wall_s for wall_s, _ in stored_s), 4),
        "store_cpu_s": round(statistics.median(spent_s for _, spent_s in stored_s), 4),
        "store_queries": max(queries),
        "roll_up_s": round(roll_up_s, 4),
        "roll_up_cpu_s": round(roll_up_cpu_s, 4),
        "roll_up_queries": len(asked),
    }


def _make_plugs(count: int) -> list[str]:
    """Add plugs; return their device ids."""
    from energy.models import PlugStatus, SmartPlug

    made = SmartPlug.objects.bulk_create(
        SmartPlug(
            device_id=f"{number + 1:040X}",
            mac=f"02:00:5e:00:{number // 256:02x}:{number % 256:02x}",
            name=f"Plug {number + 1}",
            host=f"127.0.{number // 250}.{number % 250 + 1}",
            status=PlugStatus.OK,
        )
        for number in range(count)
    )
    return [plug.device_id for plug in made]


def _put(powers: dict[str, float], times: Sequence[datetime]) -> None:
    """Put a reading of each plug into the product's buffer at each of these times."""
    from energy.readings import Reading
    from energy.services.samples import buffer

    for at in times:
        for device_id, power_w in powers.items():
            current_a = round(power_w / 230.1, 3)
            reading = Reading(device_id, at, power_w, 230.1, current_a, 480, True, -50)
            buffer.put(reading, is_sample=True)


@contextlib.contextmanager
def _counted() -> Iterator[list[str]]:
    """Collect the SQL of all queries meanwhile."""
    from django.db import connection

    queries: list[str] = []

    def count(execute: Callable[..., object], sql: str, *rest: object) -> object:
        queries.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        yield queries


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long something takes, in seconds by the clock and of CPU."""
    start_s, spent_s = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start_s, time.process_time() - spent_s


@dataclass(frozen=True)
class Sweep:
    """One sweep: seconds by the clock and of CPU, and how many plugs answered."""

    wall_s: float
    cpu_s: float
    answered: int


def sweep(count: int, pause_s: float) -> dict[str, Any]:
    """Read many plugs: first with logins, then on kept connections, then after pauses."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    plug_farm.raise_file_limit()
    django.setup()
    from energy.plug_pool import close_connections, shared_pool

    with plug_farm.running_farm(count, core=cores[-1]) as farm:
        try:
            once = partial(_sweep, shared_pool(), _targets(farm.plugs))
            first = [once()]
            while first[-1].answered < count and len(first) < SWEEPS:
                first.append(once())
            kept = [once() for _number in range(SWEEPS)]
            paused = []
            for _number in range(PAUSED_SWEEPS):
                time.sleep(pause_s)
                paused.append(once())
            pss_mib = psutil.Process().memory_full_info().pss / 2**20
        finally:
            close_connections()
    return {
        "first_s": round(sum(it.wall_s for it in first), 4),
        "kept": _summary(kept),
        "paused": _summary(paused),
        "pause_s": pause_s,
        "pss_mib": round(pss_mib, 1),
    }


def _targets(plugs: list[dict[str, Any]]) -> list[Any]:
    from energy.readings import Target, normal_mac

    connection = {
        "device_family": "SMART.TAPOPLUG",
        "encryption_type": "KLAP",
        "login_version": 2,
        "https": False,
        "http_port": plugs[0]["port"],
    }
    return [Target(normal_mac(p["mac"]), p["device_id"], p["host"], connection) for p in plugs]


def _sweep(pool: Any, targets: list[Any]) -> Sweep:  # noqa: ANN401  # a PlugPool
    from energy.readings import Seen

    began_at, wall_s, cpu_s = datetime.now(UTC), time.perf_counter(), time.process_time()
    seen = sum(
        isinstance(result, Seen) and result.reading.at >= began_at
        for result in pool.iter_results(targets, at_once=True)
    )
    return Sweep(time.perf_counter() - wall_s, time.process_time() - cpu_s, seen)


def _summary(sweeps: list[Sweep]) -> dict[str, Any]:
    return {
        "wall_s": round(statistics.median(it.wall_s for it in sweeps), 4),
        "cpu_s": round(statistics.median(it.cpu_s for it in sweeps), 4),
        "answered": min(it.answered for it in sweeps),
        "sweeps": len(sweeps),
    }


if __name__ == "__main__":
    sys.exit(main())
