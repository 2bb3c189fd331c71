"""One plug: who it is, what a second chance is given for, and how long it is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from energy.memory import NoMemory, Remembered, Wanted
from energy.metering import HOUR
from energy.plug_link import NO_ANSWER, NO_LOGIN
from energy.plug_pool import MemoryResult, PlugPool
from energy.readings import Failure, FailureKind, Seen
from energy.tapo import Login, PlugError
from energy.tests.factories import KLAP, NOON, make_target
from energy.tests.fake_plugs import (
    DEADLINE_S,
    FakeNetwork,
    FakePlug,
    kinds,
    make_pool,
    sweep,
)


def test_after_any_failure_the_connection_is_closed_and_made_anew(
    network: FakeNetwork, pool: PlugPool
) -> None:
    plug = network.add(1)
    plug.error = PlugError(FailureKind.UNREACHABLE, "Nonsense.")
    assert kinds(sweep(pool, make_target(1))) == ["unreachable"]
    plug.error = None
    assert kinds(sweep(pool, make_target(1), at_once=True)) == ["seen"]
    assert (plug.opened, plug.closed) == (2, 1)


def test_a_failing_plug_is_left_alone_longer_and_longer(
    network: FakeNetwork, pool: PlugPool
) -> None:
    plug = network.add(1)
    plug.error = PlugError(FailureKind.UNREACHABLE, "Nonsense.")
    asked_at_s = []
    for second in range(0, 300, 30):
        network.now_s = 1000.0 + second
        if sweep(pool, make_target(1)):
            asked_at_s.append(second)
    assert asked_at_s == [0, 30, 60, 120, 240]


def test_success_ends_the_back_off(network: FakeNetwork, pool: PlugPool) -> None:
    plug = network.add(1)
    plug.error = PlugError(FailureKind.UNREACHABLE, "Nonsense.")
    sweep(pool, make_target(1))
    plug.error = None
    network.now_s += 30
    assert kinds(sweep(pool, make_target(1))) == ["seen"]
    assert kinds(sweep(pool, make_target(1))) == ["seen"]


def test_a_plug_that_needs_a_setting_is_asked_every_ten_minutes(
    network: FakeNetwork, pool: PlugPool
) -> None:
    network.add(1).error = PlugError(FailureKind.NEEDS_SETTING, "Switch it on.")
    assert kinds(sweep(pool, make_target(1))) == ["needs_setting"]
    network.now_s += 590
    assert sweep(pool, make_target(1)) == []
    network.now_s += 10
    assert kinds(sweep(pool, make_target(1))) == ["needs_setting"]


def test_predecessor_28_another_plug_at_the_address_is_not_taken_for_this_one(
    network: FakeNetwork, pool: PlugPool
) -> None:
    network.at["127.0.0.1"] = FakePlug(2)  # after a DHCP change
    [failure] = sweep(pool, make_target(1))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.WRONG_DEVICE
    assert "Plug 2" in failure.message


def test_a_refused_connection_is_tried_again_after_a_probe(
    network: FakeNetwork, pool: PlugPool
) -> None:
    plug = network.add(1)
    plug.error = PlugError(FailureKind.UNREACHABLE, "Refused.", is_refused=True)
    network.announce(1, "127.0.0.1")
    assert kinds(sweep(pool, make_target(1))) == ["unreachable"]
    assert plug.reads == 2
    assert network.searches[0] == "127.0.0.1"


def test_a_refused_login_is_tried_once(network: FakeNetwork, pool: PlugPool) -> None:
    plug = network.add(1)
    plug.error = PlugError(FailureKind.LOGIN_REFUSED, "No.")
    network.announce(1, "127.0.0.1")
    assert kinds(sweep(pool, make_target(1))) == ["login_refused"]
    assert plug.reads == 1


def test_a_login_refused_by_a_stranger_at_the_address_is_not_held_against_the_account(
    network: FakeNetwork, pool: PlugPool
) -> None:
    network.add(1).error = PlugError(FailureKind.LOGIN_REFUSED, "No.")
    network.announce(7, "127.0.0.1")
    assert kinds(sweep(pool, make_target(1))) == ["wrong_device"]


def test_an_update_that_changed_how_to_connect_is_followed(
    network: FakeNetwork, pool: PlugPool
) -> None:
    plug = network.add(1)
    aes = {**KLAP, "encryption_type": "AES"}
    real_open = network.open_session

    def open_session(*, host: str, connection: Mapping[str, Any], login: Login) -> FakePlug:
        is_old = dict(connection) == aes
        plug.error = PlugError(FailureKind.LOGIN_REFUSED, "No.") if is_old else None
        return real_open(host=host, connection=connection, login=login)

    network.open_session = open_session  # type: ignore[method-assign]
    pool = make_pool(network)
    network.announce(1, "127.0.0.1")
    [seen] = sweep(pool, make_target(1, connection=aes))
    pool.close()
    assert isinstance(seen, Seen)
    assert seen.target.connection == KLAP


def test_a_plug_without_a_known_connection_is_asked_for_it(
    network: FakeNetwork, pool: PlugPool
) -> None:
    network.add(1)
    network.announce(1, "127.0.0.1")
    [seen] = sweep(pool, make_target(1, connection={}))
    assert isinstance(seen, Seen)
    assert seen.target.connection == KLAP


def test_a_probe_that_tells_of_a_missing_setting_is_believed(
    network: FakeNetwork, pool: PlugPool
) -> None:
    network.add(1)
    network.announce(1, "127.0.0.1", problem="Switch it on.")
    assert kinds(sweep(pool, make_target(1, connection={}))) == ["needs_setting"]


def test_switching_asks_who_it_is_first_and_reads_back(
    network: FakeNetwork, pool: PlugPool
) -> None:
    plug = network.add(1)
    seen = pool.switch(make_target(1), on=False, wait_s=DEADLINE_S)
    assert seen.reading.relay_on is False
    assert (plug.relay_on, plug.reads, plug.switched) == (False, 2, 1)


def test_another_plug_at_the_address_is_never_switched(
    network: FakeNetwork, pool: PlugPool
) -> None:
    stranger = network.at["127.0.0.1"] = FakePlug(2)
    with pytest.raises(PlugError) as caught:
        pool.switch(make_target(1), on=False, wait_s=DEADLINE_S)
    assert caught.value.kind is FailureKind.WRONG_DEVICE
    assert stranger.switched == 0


def test_a_plug_that_does_not_switch_is_told(network: FakeNetwork, pool: PlugPool) -> None:
    network.add(1).ignores_switching = True
    with pytest.raises(PlugError, match="did not switch"):
        pool.switch(make_target(1), on=False, wait_s=DEADLINE_S)


def test_a_switch_waits_no_longer_than_it_may(network: FakeNetwork, pool: PlugPool) -> None:
    network.add(1).hangs = True
    with pytest.raises(PlugError, match="does not answer"):
        pool.switch(make_target(1), on=True, wait_s=0.05)


def test_without_an_account_no_plug_is_asked(network: FakeNetwork) -> None:
    plug = network.add(1)
    pool = make_pool(network, login=Login("Owner@example.com", ""))
    [failure] = sweep(pool, make_target(1))
    pool.close()
    assert failure == Failure(make_target(1), FailureKind.LOGIN_REFUSED, NO_LOGIN, is_first=True)
    assert plug.opened == 0


def test_a_trial_never_talks_to_another_machine(network: FakeNetwork, pool: PlugPool) -> None:
    [failure] = sweep(pool, make_target(1, host="192.168.178.60"))
    assert isinstance(failure, Failure)
    assert "simulated home" in failure.message


# --- what a plug remembers ------------------------------------------------------------------------

WANTED = Wanted((NOON - 2 * HOUR,), ZoneInfo("Europe/Berlin"), NOON)  # 11:00 in Berlin


def remember(pool: PlugPool, number: int = 1) -> MemoryResult:
    return pool.start_remembering(make_target(number), WANTED).result(DEADLINE_S)


def give_memory(plug: FakePlug) -> None:
    plug.local_time = "2026-03-02 13:00:00"
    plug.memory = {"data": [0] * 11 + [57] + [0] * 12}


def test_what_a_plug_remembers_is_asked_for_through_its_one_session(
    network: FakeNetwork, pool: PlugPool
) -> None:
    plug = network.add(1)
    give_memory(plug)
    sweep(pool, make_target(1))
    assert remember(pool) == Remembered({NOON - 2 * HOUR: 57.0}, NOON - HOUR)
    sweep(pool, make_target(1))
    assert (plug.opened, plug.closed, plug.memories) == (1, 0, 1)


def test_a_plug_that_refuses_to_tell_has_not_failed(network: FakeNetwork, pool: PlugPool) -> None:
    plug = network.add(1)
    give_memory(plug)
    plug.memory = -1002
    assert remember(pool) is NoMemory.REFUSED
    assert kinds(sweep(pool, make_target(1))) == ["seen"]
    assert (plug.opened, plug.closed) == (1, 0)


def test_a_plug_with_a_wrong_clock_is_not_asked_what_it_remembers(
    network: FakeNetwork, pool: PlugPool
) -> None:
    plug = network.add(1)
    give_memory(plug)
    plug.local_time = "2000-01-01 00:00:12"
    assert remember(pool) is NoMemory.WRONG_CLOCK
    assert (plug.memories, kinds(sweep(pool, make_target(1)))) == (0, ["seen"])


def test_what_another_plug_at_the_address_remembers_is_not_asked_for(
    network: FakeNetwork, pool: PlugPool
) -> None:
    stranger = network.at["127.0.0.1"] = FakePlug(2)
    give_memory(stranger)
    failure = remember(pool)
    assert isinstance(failure, Failure)
    assert (failure.kind, stranger.memories) == (FailureKind.WRONG_DEVICE, 0)


def test_a_plug_in_back_off_is_not_asked_what_it_remembers(
    network: FakeNetwork, pool: PlugPool
) -> None:
    plug = network.add(1)
    give_memory(plug)
    plug.error = PlugError(FailureKind.UNREACHABLE, "Nonsense.")
    sweep(pool, make_target(1))
    assert remember(pool) is None
    assert plug.reads == 1
    plug.error = None
    network.now_s += 30
    assert isinstance(remember(pool), Remembered)


def test_a_plug_that_fails_while_it_tells_is_left_alone_like_any_other(
    network: FakeNetwork, pool: PlugPool
) -> None:
    plug = network.add(1)
    plug.error = PlugError(FailureKind.UNREACHABLE, "Nonsense.")
    failure = remember(pool)
    assert failure == Failure(make_target(1), FailureKind.UNREACHABLE, "Nonsense.", is_first=True)
    assert sweep(pool, make_target(1)) == []
    assert plug.closed == 1


def test_a_poll_under_way_is_waited_for(network: FakeNetwork, pool: PlugPool) -> None:
    plug = network.add(1)
    give_memory(plug)
    plug.hangs = True
    poll = pool.iter_results([make_target(1)])
    plug.is_asked.result(DEADLINE_S)
    remembering = pool.start_remembering(make_target(1), WANTED)
    plug.let_go()
    assert isinstance(remembering.result(DEADLINE_S), Remembered)
    assert kinds(list(poll)) == ["seen"]
    assert (plug.opened, plug.reads) == (1, 2)


def test_a_poll_under_way_that_fails_is_not_followed_by_another_try(network: FakeNetwork) -> None:
    plug = network.add(1)
    plug.hangs = True
    pool = make_pool(network, timeout_s=0.1)
    poll = pool.iter_results([make_target(1)])
    plug.is_asked.result(DEADLINE_S)
    assert remember(pool) is None
    assert kinds(list(poll)) == ["unreachable"]
    assert plug.reads == 1
    pool.close()


def test_a_plug_that_hangs_while_it_tells_leaves_a_poll_half_of_its_time(
    network: FakeNetwork,
) -> None:
    plug = network.add(1)
    plug.hangs = True
    pool = make_pool(network, timeout_s=1)
    remembering = pool.start_remembering(make_target(1), WANTED)
    plug.is_asked.result(DEADLINE_S)
    plug.hangs = False  # the next time
    poll = pool.iter_results([make_target(1)])
    failure = remembering.result(DEADLINE_S)
    assert failure == Failure(make_target(1), FailureKind.UNREACHABLE, NO_ANSWER, is_first=True)
    assert kinds(list(poll)) == ["seen"]
    pool.close()


def test_a_surprise_while_it_tells_is_a_failure_too(network: FakeNetwork, pool: PlugPool) -> None:
    assert isinstance(remember(pool), Failure)  # nobody there: KeyError
