"""A past for a trial's household, as long and as large as it is to be measured with."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from benchmarks.api import Site
from benchmarks.figures import ROOT
from benchmarks.trial import Trial, wait_for
from simhome.baluhost_calls import signed_call
from simhome.nas_snapshot import shutdown_snapshot
from simhome.nas_stages import Call

#: Two tariffs, of which the present one has night prices.
_TARIFFS: tuple[Mapping[str, Any], ...] = (
    {"name": "Day", "price_per_kwh": "0.312", "base_fee_per_month": "9.50"},
    {
        "name": "Day and night",
        "price_per_kwh": "0.3345",
        "base_fee_per_month": "11.90",
        "zones": [{"name": "Night", "start": "22:00", "end": "06:00", "price_per_kwh": "0.258"}],
    },
)
#: Since when the second one is paid.
_CHANGED_BEFORE = dt.timedelta(days=120)
_OF_PLUGS = ("energy_energyhour", "energy_powersample")


def sign_in(trial: Trial) -> Site:
    """Return the trial's API as its owner asks it, by a token."""
    token = trial.manage("createtoken", trial.facts["user"], "--days", "1").strip()
    return Site(trial.url, {"Authorization": f"Bearer {token}"})


def give_past(trial: Trial, site: Site, days: int) -> None:
    """Give plugs and NAS a past of so many days, tariffs and a snapshot; the worker rests meanwhile."""
    past = trial.data_dir / "past.ndjson"
    config = trial.data_dir / "home" / "home.json"
    words = ["-m", "simhome.history", "--days", str(days), "--seed", "1", "--config", str(config)]
    with past.open("wb") as file:
        subprocess.run([sys.executable, *words], cwd=ROOT, check=True, stdout=file)
    with trial.stopped("worker"):
        trial.manage("load_history", "--replace", str(past))
        trial.supervisor("restart", "web")
    past.unlink()
    wait_for(lambda: answers(trial.url), "the web process answers")
    give_tariffs_and_snapshot(trial, site)


def give_tariffs_and_snapshot(trial: Trial, site: Site) -> None:
    """Give a home without tariffs two of them, and one without a snapshot one."""
    with contextlib.suppress(LookupError):
        if not site.json("/api/energy/prices"):
            changed_on = str(dt.datetime.now(dt.UTC).date() - _CHANGED_BEFORE)
            times = ({"valid_to": changed_on}, {"valid_from": changed_on})
            for tariff, valid in zip(_TARIFFS, times, strict=True):
                body = {**tariff, **valid}
                _post(f"{trial.url}/api/energy/prices", json.dumps(body).encode(), site.headers)
    try:
        site.json("/api/handshake/snapshot")
    except LookupError:
        say(trial, Call.GOING_OFFLINE)
        say(trial, Call.COMING_ONLINE)


def say(trial: Trial, call: Call) -> float:
    """Make a call as the NAS does, whatever the NAS is doing; return after how many ms it was answered."""
    snapshot = None
    if call is Call.GOING_OFFLINE:
        now = dt.datetime.now(dt.UTC)
        snapshot = shutdown_snapshot(now=now, hostname="nas", uptime_seconds=1, users=())
    signed = signed_call(
        call,
        secret=trial.facts["handshake_secret"],
        timestamp=trial.unused_second(),
        snapshot=snapshot,
    )
    start_s = time.perf_counter()
    _post(trial.url + signed.path, signed.body, signed.headers)
    return (time.perf_counter() - start_s) * 1000


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    headers = {"Content-Type": "application/json", **headers}
    with requests.Session() as session:
        session.trust_env = False
        session.post(url, body, headers=headers, timeout=60).raise_for_status()


def answers(url: str) -> bool:
    """Tell whether a web process answers."""
    with requests.Session() as session, contextlib.suppress(requests.ConnectionError):
        session.trust_env = False
        return session.get(f"{url}/api/health", timeout=5).status_code == http.client.OK
    return False


def copy_with_plugs(database: Path, target: Path, plugs: int) -> None:
    """Copy a database; there are so many plugs in the copy, the new ones with the others' past."""
    with (
        contextlib.closing(sqlite3.connect(database)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        known = [pk for (pk,) in copy.execute("SELECT id FROM energy_smartplug ORDER BY id")]
        for number in range(len(known), plugs):
            _copy_plug(copy, known[number % len(known)], number)
        copy.commit()


def _copy_plug(database: sqlite3.Connection, old: int, number: int) -> None:
    mac = f"02:00:5e:01:{number // 256:02x}:{number % 256:02x}"
    host = f"127.1.{number // 250}.{number % 250 + 1}"
    changes = {"device_id": f"{number:040X}", "mac": mac, "host": host, "name": f"Plug {number}"}
    new = _copy_rows(database, "energy_smartplug", f"id = {old}", {**changes, "role": "generic"})
    for table in _OF_PLUGS:
        _copy_rows(database, table, f"plug_id = {old}", {"plug_id": new})


def _copy_rows(
    database: sqlite3.Connection, table: str, which: str, changes: Mapping[str, object]
) -> int:
    """Copy rows with some other values; return the last one's id."""
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
    values = ", ".join("?" if name in changes else name for name in names)
    sql = f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} WHERE {which}"  # noqa: S608  # names of ours
    done = database.execute(sql, [changes[name] for name in names if name in changes])
    return int(done.lastrowid or 0)
