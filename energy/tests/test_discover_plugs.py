"""Discovery: plugs become rows, rows are found again, nothing of the owner's is lost."""

from __future__ import annotations

from typing import Any

import pytest

from balupi_site.lib.errors import PermanentError, TransientError
from energy.answers import as_json
from energy.models import PlugRole, PlugStatus, SmartPlug
from energy.plug_pool import PlugPool, credentials_digest
from energy.sample_buffer import latest_lines
from energy.services import discover_plugs
from energy.services.discovery import Found
from energy.tests.conftest import SimHome
from energy.tests.factories import KLAP, id_of, mac_of, make_plug
from simhome.loads import ConstantLoad

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.enable_socket,
    pytest.mark.sqlite_is_enough("a search asks none"),
]


def outcomes(found: list[Found]) -> list[tuple[str, str]]:
    return [(each.name, each.outcome) for each in found]


def test_new_plugs_are_added_with_the_names_of_the_app_and_read_at_once(
    home: SimHome, redis_server: Any
) -> None:
    home.add(101, load=ConstantLoad(60))
    home.add(102, load=ConstantLoad(5))
    assert outcomes(discover_plugs()) == [("Plug 101", "added"), ("Plug 102", "added")]
    first = SmartPlug.objects.get(device_id=id_of(101))
    assert (first.mac, first.name, first.model) == (mac_of(101), "Plug 101", "P110")
    assert (first.host, first.connection) == (f"{home.block}.101", KLAP)
    assert (first.enabled, first.role, first.status) == (True, PlugRole.GENERIC, PlugStatus.OK)
    assert first.firmware_version.startswith("1.3.2")
    assert set(latest_lines()) == {id_of(101), id_of(102)}


def test_a_second_search_changes_nothing(home: SimHome, redis_server: Any) -> None:
    home.add(101)
    discover_plugs()
    before = SmartPlug.objects.values().get()
    assert outcomes(discover_plugs()) == [("Plug 101", "known")]
    assert SmartPlug.objects.values().get() == before


def test_a_plug_belongs_to_the_site_where_it_was_found_last(
    home: SimHome, redis_server: Any, settings: Any
) -> None:
    home.add(101)
    home.add(102)
    make_plug(102, name="Carried there")
    settings.SITE = "garage"
    discover_plugs()
    assert set(SmartPlug.objects.values_list("name", "site")) == {
        ("Plug 101", "garage"),
        ("Carried there", "garage"),
    }


def test_predecessor_28_known_plugs_are_found_by_who_they_are_not_where(
    home: SimHome, redis_server: Any
) -> None:
    plug = home.add(101)
    make_plug(101, host=f"{home.block}.9", name="My NAS", role=PlugRole.NAS)
    make_plug(102, host=plug.host, name="Lamp")  # was at this address before
    discover_plugs()
    rows = SmartPlug.objects.values_list("name", "role", "host")
    assert set(rows) == {
        ("My NAS", PlugRole.NAS, plug.host),
        ("Lamp", PlugRole.GENERIC, plug.host),
    }


def test_disabled_plugs_stay_disabled_and_unread(home: SimHome, redis_server: Any) -> None:
    plug = home.add(101)
    make_plug(101, host=f"{home.block}.9", enabled=False)
    assert outcomes(discover_plugs()) == [("Plug 101", "known")]
    row = SmartPlug.objects.get()
    assert (row.enabled, row.host) == (False, plug.host)
    assert plug.calls["handshake1"] == 0


def test_a_plug_that_the_predecessor_knew_is_polled_once_it_is_found(
    home: SimHome, redis_server: Any
) -> None:
    plug = home.add(101)
    old_id = "5f0c7f5e-6f63-4e0e-9a3b-0d8b0c3e1a01"
    make_plug(101, device_id=old_id, host="0.0.0.0", connection={}, enabled=False)
    assert outcomes(discover_plugs()) == [("Plug 101", "known")]
    row = SmartPlug.objects.get()
    assert (row.enabled, row.host, row.status) == (True, plug.host, PlugStatus.OK)
    assert set(latest_lines()) == {old_id}  # as its samples must be, to be this plug's


def test_plugs_that_do_not_answer_are_not_deleted(home: SimHome, redis_server: Any) -> None:
    make_plug(105)
    assert discover_plugs() == []
    assert SmartPlug.objects.count() == 1


def test_a_plug_that_cannot_be_used_is_told_with_the_reason_and_not_added(
    home: SimHome, redis_server: Any
) -> None:
    home.fault(home.add(101), "tpap")
    home.fault(home.add(102), "forbidden_handshake")
    home.add(103)
    unsupported, failed, added = discover_plugs()
    assert (unsupported.outcome, failed.outcome, added.outcome) == (
        "unsupported",
        "failed",
        "added",
    )
    assert "Third-Party Compatibility" in unsupported.message
    assert "Third-Party Compatibility" in failed.message
    assert [plug.name for plug in SmartPlug.objects.all()] == ["Plug 103"]


def test_a_wrong_account_adds_nothing_and_says_so(
    home: SimHome, redis_server: Any, settings: Any
) -> None:
    settings.TAPO_PASSWORD = "wrong"
    home.add(101)
    [found] = discover_plugs()
    assert found.outcome == "failed"
    assert "case-sensitive" in found.message
    assert not SmartPlug.objects.exists()


def test_a_search_gives_a_refused_login_another_chance(home: SimHome, redis_server: Any) -> None:
    plug = home.add(101)
    make_plug(101, host=plug.host, refused_credentials=credentials_digest())
    discover_plugs()
    row = SmartPlug.objects.get()
    assert (row.refused_credentials, row.status) == ("", PlugStatus.OK)


def test_a_nameless_plug_gets_a_name(home: SimHome, redis_server: Any) -> None:
    plug = home.add(101)
    home.do(lambda: setattr(plug, "alias", ""))
    discover_plugs()
    assert SmartPlug.objects.get().name == f"P110 {mac_of(101)}"


def test_one_plug_can_be_asked_by_its_address(home: SimHome, redis_server: Any) -> None:
    home.add(101)
    second = home.add(102)
    assert outcomes(discover_plugs(second.host)) == [("Plug 102", "added")]


def test_a_row_whose_mac_was_wrong_is_not_doubled(home: SimHome, redis_server: Any) -> None:
    home.add(101)
    make_plug(101, mac="02:00:00:00:00:01", name="Mine")
    assert outcomes(discover_plugs()) == [("Mine", "known")]
    assert SmartPlug.objects.count() == 1


def test_without_an_account_no_search_is_sent(home: SimHome, settings: Any) -> None:
    settings.TAPO_PASSWORD = ""
    with pytest.raises(PermanentError, match="BALUPI_TAPO_PASSWORD"):
        discover_plugs()


@pytest.mark.parametrize("target", ["192.168.178.255", "255.255.255.255", "::1", "nas", "1.2.3"])
def test_a_trial_searches_only_this_machine(home: SimHome, target: str) -> None:
    with pytest.raises(PermanentError, match=target):
        discover_plugs(target)


def test_a_search_that_cannot_be_sent_is_told(
    home: SimHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def discover(_pool: PlugPool, _target: str) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(PlugPool, "discover", discover)
    with pytest.raises(TransientError, match="Network is unreachable"):
        discover_plugs()


def test_the_answer_is_plain_data() -> None:
    found = Found("127.0.0.1", mac_of(1), "P110", "Plug", "added")
    assert as_json([found]) == [
        {
            "host": "127.0.0.1",
            "mac": mac_of(1),
            "model": "P110",
            "name": "Plug",
            "outcome": "added",
            "message": "",
        }
    ]
