"""Switching: what the plug itself says counts, and somebody may be against it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import pytest
from django.utils import timezone

from balupi_site.lib.errors import BaluPiError, PermanentError, RefusedError, TransientError
from energy.models import PlugRole, PlugStatus, SmartPlug, SwitchUnlock
from energy.plug_pool import credentials_digest
from energy.readings import Reading
from energy.sample_buffer import latest_lines
from energy.services import register_switch_guard, switch_plug
from energy.tests.conftest import SimHome
from energy.tests.factories import id_of, make_plug
from simhome.loads import ConstantLoad
from simhome.plug import SimPlug

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]


@pytest.fixture
def sim_plug(home: SimHome, redis_server: Any) -> SimPlug:
    plug = home.add(101, load=ConstantLoad(60))
    make_plug(101, host=plug.host)
    return plug


def set_relay(home: SimHome, plug: SimPlug, *, on: bool) -> None:
    """Press the plug's button."""

    def press() -> None:
        plug.relay_on = on

    home.do(press)


def latest() -> Reading:
    reading = Reading.from_line(latest_lines()[id_of(101)])
    assert reading is not None
    return reading


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(("action", "after"), [("on", True), ("off", False)])
def test_on_and_off_mean_what_they_say_however_often(
    home: SimHome,
    sim_plug: SimPlug,
    action: Literal["on", "off"],
    *,
    before: bool,
    after: bool,
) -> None:
    set_relay(home, sim_plug, on=before)
    assert [switch_plug(id_of(101), action), switch_plug(id_of(101), action)] == [after, after]
    assert sim_plug.relay_on is after


def test_predecessor_25_toggle_asks_the_plug_not_a_memory(home: SimHome, sim_plug: SimPlug) -> None:
    assert switch_plug(id_of(101), "toggle") is False
    set_relay(home, sim_plug, on=True)  # by hand; we remember "off"
    assert switch_plug(id_of(101), "toggle") is False
    assert sim_plug.relay_on is False
    assert switch_plug(id_of(101), "toggle") is True


def test_the_latest_reading_shows_the_new_state_at_once(home: SimHome, sim_plug: SimPlug) -> None:
    switch_plug(id_of(101), "off")
    assert (latest().relay_on, latest().power_w) == (False, 0)
    assert SmartPlug.objects.get().status == PlugStatus.OK


def test_a_guard_keeps_a_plug_from_being_switched_off(home: SimHome, sim_plug: SimPlug) -> None:
    asked = []

    def guard(plug: SmartPlug, on: bool) -> RefusedError | None:  # as registered
        asked.append((plug.role, on))
        return None if on else RefusedError("The NAS is not off.", code="nas_on")

    SmartPlug.objects.update(role=PlugRole.NAS)
    register_switch_guard(guard)
    register_switch_guard(guard)
    for action in ("off", "toggle"):
        with pytest.raises(RefusedError, match="not off") as caught:
            switch_plug(id_of(101), action)
        assert caught.value.code == "nas_on"
    assert sim_plug.relay_on is True
    assert switch_plug(id_of(101), "on") is True
    assert asked == [("nas", False), ("nas", False), ("nas", True)]


def guard_nas(plug: SmartPlug, on: bool) -> RefusedError | None:
    """Refuse to switch off the NAS's plug, as nasctl does while the NAS runs."""
    if on or plug.role != PlugRole.NAS:
        return None
    return RefusedError("The NAS is not off.", code="nas_on")


def unlock(plug: SmartPlug, age_s: float) -> None:
    at = timezone.now() - timedelta(seconds=age_s)
    SwitchUnlock.objects.create(plug=plug, at=at, unlocked_by="kim", unlocked_from="127.0.0.9")


@pytest.mark.parametrize("action", ["off", "toggle"])
def test_an_unlocked_plug_is_switched_and_the_log_says_thanks_to_whom(
    home: SimHome, sim_plug: SimPlug, caplog: Any, action: Literal["off", "toggle"]
) -> None:
    SmartPlug.objects.update(role=PlugRole.NAS)
    register_switch_guard(guard_nas)
    unlock(SmartPlug.objects.get(), age_s=5)
    with caplog.at_level("INFO", logger="energy.services.switching"):
        assert switch_plug(id_of(101), action) is False
    assert sim_plug.relay_on is False
    [line] = caplog.messages
    assert line.startswith("plug Plug 101 was switched off in spite of nas_on: unlocked by kim")


@pytest.mark.parametrize(
    "age_s", [pytest.param(61, id="over"), pytest.param(-3600, id="of a clock that was set back")]
)
def test_an_unlock_that_does_not_hold_changes_nothing(
    home: SimHome, sim_plug: SimPlug, age_s: float
) -> None:
    SmartPlug.objects.update(role=PlugRole.NAS)
    register_switch_guard(guard_nas)
    unlock(SmartPlug.objects.get(), age_s=age_s)
    for action in ("off", "toggle"):
        with pytest.raises(RefusedError, match="not off"):
            switch_plug(id_of(101), action)
    assert sim_plug.relay_on is True


def test_the_unlock_of_another_plug_changes_nothing(home: SimHome, sim_plug: SimPlug) -> None:
    SmartPlug.objects.update(role=PlugRole.NAS)
    register_switch_guard(guard_nas)
    unlock(make_plug(102), age_s=5)
    with pytest.raises(RefusedError, match="not off"):
        switch_plug(id_of(101), "off")


def test_what_needs_no_unlock_is_not_said_to_owe_it_anything(
    home: SimHome, sim_plug: SimPlug, caplog: Any
) -> None:
    SmartPlug.objects.update(role=PlugRole.NAS)
    register_switch_guard(guard_nas)
    unlock(SmartPlug.objects.get(), age_s=5)
    with caplog.at_level("INFO", logger="energy.services.switching"):
        assert switch_plug(id_of(101), "on") is True
    assert caplog.messages == []


def test_an_unlocked_plug_that_does_not_switch_is_not_said_to_be_off(
    home: SimHome, sim_plug: SimPlug, caplog: Any
) -> None:
    SmartPlug.objects.update(role=PlugRole.NAS)
    register_switch_guard(guard_nas)
    unlock(SmartPlug.objects.get(), age_s=5)
    home.fault(sim_plug, "refuse")
    with (
        caplog.at_level("INFO", logger="energy.services.switching"),
        pytest.raises(TransientError, match="refuses connections"),
    ):
        switch_plug(id_of(101), "off")
    assert "in spite of" not in caplog.text


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        pytest.param("refuse", TransientError, "refuses connections", id="no connection"),
        pytest.param("http_500", TransientError, "makes no sense", id="nonsense"),
        pytest.param("forbidden_handshake", PermanentError, "Third-Party", id="needs a setting"),
    ],
)
@pytest.mark.parametrize("action", ["off", "toggle"])
def test_a_plug_that_cannot_be_switched_says_why(
    home: SimHome,
    sim_plug: SimPlug,
    action: Literal["off", "toggle"],
    fault: str,
    error: type[BaluPiError],
    says: str,
) -> None:
    home.fault(sim_plug, fault)
    with pytest.raises(error, match=says):
        switch_plug(id_of(101), action)
    assert sim_plug.relay_on is True
    assert SmartPlug.objects.get().status != PlugStatus.OK


def test_a_plug_that_hangs_is_given_up_in_time(
    home: SimHome, sim_plug: SimPlug, settings: Any
) -> None:
    settings.ENERGY_PLUG_TIMEOUT_SECONDS = 0.2
    home.fault(sim_plug, "hang")
    with pytest.raises(TransientError, match="does not answer"):
        switch_plug(id_of(101), "toggle")


def test_a_refused_login_is_not_tried_again(
    home: SimHome, sim_plug: SimPlug, settings: Any
) -> None:
    settings.TAPO_PASSWORD = "wrong"
    for _attempt in range(2):
        with pytest.raises(PermanentError, match="case-sensitive"):
            switch_plug(id_of(101), "on")
    assert sim_plug.calls["handshake1"] == 1
    assert SmartPlug.objects.get().refused_credentials == credentials_digest()


def test_an_unknown_plug_is_an_error(redis_server: Any) -> None:
    with pytest.raises(PermanentError, match="no such plug"):
        switch_plug("NOBODY", "on")
