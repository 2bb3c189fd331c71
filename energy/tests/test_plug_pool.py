"""Many plugs at once: nobody waits for a plug that hangs."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

from energy.plug_link import NO_ANSWER
from energy.plug_pool import PlugPool, close_connections, shared_pool
from energy.readings import Failure, FailureKind, Seen
from energy.tapo import PlugError
from energy.tests.factories import mac_of, make_target
from energy.tests.fake_plugs import (
    DEADLINE_S,
    FakeNetwork,
    FakePlug,
    kinds,
    make_pool,
    sweep,
    wait_for_search,
)


def test_predecessor_26_a_hanging_plug_delays_none_of_the_other_four(
    network: FakeNetwork, pool: PlugPool
) -> None:
    plugs = [network.add(number) for number in range(1, 6)]
    plugs[0].hangs = True
    results = pool.iter_results([make_target(number) for number in range(1, 6)])
    good = [next(results) for _plug in range(4)]
    assert {each.target.host for each in good} == {f"127.0.0.{number}" for number in (2, 3, 4, 5)}
    assert plugs[0].is_asked.done()
    plugs[0].let_go()
    assert [each.target.host for each in results] == ["127.0.0.1"]


def test_a_sweep_under_way_holds_up_no_later_sweep(network: FakeNetwork, pool: PlugPool) -> None:
    hanging, good = network.add(1), network.add(2)
    hanging.hangs = True
    targets = [make_target(1), make_target(2)]
    first = pool.iter_results(targets)
    assert next(first).target.host == "127.0.0.2"
    second = sweep(pool, *targets)
    assert [each.target.host for each in second] == ["127.0.0.2"]
    assert (hanging.reads, good.reads) == (1, 2)
    hanging.let_go()
    assert [each.target.host for each in first] == ["127.0.0.1"]


def test_who_asks_at_once_joins_the_read_under_way(network: FakeNetwork, pool: PlugPool) -> None:
    hanging = network.add(1)
    hanging.hangs = True
    first = pool.iter_results([make_target(1)])
    hanging.is_asked.result(DEADLINE_S)
    assert pool.read_now(make_target(1), wait_s=0) is None
    joining = pool._loop.submit(pool._read_or_join(make_target(1), wait_s=DEADLINE_S, at_once=True))
    pool._loop.submit(asyncio.sleep(0)).result(DEADLINE_S)  # it has joined by now
    hanging.let_go()
    assert isinstance(joining.result(DEADLINE_S), Seen)
    assert kinds(list(first)) == ["seen"]
    assert hanging.reads == 1


def test_the_connection_is_kept_from_poll_to_poll(network: FakeNetwork, pool: PlugPool) -> None:
    plug = network.add(1)
    for _poll in range(3):
        assert kinds(sweep(pool, make_target(1))) == ["seen"]
    assert (plug.opened, plug.reads, plug.closed) == (1, 3, 0)


def test_a_plug_that_gives_no_answer_in_time_is_a_failure_and_its_connection_is_rebuilt(
    network: FakeNetwork,
) -> None:
    plug = network.add(1)
    plug.hangs = True
    pool = make_pool(network, timeout_s=0.05)
    [failure] = sweep(pool, make_target(1))
    assert failure == Failure(make_target(1), FailureKind.UNREACHABLE, NO_ANSWER, is_first=True)
    plug.hangs = False
    assert kinds(sweep(pool, make_target(1), at_once=True)) == ["seen"]
    pool.close()
    assert (plug.opened, plug.closed) == (2, 2)


def test_a_plug_in_back_off_is_not_asked_by_those_who_ask_often(
    network: FakeNetwork, pool: PlugPool
) -> None:
    plug = network.add(1)
    plug.error = PlugError(FailureKind.UNREACHABLE, "Nonsense.")
    [failure] = sweep(pool, make_target(1))
    assert isinstance(failure, Failure)
    assert failure.is_first
    assert pool.read_now(make_target(1), wait_s=DEADLINE_S) is None
    assert plug.reads == 1
    plug.error = None
    asked = pool.read_now(make_target(1), wait_s=DEADLINE_S, at_once=True)
    assert isinstance(asked, Seen)


def test_predecessor_28_plugs_that_changed_addresses_are_found_again(
    network: FakeNetwork, pool: PlugPool
) -> None:
    network.at = {"127.0.0.1": FakePlug(2), "127.0.0.2": FakePlug(1)}
    network.announce(1, "127.0.0.2")
    network.announce(2, "127.0.0.1")
    targets = [make_target(1), make_target(2)]
    assert kinds(sweep(pool, *targets)) == ["wrong_device", "wrong_device"]
    wait_for_search(pool)
    found = sweep(pool, *targets)
    assert kinds(found) == ["seen", "seen"]
    assert {(each.target.mac, each.target.host) for each in found} == {
        (mac_of(1), "127.0.0.2"),
        (mac_of(2), "127.0.0.1"),
    }
    assert network.searches == ["127.0.0.255"]


def test_an_address_that_the_owner_sets_beats_the_one_of_a_search(
    network: FakeNetwork, pool: PlugPool
) -> None:
    network.at = {"127.0.0.1": FakePlug(9), "127.0.0.2": FakePlug(1), "127.0.0.3": FakePlug(1)}
    network.announce(1, "127.0.0.2")
    sweep(pool, make_target(1))
    wait_for_search(pool)
    [seen] = sweep(pool, make_target(1, host="127.0.0.3"))
    assert seen.target.host == "127.0.0.3"


def test_the_network_is_searched_every_five_minutes_at_most(
    network: FakeNetwork, pool: PlugPool
) -> None:
    network.add(1).error = PlugError(FailureKind.UNREACHABLE, "Nonsense.")
    for second in (0, 100, 299, 300, 599):
        network.now_s = 1000.0 + second
        sweep(pool, make_target(1), at_once=True)
        wait_for_search(pool)
    assert network.searches == ["127.0.0.255"] * 2


def test_a_surprise_of_one_plug_does_not_end_the_others(
    network: FakeNetwork, pool: PlugPool
) -> None:
    network.add(2)
    results = sweep(pool, make_target(1), make_target(2))  # nobody at 1: KeyError
    assert sorted(kinds(results)) == ["seen", "unreachable"]


def test_closing_ends_a_read_under_way_at_once(network: FakeNetwork, pool: PlugPool) -> None:
    hanging = network.add(1)
    hanging.hangs = True
    results = pool.iter_results([make_target(1)])
    collected: Future[list[Seen | Failure]] = Future()
    thread = threading.Thread(target=lambda: collected.set_result(list(results)))
    thread.start()
    hanging.is_asked.result(DEADLINE_S)
    pool.close()
    assert collected.result(DEADLINE_S) == []
    thread.join(DEADLINE_S)
    assert hanging.closed == 1


def test_a_closed_pool_starts_anew(network: FakeNetwork, pool: PlugPool) -> None:
    plug = network.add(1)
    sweep(pool, make_target(1))
    pool.close()
    assert kinds(sweep(pool, make_target(1))) == ["seen"]
    assert plug.opened == 2


def test_a_process_has_one_pool_until_it_is_closed(settings: Any) -> None:
    first = shared_pool()
    assert shared_pool() is first
    close_connections()
    close_connections()
    assert shared_pool() is not first
