"""Wanted against actual, at a simulated Pi-hole with every fault it knows."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from balupi_site.lib.locks import file_lock
from pihole.dns_query import DnsAnswer, ask
from pihole.models import NameSwitch
from pihole.problems import ProblemCode
from pihole.reasons import told
from pihole.services import Outcome, close_session, overview, reconcile, set_override, want
from pihole.session_file import SessionFile
from pihole.tests.sim import PASSWORD, Pihole

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.django_db,
    pytest.mark.usefixtures("redis_server"),
    pytest.mark.sqlite_is_enough("what Pi-hole does is the same"),
]

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OTHERS = ["10.9.9.9 printer.lan", "10.9.9.8 tv.lan # living room"]


def look(now: datetime = NOW, **options: Any) -> Outcome:
    """Reconcile without waiting for Pi-hole's clock second to pass."""
    return reconcile(now, sleep=lambda _seconds: None, **options)


def code(outcome: Outcome) -> ProblemCode | None:
    assert outcome.look is not None
    return outcome.look.problem.code if outcome.look.problem else None


def ours(address: str) -> list[str]:
    return [f"{address} baluhost.local", f"{address} baluhost.lan"]


def answer(pihole: Pihole, name: str = "baluhost.local") -> DnsAnswer:
    return ask(name, pihole.dns, within_s=2.0)


def test_the_names_lead_where_they_should_and_others_stay(pihole: Pihole, settings: Any) -> None:
    want("pi", "asleep", NOW)
    outcome = look()
    assert (outcome.wrote, code(outcome)) == (True, None)
    assert pihole.hosts == [*OTHERS, *ours(settings.PI_IP)]
    assert answer(pihole).addresses == (settings.PI_IP,)
    assert answer(pihole, "printer.lan").addresses == ("10.9.9.9",)


def test_a_switch_is_one_write_and_one_row(pihole: Pihole, settings: Any) -> None:
    want("pi", "asleep", NOW)
    look()
    want("nas", "online", NOW)
    look(NOW + timedelta(minutes=1))
    assert pihole.hosts == [*OTHERS, *ours(settings.NAS_IP)]
    assert pihole.describe()["config_writes"] == 2
    newest, first = NameSwitch.objects.all()
    assert (newest.target, newest.address, newest.reason) == ("nas", settings.NAS_IP, "online")
    assert first.reason == "asleep"


def test_where_all_is_right_nothing_is_written(pihole: Pihole) -> None:
    want("pi", "asleep", NOW)
    look()
    outcome = look()
    assert outcome.wrote is False
    assert pihole.describe()["config_writes"] == 1
    assert NameSwitch.objects.count() == 1


def test_not_known_leaves_the_names_but_tells_where_they_lead(pihole: Pihole) -> None:
    pihole.store([*OTHERS, "10.0.0.77 baluhost.local"])
    outcome = look()
    assert (outcome.wrote, code(outcome)) == (False, None)
    known = overview(NOW)
    assert [(name.name, name.wanted, name.actual, name.answer) for name in known.names] == [
        ("baluhost.local", None, ("10.0.0.77",), "addresses"),
        ("baluhost.lan", None, (), "nxdomain"),
    ]
    assert pihole.hosts == [*OTHERS, "10.0.0.77 baluhost.local"]


def test_a_choice_is_followed_until_it_ends(pihole: Pihole, settings: Any) -> None:
    want("pi", "asleep", NOW)
    set_override("nas", "admin", NOW)
    look()
    assert answer(pihole).addresses == (settings.NAS_IP,)
    assert told(NameSwitch.objects.get().reason) == "override by admin"
    set_override("auto", "admin", NOW)
    look()
    assert answer(pihole).addresses == (settings.PI_IP,)


def test_all_looks_share_one_session(pihole: Pihole) -> None:
    want("pi", "asleep", NOW)
    for _ in range(5):
        look()
    state = pihole.describe()
    assert (state["logins"], state["sessions"]) == (1, 1)


def test_the_worker_gives_the_session_back_when_it_stops(pihole: Pihole) -> None:
    look()
    close_session()
    assert pihole.describe()["sessions"] == 0
    close_session()  # nothing left to give back
    look()
    assert pihole.describe()["sessions"] == 1


def test_a_session_that_cannot_be_given_back_is_used_again(pihole: Pihole) -> None:
    look()
    pihole.break_with("api_down")
    close_session()
    pihole.mend()
    look()
    assert pihole.describe()["logins"] == 1


def test_a_command_leaves_no_session_behind(pihole: Pihole) -> None:
    want("pi", "asleep", NOW)
    look(one_shot=True)
    assert pihole.describe()["sessions"] == 0


def test_a_command_leaves_the_workers_session_alone(pihole: Pihole) -> None:
    look()
    look(one_shot=True)
    assert pihole.describe()["sessions"] == 1
    assert pihole.describe()["logins"] == 1


def test_a_session_lost_by_a_crash_of_pihole_is_renewed(pihole: Pihole) -> None:
    want("pi", "asleep", NOW)
    look()
    pihole.break_with("restart", seconds=0.0, clean=False)
    wait_until(lambda: pihole.describe()["state"] == "running")
    want("nas", "online", NOW)
    assert code(look()) is None
    assert pihole.describe()["logins"] == 2


def wait_until(condition: Callable[[], bool]) -> None:
    never = threading.Event()
    for _ in range(500):
        if condition():
            return
        never.wait(0.01)
    raise AssertionError("waited in vain")


@pytest.mark.parametrize(
    ("fault", "options", "expected"),
    [
        pytest.param("down", {}, ProblemCode.UNREACHABLE, id="down"),
        pytest.param("api_down", {}, ProblemCode.UNREACHABLE, id="only the API down"),
        pytest.param("silent", {}, ProblemCode.UNREACHABLE, id="without power"),
        pytest.param("hang", {}, ProblemCode.NO_ANSWER, id="hangs"),
        pytest.param("slow", {"seconds": 30}, ProblemCode.NO_ANSWER, id="far too slow"),
        pytest.param("garbage", {}, ProblemCode.GARBAGE, id="garbage"),
        pytest.param("seats_full", {}, ProblemCode.SEATS_FULL, id="seats full"),
        pytest.param("password_changed", {}, ProblemCode.WRONG_PASSWORD, id="password changed"),
        pytest.param("app_password", {}, ProblemCode.NO_APP_SUDO, id="no app_sudo"),
        pytest.param("read_only", {}, ProblemCode.READ_ONLY, id="read-only"),
        pytest.param("env_forced", {}, ProblemCode.ENV_FORCED, id="forced by the environment"),
        pytest.param("drop_dns", {}, ProblemCode.NOT_CONFIRMED, id="no DNS"),
    ],
)
def test_each_fault_has_its_code_and_heals(
    pihole: Pihole, settings: Any, fault: str, options: dict[str, Any], expected: ProblemCode
) -> None:
    want("pi", "asleep", NOW)
    pihole.break_with(fault, **options)
    outcome = look(within_s=2.0)
    assert code(outcome) == expected
    assert outcome.follow_up_s is not None
    known = overview(NOW)
    assert known.problem is not None
    assert known.problem.code == expected
    assert known.next_try_at is not None

    pihole.mend()
    healed = look(NOW + timedelta(minutes=11))
    assert code(healed) is None
    assert answer(pihole).addresses == (settings.PI_IP,)
    assert overview(NOW).problem is None


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        pytest.param("app_password", {"app_sudo": True}, id="app password that may write"),
        pytest.param("slow", {"seconds": 0.1}, id="slow"),
    ],
)
def test_what_is_no_fault_is_none(
    pihole: Pihole, settings: Any, fault: str, options: dict[str, Any]
) -> None:
    want("pi", "asleep", NOW)
    pihole.break_with(fault, **options)
    assert code(look()) is None
    assert answer(pihole).addresses == (settings.PI_IP,)


def test_a_pihole_without_password_works_and_warns(pihole: Pihole, settings: Any) -> None:
    want("pi", "asleep", NOW)
    pihole.break_with("no_password")
    assert code(look()) is None
    assert answer(pihole).addresses == (settings.PI_IP,)
    assert [warning.code for warning in overview(NOW).warnings] == [ProblemCode.NO_PASSWORD]


def test_an_ipv6_record_is_left_alone_and_told(pihole: Pihole) -> None:
    pihole.store(["fd00::53 baluhost.local"])
    want("pi", "asleep", NOW)
    assert code(look()) is None
    assert "fd00::53 baluhost.local" in pihole.hosts
    assert [warning.code for warning in overview(NOW).warnings] == [ProblemCode.IPV6_RECORD]


def test_with_the_api_down_we_still_know_what_clients_see(pihole: Pihole, settings: Any) -> None:
    want("pi", "asleep", NOW)
    look()
    pihole.break_with("api_down")
    assert code(look()) == ProblemCode.UNREACHABLE
    assert overview(NOW).ok is True


def test_a_refused_write_never_loses_the_old_record(pihole: Pihole, settings: Any) -> None:
    """The predecessor deleted first: one failed request and the name was gone for good."""
    want("nas", "online", NOW)
    look()
    for fault in ("read_only", "app_password", "env_forced"):
        pihole.break_with(fault)
        want("pi", "asleep", NOW)
        assert code(look(NOW + timedelta(hours=1))) is not None
        assert answer(pihole).addresses == (settings.NAS_IP,)
        assert overview(NOW).ok is False
        pihole.mend()
    assert code(look(NOW + timedelta(hours=2))) is None
    assert answer(pihole).addresses == (settings.PI_IP,)


@pytest.mark.parametrize("variable", ["PI_IP", "NAS_IP"])
@pytest.mark.parametrize("target", ["pi", "nas"])
def test_a_missing_address_is_told_and_never_becomes_a_record(
    pihole: Pihole, settings: Any, variable: str, target: str
) -> None:
    """The predecessor wrote `` baluhost.local`` and ``127.0.0.1:8896 baluhost.local``."""
    setattr(settings, variable, "")
    settings.NAS_URL = "http://127.0.0.1:8896"
    want(target, "x", NOW)
    outcome = look()
    assert code(outcome) == ProblemCode.BAD_CONFIG
    assert outcome.look is not None
    assert outcome.look.problem is not None
    assert f"BALUPI_{variable}" in outcome.look.problem.message
    assert pihole.hosts == OTHERS
    assert pihole.describe()["config_writes"] == 0


def test_a_record_that_gets_lost_after_the_write_comes_back(pihole: Pihole, settings: Any) -> None:
    want("pi", "asleep", NOW)
    assert look().follow_up_s == 2
    pihole.store(OTHERS)  # lost, though the write was answered with success
    assert look().wrote is True
    assert answer(pihole).addresses == (settings.PI_IP,)


def test_a_foreign_writer_is_put_right_and_then_named(pihole: Pihole, settings: Any) -> None:
    want("pi", "asleep", NOW)
    look()
    codes = []
    for minute in (1, 2, 3):
        pihole.store([*OTHERS, f"{settings.NAS_IP} baluhost.local"])
        codes.append(code(look(NOW + timedelta(minutes=minute))))
        assert answer(pihole).addresses == (settings.PI_IP,)
    assert codes == [None, None, ProblemCode.FOREIGN_WRITER]
    assert NameSwitch.objects.first().reason.startswith("put back")  # type: ignore[union-attr]


def test_one_change_by_somebody_else_is_put_right_without_alarm(
    pihole: Pihole, caplog: pytest.LogCaptureFixture
) -> None:
    want("pi", "asleep", NOW)
    look()
    pihole.store(OTHERS)
    assert code(look()) is None
    assert "somebody else changed baluhost.local, baluhost.lan" in caplog.text


def test_a_wrong_dns_server_is_found_out_by_the_question(pihole: Pihole, settings: Any) -> None:
    settings.PIHOLE_DNS = ("127.0.0.1", 9)
    want("pi", "asleep", NOW)
    outcome = look(within_s=2.0)
    assert code(outcome) == ProblemCode.NOT_CONFIRMED
    assert outcome.look is not None
    assert "127.0.0.1:9 answers nothing instead" in outcome.look.problem.message  # type: ignore[union-attr]


def test_a_wrong_password_costs_pihole_two_logins_each_quarter_of_a_minute(pihole: Pihole) -> None:
    pihole.break_with("password_changed", password="other")
    seen = []
    for seconds in (0, 5, 10, 14):
        look(NOW + timedelta(seconds=seconds))
        known = SessionFile(url=pihole.url, password=PASSWORD).load()
        seen.append((known.refused_at, known.refusals))
    assert set(seen) == {(NOW.isoformat(), 1)}


def test_a_password_that_is_put_right_lets_the_names_follow_soon(
    pihole: Pihole, settings: Any
) -> None:
    pihole.break_with("password_changed", password="other")
    want("pi", "asleep", NOW)
    assert code(look(NOW)) == ProblemCode.WRONG_PASSWORD
    pihole.mend()
    assert code(look(NOW + timedelta(seconds=15))) is None
    assert answer(pihole).addresses == (settings.PI_IP,)


def test_figures_come_with_a_look_and_are_kept_for_a_while(pihole: Pihole) -> None:
    look()
    first = overview(NOW)
    assert first.statistics is not None
    assert first.statistics.version is not None
    look(NOW + timedelta(seconds=30))
    assert overview(NOW).statistics_at == first.statistics_at
    look(NOW + timedelta(seconds=60))
    assert overview(NOW).statistics_at != first.statistics_at


def test_without_redis_the_names_are_switched_all_the_same(
    pihole: Pihole, settings: Any, no_redis: None
) -> None:
    want("pi", "asleep", NOW)
    assert code(look()) is None
    assert answer(pihole).addresses == (settings.PI_IP,)
    known = overview(NOW)
    assert (known.target, known.ok, known.checked_at) == ("pi", None, None)


def test_only_one_process_talks_to_pihole_at_a_time(pihole: Pihole) -> None:
    with file_lock("pihole-write") as held:
        assert held
        started_s = time.monotonic()
        outcome = look(within_s=0.2)
        assert time.monotonic() - started_s < 2.0
    assert outcome.look is None
    assert outcome.follow_up_s == 2
    assert pihole.describe()["logins"] == 0


def test_a_problem_is_logged_when_it_comes_and_when_it_goes(
    pihole: Pihole, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pihole")
    pihole.break_with("down")
    for _ in range(3):
        look(within_s=1.0)
    pihole.mend()
    look()
    lines = [record.message for record in caplog.records if record.name.startswith("pihole")]
    assert len([line for line in lines if line.startswith("No connection to Pi-hole")]) == 1
    assert lines[-1] == "Pi-hole is all right again (it was: unreachable)"


def test_no_secret_is_ever_logged_or_told(
    pihole: Pihole, caplog: pytest.LogCaptureFixture, redis_server: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    want("pi", "asleep", NOW)
    look()
    sid = SessionFile(url=pihole.url, password=PASSWORD).load().sid
    assert sid
    for fault in ("down", "hang", "garbage", "read_only", "app_password", "password_changed"):
        pihole.break_with(fault)
        set_override("nas", "admin", NOW)
        look(NOW + timedelta(hours=1), within_s=1.0)
        pihole.mend()
    told = caplog.text + str(redis_server.get("pihole:status"))
    for secret in (PASSWORD, sid):
        assert secret not in told


def test_it_ends_in_time_whatever_hangs(pihole: Pihole) -> None:
    want("pi", "asleep", NOW)
    pihole.break_with("hang")
    pihole.break_with("drop_dns")
    outcome = look(within_s=0.6)
    assert outcome.look is not None
    assert outcome.look.at - NOW < timedelta(seconds=1.5)
