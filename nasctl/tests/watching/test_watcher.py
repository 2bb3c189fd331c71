"""The watcher: from looks to rows, wishes and stages."""

from __future__ import annotations

from typing import Any

import pytest

from nasctl import services
from nasctl.evidence import Presence, Stage
from nasctl.models import StateChange, Wake, WakeResult
from nasctl.pace import Job
from nasctl.services.looks import Errand, Look
from nasctl.tests.watching.watched_home import BAD_GATEWAY, Home, R, S, reasons
from pihole.models import NameStatus

pytestmark = pytest.mark.django_db


def test_the_first_looks_find_a_nas_that_is_there(home: Home) -> None:
    home.look()
    assert (home.status.state, home.status.probed) == (S.ONLINE, True)
    assert NameStatus.current().wanted == "nas"
    assert home.name_switches == 1
    home.pass_time(60)
    assert reasons() == [R.ANSWERS]
    assert home.name_switches == 1


def test_the_first_looks_leave_the_names_until_they_know(home: Home) -> None:
    home.vanish()
    home.pass_time(5)
    assert home.status.state == S.UNKNOWN
    assert NameStatus.current().wanted == ""
    home.pass_time(5)
    assert home.status.state == S.OFFLINE
    assert NameStatus.current().wanted == "pi"


def test_a_nas_that_vanishes_is_noted_with_its_evidence(home: Home) -> None:
    home.look()
    home.vanish(power_w=20.0)
    home.pass_time(20)
    assert reasons() == [R.ANSWERS, R.POWERED_NOT_ANSWERING]
    row = StateChange.objects.first()
    assert row is not None
    assert row.evidence["presence"] == "silent"
    assert row.evidence["presence_misses"] == 3
    assert row.evidence["power_w"] == 20.0
    assert (home.status.planned, home.name_switches) == (False, 2)


def test_a_wake_of_another_process_goes_through_its_stages(home: Home) -> None:
    home.vanish(power_w=1.2)
    home.pass_time(10)
    wake = home.wake()
    home.pass_time(6)
    assert home.status.state == S.BOOTING
    home.power_w = 41.0
    home.pass_time(6)
    home.presence, home.probe = Presence.OK, BAD_GATEWAY
    home.pass_time(6)
    home.appear(power_w=41.0)
    home.pass_time(4)
    wake.refresh_from_db()
    assert (wake.result, home.status.state, home.status.wake) == (
        WakeResult.SUCCEEDED,
        S.ONLINE,
        None,
    )
    times = [wake.power_seen_at, wake.port_answered_at, wake.healthy_at]
    seconds = [(at - wake.requested_at).total_seconds() for at in times if at]
    assert seconds == [pytest.approx(7, abs=3), pytest.approx(13, abs=3), pytest.approx(19, abs=3)]
    assert wake.finished_at == wake.healthy_at


@pytest.mark.parametrize(
    ("power_w", "presence", "stage", "word"),
    [
        pytest.param(1.2, Presence.SILENT, Stage.POWER_SEEN, "Wake-on-LAN", id="no power"),
        pytest.param(41.0, Presence.SILENT, Stage.PORT_ANSWERED, "network", id="no port"),
        pytest.param(41.0, Presence.OK, Stage.HEALTHY, "BaluHost", id="no BaluHost"),
    ],
)
def test_a_wake_that_fails_names_the_stage_and_what_to_do(
    home: Home, power_w: float, presence: Presence, stage: Stage, word: str, monkeypatch: Any
) -> None:
    home.vanish(power_w=1.2)
    home.pass_time(10)
    wake = home.wake()
    Wake.objects.update(watches_power=True)
    home.presence, home.probe, home.power_w = presence, BAD_GATEWAY, power_w
    home.pass_time(89)
    assert home.status.state == S.BOOTING
    home.pass_time(4)
    wake.refresh_from_db()
    assert (wake.result, wake.failed_stage) == (WakeResult.FAILED, stage)
    assert word in wake.message
    assert (home.status.state, home.status.wake) == (S.OFFLINE, None)
    assert home.wake() != wake


def test_health_is_asked_only_while_our_own_wake_runs(home: Home) -> None:
    """Any other request may end the NAS's soft sleep."""
    asked: list[tuple[str, bool]] = []
    done = home._done

    def note(errand: Errand) -> Look:
        if errand.job is Job.PROBE:
            asked.append((home.status.state, errand.after_wake))
        return done(errand)

    home._done = note  # type: ignore[method-assign]
    home.look()
    home.pass_time(40)
    home.vanish()
    home.pass_time(40)
    services.note_coming_online(home.wall)
    home.pass_time(5)
    services.note_going_offline(home.wall)
    home.pass_time(40)
    assert {state for state, _after_wake in asked} == {
        S.UNKNOWN,
        S.ONLINE,
        S.SHUTTING_DOWN,
        S.OFFLINE,
    }
    assert not any(after_wake for _state, after_wake in asked)
    home.wake()
    home.pass_time(4)
    assert asked[-1] == (S.BOOTING, True)


def test_coming_online_gives_the_name_back_at_the_first_good_probe(home: Home) -> None:
    home.vanish()
    home.pass_time(10)
    services.note_coming_online(home.wall)
    home.presence, home.probe = Presence.OK, BAD_GATEWAY
    home.pass_time(10)
    assert (home.status.state, NameStatus.current().wanted) == (S.ONLINE, "pi")
    switches = home.name_switches
    home.appear()
    home.pass_time(1)
    assert (home.status.probed, NameStatus.current().wanted) == (True, "nas")
    assert home.name_switches == switches + 1
    assert reasons()[-1] == R.CALLED_COMING_ONLINE


def test_a_good_bye_is_not_undone_by_answers_on_the_way_down(home: Home) -> None:
    """The predecessor showed it never, and led the name back to a dying NAS."""
    home.look()
    services.note_going_offline(home.wall)
    home.pass_time(40)
    assert (home.status.state, NameStatus.current().wanted) == (S.SHUTTING_DOWN, "pi")
    home.vanish(power_w=1.2)
    home.pass_time(5)
    assert reasons() == [R.ANSWERS, R.CALLED_GOING_OFFLINE, R.SHUT_DOWN]
