"""The commands for the owner's terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from balupi_site.lib.errors import RefusedError, TransientError
from energy import asking, tasks
from energy.models import PlugRole, PlugStatus, SmartPlug
from energy.sample_buffer import SampleBuffer
from energy.tests.conftest import SimHome
from energy.tests.factories import NOON, id_of, make_plug, make_reading

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_server")]


def run(*args: str) -> list[str]:
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue().splitlines()


def answer(monkeypatch: pytest.MonkeyPatch, result: Any) -> list[tuple[Any, ...]]:
    asked: list[tuple[Any, ...]] = []

    def ask_worker(task: Any, *args: str, wait_s: int, site: str = "") -> Any:
        asked.append((task, *args))
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(asking, "ask_worker", ask_worker)
    return asked


FOUND = {
    "host": "127.0.0.9",
    "mac": "02:00:5e:00:00:09",
    "model": "P110",
    "name": "Freezer",
    "outcome": "added",
    "message": "",
}


def test_a_search_prints_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {**FOUND, "name": "", "outcome": "failed", "message": "Switch it on."}
    asked = answer(monkeypatch, [FOUND, failed])
    assert run("discover_plugs", "--target", "127.0.0.9") == [
        "added       127.0.0.9       P110    Freezer",
        "failed      127.0.0.9       P110    02:00:5e:00:00:09: Switch it on.",
        "2 found, 1 added.",
    ]
    assert asked == [(tasks.discover_plugs, "127.0.0.9")]


def test_an_empty_search_says_what_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, [])
    assert "--target" in run("discover_plugs")[-1]


def test_a_search_without_a_worker_fails_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, TransientError("The worker did not answer."))
    with pytest.raises(CommandError, match="worker did not answer"):
        run("discover_plugs")


@pytest.mark.enable_socket
def test_a_search_can_run_here(home: SimHome) -> None:
    home.add(101)
    assert run("discover_plugs", "--here")[-1] == "1 found, 1 added."
    assert SmartPlug.objects.get().status == PlugStatus.OK


def test_the_list_shows_power_age_relay_and_trouble() -> None:
    make_plug(101, name="NAS", role=PlugRole.NAS, status=PlugStatus.OK)
    make_plug(102, name="Old", status=PlugStatus.UNREACHABLE, status_message="No answer.")
    make_plug(103, name="Unused", enabled=False)
    buffer = SampleBuffer()
    buffer.put(make_reading(101, at=datetime.now(UTC), power_w=34.56), is_sample=False)
    buffer.put(make_reading(102, at=NOON, relay_on=False), is_sample=False)
    head, nas, old, unused = run("list_plugs")
    assert head.split() == ["NAME", "ROLE", "POWER", "AGE", "RELAY", "ADDRESS", "SITE", "STATUS"]
    assert nas.split()[5:] == ["s", "on", "127.0.0.101", "-", "answers"]
    assert nas.split()[:5] == ["NAS", "nas", "34.6", "W", "0"]
    assert "s* off" in old
    assert old.endswith("No answer.")
    assert unused.split()[:4] == ["Unused", "generic", "-", "-"]
    assert "not polled" in unused


def test_a_name_that_would_turn_the_line_around_does_not() -> None:
    make_plug(name="Lamp \u202e99\x1b[2J")
    [_head, row] = run("list_plugs")
    assert row.startswith("Lamp \ufffd99\ufffd[2J ")


def test_an_empty_list_says_what_to_do() -> None:
    assert "discover_plugs" in run("list_plugs")[0]


@pytest.mark.parametrize("name", [id_of(101), "Freezer", "freezer"])
def test_a_plug_is_switched_by_name_or_id(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    make_plug(name="Freezer")
    asked = answer(monkeypatch, result=True)
    assert run("switch_plug", name, "toggle") == ["Freezer is on."]
    assert asked == [(tasks.switch_plug, id_of(101), "toggle")]


def test_a_refusal_ends_the_command_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    make_plug(name="NAS")
    answer(monkeypatch, RefusedError("The NAS is not off.", code="nas_on"))
    with pytest.raises(CommandError, match="not off"):
        run("switch_plug", "NAS", "off")


@pytest.mark.parametrize(("count", "text"), [(0, "There is no plug"), (2, "More than one")])
def test_a_name_that_is_not_clear_switches_nothing(
    monkeypatch: pytest.MonkeyPatch, count: int, text: str
) -> None:
    for number in range(101, 101 + count):
        make_plug(number, name="Lamp")
    asked = answer(monkeypatch, result=True)
    with pytest.raises(CommandError, match=text):
        run("switch_plug", "Lamp", "off")
    assert asked == []
