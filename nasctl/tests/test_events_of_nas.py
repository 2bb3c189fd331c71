"""The NAS's states and wakes are in the log of events, in the transaction of what they tell of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from balupi_site.events.models import Event
from balupi_site.lib.origin import Origin, acting_for
from nasctl import services
from nasctl.evidence import Stage
from nasctl.models import NasStatus, StateChange, Wake
from nasctl.moments import Moment, present_moment
from nasctl.services import moves
from nasctl.state import NasState, Reason

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]

R = Reason
KIM = Origin("kim", "api", "10.0.0.7")


def later(seconds: float, *, wall_s: float | None = None) -> Moment:
    """Return a moment after the present, by the clock that nobody sets, and by the other one."""
    now = present_moment()
    at = now.at + timedelta(seconds=seconds if wall_s is None else wall_s)
    return Moment(at, now.uptime_s + seconds, now.boot_id)


def move(reason: Reason, now: Moment) -> None:
    assert moves.change_state(moves.current_status(now), reason, now=now)


def events(kind: str) -> list[Event]:
    return list(Event.objects.filter(kind=kind).order_by("pk"))


def request_wake(*, anyway: bool = False) -> Wake:
    with acting_for(KIM):
        return services.request_wake(
            requested_by="kim", requested_from="api", anyway=anyway, now=present_moment().at
        )


def test_a_state_is_told_with_how_long_the_one_before_lasted_whatever_the_wall_clock() -> None:
    move(R.ANSWERS, later(0))
    move(R.NO_ANSWER, later(3600, wall_s=-86_400))  # the clock was set back by a day
    _first, lost = events("nas.state")
    assert lost.duration_s == pytest.approx(3600, abs=5)
    assert (lost.is_trouble, lost.who, lost.via) == (True, "", "")
    assert lost.facts == {
        "from_state": "online",
        "to_state": "offline",
        "reason": "no_answer",
        "why": "It stopped answering without a good-bye.",
    }


def test_a_restart_does_not_shorten_the_state() -> None:
    move(R.ANSWERS, later(0))
    move(R.CALLED_COMING_ONLINE, later(600))  # online, as before
    move(R.NO_ANSWER, later(900))
    _first, again, lost = events("nas.state")
    assert again.duration_s is None
    assert lost.duration_s == pytest.approx(900, abs=5)


def test_a_wake_is_told_from_who_asked_to_how_it_ended(packets: list[str]) -> None:
    wake = request_wake()
    moves.record_stages(wake, (Stage.POWER_SEEN,), later(5))
    moves.record_stages(wake, (Stage.PORT_ANSWERED, Stage.HEALTHY), later(31))
    moves.end_wake(wake, later(31))
    moves.end_wake(wake, later(40), message="twice")
    moves.record_stages(wake, (Stage.POWER_SEEN,), later(50))
    [asked] = events("wake.requested")
    assert (asked.who, asked.via, asked.address) == ("kim", "api", "10.0.0.7")
    stages = [(it.facts["stage"], round(it.duration_s or 0)) for it in events("wake.stage")]
    assert stages == [
        ("packet_sent", 0),
        ("power_seen", 5),
        ("port_answered", 31),
        ("healthy", 31),
    ]
    [ended] = events("wake.ended")
    assert ended.duration_s == pytest.approx(31, abs=2)
    assert (ended.who, ended.is_trouble, ended.facts["result"]) == ("", False, "succeeded")
    assert {it.facts["wake"] for it in Event.objects.filter(kind__startswith="wake.")} == {
        str(wake.pk)
    }


def test_a_wake_that_fails_is_trouble_with_its_reason(packets: list[str]) -> None:
    moves.end_wake(request_wake(), later(90), failed=Stage.POWER_SEEN)
    [ended] = events("wake.ended")
    assert (ended.is_trouble, ended.facts["failed_stage"]) == (True, "power_seen")
    assert ended.facts["why"].startswith("The NAS drew no power")


def test_a_signal_that_is_sent_again_is_told_as_that(packets: list[str]) -> None:
    request_wake()
    request_wake(anyway=True)
    assert [it.facts["is_repeated"] for it in events("wake.requested")] == [False, True]
    assert len(events("wake.stage")) == 1


def test_state_row_and_event_are_written_together_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, packets: list[str]
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise DatabaseError("the log is broken")

    moves.current_status(present_moment())
    monkeypatch.setattr(Event.objects, "create", fail)
    with pytest.raises(DatabaseError), transaction.atomic():
        move(R.ANSWERS, later(0))
    with pytest.raises(DatabaseError), transaction.atomic():
        request_wake()
    assert NasStatus.objects.get().state == NasState.UNKNOWN
    assert not StateChange.objects.exists()
    assert not Wake.objects.exists()


def test_the_loser_of_a_race_tells_nothing(packets: list[str]) -> None:
    fast, slow = (moves.current_status(present_moment()) for _ in range(2))
    assert moves.change_state(fast, R.ANSWERS, now=later(0)) is not None
    assert moves.change_state(slow, R.NO_ANSWER, now=later(0)) is None
    assert len(events("nas.state")) == 1
