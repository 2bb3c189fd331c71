#!/usr/bin/env python3
"""Measure energy's answers, its roll-ups and the poll of many plugs.

Each part runs in a process of its own with the product's settings, in a temporary data directory
with a database file and a Redis of its own; nothing leaves this machine and nothing is left behind.

    .venv/bin/python benchmarks/energy.py [--only calls many rollup poll] [--json FILE]

calls   a year of a household: every answer of the API and the page, median and p99
many    the same with 100 plugs
rollup  storing and rolling up an hour of 1,000 plugs
poll    reading 1,000 simulated plugs through the real python-kasa, on one core
"""

# ruff: noqa: PLC0415  # what needs Django is imported where a part has set it up

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import math
import os
import platform
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import psutil
import time_machine

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import plug_farm  # noqa: E402  # found by the line above

if TYPE_CHECKING:
    from django.test import Client

    from energy.plug_pool import PlugPool
    from energy.readings import Target

HOUR, STEP = timedelta(hours=1), timedelta(seconds=30)
#: Coarse samples make the hours of the year before the last days.
COARSE = timedelta(minutes=5)
RAW_DAYS = 7
#: The present of all calls: the evening of a day near the end of a year, so that every period is
#: as full as it gets, and just before waiting samples would be stored.
NOW = datetime(2026, 12, 30, 21, 4, 40, tzinfo=UTC)
STORED_UNTIL = NOW.replace(minute=0, second=0)
WAITING_PER_PLUG = 9
#: No call is measured for longer than this; the rounds that were done are told.
CALL_BUDGET_S = 20.0
#: Not traced where a call takes longer: tracing makes it several times slower.
TRACED_UP_TO_S = 5.0
BURST, BURSTS_PER_HOUR = 10, 12
SWEEPS = 10
#: aiohttp closes idle connections after 15 s; the product polls every 30 s.
PAUSE_S, PAUSED_SWEEPS = 20.0, 3
SEED = 1

#: How the figures of each part were taken.
PARTS = {
    "calls": (
        "Through Django's test client with a login by session: the whole product but the web server's own "
        "work and the check of a password. The clock stands still (time_machine). Two rounds to warm up; "
        "wall time; queries and grown memory (VmHWM) of one more round, peak memory by tracemalloc of "
        "another. Redis holds the latest readings and 9 waiting samples per plug."
    ),
    "many": "As calls, with a tenth of the rounds.",
    "rollup": (
        "The product's own functions: each reading is put into the buffer (Redis and memory), "
        "store_samples moves a burst of 10 per plug, 12 bursts make the hour. Then its rows are deleted "
        "and roll_up makes them again from all of its samples. Wall time, one process."
    ),
    "poll": (
        "energy.plug_pool.PlugPool with python-kasa in a process that may use one core only; the "
        "simulated plugs are another process on another core, where there is one. CPU by process_time: "
        "all threads of the poller. Sweeps at once after another keep their TCP connections; those after "
        "a pause open them anew, as at the product's interval. That sessions are kept is counted by the "
        "plugs: a handshake each, in all."
    ),
}


def main() -> int:
    """Run the parts and print their tables."""
    options = _options()
    if options.part:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        figures = {"calls": _calls, "many": _many, "rollup": _rollup, "poll": _poll}[options.part]
        print(json.dumps(figures(options)))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found: dict[str, Any] = {"machine": _machine(), "parts": {}}
    for part in options.only:
        found["parts"][part] = {"how": PARTS[part], **_run_part(part)}
        print(_table(part, found["parts"][part]), flush=True)
    print(f"\nMeasured on {found['machine']}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--rounds", type=_positive, default=200, help="of each call (200)")
    parser.add_argument("--plugs", type=_positive, default=3, help="of the household (3)")
    parser.add_argument("--days", type=_positive, default=365, help="of its history (365)")
    parser.add_argument("--many", type=_positive, default=100, help="plugs of the part many (100)")
    parser.add_argument(
        "--crowd", type=_positive, default=1000, help="plugs of rollup and poll (1000)"
    )
    parser.add_argument(
        "--pause", type=float, default=PAUSE_S, help="seconds between the last sweeps (20)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="only see that it runs: each call once, no memory"
    )
    parser.add_argument("--part", choices=list(PARTS), help=argparse.SUPPRESS)
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _run_part(part: str) -> dict[str, Any]:
    """Measure a part in a process of its own and clear up behind it."""
    with (
        tempfile.TemporaryDirectory(prefix="balupi-energy-") as folder,
        _redis(Path(folder)) as url,
    ):
        ours = {name: value for name, value in os.environ.items() if not name.startswith("BALUPI_")}
        environment = {
            **ours,
            "DJANGO_SETTINGS_MODULE": "balupi_site.settings",
            "BALUPI_ENV_FILE": os.devnull,
            "BALUPI_MODE": "dev",
            "BALUPI_PROCESS": "web" if part in ("calls", "many") else "worker",
            "BALUPI_DATA_DIR": f"{folder}/data",
            "BALUPI_REDIS_URL": url,
            "BALUPI_LOG_LEVEL": "ERROR",
            "BALUPI_TAPO_USERNAME": plug_farm.USERNAME,
            "BALUPI_TAPO_PASSWORD": plug_farm.PASSWORD,
        }
        command = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:], "--part", part]
        # A session of its own: an interrupt from the keyboard is ours, and we end it in order.
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, start_new_session=True, text=True
        ) as process:
            try:
                output, _nothing = process.communicate()
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait(timeout=60)
        if process.returncode:
            sys.exit(f"The part {part} ended with {process.returncode}; its words are above.")
        figures: dict[str, Any] = json.loads(output)
        return figures


@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """Run a Redis on a unix socket; yields its URL."""
    socket_path = folder / "redis.sock"
    limits = ["--save", "", "--maxmemory", "16mb", "--maxmemory-policy", "noeviction"]
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket_path), *limits]
    with subprocess.Popen(
        [*command, "--dir", str(folder)], stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            deadline_s = time.monotonic() + 10
            while not socket_path.exists():
                if process.poll() is not None or time.monotonic() > deadline_s:
                    sys.exit("redis-server did not start; is it installed?")
                time.sleep(0.01)
            yield f"unix://{socket_path}"
        finally:
            process.terminate()


# --- the household --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Curve:
    """What one load drew: hours as (start, Wh, least, mean, most W), and samples of the last days."""

    hours: list[tuple[datetime, float, float, float, float]]
    samples: list[tuple[datetime, float]]

    @classmethod
    def of(cls, power_w: Callable[[datetime], float], start: datetime) -> Curve:
        """Return what was drawn from ``start`` to the last stored sample."""
        from energy.metering import Sample, hour_figures, hour_start

        raw_start = max(start, hour_start(STORED_UNTIL) - timedelta(days=RAW_DAYS))
        coarse = [Sample(at, power_w(at)) for at in _times(start, raw_start, COARSE)]
        fine = [Sample(at, round(power_w(at), 3)) for at in _times(raw_start, STORED_UNTIL, STEP)]
        figures = [
            *hour_figures(coarse, COARSE.total_seconds()),
            *hour_figures(fine, STEP.total_seconds()),
        ]
        return cls(
            [(f.hour, f.energy_wh, f.power_min_w, f.power_avg_w, f.power_max_w) for f in figures],
            [(sample.at, sample.power_w) for sample in fine],
        )


def _times(first: datetime, last: datetime, step: timedelta) -> Iterable[datetime]:
    return (first + step * number for number in range((last - first) // step + 1))


def _make_household(plugs: int, days: int) -> dict[str, Any]:
    """Fill a new database; return the sizes of its file and how long the split by state took."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    sizes = {"empty_bytes": _database_bytes()}
    start = STORED_UNTIL - timedelta(days=days)
    curves = _curves(start)
    ids = _make_plugs(plugs)
    _write_notes(start)
    _write_tariffs()
    chance = random.Random(SEED)
    scales = [1.0 if number < len(curves) else chance.uniform(0.3, 3) for number in range(plugs)]
    of_plug = [(pk, curves[n % len(curves)], scales[n]) for n, pk in enumerate(ids)]
    _write_hours(of_plug)
    _write_samples(of_plug)
    _write_anomalies(ids, start)
    split = _timed(_split)
    _fill_redis(of_plug)
    sizes["bytes"] = _database_bytes()
    sizes["bytes_without_samples"] = _bytes_without_samples()
    return {
        "plugs": plugs,
        "hours": len(curves[0].hours) * plugs,
        "samples": len(curves[0].samples) * plugs,
        **sizes,
        "split_of_all_hours_by_state_s": round(split, 2),
    }


def _curves(start: datetime) -> list[Curve]:
    from simhome.loads import FreezerLoad, MonitorLoad
    from simhome.nas_habits import power_of, sessions

    planned = sessions(start, STORED_UNTIL, seed=SEED, ends_awake=True)
    loads = (power_of(planned, start, SEED), MonitorLoad(SEED), FreezerLoad(SEED))
    return [Curve.of(load.power_w, start) for load in loads]


def _make_plugs(count: int) -> list[int]:
    from energy.models import PlugStatus, SmartPlug

    with time_machine.travel(NOW, tick=False):
        made = SmartPlug.objects.bulk_create(
            SmartPlug(
                device_id=f"{number + 1:040X}",
                mac=f"02:00:5e:00:{number // 256:02x}:{number % 256:02x}",
                name=("NAS", "Monitor", "Freezer")[number] if number < 3 else f"Plug {number + 1}",  # noqa: PLR2004  # names
                model="P110",
                role="generic" if number else "nas",
                host=f"127.0.{number // 250}.{number % 250 + 1}",
                status=PlugStatus.OK,
                status_since=NOW - HOUR,
            )
            for number in range(count)
        )
    return [plug.pk for plug in made]


def _write_notes(start: datetime) -> None:
    """Have the product load what the simulated home noted of its NAS: states, wakes, switches."""
    from django.conf import settings
    from django.core.management import call_command

    from simhome.free_addresses import HomePorts
    from simhome.nas_habits import sessions
    from simhome.nas_notes import notes
    from simhome.new_home import new_config

    ports = dict.fromkeys(HomePorts.__dataclass_fields__, 8000)
    config = new_config("127.66.0", HomePorts(**ports))
    planned = sessions(start, STORED_UNTIL, seed=SEED, ends_awake=True)
    file = settings.DATA_DIR / "notes.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in notes(planned, start, config)))
    call_command("load_history", str(file), stdout=io.StringIO())


def _write_tariffs() -> None:
    from energy.models import Tariff, TariffZone

    new_from = date(NOW.year, 4, 1)
    Tariff.objects.create(
        name="Old", price_per_kwh="0.312000", base_fee_per_month="9.50", valid_to=new_from
    )
    tariff = Tariff.objects.create(
        name="HT/NT", price_per_kwh="0.334500", base_fee_per_month="11.90", valid_from=new_from
    )
    TariffZone.objects.create(
        tariff=tariff, name="NT", start="22:00", end="06:00", price_per_kwh="0.258000"
    )


def _write_hours(of_plug: list[tuple[int, Curve, float]]) -> None:
    """Store all hours in the order of life: hour by hour, plug by plug."""
    insert = (
        "INSERT INTO energy_energyhour (plug_id, hour, energy_wh, power_min_w, power_avg_w, "
        "power_max_w, coverage, source) VALUES (%s, %s, %s, %s, %s, %s, 1.0, 'measured')"
    )
    _executemany(
        insert,
        (
            (pk, text, *(value * scale for value in curve.hours[number][1:]))
            for number, text in enumerate(_texts(it[0] for it in of_plug[0][1].hours))
            for pk, curve, scale in of_plug
        ),
    )


def _write_samples(of_plug: list[tuple[int, Curve, float]]) -> None:
    insert = (
        "INSERT INTO energy_powersample (plug_id, at, power_w, voltage_v, current_a, "
        "today_energy_wh) VALUES (%s, %s, %s, 230.1, %s, 480.0)"
    )
    _executemany(
        insert,
        (
            (pk, text, power_w := curve.samples[number][1] * scale, round(power_w / 230.1, 3))
            for number, text in enumerate(_texts(it[0] for it in of_plug[0][1].samples))
            for pk, curve, scale in of_plug
        ),
    )


def _texts(times: Iterable[datetime]) -> Iterator[str]:
    from django.db import connection

    return (str(connection.ops.adapt_datetimefield_value(at)) for at in times)


def _executemany(sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(sql, rows)  # type: ignore[arg-type]  # SQLite takes an iterator


def _write_anomalies(ids: list[int], start: datetime) -> None:
    from energy.models import Anomaly

    chance = random.Random(SEED)
    length = STORED_UNTIL - start
    facts = {"status": "unreachable", "status_message": "The plug does not answer."}
    begins = [start + length * chance.random() for _number in range(60)]
    Anomaly.objects.bulk_create(
        Anomaly(
            plug_id=chance.choice(ids),
            kind="plug_lost",
            began_at=at,
            ended_at=at + HOUR,
            facts=facts,
        )
        for at in begins
    )


def _split() -> None:
    from nasctl.services import split_hours

    split_hours(NOW)


def _fill_redis(of_plug: list[tuple[int, Curve, float]]) -> None:
    """Let each plug have a latest reading, and samples that wait for the database."""
    from energy.models import SmartPlug

    names = dict(SmartPlug.objects.values_list("pk", "device_id"))
    powers = {names[pk]: curve.samples[-1][1] * scale for pk, curve, scale in of_plug}
    _put_all(powers, [STORED_UNTIL + STEP * number for number in range(1, WAITING_PER_PLUG + 1)])


def _put_all(powers: dict[str, float], times: list[datetime]) -> None:
    for at in times:
        _put(powers, at)


def _put(powers: dict[str, float], at: datetime) -> None:
    """Put a reading of each plug into the product's buffer."""
    from energy.readings import Reading
    from energy.services.samples import buffer

    for device_id, power_w in powers.items():
        reading = Reading(device_id, at, power_w, 230.1, round(power_w / 230.1, 3), 480, True, -50)
        buffer.put(reading, is_sample=True)


def _database_bytes() -> int:
    """Return the size of the file when nothing waits in the log beside it."""
    from django.conf import settings
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(settings.DATABASES["default"]["NAME"]).stat().st_size


def _bytes_without_samples() -> int:
    """Return how large a copy without samples is, with no free page in it."""
    from django.conf import settings

    copy = settings.DATA_DIR / "copy.sqlite3"
    with (
        contextlib.closing(sqlite3.connect(settings.DATABASES["default"]["NAME"])) as database,
        contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as smaller,
    ):
        database.backup(smaller)
        smaller.execute("DELETE FROM energy_powersample")
        smaller.execute("VACUUM")
    size = int(copy.stat().st_size)
    copy.unlink()
    return size


# --- calls ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One answer; ``plug`` is replaced by a device id."""

    name: str
    path: str
    has_curves_anew: bool = False


def _call(name: str, path: str, **parameters: str) -> Call:
    return Call(name, f"{path}?{urlencode(parameters)}" if parameters else path)


def _all_calls() -> list[Call]:
    device_id = f"{1:040X}"
    energy, nas = "/api/energy", "/api/nas/energy"
    calls = [
        _call("current", f"{energy}/current"),
        _call("summary", f"{energy}/summary"),
        _call("prices", f"{energy}/prices"),
        _call("anomalies", f"{energy}/anomalies"),
        _call("plugs", "/api/tapo/devices"),
    ]
    for who, one in (("plug", {"device_id": device_id}), ("house", {})):
        calls += [
            _call(f"history {period}, {who}", f"{energy}/history", period=period, **one)
            for period in ("day", "week", "month", "year")
        ]
        hours = {"period": "month", "resolution": "hour", **one}
        raw = {"period": "day", "at": str(NOW.date() - timedelta(days=1)), "resolution": "raw"}
        year = {"period": "year", "resolution": "hour", **one}
        calls += [
            _call(f"history month by hour, {who}", f"{energy}/history", **hours),
            _call(f"raw of a day, {who}", f"{energy}/history", **raw, **one),
            *(
                _call(f"costs {period}, {who}", f"{energy}/costs", period=period, **one)
                for period in ("day", "month", "year")
            ),
            _call(f"export.csv year by hour, {who}", f"{energy}/export.csv", **year),
        ]
    calls += [_call(f"nas/energy {p}", nas, period=p) for p in ("day", "week", "month", "year")]
    page = [_call("page", "/"), *(_call(f"live {p}", f"/live/{p}") for p in _LIVE)]
    anew = [
        Call("page, once a minute", "/", True),
        Call("live day, once a minute", "/live/day", True),
    ]
    return [*calls, *page, *anew]


_LIVE = ("nas", "day", "energy", "facts", "inbox")


@dataclass(frozen=True)
class Answer:
    """One answer; times in seconds from the request, to the first bytes and the first row."""

    seconds: float
    first_byte_s: float
    first_row_s: float
    size: int
    status: int


def _calls(options: argparse.Namespace) -> dict[str, Any]:
    return _measure_calls(options, options.plugs, options.rounds)


def _many(options: argparse.Namespace) -> dict[str, Any]:
    return _measure_calls(options, options.many, max(options.rounds // 10, 2))


def _measure_calls(options: argparse.Namespace, plugs: int, rounds: int) -> dict[str, Any]:
    _set_up()
    data = _make_household(plugs, options.days)
    with time_machine.travel(NOW, tick=False):
        client = _client()
        rows = []
        for call in _all_calls():
            print(f"  {call.name}, {plugs} plugs", file=sys.stderr, flush=True)
            answers = [] if options.quick else _rounds(client, call, rounds)
            rows.append(_row(client, call, answers))
    return {"data": data, "calls": rows}


def _set_up() -> None:
    """Start Django as the product does, but for the manifest of collected files."""
    import django
    from django.conf import settings

    static = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": static}}
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "whitenoise" not in name]
    django.setup()


def _client() -> Client:
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create_user("owner"))
    return client


def _rounds(client: Client, call: Call, rounds: int) -> list[Answer]:
    """Return the answers after two rounds to warm up, or one alone where it takes very long."""
    deadline_s = time.perf_counter() + CALL_BUDGET_S
    for _number in range(2):
        warm = _ask(client, call)
        if warm.seconds > CALL_BUDGET_S / 2:
            return [warm]
    answers = [_ask(client, call)]
    while len(answers) < rounds and time.perf_counter() < deadline_s:
        answers.append(_ask(client, call))
    return answers


def _row(client: Client, call: Call, answers: list[Answer]) -> dict[str, Any]:
    """Return the figures of a call; without answers, those of a single one."""
    is_traced = bool(answers) and answers[-1].seconds < TRACED_UP_TO_S
    gc.collect()
    before_kib = _memory_kib(reset=True)
    with _counted() as queries:
        last = _ask(client, call)
    grown_kib = _memory_kib() - before_kib
    answers = answers or [last]
    return {
        "name": call.name,
        "path": call.path,
        "status": last.status,
        "rounds": len(answers),
        "median_ms": _ms(statistics.median(it.seconds for it in answers)),
        "p99_ms": _ms(_p99([it.seconds for it in answers])),
        "first_byte_ms": _ms(statistics.median(it.first_byte_s for it in answers)),
        "first_row_ms": _ms(statistics.median(it.first_row_s for it in answers)),
        "queries": len(queries),
        "bytes": last.size,
        "grown_kib": max(grown_kib, 0),
        "peak_kib": _traced_kib(client, call) if is_traced else None,
    }


def _ask(client: Client, call: Call) -> Answer:
    from balupi_site.day_view import curves

    if call.has_curves_anew:
        curves.forget()
    start_s = time.perf_counter()
    response: Any = client.get(call.path)  # the stubs know no streaming one
    chunks = iter(response.streaming_content if response.streaming else [response.content])
    size, first_s = len(next(chunks, b"")), time.perf_counter()
    size, row_s = size + len(next(chunks, b"")), time.perf_counter()
    size += sum(map(len, chunks))
    end_s = time.perf_counter()
    if response.status_code not in (200, 400):
        sys.exit(f"{call.path} answered {response.status_code}: {response.content[:300]!r}")
    return Answer(
        end_s - start_s, first_s - start_s, row_s - start_s, size, int(response.status_code)
    )


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


def _traced_kib(client: Client, call: Call) -> int:
    """Return the most memory that Python's objects took at once beyond what there was, in KiB."""
    gc.collect()
    tracemalloc.start()
    try:
        _ask(client, call)
        return round(tracemalloc.get_traced_memory()[1] / 1024)
    finally:
        tracemalloc.stop()


def _memory_kib(*, reset: bool = False) -> int:
    """Return the process's highest resident memory in KiB, since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _p99(values: list[float]) -> float:
    """Return the value that 99 of 100 do not exceed; of fewer than 100, the highest."""
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _timed(work: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    work()
    return time.perf_counter() - start_s


# --- rollup ---------------------------------------------------------------------------------------


def _rollup(options: argparse.Namespace) -> dict[str, Any]:
    from django.core.management import call_command

    _set_up()
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
    ids = _make_plugs(count)
    names = list(SmartPlug.objects.values_list("device_id", flat=True))
    chance = random.Random(SEED)
    put_s, stored_s, queries = [], [], []
    start, stored = STORED_UNTIL - HOUR, 0
    for burst in range(BURSTS_PER_HOUR):
        times = [start + STEP * (BURST * burst + number) for number in range(BURST)]
        powers = {name: chance.uniform(1, 60) for name in names}
        put_s.append(_timed(partial(_put_all, powers, times)))
        start_s = time.perf_counter()
        with _counted() as asked:
            stored += store_samples(times[-1] + STEP)
        stored_s.append(time.perf_counter() - start_s)
        queries.append(len(asked))
    EnergyHour.objects.all().delete()
    samples = list(PowerSample.objects.values_list("plug_id", "at"))
    start_s = time.perf_counter()
    with _counted() as asked:
        rows = roll_up(samples, STEP.total_seconds())
    hour_s = time.perf_counter() - start_s
    again_s = _timed(lambda: roll_up(samples, STEP.total_seconds()))
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


# --- poll -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sweep:
    """One sweep: seconds by the clock and of CPU, and how many plugs answered."""

    wall_s: float
    cpu_s: float
    answered: int


def _poll(options: argparse.Namespace) -> dict[str, Any]:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    plug_farm.raise_file_limit()
    _set_up()
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


# --- what is printed ------------------------------------------------------------------------------


def _table(part: str, figures: dict[str, Any]) -> str:
    lines = [f"\n## {part}", figures["how"], ""]
    if "calls" not in figures:
        rest = {name: value for name, value in figures.items() if name != "how"}
        return "\n".join([*lines, *_flat_rows(rest)])
    lines += [json.dumps(figures["data"]), ""]
    columns = {
        "name": "call", "rounds": "rounds", "median_ms": "median ms", "p99_ms": "p99 ms",
        "first_row_ms": "first row ms", "queries": "queries", "bytes": "bytes",
        "peak_kib": "peak KiB", "grown_kib": "grown KiB",
    }  # fmt: skip
    lines += [f"| {' | '.join(columns.values())} |", "|---" * len(columns) + "|"]
    for row in figures["calls"]:
        refused = "" if row["status"] == 200 else " (refused: too many rows)"  # noqa: PLR2004
        cells = [row["name"] + refused, *(row[name] for name in list(columns)[1:])]
        lines.append("| " + " | ".join("-" if cell is None else str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def _flat_rows(figures: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _flat_rows(value, f"{path}{name}: ")
        elif name != "sweeps":
            yield f"| {path}{name} | {value} |"


def _machine() -> str:
    cpu = ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
    return (
        f"{platform.machine()}, {cpu or 'unknown CPU'}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted; nothing is left behind.")
