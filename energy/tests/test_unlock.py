"""Unlocking a plug for a moment: how long it holds, and what is kept of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from energy.models import SmartPlug, SwitchUnlock
from energy.services import unlock_left_s, unlock_plug
from energy.services.unlocking import present_unlock
from energy.tests.factories import NOON, id_of, make_plug

pytestmark = pytest.mark.django_db


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def unlock(plug: SmartPlug, now: datetime = NOON) -> datetime:
    return unlock_plug(plug, unlocked_by="kim", unlocked_from="127.0.0.9", now=now)


@pytest.mark.parametrize(
    ("age_s", "left_s"),
    [
        pytest.param(0, 60, id="at once"),
        pytest.param(17, 43, id="while it holds"),
        pytest.param(59.9, 0.1, id="the last moment"),
        pytest.param(60, None, id="over"),
        pytest.param(3600, None, id="the clock was set forward"),
        pytest.param(-0.001, None, id="the clock was set back"),
    ],
)
def test_it_holds_for_a_minute_by_the_wall_clock(age_s: float, left_s: float | None) -> None:
    plug = make_plug()
    assert unlock(plug) == at(60)
    assert (present_unlock(plug, at(age_s)) is not None) is (left_s is not None)
    left = unlock_left_s([plug], at(age_s))
    assert left == ({} if left_s is None else {plug.pk: pytest.approx(left_s)})


def test_every_unlock_is_kept_with_who_where_and_when(caplog: Any) -> None:
    plug = make_plug(name="NAS")
    with caplog.at_level("INFO", logger="energy.services.unlocking"):
        unlock(plug)
        unlock(plug, at(30))
    rows = SwitchUnlock.objects.values_list("plug", "at", "unlocked_by", "unlocked_from")
    assert list(rows) == [(plug.pk, when, "kim", "127.0.0.9") for when in (at(30), NOON)]
    assert len(caplog.messages) == 2
    assert caplog.messages[0] == (
        "plug NAS is unlocked until 2026-03-02T12:01:00+00:00 by kim from 127.0.0.9"
    )


def test_the_newest_unlock_counts() -> None:
    plug = make_plug()
    unlock(plug, at(30))
    unlock(plug)
    found = present_unlock(plug, at(40))
    assert found is not None
    assert found.at == at(30)
    assert unlock_left_s([plug], at(40)) == {plug.pk: 50.0}


def test_only_the_plug_itself_is_unlocked_and_many_cost_one_query(
    django_assert_num_queries: Any,
) -> None:
    plugs = [make_plug(number) for number in range(101, 106)]
    unlock(plugs[2])
    with django_assert_num_queries(1):
        assert list(unlock_left_s(plugs, at(1))) == [plugs[2].pk]
    assert present_unlock(plugs[0], at(1)) is None


@pytest.mark.parametrize("word", [id_of(101), "NAS", "nas"])
def test_the_command_unlocks_by_name_or_id(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "pi")
    make_plug(name="NAS")
    out = StringIO()
    with time_machine.travel(NOON, tick=False):
        call_command("unlock_plug", word, stdout=out)
    row = SwitchUnlock.objects.get()
    assert (row.at, row.unlocked_by, row.unlocked_from) == (NOON, "pi", "command")
    assert out.getvalue() == "NAS is unlocked for 60 seconds.\n"


def test_the_command_refuses_a_name_that_is_not_clear() -> None:
    make_plug(101, name="Lamp")
    make_plug(102, name="Lamp")
    for word, text in (("Lamp", "More than one"), ("NAS", "no plug")):
        with pytest.raises(CommandError, match=text):
            call_command("unlock_plug", word)
    assert not SwitchUnlock.objects.exists()
