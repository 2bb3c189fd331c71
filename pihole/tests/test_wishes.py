"""Where the names should lead: the state's wish, a person's choice, and which one ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pihole.models import NameStatus
from pihole.reasons import told
from pihole.services import set_override, want

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def test_at_first_nothing_is_wanted_and_nothing_written() -> None:
    assert want(None, "unknown", NOW) is False
    assert NameStatus.objects.count() == 0
    assert NameStatus.current().target == ""


def test_a_wish_is_noted_with_its_reason() -> None:
    assert want("pi", "power cut", NOW) is True
    row = NameStatus.current()
    assert (row.target, row.why, row.changed_at) == ("pi", "power cut", NOW)


def test_the_same_wish_again_does_nothing(django_assert_num_queries: Any) -> None:
    want("pi", "power cut", NOW)
    with django_assert_num_queries(1):
        assert want("pi", "another reason", LATER) is False
    assert NameStatus.current().reason == "power cut"


def test_not_known_leaves_the_names_as_they_are() -> None:
    want("nas", "online", NOW)
    assert want(None, "unknown", LATER) is True
    assert NameStatus.current().target == ""


def test_a_wish_that_is_no_place_is_refused() -> None:
    with pytest.raises(ValueError, match="moon"):
        want("moon", "", NOW)
    with pytest.raises(ValueError, match="moon"):
        set_override("moon", "admin", NOW)


def test_a_choice_stands_before_the_wish() -> None:
    want("pi", "asleep", NOW)
    assert set_override("nas", "admin", LATER) is True
    row = NameStatus.current()
    assert (row.target, told(row.why)) == ("nas", "override by admin")
    assert (row.override_by, row.override_at, row.changed_at) == ("admin", LATER, LATER)


def test_the_same_choice_again_does_nothing() -> None:
    set_override("nas", "admin", NOW)
    assert set_override("nas", "somebody", LATER) is False
    assert NameStatus.current().override_by == "admin"


def test_auto_ends_a_choice() -> None:
    want("pi", "asleep", NOW)
    set_override("nas", "admin", NOW)
    assert set_override("auto", "admin", LATER) is True
    row = NameStatus.current()
    assert (row.target, row.override, row.override_by, row.override_at) == ("pi", "", "", None)


def test_the_same_wish_again_leaves_a_choice_alone() -> None:
    want("pi", "asleep", NOW)
    set_override("nas", "admin", NOW)
    assert want("pi", "asleep", LATER) is False
    assert NameStatus.current().target == "nas"


def test_a_changed_wish_ends_a_choice() -> None:
    want("nas", "online", NOW)
    set_override("pi", "admin", NOW)
    assert want("pi", "asleep", LATER) is True
    row = NameStatus.current()
    assert (row.target, row.override, row.why) == ("pi", "", "asleep")


def test_a_change_of_state_ends_a_choice_also_where_the_wish_stays() -> None:
    want("pi", "offline", NOW)
    set_override("nas", "admin", NOW)
    assert want("pi", "booting", LATER, state_changed=True) is True
    assert NameStatus.current().target == "pi"


def test_a_change_of_state_without_a_choice_changes_nothing() -> None:
    want("pi", "offline", NOW)
    assert want("pi", "booting", LATER, state_changed=True) is False


def test_the_time_of_change_is_that_of_the_address_not_of_the_row() -> None:
    want("pi", "offline", NOW)
    set_override("pi", "admin", LATER)
    assert NameStatus.current().changed_at == NOW


def test_names_longer_than_their_columns_are_cut() -> None:
    want("pi", "x" * 300, NOW)
    set_override("nas", "y" * 300, NOW)
    assert len(NameStatus.current().override_by) == 150
