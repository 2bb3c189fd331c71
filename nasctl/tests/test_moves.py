"""Writing the state: once, in one place, with a row that says why; and the NAS's own calls."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from balupi_site.lib.errors import TransientError
from nasctl import services
from nasctl.models import NasStatus, StateChange, Wake, WakeResult
from nasctl.moments import Moment, present_moment
from nasctl.services import moves
from nasctl.state import NasState, Reason
from pihole import services as pihole
from pihole.models import NameStatus

pytestmark = pytest.mark.django_db

S, R = NasState, Reason


def status() -> NasStatus:
    return moves.current_status(present_moment())


def move(*reasons: Reason) -> None:
    for reason in reasons:
        assert moves.change_state(status(), reason, now=present_moment()) is not None


def test_a_change_is_state_row_and_wish_at_once() -> None:
    now = present_moment()
    noted = moves.change_state(status(), R.ANSWERS, now=now, evidence={"probe": "good"})
    assert noted is not None
    assert noted.names_changed
    found = status()
    assert (found.state, found.reason, found.since, found.probed) == (
        S.ONLINE,
        R.ANSWERS,
        now.at,
        True,
    )
    row = StateChange.objects.get()
    assert (row.from_state, row.to_state, row.reason) == (S.UNKNOWN, S.ONLINE, R.ANSWERS)
    assert (row.evidence, row.at) == ({"probe": "good"}, now.at)
    assert NameStatus.current().wanted == "nas"


def test_the_slower_of_two_writers_changes_nothing() -> None:
    fast, slow = status(), status()
    now = present_moment()
    assert moves.change_state(fast, R.ANSWERS, now=now) is not None
    assert moves.change_state(slow, R.NO_ANSWER, now=now) is None
    assert status().state == S.ONLINE
    assert StateChange.objects.count() == 1
    assert NameStatus.current().wanted == "nas"


def test_a_writer_knows_what_it_wrote() -> None:
    mine = status()
    for reason in (R.ANSWERS, R.NO_ANSWER, R.WAKE):
        assert moves.change_state(mine, reason, now=present_moment()) is not None
    assert mine.state == status().state == S.BOOTING


def test_an_illegal_move_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="no move from unknown for boot_failed"):
        moves.change_state(status(), R.BOOT_FAILED, now=present_moment())
    assert not StateChange.objects.exists()


def test_a_change_of_state_ends_an_override_also_where_the_wish_stays() -> None:
    move(R.NO_ANSWER)
    pihole.set_override("nas", "kim", timezone.now())
    move(R.WAKE)
    assert (NameStatus.current().override, NameStatus.current().wanted) == ("", "pi")


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([], id="unknown"),
        pytest.param([R.ANSWERS], id="online"),
        pytest.param([R.NO_ANSWER], id="offline"),
        pytest.param([R.WAKE], id="booting"),
    ],
)
def test_going_offline_is_shutting_down_and_stays_visible(before: list[Reason]) -> None:
    move(*before)
    noted = services.note_going_offline(timezone.now())
    assert noted.change is not None
    found = status()
    assert (found.state, found.planned, found.probed) == (S.SHUTTING_DOWN, True, False)
    assert NameStatus.current().wanted == "pi"


def test_a_second_good_bye_changes_nothing() -> None:
    services.note_going_offline(timezone.now())
    noted = services.note_going_offline(timezone.now())
    assert (noted.change, noted.names_changed) == (None, False)
    assert StateChange.objects.count() == 1


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([], id="unknown"),
        pytest.param([R.NO_ANSWER], id="offline"),
        pytest.param([R.WAKE], id="booting"),
        pytest.param([R.CALLED_GOING_OFFLINE], id="shutting down"),
    ],
)
def test_coming_online_is_online_at_once_but_the_name_waits(before: list[Reason]) -> None:
    move(*before)
    noted = services.note_coming_online(timezone.now())
    assert noted.change is not None
    assert (status().state, status().probed) == (S.ONLINE, False)
    assert NameStatus.current().wanted == "pi"


def test_a_service_that_starts_again_does_not_wake_the_machine_anew() -> None:
    move(R.ANSWERS)
    since = status().since
    services.note_coming_online(timezone.now())
    found = status()
    assert (found.state, found.since, found.probed) == (S.ONLINE, since, False)
    assert found.moved_at > since


def test_a_good_bye_ends_a_wake_that_runs(packets: list[str]) -> None:
    wake = services.request_wake(
        requested_by="kim", requested_from="api", anyway=False, now=timezone.now()
    )
    services.note_going_offline(timezone.now())
    wake.refresh_from_db()
    assert (wake.result, wake.finished_at is not None) == (WakeResult.FAILED, True)
    assert "good-bye" in wake.message
    assert status().wake is None


def test_a_call_that_keeps_losing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "_compare_and_set", lambda *_args, **_values: False)
    with pytest.raises(TransientError):
        services.note_coming_online(timezone.now())


def test_a_call_that_lost_once_is_noted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    write, losses = moves._compare_and_set, [True]

    def lose_once(found: NasStatus, **values: object) -> bool:
        return False if losses and losses.pop() else write(found, **values)

    monkeypatch.setattr(moves, "_compare_and_set", lose_once)
    assert services.note_going_offline(timezone.now()).change is not None


def test_an_ended_wake_is_not_ended_again() -> None:
    now = present_moment()
    wake = Wake.objects.create(
        requested_at=now.at, deadline_at=now.at + timedelta(seconds=90), previous_state="offline"
    )
    moves.end_wake(wake, now)
    moves.end_wake(
        wake, Moment(now.at + timedelta(hours=1), now.uptime_s, now.boot_id), message="x"
    )
    wake.refresh_from_db()
    assert (wake.result, wake.finished_at, wake.message) == (WakeResult.SUCCEEDED, now.at, "")


@pytest.mark.django_db(transaction=True)
def test_the_log_tells_of_a_change_only_when_it_is_stored(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with transaction.atomic():
        move(R.ANSWERS)
        transaction.set_rollback(True)  # as where the disk is full
    assert "the NAS is online" not in caplog.text
    move(R.ANSWERS)
    assert caplog.text.count("the NAS is online") == 1
