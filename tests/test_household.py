"""The whole product, as real processes, in a simulated home."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path

import pytest

from benchmarks import follow
from tests.conftest import BOOT_SECONDS, QUICK, Trial, leads_to, running_trial

pytestmark = [
    pytest.mark.household,
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("home_in_order"),
]


def test_three_plugs_are_live_within_a_minute_of_the_start(trial: Trial) -> None:
    assert trial.started_in_s < 60
    code, body = trial.get("/api/energy/current")
    assert code == 200
    assert sorted(device["name"] for device in body["devices"]) == ["Freezer", "Monitor", "NAS"]
    assert all(device["is_online"] and device["age_s"] < 60 for device in body["devices"])
    assert body["total_power_w"] == pytest.approx(
        sum(device["power_w"] for device in body["devices"]), abs=0.2
    )


def test_the_page_shows_the_home_to_its_owner_and_a_login_to_others(trial: Trial) -> None:
    assert trial.get("/", login=False)[0] == 302
    assert trial.get("/api/nas/status", login=False)[0] == 401


def test_wake_nas_tells_its_stages_and_ends_when_the_nas_is_healthy(trial: Trial) -> None:
    trial.simhome("nas", "crash")
    trial.wait_until(lambda: trial.nas_state() == "offline", "the crash is seen")
    done = trial.manage("wake_nas", "--wait", timeout_s=BOOT_SECONDS * 3)
    assert done.returncode == 0, done.stdout + done.stderr
    assert trial.nas_state() == "online"
    packet, power, port, healthy = (done.stdout.index(word) for word in follow.STAGE_WORDS)
    assert packet < power < port < healthy


def test_a_nas_that_does_not_come_is_a_clear_failure_at_the_deadline(trial: Trial) -> None:
    trial.simhome("nas", "no_boot")
    trial.simhome("nas", "crash")
    trial.wait_until(lambda: trial.nas_state() == "offline", "the crash is seen")
    done = trial.manage("wake_nas", "--wait", timeout_s=BOOT_SECONDS * 3)
    assert done.returncode == 1
    assert "did not wake up" in done.stdout + done.stderr
    assert trial.nas_state() == "offline"


def test_a_second_wake_of_an_awake_nas_is_refused_with_the_reason(trial: Trial) -> None:
    code, body = trial.post("/api/nas/wol")
    assert (code, body["code"]) == (409, "already_online")


def test_a_hanging_plug_delays_no_other(trial: Trial) -> None:
    trial.simhome("plug", "Monitor", "fault", "hang")

    def only_the_monitor_is_unreachable() -> bool:
        devices = trial.get("/api/energy/current")[1]["devices"]
        others = [device for device in devices if device["name"] != "Monitor"]
        assert all(device["status"] == "ok" and device["age_s"] < 35 for device in others)
        return all(device["status"] == "unreachable" for device in devices if device not in others)

    trial.wait_until(only_the_monitor_is_unreachable, "the monitor's silence is told", 100)
    monitor = next(
        d for d in trial.get("/api/energy/current")[1]["devices"] if d["name"] == "Monitor"
    )
    assert monitor["power_w"] > 0 or not monitor["power_known"]
    assert monitor["status"] == "unreachable"
    assert trial.nas_state() == "online"


def test_redis_may_stop_and_everything_comes_back_by_itself(trial: Trial) -> None:
    trial.supervisor("stop", "redis")
    code, body = trial.get("/api/nas/status")
    assert (code, body["state"]) == (200, "online")
    assert trial.get("/api/energy/current")[0] == 200
    assert trial.get("/api/pihole/status")[0] == 200
    trial.supervisor("start", "redis")

    def all_fresh() -> bool:
        return all(
            not device["is_stale"] for device in trial.get("/api/energy/current")[1]["devices"]
        )

    trial.wait_until(all_fresh, "plugs are polled again", 60)


def test_a_hanging_redis_holds_up_no_page(trial: Trial) -> None:
    redis = trial.pid("redis")
    os.kill(redis, signal.SIGSTOP)
    try:
        for path in ("/api/health", "/api/nas/status", "/api/energy/current", "/api/pihole/status"):
            assert trial.get(path, timeout_s=5)[0] == 200, path
    finally:
        os.kill(redis, signal.SIGCONT)


def test_a_killed_worker_comes_back_and_no_sample_is_there_twice(trial: Trial) -> None:
    old = trial.pid("worker")
    os.kill(old, signal.SIGKILL)
    trial.wait_until(lambda: trial.pid("worker") not in {0, old}, "the worker is started again")
    trial.simhome("nas", "suspend")
    trial.wait_until(lambda: trial.nas_state() == "offline", "the new worker watches", 60)
    database = sqlite3.connect(Path(trial.data_dir) / "balupi.sqlite3")
    twice = database.execute(
        "SELECT count(*) FROM energy_powersample GROUP BY plug_id, at HAVING count(*) > 1"
    )
    assert twice.fetchall() == []


def test_a_pihole_that_went_away_is_told_and_mended(trial: Trial) -> None:
    trial.simhome("pihole", "fault", "api_down")
    trial.simhome("nas", "suspend")
    trial.wait_until(lambda: trial.nas_state() == "offline", "the suspend is seen")
    trial.wait_until(
        lambda: trial.get("/api/pihole/status")[1]["problem"] is not None, "the problem is told", 60
    )
    assert trial.get("/api/pihole/status")[1]["problem"]["code"] in {"unreachable", "no_answer"}
    trial.simhome("pihole", "clear")
    trial.wait_until(lambda: leads_to(trial) == trial.facts["pi_ip"], "the name follows", 30)


def test_a_soft_sleeping_nas_is_not_woken_by_the_watch(trial: Trial) -> None:
    trial.simhome("nas", "soft_sleep")
    asked = trial.simhome("status")["nas"]["requests"].get("/api/system/info", 0)
    trial.wait_until(
        lambda: trial.simhome("status")["nas"]["requests"].get("/api/system/info", 0) >= asked + 2,
        "two more probes",
        90,
    )
    assert trial.simhome("status")["nas"]["state"] == "soft_sleep"
    assert trial.nas_state() == "online"


def test_two_trials_run_side_by_side_and_do_not_see_each_other(
    trial: Trial, tmp_path: Path
) -> None:
    with running_trial(tmp_path / "second", **QUICK) as second:
        assert len(second.get("/api/energy/current")[1]["devices"]) == 3
        second.simhome("nas", "crash")
        second.wait_until(lambda: second.nas_state() == "offline", "the second's crash is seen")
        assert trial.nas_state() == "online"
