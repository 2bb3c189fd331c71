"""Waking: when it makes sense, and what a request does before it is answered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from balupi_site.lib.errors import RefusedError, TransientError
from nasctl import services
from nasctl.models import NasStatus, StateChange, Wake, WakeResult
from nasctl.moments import Moment, present_moment
from nasctl.services import moves, wakes
from nasctl.state import NasState, Reason
from nasctl.tests.conftest import Plug

pytestmark = pytest.mark.django_db

S, R = NasState, Reason
PATHS = {
    S.UNKNOWN: [],
    S.OFFLINE: [R.NO_ANSWER],
    S.SHUTTING_DOWN: [R.CALLED_GOING_OFFLINE],
    S.ONLINE: [R.ANSWERS],
    S.BOOTING: [R.WAKE],
}


def bring_to(state: NasState) -> NasStatus:
    status = moves.current_status(present_moment())
    for reason in PATHS[state]:
        assert moves.change_state(status, reason, now=present_moment())
    return status


def wake(*, anyway: bool = False) -> Wake:
    return services.request_wake(
        requested_by="kim", requested_from="api", anyway=anyway, now=timezone.now()
    )


def present_state() -> str:
    return NasStatus.current(present_moment()).state


@pytest.mark.parametrize("state", [S.UNKNOWN, S.OFFLINE, S.SHUTTING_DOWN])
def test_a_wake_from_any_state_that_is_not_up_moves_to_booting(
    state: NasState, packets: list[str]
) -> None:
    bring_to(state)
    asked = wake()
    assert packets == ["02:00:00:00:00:53"]
    status = NasStatus.current(present_moment())
    assert (status.state, status.wake, asked.previous_state) == (S.BOOTING, asked, state)
    assert (asked.result, asked.requested_by) == (WakeResult.RUNNING, "kim")
    assert asked.packet_sent_at is not None
    assert asked.deadline_at - asked.requested_at == timedelta(seconds=90)
    assert StateChange.objects.first().evidence == {"wake": str(asked.pk)}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("state", "code"), [(S.ONLINE, "already_online"), (S.BOOTING, "already_booting")]
)
def test_it_refuses_to_wake_a_nas_that_is_up(
    state: NasState, code: str, packets: list[str]
) -> None:
    bring_to(state)
    with pytest.raises(RefusedError) as refusal:
        wake()
    assert refusal.value.code == code
    assert packets == []
    assert not Wake.objects.exists()


@pytest.mark.parametrize("state", [S.ONLINE, S.BOOTING])
def test_wake_anyway_sends_and_watches_without_a_move(state: NasState, packets: list[str]) -> None:
    bring_to(state)
    changes = StateChange.objects.count()
    asked = wake(anyway=True)
    assert len(packets) == 1
    assert NasStatus.current(present_moment()).wake == asked
    assert (present_state(), StateChange.objects.count()) == (state, changes)


@pytest.mark.parametrize("power_w", [0.0, 1.2, 1.99])
def test_a_nas_that_is_off_in_the_usual_way_is_woken(power_w: float, plug: Plug) -> None:
    """The predecessor took 1.2 W for a NAS without power and refused the normal case."""
    bring_to(S.OFFLINE)
    plug(power_w, relay_on=True)
    assert wake().result == WakeResult.RUNNING


def test_only_a_relay_that_is_off_means_no_power(plug: Plug, packets: list[str]) -> None:
    bring_to(S.OFFLINE)
    plug(0.0, relay_on=False)
    with pytest.raises(RefusedError, match="Switch the plug on") as refusal:
        wake()
    assert refusal.value.code == "no_power"
    assert packets == []
    assert wake(anyway=True).result == WakeResult.RUNNING


@pytest.mark.parametrize(
    ("relay_on", "age_s"),
    [
        pytest.param(None, 5.0, id="the plug does not say"),
        pytest.param(False, 600.0, id="it said so ten minutes ago"),
    ],
)
def test_a_relay_that_is_not_known_to_be_off_is_no_obstacle(
    relay_on: bool | None, age_s: float, plug: Plug
) -> None:
    bring_to(S.OFFLINE)
    plug(0.0, relay_on=relay_on, age_s=age_s)
    assert wake().result == WakeResult.RUNNING


def test_the_stage_of_power_is_left_out_without_fresh_readings(plug: Plug) -> None:
    assert wake().watches_power is False
    plug(1.2)
    moves.note_going_offline(timezone.now())
    assert wake().watches_power is True


def test_two_wakes_at_once_are_one(monkeypatch: pytest.MonkeyPatch, packets: list[str]) -> None:
    """The second has read the state before the first one wrote it."""
    bring_to(S.OFFLINE)
    read, overtaking = moves.current_status, [True]

    def read_and_be_overtaken(now: Moment) -> NasStatus:
        status = read(now)
        if overtaking and overtaking.pop():
            wake()
        return status

    monkeypatch.setattr("nasctl.services.wakes.current_status", read_and_be_overtaken)
    with pytest.raises(RefusedError) as refusal:
        wake()
    assert refusal.value.code == "already_booting"
    assert Wake.objects.count() == 1
    assert StateChange.objects.filter(to_state=S.BOOTING).count() == 1


def test_wake_anyway_again_repeats_the_packets_of_the_wake_that_runs(packets: list[str]) -> None:
    one = wake()
    assert wake(anyway=True) == one
    assert len(packets) == 2
    assert Wake.objects.count() == 1


def test_nothing_changes_where_no_packet_could_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_where: object) -> None:
        raise TransientError("no network")

    bring_to(S.OFFLINE)
    monkeypatch.setattr(wakes, "send_magic_packets", fail)
    with pytest.raises(TransientError):
        wake()
    assert present_state() == S.OFFLINE
    assert not Wake.objects.exists()


def test_a_new_wake_is_possible_right_after_one_that_failed() -> None:
    asked = wake()
    status = NasStatus.current(present_moment())
    assert moves.change_state(status, R.BOOT_FAILED, now=present_moment())
    moves.end_wake(asked, present_moment(), failed=moves.missing_stage(asked))
    assert wake() != asked


def past_wake(seconds: float, *, result: str = WakeResult.SUCCEEDED) -> None:
    at = timezone.now() - timedelta(hours=1)
    Wake.objects.create(
        requested_at=at,
        deadline_at=at + timedelta(seconds=90),
        healthy_at=at + timedelta(seconds=seconds),
        previous_state="offline",
        result=result,
    )


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param([], 60, id="none yet"),
        pytest.param([30.0, 80.0, 40.0], 40, id="the median"),
        pytest.param([30.0, -3600.0, 7200.0], 30, id="clocks set in between"),
    ],
)
def test_the_time_of_a_boot_is_estimated_from_the_last_ones(
    seconds: list[float], expected: int
) -> None:
    for value in seconds:
        past_wake(value)
    past_wake(5.0, result=WakeResult.FAILED)
    assert services.estimated_boot_s() == expected
