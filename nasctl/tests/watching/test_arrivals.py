"""When the watch says that the NAS has arrived: once, and only when it answers."""

from __future__ import annotations

from typing import Any

import pytest

from nasctl import services
from nasctl.evidence import Answer, Presence
from nasctl.probe import Probe
from nasctl.services import moves
from nasctl.tests.watching.watched_home import BAD_GATEWAY, Home, R, S, reasons

pytestmark = pytest.mark.django_db

# Its arrival, which has the inbox moved.


def test_a_nas_that_is_there_at_the_first_look_has_arrived_once(home: Home) -> None:
    home.pass_time(120)
    assert home.arrivals == 1


def test_a_nas_that_does_not_answer_has_not_arrived(home: Home) -> None:
    home.vanish()
    home.pass_time(60)
    home.presence, home.probe = Presence.OK, BAD_GATEWAY
    home.pass_time(60)
    assert home.arrivals == 0


def test_a_nas_that_goes_on_answering_does_not_arrive_again(home: Home) -> None:
    home.pass_time(20)
    home.probe = BAD_GATEWAY  # one miss is no absence
    home.pass_time(4)
    home.appear()
    home.pass_time(300)
    assert (home.status.state, home.arrivals) == (S.ONLINE, 1)
    home.restart()
    home.pass_time(60)
    assert home.arrivals == 1, "a new watch is no arrival"


def test_a_nas_arrives_after_our_wake_when_balu_host_answers(home: Home) -> None:
    home.vanish(power_w=1.2)
    home.pass_time(10)
    home.wake()
    home.pass_time(6)
    home.presence, home.probe, home.power_w = Presence.OK, BAD_GATEWAY, 41.0
    home.pass_time(10)
    assert (home.status.state, home.arrivals) == (S.BOOTING, 0), "its port is not BaluHost yet"
    home.appear(power_w=41.0)
    home.pass_time(120)
    assert (home.status.state, home.arrivals) == (S.ONLINE, 1)


def test_a_nas_arrives_after_it_slept_and_said_nothing(home: Home) -> None:
    """Suspend and resume send no call; the predecessor left the inbox lying then."""
    home.pass_time(20)
    home.vanish(power_w=1.2)
    home.pass_time(60)
    assert (home.status.state, home.arrivals) == (S.OFFLINE, 1)
    home.appear(power_w=41.0)
    home.pass_time(120)
    assert (home.status.state, home.arrivals) == (S.ONLINE, 2)


def test_a_nas_arrives_after_an_outage(home: Home) -> None:
    """Two good answers in a row are asked for then; they are one arrival."""
    home.pass_time(20)
    home.vanish()
    home.pass_time(60)
    assert (home.status.planned, home.arrivals) == (False, 1)
    home.appear()
    home.pass_time(120)
    assert (home.status.state, home.arrivals) == (S.ONLINE, 2)


def test_a_service_that_was_started_again_arrives_when_it_answers(home: Home) -> None:
    home.pass_time(20)
    services.note_going_offline(home.wall)
    home.presence, home.probe = Presence.REFUSED, Probe(Answer.REFUSED)
    home.pass_time(5)
    services.note_coming_online(home.wall)
    home.presence, home.probe = Presence.OK, BAD_GATEWAY
    home.pass_time(5)
    assert (home.status.state, home.arrivals) == (S.ONLINE, 1), "it calls before it serves"
    home.appear()
    home.pass_time(120)
    assert (reasons()[1:], home.arrivals) == ([R.CALLED_GOING_OFFLINE, R.CALLED_COMING_ONLINE], 2)


def test_a_good_bye_that_did_not_come_true_ends_in_an_arrival(home: Home) -> None:
    """It stayed: what was left in the inbox meanwhile goes there now."""
    home.pass_time(20)
    services.note_going_offline(home.wall)
    home.pass_time(100)
    assert (home.status.state, home.arrivals) == (S.SHUTTING_DOWN, 1)
    home.pass_time(60)
    assert (reasons()[-1], home.arrivals) == (R.SERVICE_RESTART, 2)


def test_an_arrival_that_somebody_else_noted_first_is_told_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call overtakes the verdict; the next good answer counts."""
    home.vanish()
    home.pass_time(10)
    write, overtaking = moves.change_state, [True]

    def be_overtaken(*args: Any, **kwargs: Any) -> object:
        if overtaking and overtaking.pop():
            services.note_coming_online(home.wall)
        return write(*args, **kwargs)

    monkeypatch.setattr("nasctl.services.moves.change_state", be_overtaken)
    home.appear()
    home.pass_time(60)
    assert reasons()[-1] == R.CALLED_COMING_ONLINE
    assert (home.status.probed, home.arrivals) == (True, 1)
