"""Another site's plugs: only its own worker talks to them, and home tells when that one is away."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator
from threading import Event
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from balupi_site.lib.errors import PermanentError
from balupi_site.lib.kept import retold
from balupi_site.lib.redis import client
from energy import services, tasks
from energy.models import PlugRole, PlugStatus, SmartPlugQuerySet
from energy.readings import Seen, Target
from energy.sample_buffer import SampleBuffer, waiting_lines
from energy.services import polling, sites
from energy.tests.factories import make_plug, make_reading

pytestmark = pytest.mark.django_db
OLD = timezone.now() - dt.timedelta(minutes=10)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was put into queues; nobody takes it."""
    options: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.poll_plugs, "apply_async", lambda **how: options.append(how))
    return options


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which plugs were talked to, by MAC address; none of them answers."""
    macs: list[str] = []

    class SilentPool:
        def iter_results(self, targets: Iterable[Target], **_how: Any) -> Iterator[Seen]:
            macs.extend(target.mac for target in targets)
            return iter(())

    monkeypatch.setattr(polling, "shared_pool", SilentPool)
    return macs


def test_home_talks_to_its_own_plugs_only_with_redis_or_without(
    asked: list[str], no_redis: None
) -> None:
    home, _away = make_plug(101), make_plug(102, site="garage")
    tasks.poll_plugs()
    assert asked == [home.mac]


def test_another_site_talks_to_its_own_plugs_only(asked: list[str], settings: Any) -> None:
    home, away = make_plug(101, role=PlugRole.NAS), make_plug(102, site="garage")
    settings.SITE = "garage"
    services.poll_plugs(keep_samples=True)
    services.read_plugs_now([home.device_id, away.device_id])
    assert asked == [away.mac, away.mac]
    assert services.read_role_now("nas", wait_s=0) is None
    with pytest.raises(PermanentError, match="no such plug"):
        services.switch_plug(home.device_id, "on")


def test_home_sends_one_sweep_to_each_site_that_has_plugs(
    sent: list[dict[str, Any]], redis_server: Any
) -> None:
    make_plug(101)
    for number, site in ((102, "garage"), (103, "garage"), (104, "attic")):
        make_plug(number, site=site)
    make_plug(105, site="empty", enabled=False)
    sites.send_on(tasks.poll_plugs, within_s=30)
    assert [(each["queue"], each["expires"]) for each in sent] == [
        ("plugs.attic", 30),
        ("plugs.garage", 30),
    ]


def test_another_site_sends_nothing_on(
    sent: list[dict[str, Any]], settings: Any, redis_server: Any
) -> None:
    make_plug(site="garage")
    settings.SITE = "garage"
    sites.send_on(tasks.poll_plugs, within_s=30)
    assert sent == []


def test_what_waits_for_a_worker_that_is_away_does_not_pile_up(
    sent: list[dict[str, Any]], redis_server: Any
) -> None:
    make_plug(site="garage")
    client().rpush("plugs.garage", *["a sweep"] * 3)
    sites.send_on(tasks.poll_plugs, within_s=30)
    assert sent == []


@pytest.mark.parametrize(
    ("waiting", "read_at", "status", "says_why"),
    [
        pytest.param(1, OLD, PlugStatus.OK, True, id="not taken, and the reading is old"),
        pytest.param(0, OLD, PlugStatus.OK, False, id="taken: the worker will say what is wrong"),
        pytest.param(1, None, PlugStatus.OK, False, id="read a moment ago"),
        pytest.param(1, OLD, PlugStatus.LOGIN_REFUSED, False, id="it is not polled anyway"),
    ],
)
def test_plugs_say_that_no_worker_answers_at_their_site(
    sent: list[dict[str, Any]],
    redis_server: Any,
    waiting: int,
    read_at: dt.datetime | None,
    status: PlugStatus,
    says_why: bool,
) -> None:
    plug, home = make_plug(101, site="garage", status=status), make_plug(102, status=PlugStatus.OK)
    SampleBuffer().put(make_reading(101, at=read_at or timezone.now()), is_sample=False)
    if waiting:
        client().rpush("plugs.garage", "a sweep")
    sites.send_on(tasks.poll_plugs, within_s=30)
    plug.refresh_from_db()
    home.refresh_from_db()
    assert ("No worker answers for the site garage" in retold(plug.status_message)) is says_why
    assert plug.status == (PlugStatus.UNREACHABLE if says_why else status)
    assert home.status == PlugStatus.OK


def test_another_site_keeps_only_what_redis_does_not_have(redis_server: Any) -> None:
    """Home stores its samples: what was handed over must not grow in its memory for ever."""
    buffer = SampleBuffer(is_stored_here=False)
    buffer.put(make_reading(), is_sample=True)
    assert len(waiting_lines()) == 1
    client().delete("energy:samples")
    assert buffer.take() == []


def test_another_site_goes_on_polling_what_it_knows_while_home_is_away(
    asked: list[str], settings: Any, no_redis: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SITE = "garage"
    plug = make_plug(site="garage")
    services.poll_plugs(keep_samples=True)

    def fail(*_arguments: object) -> None:
        raise OperationalError("the line is broken")

    monkeypatch.setattr(SmartPlugQuerySet, "here", fail)
    services.poll_plugs(keep_samples=True)
    assert asked == [plug.mac, plug.mac]
    settings.SITE = ""
    with pytest.raises(OperationalError):
        services.poll_plugs(keep_samples=True)


@pytest.mark.parametrize(
    ("silent_s", "polls"),
    [
        pytest.param(30, 0, id="home has just sent a sweep"),
        pytest.param(50, 3, id="home is silent"),
        pytest.param(None, 3, id="home has never sent one"),
    ],
)
def test_another_site_polls_by_itself_only_while_home_is_silent(
    silent_s: float | None, polls: int
) -> None:
    rounds, made = iter([False, False, False, True]), []

    class End(Event):
        def wait(self, timeout: float | None = None) -> bool:
            return next(rounds)

    def poll() -> None:
        made.append(True)
        raise OSError("surprise")  # the next one is tried all the same

    def last_task_s() -> float | None:
        return None if silent_s is None else time.monotonic() - silent_s

    sites.poll_without_home(poll, last_task_s, is_over=End())
    assert len(made) == polls
