"""Latest values: always with their age, never 0 W for what is not known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from energy.models import PlugRole, PlugStatus, PowerSample, SmartPlug
from energy.plug_link import NO_ANSWER
from energy.plug_pool import credentials_digest
from energy.readings import Failure, FailureKind, Seen
from energy.sample_buffer import SampleBuffer, latest_lines
from energy.services import (
    latest,
    latest_of_role,
    latest_readings,
    read_role_now,
    samples,
)
from energy.services.polling import target_of
from energy.tests.factories import NOON, make_plug, make_reading, make_seen

pytestmark = pytest.mark.django_db


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def read_at_noon(number: int = 101, **values: Any) -> None:
    SampleBuffer().put(make_reading(number, **values), is_sample=False)


def sample_at_noon(plug: SmartPlug, power_w: float = 60, seconds: float = 0) -> None:
    PowerSample.objects.create(plug=plug, at=at(seconds), power_w=power_w)


def test_a_reading_comes_with_its_age(redis_server: Any) -> None:
    make_plug()
    read_at_noon()
    [found] = latest_readings(at(12.5))
    assert (found.reading, found.age_s, found.is_stale) == (make_reading(), 12.5, False)


@pytest.mark.parametrize(
    ("age_s", "is_stale"),
    [(0, False), (90, False), (90.1, True), (3600, True), (-30, False), (-3600, True)],
)
def test_a_value_is_stale_after_three_intervals_or_if_it_is_of_the_future(
    redis_server: Any, age_s: float, *, is_stale: bool
) -> None:
    make_plug()
    read_at_noon()
    [found] = latest_readings(at(age_s))
    assert found.is_stale is is_stale
    assert found.age_s == max(age_s, 0)


def test_predecessor_27_plugs_that_are_gone_do_not_stay_online(redis_server: Any) -> None:
    make_plug(101, status=PlugStatus.OK)
    make_plug(102, status=PlugStatus.OK)
    read_at_noon(101)
    read_at_noon(102)
    assert [each.is_online for each in latest_readings(at(10))] == [True, True]
    assert [each.is_online for each in latest_readings(at(135))] == [False, False]


def test_predecessor_27_a_plug_that_does_not_answer_is_offline_though_its_value_is_fresh(
    redis_server: Any,
) -> None:
    make_plug(status=PlugStatus.UNREACHABLE)
    read_at_noon()
    [found] = latest_readings(at(10))
    assert (found.is_online, found.power_w) == (False, 60)


def test_the_newest_sample_stands_in_where_redis_has_nothing(redis_server: Any) -> None:
    plug = make_plug()
    sample_at_noon(plug, 55, seconds=-60)
    sample_at_noon(plug, 60)
    [found] = latest_readings(at(600))
    assert (found.power_w, found.age_s, found.is_stale) == (60, 600, True)


def test_the_newest_sample_stands_in_while_redis_is_away(no_redis: None) -> None:
    plug = make_plug()
    sample_at_noon(plug)
    [found] = latest_readings(at(20))
    assert (found.power_w, found.is_stale) == (60, False)


def test_a_sample_of_a_clock_that_ran_ahead_does_not_stand_in(redis_server: Any) -> None:
    plug = make_plug()
    sample_at_noon(plug, 40)
    sample_at_noon(plug, 99, seconds=7200)
    assert latest_readings(at(20))[0].power_w == 40


def test_a_plug_that_was_never_read_has_no_power(redis_server: Any) -> None:
    make_plug()
    [found] = latest_readings(NOON)
    assert (found.reading, found.age_s, found.power_w) == (None, None, None)
    assert found.is_stale
    assert not found.is_online


def test_junk_in_redis_is_no_reading(redis_server: Any) -> None:
    plug = make_plug()
    redis_server.hset("energy:latest", plug.device_id, "junk")
    assert latest_readings(NOON)[0].reading is None


def test_disabled_plugs_are_left_out_unless_they_are_asked_for(redis_server: Any) -> None:
    make_plug(101)
    make_plug(102, enabled=False)
    assert len(latest_readings(NOON)) == 1
    assert len(latest_readings(NOON, with_disabled=True)) == 2


def test_any_number_of_plugs_costs_one_query_or_two(
    redis_server: Any, django_assert_num_queries: Any
) -> None:
    for number in range(101, 111):
        sample_at_noon(make_plug(number))
    with django_assert_num_queries(2):
        assert len(latest_readings(NOON)) == 10
    for number in range(101, 111):
        read_at_noon(number)
    with django_assert_num_queries(1):
        assert len(latest_readings(NOON)) == 10


def test_the_latest_of_a_role(redis_server: Any) -> None:
    make_plug(101)
    assert latest_of_role(PlugRole.NAS, NOON) is None
    make_plug(102, role=PlugRole.NAS)
    read_at_noon(102, power_w=35)
    found = latest_of_role(PlugRole.NAS, at(5))
    assert found is not None
    assert (found.power_w, found.age_s) == (35, 5)


class FakePool:
    """Gives one result and remembers how it was asked."""

    def __init__(self, result: Seen | Failure | None) -> None:
        self.result = result
        self.asked: list[tuple[str, float, bool]] = []

    def read_now(self, target: Any, *, wait_s: float, at_once: bool) -> Seen | Failure | None:
        self.asked.append((target.mac, wait_s, at_once))
        return self.result


def use_pool(monkeypatch: pytest.MonkeyPatch, result: Seen | Failure | None) -> FakePool:
    pool = FakePool(result)
    monkeypatch.setattr(latest, "shared_pool", lambda: pool)
    return pool


def test_the_plug_of_a_role_is_read_at_once(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug = make_plug(role=PlugRole.NAS)
    pool = use_pool(monkeypatch, make_seen(plug, power_w=41))
    reading = read_role_now(PlugRole.NAS, wait_s=3)
    assert reading is not None
    assert reading.power_w == 41
    assert pool.asked == [(plug.mac, 3, False)]
    assert latest_lines()[plug.device_id] == reading.to_line()
    assert samples.buffer.take() == []


@pytest.mark.parametrize("answer", ["nothing in time", "a failure"])
def test_no_answer_of_a_role_is_none_and_raises_nothing(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    plug = make_plug(role=PlugRole.NAS)
    failure = Failure(target_of(plug), FailureKind.UNREACHABLE, NO_ANSWER)
    use_pool(monkeypatch, failure if answer == "a failure" else None)
    assert read_role_now(PlugRole.NAS, wait_s=3) is None
    plug.refresh_from_db()
    assert (plug.status == PlugStatus.UNREACHABLE) is (answer == "a failure")


def test_a_role_nobody_has_is_none(redis_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = use_pool(monkeypatch, None)
    make_plug()
    make_plug(102, role=PlugRole.NAS, refused_credentials=credentials_digest())
    assert read_role_now(PlugRole.NAS, wait_s=3) is None
    assert pool.asked == []
