"""Polling: what is kept of each plug's answer, and what is noted of how it went."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError
from django.db.models import QuerySet

from energy import tasks
from energy.models import PlugRole, PlugStatus, SmartPlug
from energy.plug_pool import credentials_digest, shared_pool
from energy.readings import Failure, FailureKind, Reading, Seen, Target
from energy.sample_buffer import latest_lines
from energy.services import poll_plugs, polling, read_plugs_now, samples
from energy.tests.conftest import SimHome
from energy.tests.factories import id_of, make_plug, make_reading, make_seen
from simhome.loads import ConstantLoad
from simhome.plug import swap_hosts

pytestmark = pytest.mark.django_db

Result = Seen | Failure


class FakePool:
    """Answers as it is told, in the order of ``answers``; remembers who was asked."""

    def __init__(self) -> None:
        self.answers: list[Callable[[], Result]] = []
        self.asked: list[Target] = []
        self.at_once = False

    def iter_results(self, targets: Iterable[Target], *, at_once: bool = False) -> Iterator[Result]:
        self.asked, self.at_once = list(targets), at_once
        for answer in self.answers:
            yield answer()


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch, redis_server: Any) -> FakePool:
    fake = FakePool()
    monkeypatch.setattr(polling, "shared_pool", lambda: fake)
    return fake


def says(plug: SmartPlug, **values: Any) -> Callable[[], Result]:
    return lambda: make_seen(plug, **values)


def fails(plug: SmartPlug, kind: FailureKind, message: str = "Why.") -> Callable[[], Result]:
    return lambda: Failure(polling.target_of(plug), kind, message)


def latest() -> dict[str, Reading | None]:
    return {key: Reading.from_line(line) for key, line in latest_lines().items()}


def test_a_reading_becomes_the_latest_and_a_sample(pool: FakePool) -> None:
    plug = make_plug()
    pool.answers = [says(plug)]
    assert poll_plugs(keep_samples=True) == 1
    assert latest() == {plug.device_id: make_reading()}
    assert samples.buffer.take() == [make_reading().to_line()]


def test_while_the_clock_cannot_be_believed_nothing_becomes_a_sample(pool: FakePool) -> None:
    plug = make_plug()
    pool.answers = [says(plug)]
    poll_plugs(keep_samples=False)
    assert latest() == {plug.device_id: make_reading()}
    assert samples.buffer.take() == []


@pytest.mark.parametrize("is_plausible", [True, False])
def test_the_task_asks_whether_the_clock_can_be_believed(
    pool: FakePool, monkeypatch: pytest.MonkeyPatch, *, is_plausible: bool
) -> None:
    monkeypatch.setattr(tasks, "is_plausible", lambda _now: is_plausible)
    pool.answers = [says(make_plug())]
    tasks.poll_plugs()
    assert bool(samples.buffer.take()) is is_plausible


def test_an_unknown_power_is_no_sample_and_never_0_w(pool: FakePool) -> None:
    plug = make_plug()
    pool.answers = [says(plug, power_w=None)]
    poll_plugs(keep_samples=True)
    assert samples.buffer.take() == []
    reading = latest()[plug.device_id]
    assert reading is not None
    assert reading.power_w is None


def test_predecessor_26_each_latest_is_there_before_the_next_plug_answers(pool: FakePool) -> None:
    first, second = make_plug(101), make_plug(102)

    def second_answers() -> Result:
        assert set(latest()) == {first.device_id}
        return make_seen(second)

    pool.answers = [says(first), second_answers]
    assert poll_plugs(keep_samples=True) == 2


def test_predecessor_26_a_plug_that_fails_keeps_its_latest_and_the_others_theirs(
    pool: FakePool,
) -> None:
    first, second = make_plug(101), make_plug(102)
    pool.answers = [says(first), says(second)]
    poll_plugs(keep_samples=True)
    before = latest()
    pool.answers = [fails(first, FailureKind.UNREACHABLE), says(second)]
    poll_plugs(keep_samples=True)
    assert latest() == before


def test_disabled_plugs_are_not_asked(pool: FakePool) -> None:
    make_plug(101, enabled=False)
    plug = make_plug(102)
    poll_plugs(keep_samples=True)
    assert [each.device_id for each in pool.asked] == [plug.device_id]


def test_a_plug_that_refused_the_login_is_not_asked_until_the_account_changes(
    pool: FakePool, settings: Any
) -> None:
    settings.TAPO_USERNAME, settings.TAPO_PASSWORD = "Owner@example.com", "wrong"
    plug = make_plug()
    pool.answers = [fails(plug, FailureKind.LOGIN_REFUSED)]
    poll_plugs(keep_samples=True)
    pool.answers, pool.asked = [], []
    poll_plugs(keep_samples=True)
    assert pool.asked == []
    settings.TAPO_PASSWORD = "Correct horse 7"
    poll_plugs(keep_samples=True)
    assert len(pool.asked) == 1


def test_reading_now_forgets_the_refusal_and_the_back_off(pool: FakePool) -> None:
    plug = make_plug(refused_credentials=credentials_digest())
    pool.answers = [says(plug)]
    assert read_plugs_now([plug.device_id]) == 1
    assert pool.at_once
    plug.refresh_from_db()
    assert (plug.refused_credentials, plug.status) == ("", PlugStatus.OK)


@pytest.mark.parametrize("kind", list(FailureKind))
def test_each_failure_is_noted_with_its_message_and_time(pool: FakePool, kind: FailureKind) -> None:
    plug = make_plug(status=PlugStatus.OK)
    pool.answers = [fails(plug, kind, "What to do." * 100)]
    assert poll_plugs(keep_samples=True) == 0
    plug.refresh_from_db()
    assert plug.status == kind.value
    assert plug.status_message.startswith("What to do.")
    assert plug.status_since is not None
    assert (plug.refused_credentials != "") is (kind is FailureKind.LOGIN_REFUSED)


def test_what_stays_the_same_is_not_written_and_logged_once(
    pool: FakePool,
    django_assert_num_queries: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "energy")
    plug = make_plug(status=PlugStatus.OK)
    pool.answers = [fails(plug, FailureKind.UNREACHABLE)]
    for _poll in range(3):
        poll_plugs(keep_samples=True)
    pool.answers = [says(plug)]
    for _poll in range(3):
        poll_plugs(keep_samples=True)
    assert [each.getMessage() for each in caplog.records] == [
        "plug Plug 101: Why.",
        "plug Plug 101: answers",
    ]
    with django_assert_num_queries(1):
        poll_plugs(keep_samples=True)


def test_many_plugs_cost_one_query(pool: FakePool, django_assert_num_queries: Any) -> None:
    plugs = [make_plug(number, status=PlugStatus.OK) for number in range(101, 121)]
    pool.answers = [says(plug) for plug in plugs]
    with django_assert_num_queries(1):
        assert poll_plugs(keep_samples=True) == 20


def test_no_plugs_need_no_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(polling, "shared_pool")
    assert poll_plugs(keep_samples=True) == 0


def test_what_the_owner_set_is_not_overwritten(pool: FakePool) -> None:
    plug = make_plug(name="My NAS", role=PlugRole.NAS)

    def answers_after_an_edit() -> Result:
        SmartPlug.objects.update(host="127.0.0.77", name="Renamed")
        return fails(plug, FailureKind.UNREACHABLE)()

    pool.answers = [answers_after_an_edit]
    poll_plugs(keep_samples=True)
    plug.refresh_from_db()
    assert (plug.name, plug.role, plug.host) == ("Renamed", PlugRole.NAS, "127.0.0.77")
    assert plug.status == PlugStatus.UNKNOWN  # the failure was the old address's


def test_a_database_that_refuses_the_status_ends_no_sweep(
    pool: FakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_plug(101), make_plug(102)
    pool.answers = [fails(first, FailureKind.UNREACHABLE), says(second)]

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise DatabaseError("locked")

    monkeypatch.setattr(QuerySet, "update", refuse)
    assert poll_plugs(keep_samples=True) == 1
    assert set(latest()) == {second.device_id}


def store(home: SimHome, number: int) -> SmartPlug:
    """Store a plug where the simulated home has it."""
    return make_plug(number, host=f"{home.block}.{number}")


@pytest.mark.enable_socket
def test_predecessor_26_one_hanging_plug_among_five_delays_no_latest(
    home: SimHome, redis_server: Any, settings: Any
) -> None:
    settings.ENERGY_PLUG_TIMEOUT_SECONDS = 1
    for number in range(101, 106):
        home.add(number, load=ConstantLoad(number))
        store(home, number)
    poll_plugs(keep_samples=True)  # sessions are there
    home.fault(home.plugs[0], "hang")
    redis_server.flushall()
    results = shared_pool().iter_results(
        [polling.target_of(plug) for plug in SmartPlug.objects.all()]
    )
    by_mac = {plug.mac: plug for plug in SmartPlug.objects.all()}
    for _good in range(4):
        result = next(results)
        polling.keep_result(by_mac[result.target.mac], result, is_sample=True)
    assert set(latest()) == {id_of(number) for number in range(102, 106)}
    assert home.do(lambda: home.plugs[0].calls["request"]) == 2  # it was asked and still hangs
    times = [reading.at for reading in latest().values() if reading is not None]
    assert (max(times) - min(times)).total_seconds() <= 0.1
    assert [type(each) for each in results] == [Failure]


@pytest.mark.enable_socket
def test_predecessor_28_plugs_that_swapped_addresses_keep_their_names_and_roles(
    home: SimHome, redis_server: Any
) -> None:
    nas = home.add(101, load=ConstantLoad(40))
    lamp = home.add(102, load=ConstantLoad(7))
    store(home, 101)
    store(home, 102)
    SmartPlug.objects.filter(device_id=id_of(101)).update(name="NAS", role=PlugRole.NAS)
    poll_plugs(keep_samples=True)
    home.run(swap_hosts(nas, lamp))
    poll_plugs(keep_samples=True)
    statuses = SmartPlug.objects.values_list("status", flat=True)
    assert set(statuses) == {PlugStatus.WRONG_DEVICE}
    pool = shared_pool()
    pool._loop.submit(_searched(pool)).result(10)
    assert poll_plugs(keep_samples=True) == 2
    rows = SmartPlug.objects.values_list("name", "role", "host", "status")
    assert set(rows) == {
        ("NAS", PlugRole.NAS, f"{home.block}.102", PlugStatus.OK),
        ("Plug 102", PlugRole.GENERIC, f"{home.block}.101", PlugStatus.OK),
    }
    readings = latest()
    watts = [reading.power_w for key in (101, 102) if (reading := readings[id_of(key)])]
    assert watts == [40, 7]


async def _searched(pool: Any) -> None:
    await pool._search_task
