"""Readings between the poller and the database: Redis and memory each survive the other."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from balupi_site.lib.redis import RedisError, client
from energy import sample_buffer
from energy.readings import Reading
from energy.sample_buffer import SampleBuffer, forget_latest, latest_lines
from energy.tests.factories import NOON, id_of, make_reading


def readings(count: int) -> list[Reading]:
    return [make_reading(at=NOON + timedelta(seconds=30 * step)) for step in range(count)]


def put_all(buffer: SampleBuffer, given: list[Reading]) -> list[str]:
    for reading in given:
        buffer.put(reading, is_sample=True)
    return [reading.to_line() for reading in given]


def lose_redis(settings: Any) -> None:
    """Let Redis be gone, as for a process whose connection breaks."""
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    client.cache_clear()


def find_redis(settings: Any, url: str) -> None:
    settings.REDIS_URL = url
    client.cache_clear()


def test_the_latest_reading_of_each_plug_is_kept(redis_server: Any) -> None:
    buffer = SampleBuffer()
    first, second = readings(2)
    for reading in (first, second, make_reading(102, power_w=5)):
        buffer.put(reading, is_sample=False)
    assert {key: Reading.from_line(line) for key, line in latest_lines().items()} == {
        id_of(101): second,
        id_of(102): make_reading(102, power_w=5),
    }


def test_what_is_no_sample_does_not_wait_for_the_database(redis_server: Any) -> None:
    buffer = SampleBuffer()
    buffer.put(make_reading(), is_sample=False)
    assert buffer.take() == []


def test_samples_wait_in_their_order_each_once(redis_server: Any) -> None:
    buffer = SampleBuffer()
    lines = put_all(buffer, readings(3))
    assert buffer.take() == lines


def test_what_was_taken_comes_again_until_it_is_forgotten(redis_server: Any) -> None:
    buffer = SampleBuffer()
    lines = put_all(buffer, readings(2))
    assert buffer.take() == lines
    assert buffer.take() == lines
    buffer.forget(lines)
    assert buffer.take() == []


def test_a_killed_process_leaves_its_samples_to_the_next_one(redis_server: Any) -> None:
    lines = put_all(SampleBuffer(), readings(3))
    assert SampleBuffer().take() == lines


def test_a_process_killed_while_it_stored_leaves_everything_too(redis_server: Any) -> None:
    dying = SampleBuffer()
    old = put_all(dying, readings(2))
    dying.take()
    new = make_reading(at=NOON + timedelta(hours=1))
    dying.put(new, is_sample=True)
    successor = SampleBuffer()
    assert successor.take() == old
    successor.forget(old)
    assert successor.take() == [new.to_line()]


def test_what_redis_keeps_is_not_forgotten_where_it_could_not_be_read(
    redis_server: Any, settings: Any
) -> None:
    dying = SampleBuffer()
    old = put_all(dying, readings(2))
    dying.take()  # and dies before they are stored
    successor = SampleBuffer()
    new = make_reading(at=NOON + timedelta(hours=1))
    successor.put(new, is_sample=True)
    url = settings.REDIS_URL
    lose_redis(settings)
    taken = successor.take()
    assert taken == [new.to_line()]
    find_redis(settings, url)
    successor.forget(taken)
    assert successor.take() == old


def test_samples_that_come_while_others_are_stored_are_kept(redis_server: Any) -> None:
    buffer = SampleBuffer()
    taken = put_all(buffer, readings(2)) and buffer.take()
    late = make_reading(at=NOON + timedelta(hours=1))
    buffer.put(late, is_sample=True)
    buffer.forget(taken)
    assert buffer.take() == [late.to_line()]


def test_a_redis_that_lost_everything_loses_no_sample(redis_server: Any) -> None:
    buffer = SampleBuffer()
    lines = put_all(buffer, readings(3))
    redis_server.flushall()  # it was stopped and started: it keeps nothing on the card
    assert buffer.take() == lines


def test_samples_of_a_redis_outage_are_handed_over_when_it_is_back(
    redis_server: Any, settings: Any
) -> None:
    now_s = 0.0
    url = settings.REDIS_URL
    buffer = SampleBuffer(monotonic=lambda: now_s)
    before, during, after = readings(3)
    put_all(buffer, [before])
    lose_redis(settings)
    put_all(buffer, [during])
    find_redis(settings, url)
    now_s = 60.0
    put_all(buffer, [after])
    killed_now = SampleBuffer()
    assert killed_now.take() == [each.to_line() for each in (before, during, after)]


def test_what_a_slow_line_takes_of_a_long_outage_is_handed_over_and_not_sent_again(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    push = sample_buffer._push

    def push_over_slow_line(device_id: str, line: str, samples: list[str]) -> None:
        sent.append(len(samples))
        if sum(sent) > 4:
            raise RedisError("the line is slow")
        push(device_id, line, samples)

    monkeypatch.setattr(sample_buffer, "_MAX_PUSHED", 2)
    now_s = 0.0
    buffer = SampleBuffer(lambda: now_s, is_stored_here=False)
    lines = [each.to_line() for each in readings(5)]
    buffer._owed = dict.fromkeys(lines)
    monkeypatch.setattr(sample_buffer, "_push", push_over_slow_line)
    buffer.put(make_reading(102), is_sample=False)
    assert sample_buffer.waiting_lines() == lines[:4]
    monkeypatch.setattr(sample_buffer, "_push", push)
    now_s = 60.0
    buffer.put(make_reading(102), is_sample=False)
    assert client().lrange("energy:samples", 0, -1) == lines


def test_samples_are_stored_from_memory_while_redis_is_away(no_redis: None) -> None:
    buffer = SampleBuffer()
    lines = put_all(buffer, readings(3))
    assert buffer.take() == lines
    buffer.forget(lines)
    assert buffer.take() == []


def test_an_absent_redis_is_not_asked_for_each_plug(
    no_redis: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    now_s = 0.0

    def push(*_args: object) -> None:
        asked.append(now_s)
        raise RedisError("away")

    monkeypatch.setattr(sample_buffer, "_push", push)
    buffer = SampleBuffer(monotonic=lambda: now_s)
    for second in (0.0, 0.1, 9.9, 10.0, 15.0):
        now_s = second
        buffer.put(make_reading(at=NOON + timedelta(seconds=second)), is_sample=True)
    assert asked == [0.0, 10.0]


def test_an_outage_is_logged_once_and_its_end_too(
    redis_server: Any, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "energy")
    now_s = 0.0
    url = settings.REDIS_URL
    buffer = SampleBuffer(monotonic=lambda: now_s)
    lose_redis(settings)
    for step in range(3):
        now_s = 60.0 * step
        buffer.put(make_reading(at=NOON + timedelta(seconds=step)), is_sample=True)
    find_redis(settings, url)
    now_s = 600.0
    buffer.put(make_reading(at=NOON + timedelta(minutes=9)), is_sample=True)
    messages = [record.getMessage() for record in caplog.records]
    assert [message.split(",")[0] for message in messages] == ["Redis is away", "Redis is back"]


def test_the_oldest_are_dropped_where_too_many_wait_and_it_is_logged_once(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sample_buffer, "MAX_WAITING", 3)
    buffer = SampleBuffer()
    lines = put_all(buffer, readings(6))
    assert buffer.take() == lines[3:]
    assert len([each for each in caplog.records if each.levelno == logging.ERROR]) == 1


def test_the_latest_of_a_deleted_plug_goes(redis_server: Any) -> None:
    SampleBuffer().put(make_reading(), is_sample=False)
    forget_latest(id_of(101))
    assert latest_lines() == {}


def test_nothing_of_this_raises_while_redis_is_away(no_redis: None) -> None:
    assert latest_lines() == {}
    forget_latest(id_of(101))
