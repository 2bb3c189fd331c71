"""The states, the moves there are, and where the names lead."""

from __future__ import annotations

from itertools import product

import pytest

from nasctl.reasons import reason_text, state_text
from nasctl.state import (
    MOVES,
    NasState,
    PowerState,
    Reason,
    Target,
    is_legal,
    planned_after,
    power_state,
    wanted_target,
)

S, R = NasState, Reason

LEGAL = [
    (S.UNKNOWN, S.ONLINE, R.ANSWERS),
    (S.OFFLINE, S.ONLINE, R.ANSWERS),
    (S.BOOTING, S.ONLINE, R.ANSWERS),
    (S.UNKNOWN, S.ONLINE, R.CALLED_COMING_ONLINE),
    (S.OFFLINE, S.ONLINE, R.CALLED_COMING_ONLINE),
    (S.BOOTING, S.ONLINE, R.CALLED_COMING_ONLINE),
    (S.ONLINE, S.ONLINE, R.CALLED_COMING_ONLINE),
    (S.SHUTTING_DOWN, S.ONLINE, R.CALLED_COMING_ONLINE),
    (S.UNKNOWN, S.SHUTTING_DOWN, R.CALLED_GOING_OFFLINE),
    (S.OFFLINE, S.SHUTTING_DOWN, R.CALLED_GOING_OFFLINE),
    (S.BOOTING, S.SHUTTING_DOWN, R.CALLED_GOING_OFFLINE),
    (S.ONLINE, S.SHUTTING_DOWN, R.CALLED_GOING_OFFLINE),
    (S.SHUTTING_DOWN, S.ONLINE, R.SERVICE_RESTART),
    (S.UNKNOWN, S.BOOTING, R.WAKE),
    (S.OFFLINE, S.BOOTING, R.WAKE),
    (S.ONLINE, S.BOOTING, R.WAKE),
    (S.SHUTTING_DOWN, S.BOOTING, R.WAKE),
    (S.OFFLINE, S.BOOTING, R.WOKEN_BY_OTHER),
    (S.BOOTING, S.OFFLINE, R.BOOT_FAILED),
    (S.SHUTTING_DOWN, S.OFFLINE, R.SHUT_DOWN),
    (S.SHUTTING_DOWN, S.OFFLINE, R.RESTARTING),
    (S.UNKNOWN, S.OFFLINE, R.POWER_GONE),
    (S.ONLINE, S.OFFLINE, R.POWER_GONE),
    (S.UNKNOWN, S.OFFLINE, R.FELL_ASLEEP),
    (S.ONLINE, S.OFFLINE, R.FELL_ASLEEP),
    (S.UNKNOWN, S.OFFLINE, R.POWERED_NOT_ANSWERING),
    (S.ONLINE, S.OFFLINE, R.POWERED_NOT_ANSWERING),
    (S.UNKNOWN, S.OFFLINE, R.NO_ANSWER),
    (S.ONLINE, S.OFFLINE, R.NO_ANSWER),
]


@pytest.mark.parametrize(("before", "after", "reason"), list(product(S, S, R)))
def test_the_machine_has_the_legal_moves_and_no_other(
    before: NasState, after: NasState, reason: Reason
) -> None:
    assert is_legal(before, after, reason) is ((before, after, reason) in LEGAL)


def test_nothing_leads_back_to_unknown() -> None:
    assert all(kind.to is not S.UNKNOWN for kind in MOVES.values())


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("probed", [True, False])
def test_names_lead_to_the_nas_only_when_it_is_online_and_probed(
    state: NasState, probed: bool
) -> None:
    expected = Target.NAS if (state, probed) == (S.ONLINE, True) else Target.PI
    if state is S.UNKNOWN:
        expected = Target.LEAVE
    assert wanted_target(state, probed=probed) is expected


@pytest.mark.parametrize(
    ("power_w", "expected"),
    [
        pytest.param(None, PowerState.UNKNOWN, id="not known"),
        pytest.param(0.0, PowerState.OFF, id="nothing"),
        pytest.param(1.99, PowerState.OFF, id="below 2 W"),
        pytest.param(2.0, PowerState.STANDBY, id="2 W"),
        pytest.param(14.99, PowerState.STANDBY, id="below 15 W"),
        pytest.param(15.0, PowerState.IDLE, id="15 W"),
        pytest.param(59.9, PowerState.IDLE, id="below 60 W"),
        pytest.param(60.0, PowerState.ACTIVE, id="60 W"),
    ],
)
def test_power_falls_into_bands(power_w: float | None, expected: PowerState) -> None:
    assert power_state(power_w, (2.0, 15.0, 60.0)) is expected


@pytest.mark.parametrize(
    ("reason", "before", "planned", "expected"),
    [
        pytest.param(R.NO_ANSWER, S.ONLINE, True, False, id="vanished while online"),
        pytest.param(R.POWER_GONE, S.ONLINE, True, False, id="power cut"),
        pytest.param(R.NO_ANSWER, S.UNKNOWN, True, True, id="not there at the first look"),
        pytest.param(R.FELL_ASLEEP, S.ONLINE, False, True, id="suspended"),
        pytest.param(R.CALLED_GOING_OFFLINE, S.ONLINE, False, True, id="said good-bye"),
        pytest.param(R.BOOT_FAILED, S.BOOTING, False, False, id="a failed boot ends no outage"),
        pytest.param(R.BOOT_FAILED, S.BOOTING, True, True, id="a failed boot begins no outage"),
    ],
)
def test_an_absence_is_planned_or_not(
    reason: Reason, before: NasState, planned: bool, expected: bool
) -> None:
    assert planned_after(reason, before=before, planned=planned) is expected


@pytest.mark.parametrize("reason", R)
def test_every_reason_has_a_sentence(reason: Reason) -> None:
    assert reason_text(reason).endswith(".")


def test_words_of_another_release_are_no_error() -> None:
    assert reason_text("of old") == ""
    assert state_text("of old") == "of old"
