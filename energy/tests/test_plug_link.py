"""One plug: who it is, what a second chance is given for, and how long it is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from energy.plug_link import NO_LOGIN
from energy.plug_pool import PlugPool
from energy.readings import Failure, FailureKind, Seen
from energy.tapo import Login, PlugError
from energy.tests.factories import KLAP, make_target
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
    assert asked_at_s == [0, 30, 90, 210]


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
    assert failure == Failure(make_target(1), FailureKind.LOGIN_REFUSED, NO_LOGIN)
    assert plug.opened == 0


def test_a_trial_never_talks_to_another_machine(network: FakeNetwork, pool: PlugPool) -> None:
    [failure] = sweep(pool, make_target(1, host="192.168.178.60"))
    assert isinstance(failure, Failure)
    assert "simulated home" in failure.message
