"""Part of ``energy.py``: a household of any size with its history, in a database of its own."""

# ruff: noqa: PLC0415  # what needs Django is imported where a part has set it up

from __future__ import annotations

import contextlib
import io
import json
import random
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine

HOUR, STEP = timedelta(hours=1), timedelta(seconds=30)
#: Coarse samples make the hours of the year before the last days.
COARSE = timedelta(minutes=5)
RAW_DAYS = 7
#: The present of all calls: the evening of a day near the end of a year, so that every period is
#: as full as it gets, and just before waiting samples would be stored.
NOW = datetime(2026, 12, 30, 21, 4, 40, tzinfo=UTC)
STORED_UNTIL = NOW.replace(minute=0, second=0)
WAITING_PER_PLUG = 9
SEED = 1


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


def make_household(plugs: int, days: int) -> dict[str, Any]:
    """Fill a new database; return the sizes of its file and how long the split by state took."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    sizes = {"empty_bytes": _database_bytes()}
    start = STORED_UNTIL - timedelta(days=days)
    curves = _curves(start)
    ids = make_plugs(plugs)
    _write_notes(start)
    _write_tariffs()
    chance = random.Random(SEED)
    scales = [1.0 if number < len(curves) else chance.uniform(0.3, 3) for number in range(plugs)]
    of_plug = [(pk, curves[n % len(curves)], scales[n]) for n, pk in enumerate(ids)]
    _write_hours(of_plug)
    _write_samples(of_plug)
    _write_anomalies(ids, start)
    split = timed(_split)
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


def make_plugs(count: int) -> list[int]:
    """Add plugs; return their primary keys."""
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
    put_all(powers, [STORED_UNTIL + STEP * number for number in range(1, WAITING_PER_PLUG + 1)])


def put_all(powers: dict[str, float], times: list[datetime]) -> None:
    """Put a sample of each plug into the buffer at each of these times."""
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


def timed(work: Callable[[], object]) -> float:
    """Return how long something takes, in s."""
    start_s = time.perf_counter()
    work()
    return time.perf_counter() - start_s
