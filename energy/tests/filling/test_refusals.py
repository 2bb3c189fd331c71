"""Plugs that cannot tell what they remember: firmware, a wrong clock, no answer."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from energy.memory import NoMemory
from energy.metering import HOUR
from energy.models import PlugStatus, SmartPlug
from energy.plug_pool import MemoryResult
from energy.readings import Failure, FailureKind, Target
from energy.services import fill_hours
from energy.tests.filling.helpers import NINE, QUARTER_PAST_NOON, FakePool, added, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_server")]


def test_a_refusal_is_a_message_that_is_logged_once_and_not_asked_for_again(
    memory: FakePool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    plug = added(NINE)
    memory.tell(NoMemory.REFUSED)
    for hours in range(0, 7 * 24, 5):
        [filled] = fill_hours(QUARTER_PAST_NOON + hours * HOUR)
        assert "does not tell past hours" in filled.message
    assert len(memory.wanted) == 1
    plug.refresh_from_db()
    assert plug.firmware_version in plug.memory_message
    assert [(each.levelname, each.name) for each in caplog.records] == [
        ("INFO", "energy.services.filling")
    ]
    assert (plug.status, rows(plug)) == (PlugStatus.UNKNOWN, {})


def test_a_refusal_is_forgotten_after_a_week(
    memory: FakePool, caplog: pytest.LogCaptureFixture
) -> None:
    added(NINE)
    memory.tell(NoMemory.REFUSED)
    fill_hours(QUARTER_PAST_NOON)
    caplog.set_level(logging.INFO)
    fill_hours(QUARTER_PAST_NOON + timedelta(days=7))
    fill_hours(QUARTER_PAST_NOON + timedelta(days=8))
    assert len(memory.wanted) == 2
    assert caplog.records == []  # it is nothing new


def test_another_firmware_is_asked_at_once_and_for_all_of_the_week(memory: FakePool) -> None:
    plug = added(NINE)
    memory.tell(NoMemory.REFUSED)
    fill_hours(QUARTER_PAST_NOON)
    SmartPlug.objects.update(firmware_version="1.4.0")
    memory.is_told = False
    fill_hours(QUARTER_PAST_NOON)
    assert len(rows(plug)) == 3
    plug.refresh_from_db()
    assert plug.memory_message == ""


def test_a_wrong_clock_is_a_message_and_asked_again_each_time(memory: FakePool) -> None:
    plug = added(NINE)
    memory.tell(NoMemory.WRONG_CLOCK)
    for hours in range(3):
        [filled] = fill_hours(QUARTER_PAST_NOON + hours * HOUR)
        assert "clock is wrong" in filled.message
    assert len(memory.wanted) == 3
    plug.refresh_from_db()
    assert (plug.memory_message, plug.memory_read_until) == (filled.message, None)
    memory.is_told = False
    fill_hours(QUARTER_PAST_NOON + 3 * HOUR)
    plug.refresh_from_db()
    assert (plug.memory_message, len(rows(plug))) == ("", 6)


def test_a_wrong_clock_after_another_firmwares_refusal_loses_no_hours(memory: FakePool) -> None:
    plug = added(NINE)
    memory.tell(NoMemory.REFUSED)
    fill_hours(QUARTER_PAST_NOON)
    SmartPlug.objects.update(firmware_version="1.4.0")
    memory.tell(NoMemory.WRONG_CLOCK)
    fill_hours(QUARTER_PAST_NOON)
    memory.is_told = False
    fill_hours(QUARTER_PAST_NOON)
    assert len(rows(plug)) == 3


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "not asked now"),
        (Failure(Target("", "", "", {}), FailureKind.UNREACHABLE, "No answer."), "No answer."),
    ],
    ids=["back-off", "unreachable"],
)
def test_a_plug_that_does_not_answer_is_asked_later(
    memory: FakePool, result: MemoryResult, message: str
) -> None:
    plug = added(NINE)
    memory.tell(result)
    [filled] = fill_hours(QUARTER_PAST_NOON)
    assert message in filled.message
    plug.refresh_from_db()
    assert (plug.memory_message, plug.memory_read_until) == ("", None)
    memory.is_told = False
    fill_hours(QUARTER_PAST_NOON)
    assert len(rows(plug)) == 3
