"""Part of ``energy.py``: every answer of the API and the page, asked again and again."""

# ruff: noqa: PLC0415  # what needs Django is imported where a part has set it up

from __future__ import annotations

import argparse
import contextlib
import gc
import math
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import time_machine

from benchmarks.energy_household import NOW, make_household

if TYPE_CHECKING:
    from django.test import Client


#: No call is measured for longer than this; the rounds that were done are told.
CALL_BUDGET_S = 20.0
#: Not traced where a call takes longer: tracing makes it several times slower.
TRACED_UP_TO_S = 5.0


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
    page = [_call("page", "/"), _call("page, what changed", "/live/")]
    anew = [
        Call("page, once a minute", "/", True),
        Call("page, what changed, once a minute", "/live/", True),
    ]
    return [*calls, *page, *anew]


@dataclass(frozen=True)
class Answer:
    """One answer; times in seconds from the request, to the first bytes and the first row."""

    seconds: float
    first_byte_s: float
    first_row_s: float
    size: int
    status: int


def calls(options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of all answers of one household."""
    return _measure_calls(options, options.plugs, options.rounds)


def many(options: argparse.Namespace) -> dict[str, Any]:
    """Return the same for many plugs, in fewer rounds."""
    return _measure_calls(options, options.many, max(options.rounds // 10, 2))


def _measure_calls(options: argparse.Namespace, plugs: int, rounds: int) -> dict[str, Any]:
    set_up()
    data = make_household(plugs, options.days)
    with time_machine.travel(NOW, tick=False):
        client = _client()
        rows = []
        for call in _all_calls():
            print(f"  {call.name}, {plugs} plugs", file=sys.stderr, flush=True)
            answers = [] if options.quick else _rounds(client, call, rounds)
            rows.append(_row(client, call, answers))
    return {"data": data, "calls": rows}


def set_up() -> None:
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
    with counted() as queries:
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
    from balupi_site.page.day import curves

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
def counted() -> Iterator[list[str]]:
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
