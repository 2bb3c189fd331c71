"""What is done with the names is in the log of events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import translation

from balupi_site.events.models import Event
from balupi_site.lib.origin import Origin, acting_for
from pihole.models import NameStatus, NameSwitch
from pihole.services import _record_switch, set_override, want

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
KIM = Origin("kim", "api", "10.0.0.7")


def test_names_that_are_held_and_released_by_hand_are_told_with_who_did_it() -> None:
    with acting_for(KIM):
        set_override("nas", "kim", NOW)
        set_override("nas", "kim", NOW)
        set_override("auto", "kim", LATER)
    held, released = Event.objects.order_by("pk")
    assert (held.kind, held.who, held.address) == ("names.overridden", "kim", "10.0.0.7")
    assert held.facts == {"target": "nas", "before": ""}
    assert (released.kind, released.who, released.duration_s) == ("names.released", "kim", 300)


def test_a_change_of_state_releases_them_as_our_own_doing() -> None:
    set_override("nas", "kim", NOW)
    with acting_for(KIM):
        want("pi", "shut_down", LATER, state_changed=True)
    released = Event.objects.get(kind="names.released")
    assert (released.who, released.via, released.duration_s) == ("", "", 300)
    assert released.facts == {"target": "nas", "reason": "shut_down"}


def test_a_switch_is_told_with_how_long_it_took(settings: Any) -> None:
    settings.DNS_NAMES = ("baluhost.local", "nas.lan")
    want("pi", "shut_down", NOW)
    wish = NameStatus.current()
    _record_switch(wish, "127.66.0.2", NOW + timedelta(seconds=1.5), is_foreign=False)
    _record_switch(wish, "127.66.0.2", LATER, is_foreign=True)
    switched, put_back = Event.objects.filter(kind="names.switched").order_by("pk")
    assert (switched.subject, switched.duration_s) == ("baluhost.local, nas.lan", 1.5)
    assert (switched.is_trouble, switched.facts["target"]) == (False, "pi")
    assert (put_back.is_trouble, put_back.duration_s) == (True, None)


def test_both_or_neither_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise DatabaseError("the log is broken")

    want("pi", "shut_down", NOW)
    monkeypatch.setattr(Event.objects, "create", fail)
    with pytest.raises(DatabaseError), transaction.atomic():
        set_override("nas", "kim", NOW)
    with pytest.raises(DatabaseError), transaction.atomic():
        _record_switch(NameStatus.current(), "127.66.0.2", NOW, is_foreign=False)
    assert NameStatus.current().override == ""
    assert not NameSwitch.objects.exists()


def test_why_they_were_switched_is_told_to_all_in_one_language() -> None:
    set_override("pi", "kim", NOW)
    with translation.override("de"):
        _record_switch(NameStatus.current(), "10.0.0.2", NOW, is_foreign=False)
        _record_switch(NameStatus.current(), "10.0.0.2", NOW, is_foreign=True)
    whys = [event.facts["reason"] for event in Event.objects.filter(kind="names.switched")]
    assert sorted(whys) == ["override by kim", "put back: somebody else had changed it"]
