"""``manage.py import_legacy``: the predecessor's plugs."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management.base import CommandError

from balupi_site.events.models import Event
from energy.api.queries import plug_or_404
from energy.metering import HOUR
from energy.models import PlugRole, SmartPlug
from energy.tests.factories import make_plug
from energy.tests.importing.helpers import OLD, RECENT, rows
from energy.tests.legacy_helpers import LAMP, OldHome, run

pytestmark = pytest.mark.django_db


def test_readings_of_a_plug_that_did_not_answer_are_no_zeros(old: OldHome) -> None:
    make_plug()
    old.plug()
    old.samples(RECENT, RECENT + HOUR / 2)
    old.samples(RECENT + HOUR / 2 + timedelta(seconds=30), RECENT + HOUR, 0, voltage_mv=None)
    run(old)
    assert rows()[RECENT] == (pytest.approx(50), 0.5, "recounted")


def test_a_plug_that_is_known_is_found_by_its_mac_and_keeps_what_the_owner_chose(
    old: OldHome,
) -> None:
    make_plug(name="My NAS", host="127.0.0.9")
    old.plug(name="Other", role="nas")
    old.hours(OLD, 1)
    assert "is 'My NAS' here, by its MAC address" in run(old)
    plug = SmartPlug.objects.get()
    assert (plug.name, plug.host, plug.role) == ("My NAS", "127.0.0.9", PlugRole.GENERIC)
    assert plug.created_at == OLD  # so its memory completes what came after it


def test_a_new_plug_is_not_polled_and_its_odd_values_are_told(old: OldHome) -> None:
    old.plug()
    old.plug(
        LAMP,
        name="Lamp\0" * 30,
        mac_address="02-00-5e-00-00-66",
        role="banana",
        ip_address="8.8.8.8",
    )
    told = run(old)
    nas, lamp = SmartPlug.objects.order_by("mac")
    assert plug_or_404(nas.device_id) == nas  # not its UUID, which no plug tells
    assert (nas.device_id, nas.role, nas.enabled, nas.host) == (
        "02005E000065",
        "nas",
        False,
        "127.0.0.101",
    )
    assert (lamp.role, lamp.enabled, lamp.host, lamp.mac) == (
        "generic", False, "0.0.0.0", "02:00:5e:00:00:66",
    )  # fmt: skip
    assert "the address 8.8.8.8 is none of a plug here; 'banana' is no role" in told
    assert [event.subject for event in Event.objects.order_by("pk")][-1] == "import_legacy"


def test_predecessor_28_only_one_plug_can_be_the_nas(old: OldHome) -> None:
    old.plug()
    old.plug(LAMP, name="Lamp", mac_address="02:00:5e:00:00:66")
    run(old)
    assert {plug.role for plug in SmartPlug.objects.all()} == {"generic"}


def test_two_plugs_there_may_be_one_here(old: OldHome) -> None:
    make_plug()
    old.plug()
    old.plug(LAMP, name="NAS again")
    old.hours(OLD, 2)
    old.hours(OLD + HOUR, 2, device_id=LAMP)
    report = json.loads(run(old, "--json"))
    assert report["changes"]["hours"] == len(rows()) == 3
    tally = report["tables"]["energy_hourly"]
    assert (tally["read"], tally["taken"]) == (4, 3)


def test_a_plug_without_a_mac_is_left_until_somebody_says_which_one_it_is(old: OldHome) -> None:
    make_plug(name="Desk lamp")
    old.plug(name="Desk", mac_address=None)
    old.hours(OLD, 1)
    assert "Desk: left, its plug has no MAC address" in run(old)
    assert not rows()
    with pytest.raises(CommandError, match="no plug is called 'Nobody' here"):
        run(old, "--plug", "Desk=Nobody")
    assert "is 'Desk lamp' here, as you said" in run(old, "--plug", "Desk=Desk lamp")
    assert len(rows()) == 1
