"""The NAS's plug is not switched off under a NAS that runs."""

from __future__ import annotations

import pytest

from energy.models import PlugRole, SmartPlug
from energy.services import switching
from nasctl import services
from nasctl.moments import present_moment
from nasctl.services import moves
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


def test_energy_asks_the_guard() -> None:
    assert services.refuse_to_cut_power in switching._guards
