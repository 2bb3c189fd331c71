"""Every bad day of a plug that is known from the field, through the real python-kasa.

What happens to plugs: Tapo notes, sections 1.4 and 7. What the household must see of it: a status
with a sentence that says what to do, the latest reading with its age, all other plugs as ever, and
a plug that is well again by itself as soon as its trouble is over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.utils import timezone

from balupi_site.lib.kept import retold
from energy import plug_pool
from energy.models import PlugRole, PlugStatus, SmartPlug
from energy.plug_link import NO_ANSWER
from energy.plug_pool import PlugPool, shared_pool
from energy.readings import Reading
from energy.sample_buffer import latest_lines
from energy.services import latest_readings, poll_plugs, read_plugs_now, switch_plug
from energy.tapo import Login
from energy.tests.conftest import SimHome
from energy.tests.factories import KLAP, id_of, make_plug
from energy.tests.fake_plugs import wait_for_search
from simhome.clock import ManualClock
from simhome.klap import SESSION_S
from simhome.loads import ConstantLoad
from simhome.plug import SimPlug, swap_hosts
from simhome.tests.plug_helpers import NOON, PASSWORD, USERNAME, protocol_to

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.enable_socket,
    pytest.mark.sqlite_is_enough("what plugs do is the same"),
]

#: Longer than a plug is ever left alone.
LONG_S = 700


class House:
    """A simulated home with a plug that has its days and one that is well, both polled."""

    def __init__(self, home: SimHome) -> None:
        self.home = home
        self.clock = ManualClock(NOON)
        self.now_s = 1000.0
        self.sick = self.add(101, load=ConstantLoad(60.4), clock=self.clock)
        self.well = self.add(102, load=ConstantLoad(7))

    def add(self, number: int, **options: Any) -> SimPlug:
        plug = self.home.add(number, **options)
        make_plug(number, host=plug.host)
        return plug

    def poll(self, *, after_s: float = 30) -> None:
        """Let time pass, so that back-offs may end, and read all plugs."""
        self.now_s += after_s
        poll_plugs(keep_samples=True)

    def search_is_over(self) -> None:
        wait_for_search(shared_pool())


@pytest.fixture
def house(
    home: SimHome, redis_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> House:
    """Give that home, and a pool whose time is the house's."""
    from kasa.httpclient import HttpClient
    from kasa.protocols import SmartProtocol

    # How long python-kasa waits before it tries again; nobody needs to wait here.
    monkeypatch.setattr(SmartProtocol, "BACKOFF_SECONDS_AFTER_TIMEOUT", 0)
    monkeypatch.setattr(HttpClient, "WAIT_BETWEEN_REQUESTS_ON_OSERROR", 0.01)
    made = House(home)
    use_pool(house=made, settings=settings)
    return made


def use_pool(
    *, house: House, settings: Any, username: str = USERNAME, password: str = PASSWORD
) -> None:
    """Let this process have a pool of this account, as after a restart."""
    plug_pool.close_connections()
    settings.TAPO_USERNAME, settings.TAPO_PASSWORD = username, password
    plug_pool._shared = PlugPool(
        Login(username, password),
        timeout_s=settings.ENERGY_PLUG_TIMEOUT_SECONDS,
        search_target=settings.TAPO_DISCOVERY_TARGET,
        only_loopback=True,
        monotonic=lambda: house.now_s,
    )


def row(number: int = 101) -> SmartPlug:
    return SmartPlug.objects.get(device_id=id_of(number))


def latest(number: int = 101) -> Reading | None:
    return Reading.from_line(latest_lines().get(id_of(number), ""))


def latest_w(number: int = 101) -> float | None:
    reading = latest(number)
    return reading.power_w if reading else None


# --- bad days -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Day:
    """A bad day of a plug and what is seen of it.

    Attributes:
        faults: of the simulated plug, with their parameters.
        words: all of them are in the message.
        power_w: what is read all the same; None: nothing.
        load_w: what hangs on the plug.
        is_silent: nothing answers, so that the deadline ends the read.
    """

    faults: dict[str, dict[str, Any]]
    status: PlugStatus = PlugStatus.OK
    words: tuple[str, ...] = ()
    power_w: float | None = None
    load_w: float = 60.4
    is_silent: bool = False
    unknown: tuple[str, ...] = field(default=())


def unreachable(*words: str, is_silent: bool = False, **faults: dict[str, Any]) -> Day:
    return Day(faults, PlugStatus.UNREACHABLE, words, is_silent=is_silent)


NO_SENSE = "makes no sense"
THIRD_PARTY = ("Third-Party Compatibility", "Tapo app")

DAYS = [
    pytest.param(unreachable(NO_ANSWER, is_silent=True, hang={}), id="hangs"),
    pytest.param(unreachable(NO_ANSWER, is_silent=True, silent={}), id="out of the Wi-Fi"),
    pytest.param(unreachable(NO_ANSWER, is_silent=True, unplugged={}), id="unplugged"),
    pytest.param(unreachable(NO_ANSWER, is_silent=True, slow={"seconds": 30}), id="too slow"),
    pytest.param(unreachable("refuses connections", "powered", refuse={}), id="port closed"),
    pytest.param(unreachable(NO_SENSE, "500", http_500={}), id="HTTP 500"),
    pytest.param(
        unreachable(NO_SENSE, "decrypt", garbage={"kind": "undecryptable"}), id="undecryptable"
    ),
    pytest.param(
        unreachable(NO_SENSE, "JSONDecodeError", garbage={"kind": "not_json"}), id="not JSON"
    ),
    pytest.param(unreachable(NO_SENSE, garbage={"kind": "json_list"}), id="a JSON list"),
    pytest.param(unreachable(NO_SENSE, garbage={"kind": "no_result"}), id="no result"),
    pytest.param(
        unreachable("ends our session each time", "another program", forbidden_request={}),
        id="403 on every request",
    ),
    pytest.param(
        Day(
            {"forbidden_handshake": {}},
            PlugStatus.NEEDS_SETTING,
            (*THIRD_PARTY, "off and on again", "403 to handshake1"),
        ),
        id="third-party access off (firmware 1.4)",
    ),
    pytest.param(
        Day({"tpap": {}}, PlugStatus.NEEDS_SETTING, THIRD_PARTY),
        id="third-party access off, TPAP announced",
    ),
    pytest.param(
        Day({"port_closed_until_probe": {}}, power_w=60.4),
        id="port closed until a probe (firmware 1.4.6)",
    ),
    pytest.param(Day({"session_stolen": {}}, power_w=60.4), id="session stolen"),
    pytest.param(Day({"single_session": {}}, power_w=60.4), id="single session"),
    pytest.param(Day({"hangs_up": {}}, power_w=60.4), id="idle connection closed"),
    pytest.param(
        Day({"missing_emeter": {}}, power_w=60.4, unknown=("voltage_v", "current_a")),
        id="no get_emeter_data",
    ),
    pytest.param(
        Day({"clock_unset": {}}, power_w=60.4, unknown=("today_energy_wh",)),
        id="clock unset: -1003",
    ),
    pytest.param(
        Day(
            {"missing_emeter": {}, "clock_unset": {}},
            power_w=60,  # get_current_power: whole W
            unknown=("voltage_v", "current_a", "today_energy_wh"),
        ),
        id="only get_current_power is left",
    ),
    pytest.param(Day({"clock_wrong": {}}, power_w=60.4), id="another year on its clock"),
    pytest.param(Day({"no_memory": {}}, power_w=60.4), id="no memory"),
    pytest.param(
        Day({"no_device_time": {}}, power_w=60.4), id="get_device_time hangs (firmware 1.4.3)"
    ),
    pytest.param(
        Day(
            {"negative_power": {}},
            power_w=-19.231,
            load_w=-19.231,
            unknown=("voltage_v", "current_a"),
        ),
        id="invalid JSON for negative power",
    ),
]


@pytest.mark.parametrize("is_known", [True, False], ids=["in the middle", "from the start"])
@pytest.mark.parametrize("day", DAYS)
def test_a_bad_day_and_the_day_after(
    house: House, day: Day, settings: Any, *, is_known: bool
) -> None:
    if day.is_silent:
        settings.ENERGY_PLUG_TIMEOUT_SECONDS = 1.5
        use_pool(house=house, settings=settings)
    if is_known:
        house.poll()
    before, well_before = latest(), latest(102)
    house.home.do(lambda: setattr(house.sick, "load", ConstantLoad(day.load_w)))
    for fault, parameters in day.faults.items():
        house.home.fault(house.sick, fault, **parameters)
    house.poll()
    if is_known and day.status == PlugStatus.UNREACHABLE:
        assert row().status == PlugStatus.OK  # one lost poll is no news
        house.poll()
    assert_seen(day, before)
    assert_others_go_on(well_before)
    if not day.is_silent:
        assert_nothing_new_is_said(house)
    house.home.mend(house.sick)
    house.poll(after_s=LONG_S)
    assert (row().status, row().status_message) == (PlugStatus.OK, "")
    assert latest_w() == day.load_w


def assert_seen(day: Day, before: Reading | None) -> None:
    plug = row()
    assert plug.status == day.status
    assert [word for word in day.words if word not in retold(plug.status_message)] == []
    assert bool(plug.status_message) is (day.status != PlugStatus.OK)
    assert len(plug.status_message) < 600  # whole sentences, not cut off
    assert "seq" not in plug.status_message  # a number that changes each time
    reading = latest()
    if day.power_w is None:
        assert reading == before  # kept, never emptied and never 0 W
        assert_old_and_offline(before)
        return
    assert reading is not None
    assert reading.power_w == day.power_w
    unknown = [name for name in READ if getattr(reading, name) is None]
    assert unknown == list(day.unknown)


READ = ("power_w", "voltage_v", "current_a", "today_energy_wh", "relay_on", "rssi")


def assert_old_and_offline(before: Reading | None) -> None:
    [sick, _well] = latest_readings(timezone.now() + timedelta(minutes=10))
    assert not sick.is_online
    assert sick.is_stale
    assert sick.reading == before
    if before is not None:
        assert sick.age_s is not None
        assert sick.age_s >= 600


def assert_others_go_on(well_before: Reading | None) -> None:
    reading = latest(102)
    assert (row(102).status, latest_w(102)) == (PlugStatus.OK, 7)
    assert reading is not None
    assert well_before is None or reading.at > well_before.at


def assert_nothing_new_is_said(house: House) -> None:
    """A message that changes at each poll would be written and logged at each poll."""
    house.poll(after_s=LONG_S)  # the first one still had a session, which may be told
    before = row()
    house.poll(after_s=LONG_S)
    after = row()
    assert (after.status, after.status_message) == (before.status, before.status_message)
    assert after.status_since == before.status_since


# --- the account ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param(USERNAME, PASSWORD.lower(), id="password in other case"),
        pytest.param(USERNAME.lower(), PASSWORD, id="e-mail in other case"),
    ],
)
def test_a_wrong_account_is_tried_once_until_it_changes(
    house: House, settings: Any, username: str, password: str
) -> None:
    use_pool(house=house, settings=settings, username=username, password=password)
    for _poll in range(3):
        house.poll(after_s=LONG_S)
    assert row().status == PlugStatus.LOGIN_REFUSED
    assert "case-sensitive, the e-mail address too" in row().status_message
    assert password not in row().status_message
    assert dict(house.sick.calls) == {"handshake1": 1, "probe": 1}
    use_pool(house=house, settings=settings)
    house.poll()
    assert (row().status, latest_w()) == (PlugStatus.OK, 60.4)


def test_a_right_password_that_is_refused_waits_for_a_person(house: House) -> None:
    house.home.fault(house.sick, "login_mismatch")
    house.poll()
    assert row().status == PlugStatus.LOGIN_REFUSED
    assert_others_go_on(None)
    house.home.mend(house.sick)
    house.poll(after_s=LONG_S)
    assert house.sick.calls["handshake1"] == 1  # not asked again
    assert read_plugs_now([id_of(101)]) == 1
    assert row().status == PlugStatus.OK


# --- sessions -------------------------------------------------------------------------------------


def test_a_single_session_that_is_fought_over_is_won_back_at_each_poll(house: House) -> None:
    async def rival_logs_in() -> None:
        async with protocol_to(house.sick) as protocol:
            await protocol.query("get_device_info", retry_count=0)

    house.home.fault(house.sick, "single_session")
    for _poll in range(3):
        house.poll()
        assert row().status == PlugStatus.OK
        house.home.run(rival_logs_in())
    assert switch_plug(id_of(101), "off") is False
    assert house.sick.relay_on is False


def test_a_session_that_has_ended_after_a_day_is_made_anew(house: House) -> None:
    house.poll()
    house.home.do(lambda: house.clock.advance(SESSION_S))
    house.poll()
    assert (row().status, house.sick.calls["handshake1"]) == (PlugStatus.OK, 2)


def test_get_device_time_is_never_asked_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from simhome import plug_methods

    def asked(*_args: object) -> None:
        pytest.fail("get_device_time was asked for")

    methods = {**plug_methods._METHODS, "get_device_time": (0, asked)}
    monkeypatch.setattr(plug_methods, "_METHODS", methods)
    house.poll()
    assert switch_plug(id_of(101), "toggle") is False
    assert row().status == PlugStatus.OK


# --- how to connect -------------------------------------------------------------------------------


AES = {**KLAP, "encryption_type": "AES"}


def test_an_update_from_aes_to_klap_is_followed_within_the_poll(house: House) -> None:
    SmartPlug.objects.filter(device_id=id_of(101)).update(connection=AES)
    house.poll()
    assert (row().status, latest_w()) == (PlugStatus.OK, 60.4)
    assert row().connection == KLAP
    assert_others_go_on(None)


def test_an_update_that_ends_the_old_way_to_connect_without_a_word_is_followed_by_a_search(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from simhome import plug, plug_http

    monkeypatch.setattr(
        plug, "_old_handshake", lambda _request: plug_http.Reply(HTTPStatus.NOT_FOUND)
    )
    SmartPlug.objects.filter(device_id=id_of(101)).update(connection=AES)
    house.poll()
    assert row().status == PlugStatus.UNREACHABLE
    assert_others_go_on(None)
    house.search_is_over()
    house.poll()
    assert (row().status, row().connection, latest_w()) == (PlugStatus.OK, KLAP, 60.4)


def test_a_plug_that_only_announces_tpap_is_told_what_to_switch_on(house: House) -> None:
    house.home.fault(house.sick, "tpap")
    SmartPlug.objects.filter(device_id=id_of(101)).update(connection={})  # never connected yet
    house.poll()
    assert row().status == PlugStatus.NEEDS_SETTING
    assert "TPAP" in row().status_message
    assert "Third-Party Compatibility" in row().status_message
    assert_others_go_on(None)
    house.home.mend(house.sick)
    house.poll(after_s=LONG_S)
    assert (row().status, row().connection) == (PlugStatus.OK, KLAP)


# --- addresses ------------------------------------------------------------------------------------


def test_a_plug_with_a_new_address_is_found_by_itself(house: House) -> None:
    house.poll()
    before, well_before = latest(), latest(102)
    house.home.move(house.sick, 180)
    house.poll()
    assert (row().status, latest()) == (PlugStatus.OK, before)  # one lost poll is no news
    assert_others_go_on(well_before)
    house.search_is_over()
    house.poll()
    assert (row().status, row().host) == (PlugStatus.OK, f"{house.home.block}.180")


def test_predecessor_28_a_plug_keeps_its_name_and_role_when_another_has_its_address(
    house: House,
) -> None:
    SmartPlug.objects.filter(device_id=id_of(101)).update(name="NAS", role=PlugRole.NAS)
    house.poll()
    before = latest()
    house.home.run(swap_hosts(house.sick, house.well))
    house.poll()
    assert row().status == PlugStatus.WRONG_DEVICE
    assert "Another device (Plug 102)" in retold(row().status_message)
    assert latest() == before  # nothing of the other plug's
    house.search_is_over()
    house.poll()
    plugs = SmartPlug.objects.values_list("name", "role", "host", "status")
    assert set(plugs) == {
        ("NAS", PlugRole.NAS, f"{house.home.block}.102", PlugStatus.OK),
        ("Plug 102", PlugRole.GENERIC, f"{house.home.block}.101", PlugStatus.OK),
    }
    assert (latest_w(101), latest_w(102)) == (60.4, 7)


def test_another_households_plug_at_the_address_does_not_discredit_the_account(
    house: House,
) -> None:
    house.home.run(house.sick.stop())
    house.home.move(house.well, 101)  # with sessions that are gone, and an account of its own
    house.home.fault(house.well, "login_mismatch")
    SmartPlug.objects.filter(device_id=id_of(102)).delete()
    house.poll()
    assert (row().status, row().refused_credentials) == (PlugStatus.WRONG_DEVICE, "")
