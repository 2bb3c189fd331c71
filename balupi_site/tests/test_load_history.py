"""A simulated household's past goes into a trial's database: all of it or nothing, never in prod."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from energy.models import EnergyHour, EnergySource, PlugRole, PowerSample, SmartPlug
from energy.services.rollup import roll_up_hours
from nasctl.evidence import Stage
from nasctl.models import StateChange, Wake, WakeResult
from nasctl.reasons import WAKE_FAILURES
from nasctl.state import NasState, Reason, is_legal
from pihole.models import NameSwitch

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.sqlite_is_enough("a trial has SQLite"),
]

UNTIL = datetime(2026, 11, 20, 19, 47, 12, tzinfo=UTC)
HOME = {
    "block": "127.1.2",
    "nas_port": 8000,
    "nas_mac": "02:00:00:00:00:53",
    "wol_port": 9,
    "pihole_port": 8080,
    "dns_port": 5353,
    "plug_port": 8001,
    "control_port": 8002,
    "pi_url": "http://127.1.2.2:8000",
    "pihole_password": "secret",
    "tapo_username": "somebody@home.example",
    "tapo_password": "secret",
    "handshake_secret": "secret-secret-secret-secret-secret",
    "nas_secret_key": "secret",
    "users": [],
    "plugs": [
        {
            "alias": load.title(),
            "load": load,
            "host": f"127.1.2.{number}",
            "mac": f"02:00:00:00:01:{number}",
            "device_id": f"DEVICE{number}",
        }
        for number, load in enumerate(("nas", "monitor", "freezer"), start=10)
    ],
}


def past(folder: Path, days: int) -> list[str]:
    """Return the lines of a past, told by the simulated home itself."""
    config = folder / "home.json"
    config.write_text(json.dumps(HOME))
    command = [
        sys.executable,
        "-m",
        "simhome.history",
        "--days",
        str(days),
        "--config",
        str(config),
    ]
    done = subprocess.run(  # noqa: S603  # our own program
        [*command, "--until", UNTIL.isoformat(), "--seed", "1"],
        cwd=django_settings.BASE_DIR,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Fifteen days: a failed wake is among them."""
    return past(tmp_path_factory.mktemp("past"), days=15)


@pytest.fixture(scope="module")
def few_lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three days, where it does not matter what is among them."""
    return past(tmp_path_factory.mktemp("past"), days=3)


def load(folder: Path, lines: list[str], *options: str) -> str:
    """Load these lines; return what the command says."""
    file = folder / "history.ndjson"
    file.write_text("\n".join(lines) + "\n")
    out = io.StringIO()
    call_command("load_history", str(file), *options, stdout=out)
    return out.getvalue()


def counts() -> dict[str, int]:
    """Return how many rows there are, by the type of line they came from."""
    return {
        "plug": SmartPlug.objects.count(),
        "hour": EnergyHour.objects.count(),
        "sample": PowerSample.objects.count(),
        "state": StateChange.objects.count(),
        "switch": NameSwitch.objects.count(),
        "wake": Wake.objects.count(),
    }


def make_plug(**values: object) -> SmartPlug:
    plug: dict[str, Any] = {
        "device_id": "DEVICE11",
        "mac": "02:00:00:00:01:11",
        "name": "lamp",
        "host": "127.9.9.9",
        **values,
    }
    return SmartPlug.objects.create(**plug)


def test_every_line_becomes_a_row_and_is_counted(tmp_path: Path, lines: list[str]) -> None:
    said = load(tmp_path, lines)
    assert counts() == Counter(json.loads(line)["type"] for line in lines)
    assert min(counts().values()) > 0
    assert f"{PowerSample.objects.count()} power samples" in said
    assert f"{EnergyHour.objects.count()} hours of energy" in said


def test_the_rows_say_what_the_lines_say(tmp_path: Path) -> None:
    hour = {
        "type": "hour",
        "device_id": "DEVICE11",
        "hour": "2026-11-20T12:00:00+00:00",
        "energy_wh": 12.5,
        "power_min_w": 10,
        "power_avg_w": 25,
        "power_max_w": 40.5,
        "coverage": 0.5,
    }
    change = {
        "type": "state",
        "at": "2026-11-20T13:00:00+01:00",
        "from": "offline",
        "to": "booting",
        "reason": "wake",
    }
    plug = make_plug()
    load(tmp_path, [json.dumps(hour), json.dumps(change)])
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    row = EnergyHour.objects.get()
    assert (row.plug, row.hour, row.energy_wh, row.coverage) == (plug, noon, 12.5, 0.5)
    assert (row.power_min_w, row.power_avg_w, row.power_max_w) == (10, 25, 40.5)
    assert row.source == EnergySource.MEASURED
    moved = StateChange.objects.get()
    assert (moved.at, moved.from_state, moved.to_state) == (noon, "offline", "booting")
    assert moved.reason == "wake"


def test_the_hours_are_those_that_the_samples_roll_up_to(tmp_path: Path, lines: list[str]) -> None:
    """Two programs that share no code reckon the same: simhome's integral and our metering."""
    load(tmp_path, lines)
    loaded = {(row.plug_id, row.hour): row for row in EnergyHour.objects.all()}
    first = PowerSample.objects.earliest("at").at + timedelta(hours=1)
    EnergyHour.objects.filter(hour__gte=first.replace(minute=0, second=0)).delete()
    roll_up_hours(UNTIL, 30, since=first)
    rolled_up = {(row.plug_id, row.hour): row for row in EnergyHour.objects.all()}
    assert rolled_up.keys() == loaded.keys()
    for key, row in rolled_up.items():
        for name in ("energy_wh", "power_min_w", "power_avg_w", "power_max_w", "coverage"):
            assert getattr(row, name) == pytest.approx(getattr(loaded[key], name), abs=1e-9)


def test_each_change_of_state_is_one_that_the_state_machine_has(
    tmp_path: Path, lines: list[str]
) -> None:
    load(tmp_path, lines)
    changes = list(StateChange.objects.order_by("at"))
    assert {change.reason for change in changes} >= {"wake", "woken_by_other", "boot_failed"}
    for change in changes:
        before, after = NasState(change.from_state), NasState(change.to_state)
        assert is_legal(before, after, Reason(change.reason)), change.reason


def test_a_failed_wake_says_why_in_the_words_that_are_translated(
    tmp_path: Path, lines: list[str]
) -> None:
    load(tmp_path, lines)
    wake = Wake.objects.get(result=WakeResult.FAILED)
    assert wake.message == WAKE_FAILURES[Stage(wake.failed_stage)]


# --- plugs ------------------------------------------------------------------------------------


def test_a_plug_that_is_known_stays_as_it_is(tmp_path: Path, few_lines: list[str]) -> None:
    known = make_plug(name="Lamp of ours")
    load(tmp_path, few_lines)
    known.refresh_from_db()
    assert (known.name, known.host) == ("Lamp of ours", "127.9.9.9")
    assert known.samples.count() > 5000
    assert SmartPlug.objects.get(role=PlugRole.NAS).name == "Nas"


def test_there_is_no_second_plug_with_the_role_nas(tmp_path: Path, few_lines: list[str]) -> None:
    make_plug(device_id="ANOTHER", mac="02:00:00:00:09:09", role=PlugRole.NAS)
    load(tmp_path, few_lines)
    assert SmartPlug.objects.get(role=PlugRole.NAS).device_id == "ANOTHER"
    assert SmartPlug.objects.get(device_id="DEVICE10").role == PlugRole.GENERIC


# --- what it refuses --------------------------------------------------------------------------


def test_a_second_time_is_refused_unless_it_shall_replace(
    tmp_path: Path, few_lines: list[str]
) -> None:
    load(tmp_path, few_lines)
    before = counts()
    with pytest.raises(CommandError, match="--replace"):
        load(tmp_path, few_lines)
    assert counts() == before
    EnergyHour.objects.update(energy_wh=-1)
    load(tmp_path, few_lines, "--replace")
    assert counts() == before
    assert not EnergyHour.objects.filter(energy_wh=-1).exists()


@pytest.mark.parametrize("kind", ["hour", "sample", "state", "switch", "wake"])
def test_an_overlap_of_any_kind_is_refused(tmp_path: Path, few_lines: list[str], kind: str) -> None:
    plugs = [line for line in few_lines if json.loads(line)["type"] == "plug"]
    of_kind = [line for line in few_lines if json.loads(line)["type"] == kind]
    load(tmp_path, [*plugs, of_kind[1]])
    before = counts()
    with pytest.raises(CommandError, match="of the same time already"):
        load(tmp_path, few_lines)
    assert counts() == before


def test_what_other_plugs_and_other_times_hold_is_no_overlap_and_stays(
    tmp_path: Path, few_lines: list[str]
) -> None:
    other = make_plug(device_id="ANOTHER", mac="02:00:00:00:09:09")
    known = make_plug()
    PowerSample.objects.create(plug=other, at=UNTIL - timedelta(hours=1), power_w=1)
    PowerSample.objects.create(plug=known, at=UNTIL + timedelta(hours=1), power_w=2)
    load(tmp_path, few_lines, "--replace")
    assert set(PowerSample.objects.filter(power_w__in=[1, 2]).values_list("plug", flat=True)) == {
        other.pk,
        known.pk,
    }


def test_a_real_home_is_refused(tmp_path: Path, few_lines: list[str], settings: Any) -> None:
    settings.IS_PROD = True
    with pytest.raises(CommandError, match="BALUPI_MODE=prod"):
        load(tmp_path, few_lines, "--replace")
    assert not any(counts().values())


SAMPLE = {"type": "sample", "device_id": "DEVICE11", "at": "2026-11-20T12:00:00Z", "power_w": 1}
STATE = {"type": "state", "at": "2026-11-20T12:00:00Z", "from": "offline", "to": "booting"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("{", "not a JSON object", id="no JSON"),
        pytest.param('["type"]', "not a JSON object", id="a list"),
        pytest.param('{"at": 1}', "not a JSON object with a type", id="no type"),
        pytest.param('{"type": "banana"}', "unknown type 'banana'", id="unknown type"),
        pytest.param('{"type": []}', "unknown type", id="a type that is none"),
        pytest.param({**SAMPLE, "device_id": "X"}, "there is no plug X", id="unknown plug"),
        pytest.param({**SAMPLE, "power_w": "much"}, "much", id="power is no number"),
        pytest.param({**SAMPLE, "at": "2026-11-20T12:00:00"}, "offset", id="time without offset"),
        pytest.param({**SAMPLE, "at": None}, "at", id="no time"),
        pytest.param({**SAMPLE, "colour": "red"}, "colour", id="unknown field"),
        pytest.param({**STATE, "to": "banana", "reason": "wake"}, "banana", id="unknown state"),
        pytest.param(STATE, "reason", id="no reason"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_loaded(
    tmp_path: Path, line: str | dict[str, object], message: str
) -> None:
    make_plug()
    text = line if isinstance(line, str) else json.dumps(line)
    good = {**SAMPLE, "at": "2026-11-20T11:00:00Z"}
    with pytest.raises(CommandError, match=rf"line 2: .*{message}"):
        load(tmp_path, [json.dumps(good), text])
    assert not PowerSample.objects.exists()


def test_what_the_database_refuses_is_told_and_nothing_is_loaded(tmp_path: Path) -> None:
    make_plug()
    twice = [json.dumps(SAMPLE)] * 2
    with pytest.raises(CommandError, match="the database refuses"):
        load(tmp_path, twice)


def test_an_empty_or_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no history in it"):
        call_command("load_history", "/dev/null")
    with pytest.raises(CommandError, match="cannot read"):
        call_command("load_history", str(tmp_path / "missing"))


def test_it_reads_standard_input_too(monkeypatch: pytest.MonkeyPatch) -> None:
    make_plug()
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(SAMPLE)))
    call_command("load_history", stdout=io.StringIO())
    assert PowerSample.objects.count() == 1


def test_30_days_are_loaded_in_less_than_10_seconds(tmp_path: Path) -> None:
    lines = past(tmp_path, days=30)
    started_s = time.process_time()
    load(tmp_path, lines)
    assert time.process_time() - started_s < 10
    assert EnergyHour.objects.count() > 2000
