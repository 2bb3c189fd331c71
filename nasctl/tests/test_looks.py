"""Which question goes where, and how old a reading of the plug is."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from balupi_site.lib.errors import TransientError
from energy import services as energy
from energy.readings import Reading as PlugReading
from nasctl.evidence import Answer, Presence
from nasctl.pace import Job
from nasctl.probe import Probe
from nasctl.services import looks
from nasctl.services.looks import Errand, Look, run
from nasctl.tests.conftest import Plug


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []

    def presence(*where: object) -> Presence:
        calls.append(where)
        return Presence.OK

    def probe(*where: object) -> Probe:
        calls.append(where)
        return Probe(Answer.GOOD, 200)

    monkeypatch.setattr(looks, "presence", presence)
    monkeypatch.setattr(looks, "probe", probe)
    return calls


def test_presence_is_looked_for_at_the_address(asked: list[tuple[Any, ...]]) -> None:
    assert run(Errand(Job.PRESENCE, 7.0)) == Look(Job.PRESENCE, 7.0, presence=Presence.OK)
    assert asked == [("127.66.0.53", 8000)]


@pytest.mark.parametrize(
    ("after_wake", "path"), [(False, "/api/system/info"), (True, "/api/health")]
)
def test_a_probe_asks_a_harmless_path_but_health_after_our_wake(
    after_wake: bool, path: str, asked: list[tuple[Any, ...]]
) -> None:
    found = run(Errand(Job.PROBE, 7.0, after_wake=after_wake))
    assert found.probe == Probe(Answer.GOOD, 200)
    assert asked == [("http://127.66.0.53:8000", "127.66.0.53", path)]


def reading(power_w: float | None, age_s: float) -> PlugReading:
    at = timezone.now() - timedelta(seconds=age_s)
    return PlugReading("8022", at, power_w, None, None, None, relay_on=True, rssi=None)


def test_the_plug_itself_is_asked_when_it_matters(
    plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug(33.0, age_s=20.0)
    monkeypatch.setattr(energy, "read_role_now", lambda _role, **_wait: reading(1.2, 0.1))
    live, lately = run(Errand(Job.POWER, 0.0, is_live=True)), run(Errand(Job.POWER, 0.0))
    assert live.power is not None
    assert lately.power is not None
    assert (live.power.power_w, lately.power.power_w) == (1.2, 33.0)
    assert time.monotonic() - live.power.measured_s == pytest.approx(0.1, abs=0.5)
    assert time.monotonic() - lately.power.measured_s == pytest.approx(20.0, abs=0.5)


def test_a_plug_that_does_not_answer_leaves_what_it_said_last(
    plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug(33.0, age_s=20.0)
    monkeypatch.setattr(energy, "read_role_now", lambda _role, **_wait: None)
    found = run(Errand(Job.POWER, 0.0, is_live=True))
    assert found.power is not None
    assert found.power.power_w == 33.0


@pytest.mark.parametrize(
    ("power_w", "age_s"),
    [
        pytest.param(None, 1.0, id="the plug has no meter"),
        pytest.param(33.0, -60.0, id="of a clock that was wrong"),
    ],
)
def test_what_says_nothing_is_no_reading(power_w: float | None, age_s: float, plug: Plug) -> None:
    plug(power_w, age_s=age_s)
    assert run(Errand(Job.POWER, 0.0)).power is None


@pytest.mark.django_db
def test_a_household_without_a_plug_has_no_reading() -> None:
    assert run(Errand(Job.POWER, 0.0)).power is None


def test_packets_that_cannot_be_sent_are_told_and_tried_again(
    packets: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert run(Errand(Job.PACKET, 0.0)) == Look(Job.PACKET, 0.0)
    assert len(packets) == 1

    def fail() -> None:
        raise TransientError("no network")

    monkeypatch.setattr(looks, "send_packets", fail)
    assert run(Errand(Job.PACKET, 0.0)) == Look(Job.PACKET, 0.0)
    assert "no network" in caplog.text
