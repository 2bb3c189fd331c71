"""The simulated past: repeatable, consistent with itself, and like a household's."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import fsum
from pathlib import Path
from typing import Any

import pytest

from simhome.config import HomeConfig
from simhome.free_addresses import HomePorts
from simhome.history import history, main
from simhome.loads import BERLIN, FreezerLoad
from simhome.meter import Meter
from simhome.nas_habits import sessions
from simhome.nas_notes import notes
from simhome.nas_stages import NasState
from simhome.new_home import new_config

UNTIL = datetime(2026, 11, 20, 19, 47, 12, tzinfo=UTC)  # a Friday evening
DAYS = 14

Line = dict[str, Any]


@pytest.fixture(scope="module")
def config() -> HomeConfig:
    ports = HomePorts(
        nas_port=8000,
        wol_port=9,
        pihole_port=8080,
        dns_port=5353,
        plug_port=8001,
        control_port=8002,
        ssh_port=8003,
    )
    return new_config("127.1.2", ports)


@pytest.fixture(scope="module")
def lines(config: HomeConfig) -> list[Line]:
    return list(history(config, days=DAYS, until=UNTIL, seed=1))


def of_type(lines: list[Line], name: str, load: str | None = None) -> list[Line]:
    """Return the lines of a type, of the plug with this load if one is named."""
    names = {plug["device_id"]: plug["name"].lower() for plug in lines if plug["type"] == "plug"}
    return [
        line
        for line in lines
        if line["type"] == name and (load is None or names[line["device_id"]] == load)
    ]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_same_arguments_give_the_same_past(config: HomeConfig, lines: list[Line]) -> None:
    assert list(history(config, days=DAYS, until=UNTIL, seed=1)) == lines
    assert list(history(config, days=DAYS, until=UNTIL, seed=2)) != lines


def test_every_plug_is_told_once_with_its_role(config: HomeConfig, lines: list[Line]) -> None:
    plugs = of_type(lines, "plug")
    assert [(plug["name"], plug["role"]) for plug in plugs] == [
        ("NAS", "nas"),
        ("Monitor", "generic"),
        ("Freezer", "generic"),
    ]
    assert [plug["mac"] for plug in plugs] == [plug.mac for plug in config.plugs]


# --- energy -----------------------------------------------------------------------------------


@pytest.mark.parametrize("load", ["nas", "monitor", "freezer"])
def test_the_hours_are_the_integral_of_the_samples(lines: list[Line], load: str) -> None:
    """Wherever the samples reach: whole hours, the present one, and those with gaps."""
    steps: dict[datetime, list[tuple[float, float]]] = {}
    for one, other in pairwise(of_type(lines, "sample", load)):
        if moment(other["at"]) - moment(one["at"]) == timedelta(seconds=30):
            hour = moment(one["at"]).replace(minute=0, second=0)
            steps.setdefault(hour, []).append((one["power_w"], other["power_w"]))
    first = min(steps) + timedelta(hours=1)  # the first hour has only its last samples
    hours = {
        moment(line["hour"]): line
        for line in of_type(lines, "hour", load)
        if moment(line["hour"]) >= first
    }
    assert hours.keys() == steps.keys() - {min(steps)}
    assert len(hours) == 48
    for start, figure in hours.items():
        energy_wh = fsum((a + b) / 2 * 30 for a, b in steps[start]) / 3600
        assert figure["energy_wh"] == pytest.approx(energy_wh, abs=1e-9)
        assert figure["coverage"] == pytest.approx(len(steps[start]) / 120)
        assert figure["power_avg_w"] * figure["coverage"] == pytest.approx(energy_wh)
        assert figure["power_min_w"] == min(min(pair) for pair in steps[start])
        assert figure["power_max_w"] == max(max(pair) for pair in steps[start])


def test_energy_is_near_what_an_exact_meter_counts(lines: list[Line]) -> None:
    hours = [hour for hour in of_type(lines, "hour", "freezer") if hour["coverage"] == 1]
    meter = Meter(FreezerLoad(1), start=moment(hours[0]["hour"]), time_zone=BERLIN)
    metered_wh = 0.0
    for hour in hours:
        meter.advance(moment(hour["hour"]))
        before_wh = meter.energy_wh
        meter.advance(moment(hour["hour"]) + timedelta(hours=1))
        metered_wh += meter.energy_wh - before_wh
    assert sum(hour["energy_wh"] for hour in hours) == pytest.approx(metered_wh, rel=0.01)


def test_samples_are_those_of_the_last_48_hours(lines: list[Line]) -> None:
    times = [moment(sample["at"]) for sample in of_type(lines, "sample", "nas")]
    assert times[0] == datetime(2026, 11, 18, 19, 47, 30, tzinfo=UTC)
    assert times[-1] == datetime(2026, 11, 20, 19, 47, 0, tzinfo=UTC)


def test_the_plugs_own_counter_grows_by_the_energy_of_each_hour(lines: list[Line]) -> None:
    for load in ("nas", "monitor", "freezer"):
        counters = {moment(s["at"]): s["today_energy_wh"] for s in of_type(lines, "sample", load)}
        for hour in of_type(lines, "hour", load):
            start = moment(hour["hour"])
            end = start + timedelta(hours=1)
            is_last_of_day = end.astimezone(BERLIN).hour == 0
            if {start, end} <= counters.keys() and hour["coverage"] == 1 and not is_last_of_day:
                grown_wh = counters[end] - counters[start]
                assert grown_wh == pytest.approx(hour["energy_wh"], abs=1.01)  # whole Wh


def test_the_plugs_own_counter_starts_again_at_local_midnight_and_runs_on_in_a_gap(
    lines: list[Line],
) -> None:
    samples = of_type(lines, "sample", "freezer")
    midnight = datetime(2026, 11, 18, 23, tzinfo=UTC)
    day = [s for s in samples if midnight <= moment(s["at"]) < midnight + timedelta(days=1)]
    counters = [sample["today_energy_wh"] for sample in day]
    assert counters[0] == 0
    assert counters == sorted(counters)
    assert len(day) < 2880  # this plug's gap was that day
    meter = Meter(FreezerLoad(1), start=midnight, time_zone=BERLIN)
    meter.advance(moment(day[-1]["at"]))
    assert counters[-1] == pytest.approx(meter.energy_wh, rel=0.01, abs=1)


def test_voltage_and_current_fit_the_power(lines: list[Line]) -> None:
    for sample in of_type(lines, "sample"):
        assert 225 < sample["voltage_v"] < 235
        power_w = sample["voltage_v"] * sample["current_a"]
        assert power_w == pytest.approx(sample["power_w"], abs=0.2)


def test_one_outage_of_two_hours_took_all_plugs(lines: list[Line]) -> None:
    """From 02:10 to 04:10 in the night of 13 November, in winter time."""
    night = datetime(2026, 11, 13, tzinfo=UTC)
    for load in ("nas", "monitor", "freezer"):
        coverage = {moment(hour["hour"]): hour["coverage"] for hour in of_type(lines, "hour", load)}
        found = [coverage.get(night + timedelta(hours=number)) for number in (1, 2, 3)]
        assert found == [pytest.approx(1 / 6), None, pytest.approx(5 / 6)]


def test_there_are_a_few_short_gaps_and_most_hours_are_whole(lines: list[Line]) -> None:
    hours = of_type(lines, "hour")
    partial = [hour for hour in hours if hour["coverage"] < 1]
    # Two hours of the outage and the present hour, for each of three plugs.
    assert 9 < len(partial) < 40
    assert all(0 < hour["coverage"] <= 1 for hour in hours)


# --- the NAS ----------------------------------------------------------------------------------


def in_state(lines: list[Line], state: str) -> Iterator[tuple[datetime, datetime]]:
    """Yield the stretches of a state, without a minute at both ends."""
    changes = [(moment(line["at"]), line["to"]) for line in of_type(lines, "state")]
    for (start, at_first), (end, _) in pairwise([*changes, (UNTIL, "")]):
        if at_first == state:
            yield start + timedelta(minutes=1), end - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("state", "lowest_w", "highest_w"),
    [pytest.param("online", 31, 55, id="online"), pytest.param("offline", 1.2, 1.2, id="offline")],
)
def test_the_nas_draws_what_its_state_says(
    lines: list[Line], state: str, lowest_w: float, highest_w: float
) -> None:
    stretches = list(in_state(lines, state))
    powers_w = [
        sample["power_w"]
        for sample in of_type(lines, "sample", "nas")
        if any(start < moment(sample["at"]) < end for start, end in stretches)
    ]
    assert len(powers_w) > 100
    assert lowest_w <= min(powers_w)
    assert max(powers_w) <= highest_w


def test_it_is_awake_in_the_evenings_and_at_weekends_and_asleep_else(lines: list[Line]) -> None:
    awake = list(in_state(lines, "online"))

    def share_awake(local_hour: int, weekdays: set[int]) -> float:
        moments = [UNTIL - timedelta(hours=number) for number in range(1, DAYS * 24)]
        chosen = [
            any(start < at < end for start, end in awake)
            for at in moments
            if at.astimezone(BERLIN).hour == local_hour
            and at.astimezone(BERLIN).weekday() in weekdays
        ]
        return sum(chosen) / len(chosen)

    workdays, weekend = {0, 1, 2, 3, 4}, {5, 6}
    assert share_awake(20, workdays) > 0.6
    assert share_awake(15, weekend) > 0.9
    assert share_awake(10, workdays) < 0.2
    assert share_awake(5, workdays | weekend) == 0


def test_people_and_other_things_wake_it_and_it_does_not_always_work(lines: list[Line]) -> None:
    reasons = [line["reason"] for line in of_type(lines, "state")]
    assert reasons.count("wake") > reasons.count("woken_by_other") > 0
    wakes = of_type(lines, "wake")
    assert reasons.count("wake") == len(wakes)
    assert [wake["result"] for wake in wakes].count("failed") == reasons.count("boot_failed") == 1


def test_a_wake_goes_through_its_stages_in_about_70_seconds(lines: list[Line]) -> None:
    for wake in of_type(lines, "wake"):
        if wake["result"] == "failed":
            assert wake["finished_at"] == wake["deadline_at"]
            continue
        stages = ["requested", "packet_sent", "power_seen", "port_answered", "healthy"]
        times = [moment(wake[f"{stage}_at"]) for stage in stages]
        assert times == sorted(set(times))
        assert timedelta(seconds=60) < times[-1] - times[0] < timedelta(seconds=80)
        assert times[-1] == moment(wake["finished_at"]) < moment(wake["deadline_at"])


def test_the_name_follows_the_state(config: HomeConfig, lines: list[Line]) -> None:
    switches = of_type(lines, "switch")
    assert [s["target"] for s in switches[:3]] == ["pi", "nas", "pi"]
    assert all(one["target"] != other["target"] for one, other in pairwise(switches))
    assert {(s["target"], s["address"]) for s in switches} == {
        ("pi", config.pi_ip),
        ("nas", config.nas_ip),
    }


@pytest.mark.parametrize(
    ("at_the_end", "state"),
    [
        pytest.param(NasState.RUNNING, "online", id="running"),
        pytest.param(NasState.OFF, "offline", id="off"),
    ],
)
@pytest.mark.parametrize("weekday", range(7))
def test_it_ends_as_the_home_starts_whatever_the_hour(
    config: HomeConfig, weekday: int, at_the_end: NasState, state: str
) -> None:
    """So that the running home goes on where its past ended."""
    home = replace(config, nas_start_state=at_the_end)
    for minute in range(0, 24 * 60, 13):
        until = datetime(2026, 10, 19 + weekday, tzinfo=UTC) + timedelta(minutes=minute)
        start = (until - timedelta(days=9)).replace(minute=0)
        planned = sessions(start, until, seed=3, ends_awake=at_the_end is NasState.RUNNING)
        changes = [line for line in notes(planned, start, home) if line["type"] == "state"]
        assert changes[0]["from"] == "unknown"
        assert all(one["to"] == other["from"] for one, other in pairwise(changes))
        times = [moment(str(change["at"])) for change in changes]
        assert times == sorted(set(times))
        assert (changes[-1]["to"], times[-1] < until) == (state, True)


# --- the command ------------------------------------------------------------------------------


@pytest.fixture
def home_json(config: HomeConfig, tmp_path: Path) -> Path:
    path = tmp_path / "home.json"
    path.write_text(json.dumps(config.to_json()))
    return path


def test_the_command_prints_30_days_in_less_than_10_seconds(
    home_json: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started_s = time.process_time()
    arguments = ["--days", "30", "--until", UNTIL.isoformat(), "--config", str(home_json)]
    assert main(arguments) == 0
    assert time.process_time() - started_s < 10
    printed = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert {line["type"] for line in printed} == {
        "plug",
        "hour",
        "sample",
        "state",
        "wake",
        "switch",
    }
    hours = [moment(line["hour"]) for line in printed if line["type"] == "hour"]
    assert min(hours) == datetime(2026, 10, 21, 19, tzinfo=UTC)
    assert max(hours) == datetime(2026, 11, 20, 19, tzinfo=UTC)


def test_an_unusable_home_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "home.json"
    assert main(["--config", str(path)]) == 1
    path.write_text("{}")
    assert main(["--config", str(path)]) == 1
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(["--until", "2026-11-20T19:47:12"], id="a time without an offset"),
        pytest.param(["--until", "yesterday"], id="no time"),
        pytest.param(["--days", "0"], id="no days"),
    ],
)
def test_wrong_arguments_are_refused(
    home_json: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--config", str(home_json), *wrong])
    assert stop.value.code == 2
    assert wrong[0] in capsys.readouterr().err
