"""A task that the database refuses, and a consumer whose Redis dies, end nothing."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from celery.utils.imports import symbol_by_name
from django.db import IntegrityError, OperationalError

from balupi_site.celery import app
from balupi_site.lib.logs import Rarely
from balupi_site.processes import calm_task
from balupi_site.processes.calm_consumer import CalmConsumer
from energy.tasks import poll_plugs


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calm_task, "_rarely", Rarely())


def task_that_raises(error: Exception) -> Any:
    def fail() -> None:
        raise error

    return app.task(name=f"tests.{type(error).__name__}", shared=False)(fail)


def test_all_tasks_are_calm() -> None:
    assert isinstance(poll_plugs, calm_task.CalmTask)


def test_a_database_that_refuses_is_told_once_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    task = task_that_raises(OperationalError("database or disk is full"))
    for _ in range(3):
        task()
    (record,) = caplog.records
    assert record.message.endswith("is left to its next run: database or disk is full")
    assert record.exc_info is None


@pytest.mark.parametrize("error", [IntegrityError("twice"), ValueError("a slip")])
def test_an_error_of_the_program_fails_the_task(error: Exception) -> None:
    with pytest.raises(type(error)):
        task_that_raises(error)()


class LostConnection:
    """As kombu's is when Redis has died with a message on its way."""

    connection_errors = channel_errors = (ConnectionError,)
    transport = SimpleNamespace(channels=())

    def collect(self, **_options: object) -> None:
        raise AssertionError("celery swallows what this brings")

    def close(self) -> None:
        raise AttributeError("'NoneType' object has no attribute 'hostname'")


def test_a_redis_that_dies_with_a_message_on_its_way_does_not_end_the_worker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    consumer: Any = CalmConsumer.__new__(CalmConsumer)
    consumer.app, consumer.connection = app, LostConnection()
    consumer.on_connection_error_after_connected(ConnectionError("Redis died"))
    assert consumer.connection is None
    assert "left to its next run" in caplog.text


def test_a_task_that_could_not_be_acknowledged_is_no_line_of_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    celery = logging.getLogger("celery.worker.request")
    celery.critical("Couldn't ack %r, reason:%r", "d46e", ConnectionError())
    celery.critical("something else")
    assert [record.message for record in caplog.records] == ["something else"]


def test_the_worker_has_this_consumer() -> None:
    assert symbol_by_name(app.conf.worker_consumer) is CalmConsumer
