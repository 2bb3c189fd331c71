"""The NAS's plug is not switched off under a NAS that runs."""

from __future__ import annotations

import pytest
from django.utils import timezone

from balupi_site.lib.errors import RefusedError
from energy import services as energy
from energy.models import PlugRole, SmartPlug
from energy.services import plugs, switching
from energy.services.switching import Action
from nasctl import services
from nasctl.moments import present_moment
from nasctl.services import guard, moves
from nasctl.state import Reason
from nasctl.tests.conftest import Plug

pytestmark = pytest.mark.django_db

R = Reason
NAS_PLUG = SmartPlug(role=PlugRole.NAS)
LAMP = SmartPlug(role=PlugRole.GENERIC)


def move(*reasons: Reason) -> None:
    for reason in reasons:
        status = moves.current_status(present_moment())
        assert moves.change_state(status, reason, now=present_moment())


@pytest.mark.parametrize(
    "path",
    [
        pytest.param([], id="unknown"),
        pytest.param([R.ANSWERS], id="online"),
        pytest.param([R.WAKE], id="booting"),
        pytest.param([R.CALLED_GOING_OFFLINE], id="shutting down"),
    ],
)
def test_it_refuses_to_cut_the_power_of_a_nas_that_is_not_off(path: list[Reason]) -> None:
    move(*path)
    refusal = services.refuse_to_cut_power(NAS_PLUG, False)
    assert refusal is not None
    assert refusal.code == "nas_on"


def test_a_nas_that_does_not_answer_but_draws_power_is_not_off(plug: Plug) -> None:
    move(R.NO_ANSWER)
    plug(20.0)
    assert services.refuse_to_cut_power(NAS_PLUG, False) is not None


@pytest.mark.parametrize(
    ("power_w", "age_s"),
    [
        pytest.param(1.2, 5.0, id="off"),
        pytest.param(None, 5.0, id="not known"),
        pytest.param(35.0, 600.0, id="long ago"),
    ],
)
def test_a_nas_that_is_off_may_lose_its_power(
    power_w: float | None, age_s: float, plug: Plug
) -> None:
    move(R.NO_ANSWER)
    plug(power_w, age_s=age_s)
    assert services.refuse_to_cut_power(NAS_PLUG, False) is None


def test_other_plugs_and_switching_on_are_free() -> None:
    move(R.ANSWERS)
    assert services.refuse_to_cut_power(LAMP, False) is None
    assert services.refuse_to_cut_power(NAS_PLUG, True) is None


def test_the_plug_is_read_before_a_nas_is_taken_for_off(
    plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was started by its button after the last poll."""
    move(R.NO_ANSWER)
    plug(1.2)

    def read_role_now(role: str, *, wait_s: float) -> None:
        assert (role, wait_s) == (PlugRole.NAS, 3.0)
        plug(35.0)

    monkeypatch.setattr(energy, "read_role_now", read_role_now)
    assert services.refuse_to_cut_power(NAS_PLUG, False) is not None


def test_a_wake_that_begins_while_the_plug_is_read_counts(
    plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(R.NO_ANSWER)
    plug(1.2)
    monkeypatch.setattr(energy, "read_role_now", lambda _role, **_wait: move(R.WAKE))
    assert services.refuse_to_cut_power(NAS_PLUG, False) is not None


def test_the_plug_is_not_read_where_the_answer_is_clear(
    plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_role_now(role: str, *, wait_s: float) -> None:
        raise AssertionError

    monkeypatch.setattr(energy, "read_role_now", read_role_now)
    assert services.refuse_to_cut_power(LAMP, False) is None
    assert services.refuse_to_cut_power(NAS_PLUG, True) is None
    move(R.NO_ANSWER)
    plug(1.2, age_s=0.1)  # as after the read of a toggle
    assert services.refuse_to_cut_power(NAS_PLUG, False) is None
    move(R.ANSWERS)
    plug(1.2)
    assert services.refuse_to_cut_power(NAS_PLUG, False) is not None


@pytest.mark.parametrize("action", ["off", "toggle"])
def test_an_admin_can_unlock_the_plug_of_a_nas_that_hangs(
    monkeypatch: pytest.MonkeyPatch, action: Action
) -> None:
    move(R.ANSWERS)
    nas_plug = SmartPlug.objects.create(
        device_id="8022", mac="02:00:5e:00:00:16", name="NAS", role=PlugRole.NAS, host="127.0.0.22"
    )
    monkeypatch.setattr(switching, "_is_on_now", lambda _plug, _deadline_s: True)
    monkeypatch.setattr(switching, "_switch", lambda _plug, **asked: asked["on"])
    with pytest.raises(RefusedError, match="not asleep"):
        energy.switch_plug("8022", action)
    energy.unlock_plug(nas_plug, unlocked_by="kim", unlocked_from="command", now=timezone.now())
    assert energy.switch_plug("8022", action) is False


def test_a_refusal_says_what_to_do(plug: Plug) -> None:
    move(R.ANSWERS)
    refusal = services.refuse_to_cut_power(NAS_PLUG, False)
    assert all(text in str(refusal) for text in ("not asleep", "Shut it down", "unlock"))


def test_energy_asks_the_guard() -> None:
    assert services.refuse_to_cut_power in switching._guards


@pytest.mark.parametrize(
    ("path", "is_kept"),
    [
        pytest.param([R.ANSWERS], True, id="awake"),
        pytest.param([R.ANSWERS, R.CALLED_GOING_OFFLINE], True, id="going to sleep"),
        pytest.param([R.ANSWERS, R.CALLED_GOING_OFFLINE, R.SHUT_DOWN], False, id="asleep"),
        pytest.param([], False, id="never seen"),
    ],
)
def test_the_plug_keeps_its_role_while_the_nas_is_not_asleep(
    path: list[Reason], *, is_kept: bool
) -> None:
    """Else the role would be the way around the guard of the relay."""
    move(*path)
    refusal = guard.refuse_to_lose_role(NAS_PLUG)
    assert (refusal.code if refusal else None) == ("nas_role" if is_kept else None)
    assert guard.refuse_to_lose_role(LAMP) is None


def test_the_guard_of_the_role_is_registered() -> None:
    assert guard.refuse_to_lose_role in plugs._guards
