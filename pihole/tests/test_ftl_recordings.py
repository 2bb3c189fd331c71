"""The adapter against what a real Pi-hole answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pihole.ftl import DomainCount, Ftl, Statistics
from pihole.ftl_http import FtlHttp
from pihole.ftl_session import CONFIRM_AFTER_S
from pihole.problems import PiholeProblem, ProblemCode
from pihole.session_file import SessionFile, SharedSession
from pihole.tests.replay import Exchange, Replay, made_up, recorded, replaying

pytestmark = pytest.mark.enable_socket

MAIN, APP = "dummy-admin-pw", "dummy-app-pw"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NO_SID = recorded("auth_login_basic", 0)
LOGIN = recorded("auth_login_basic", 2)
OUR_SID = recorded("auth_login_basic", 3)
WRONG = recorded("auth_login_basic", 4)
HOSTS = recorded("hosts_basic", 28)
STATISTICS = (0, 1, 2, 15, 14)
NO_SEAT = recorded("auth_seats_exceeded", 16)
APP_LOGIN = recorded("auth_app_password_app_sudo_false", 0)
APP_WRONG = recorded("auth_wrong_then_right_app_password", 1)
RATE_LIMITED = recorded("auth_app_password_burst", 3)
LOGOUT = recorded("auth_app_password_app_sudo_false", 11)
OTHER_LOGIN = recorded("auth_session_expiry_timeout_3s", 6)


class Visits:
    """Makes visits to a replay and notes for how long each would have slept."""

    def __init__(self, server: Replay) -> None:
        self.server = server
        self.slept_s: list[float] = []

    @contextmanager
    def visit(self, password: str = MAIN, now: datetime = NOW, **options: Any) -> Iterator[Ftl]:
        http = FtlHttp(self.server.url, ends_s=time.monotonic() + 10)
        with Ftl(http, password=password, now=now, sleep=self.slept_s.append, **options) as ftl:
            yield ftl

    def stored(self, password: str = MAIN) -> SharedSession:
        return SessionFile(url=self.server.url, password=password).load()

    def keep(self, sid: str = "<SID>", password: str = MAIN) -> None:
        SessionFile(url=self.server.url, password=password).save(SharedSession(sid=sid))


@contextmanager
def visits(*exchanges: Exchange) -> Iterator[Visits]:
    with replaying(*exchanges) as server:
        yield Visits(server)


def problem_of(act: Callable[[], object]) -> PiholeProblem:
    with pytest.raises(PiholeProblem) as caught:
        act()
    return caught.value


def test_it_logs_in_once_and_reads_the_names() -> None:
    with visits(*NO_SID, *LOGIN, *HOSTS) as to, to.visit() as ftl:
        ftl.open()
        assert ftl.hosts() == [
            "10.0.0.2 baluhost.local",
            "10.0.0.3 -bad.local",
            "10.0.0.3 under_score.local",
            "10.0.0.4 multi1.local multi2.local",
            "10.0.0.5 Upper.Local",
            "10.0.0.6 commented.local # managed",
            "10.0.0.7 plus.local",
            "fd00::7 v6.local",
        ]
    assert to.stored() == SharedSession(sid="<SID>")


def test_the_next_process_uses_the_session_it_finds() -> None:
    with visits(*OUR_SID, *HOSTS) as to:
        to.keep()
        with to.visit() as ftl:
            ftl.open()
            ftl.hosts()
        assert to.stored().sid == "<SID>"


def test_no_cookie_is_ever_sent_back() -> None:
    with visits(*NO_SID, *LOGIN, *HOSTS) as to, to.visit() as ftl:
        ftl.open()
        ftl.hosts()
    assert all("Cookie" not in headers for headers in to.server.seen_headers)


def test_another_password_finds_no_session() -> None:
    with visits(*NO_SID, *APP_LOGIN) as to:
        to.keep(password=MAIN)
        with to.visit(APP) as ftl:
            ftl.open()
        assert to.stored(APP).sid == "<SID>"


def test_a_session_that_ended_is_renewed() -> None:
    with visits(*recorded("auth_session_expiry_timeout_3s", 8), *LOGIN) as to:
        to.keep()
        with to.visit() as ftl:
            ftl.open()
        assert to.stored().sid == "<SID>"


def test_a_session_that_ends_in_the_middle_is_renewed_once() -> None:
    gone = recorded("auth_session_expiry_timeout_3s", 7)
    summary = recorded("stats_and_info", 0)
    after = recorded("stats_and_info", *STATISTICS[1:], sid="<SID2>")
    with visits(*OUR_SID, *summary, *gone, *OTHER_LOGIN, *after) as to:
        to.keep()
        with to.visit() as ftl:
            ftl.open()
            assert ftl.statistics().blocking == "enabled"
        assert to.stored().sid == "<SID2>"


def test_a_session_that_is_refused_again_is_no_endless_loop() -> None:
    gone = recorded("auth_session_expiry_timeout_3s", 7)[0]
    gone["request"]["path"] = "/api/config/dns/hosts"
    again = {**gone, "request": {**gone["request"], "headers": {"X-FTL-SID": "<SID2>"}}}
    with visits(*OUR_SID, gone, *OTHER_LOGIN, again) as to:
        to.keep()
        with to.visit() as ftl:
            ftl.open()
            assert problem_of(ftl.hosts).code == ProblemCode.GARBAGE


def test_a_wrong_password_is_confirmed_before_anybody_is_told() -> None:
    with visits(*NO_SID, *WRONG, *WRONG) as to, to.visit("wrong") as ftl:
        assert problem_of(ftl.open).code == ProblemCode.WRONG_PASSWORD
    assert to.slept_s == [CONFIRM_AFTER_S]
    assert CONFIRM_AFTER_S >= 1.1


def test_a_wrong_password_is_not_tried_again_at_once() -> None:
    with visits(*NO_SID, *WRONG, *WRONG, *NO_SID, *NO_SID, *WRONG, *WRONG) as to:
        for seconds in (0, 14, 15):
            with to.visit("wrong", now=NOW + timedelta(seconds=seconds)) as ftl:
                assert problem_of(ftl.open).code == ProblemCode.WRONG_PASSWORD


def test_another_password_is_tried_at_once() -> None:
    with visits(*NO_SID, *WRONG, *WRONG, *NO_SID, *LOGIN) as to:
        with to.visit("wrong") as ftl:
            problem_of(ftl.open)
        with to.visit(MAIN) as ftl:
            ftl.open()


def test_a_person_may_have_a_refused_password_tried_again() -> None:
    with visits(*NO_SID, *WRONG, *WRONG, *NO_SID, *WRONG, *WRONG) as to:
        for _ in range(2):
            with to.visit("wrong", ask_again=True) as ftl:
                assert problem_of(ftl.open).code == ProblemCode.WRONG_PASSWORD


def test_a_clock_that_was_set_back_does_not_lengthen_the_wait() -> None:
    with visits(*NO_SID, *WRONG, *WRONG, *NO_SID, *WRONG, *WRONG) as to:
        for hours in (0, -24):
            with to.visit("wrong", now=NOW + timedelta(hours=hours)) as ftl:
                problem_of(ftl.open)


def test_a_right_app_password_refused_in_a_busy_second_gets_in() -> None:
    right = recorded("auth_wrong_then_right_app_password", 2)
    with visits(*NO_SID, *APP_WRONG, *right) as to, to.visit(APP) as ftl:
        ftl.open()
    assert to.slept_s == [CONFIRM_AFTER_S]
    assert to.stored(APP).sid == "<SID>"


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([*RATE_LIMITED, *RATE_LIMITED], id="twice"),
        pytest.param([*RATE_LIMITED, *APP_WRONG], id="then a refusal that nothing confirms"),
        pytest.param([*APP_WRONG, *RATE_LIMITED], id="after a refusal"),
    ],
)
def test_the_login_limit_is_no_wrong_password(answers: list[Exchange]) -> None:
    with visits(*NO_SID, *answers) as to, to.visit(APP) as ftl:
        assert problem_of(ftl.open).code == ProblemCode.RATE_LIMITED
    assert to.stored(APP) == SharedSession()


def test_full_seats_are_told_from_the_login_limit() -> None:
    with visits(*NO_SID, *NO_SEAT) as to, to.visit() as ftl:
        assert problem_of(ftl.open).code == ProblemCode.SEATS_FULL
    assert to.slept_s == []


def test_a_missing_password_is_not_tried() -> None:
    with visits(*NO_SID) as to, to.visit("") as ftl:
        found = problem_of(ftl.open)
    assert found.code == ProblemCode.BAD_CONFIG
    assert "BALUPI_PIHOLE_PASSWORD" in str(found)


def test_a_second_factor_is_told() -> None:
    with visits(*recorded("auth_totp_enabled", 0, 1)) as to, to.visit() as ftl:
        assert problem_of(ftl.open).code == ProblemCode.TOTP_NEEDED


def test_an_app_password_needs_no_second_factor() -> None:
    with visits(*recorded("auth_totp_enabled", 0, 3)) as to, to.visit(APP) as ftl:
        ftl.open()
    assert to.stored(APP).sid == "<SID>"


@pytest.mark.parametrize("password", [MAIN, ""])
def test_a_pihole_without_password_is_used_without_login(password: str) -> None:
    with visits(*recorded("auth_no_password_set", 0)) as to, to.visit(password) as ftl:
        ftl.open()
        assert ftl.has_password is False
    assert to.stored(password) == SharedSession()


def test_a_stale_session_at_a_pihole_without_password_is_dropped() -> None:
    opened = recorded("auth_no_password_set", 0, sid="<SID>")
    summary = recorded("auth_no_password_set", 4)
    others = recorded("stats_and_info", *STATISTICS[1:])
    for exchange in others:
        exchange["request"]["headers"] = {}
    with visits(*opened, *summary, *others) as to:
        to.keep()
        with to.visit() as ftl:
            ftl.open()
            assert ftl.statistics().queries == 0


def test_the_whole_list_is_written_in_one_request() -> None:
    with visits(*NO_SID, *LOGIN, *recorded("hosts_patch", 1)) as to, to.visit() as ftl:
        ftl.open()
        wanted = ["10.0.0.2 baluhost.local", "10.0.9.9 other.local"]
        assert ftl.set_hosts(wanted) == wanted


@pytest.mark.parametrize(
    ("login", "password", "refusal", "code"),
    [
        pytest.param(
            APP_LOGIN, APP, recorded("auth_app_password_app_sudo_false", 7),
            ProblemCode.NO_APP_SUDO, id="app password without app_sudo",
        ),
        pytest.param(
            LOGIN, MAIN, recorded("hosts_misc_readonly", 1), ProblemCode.READ_ONLY, id="read-only"
        ),
        pytest.param(
            LOGIN, MAIN, recorded("hosts_forced_by_env", 4), ProblemCode.ENV_FORCED,
            id="forced by the environment",
        ),
    ],
)  # fmt: skip
def test_each_refused_write_has_its_own_code(
    login: list[Exchange], password: str, refusal: list[Exchange], code: ProblemCode
) -> None:
    with visits(*NO_SID, *login, *refusal) as to, to.visit(password) as ftl:
        ftl.open()
        found = problem_of(lambda: ftl.set_hosts(["10.0.0.1 baluhost.local"]))
    assert found.code == code


def test_an_item_that_pihole_does_not_take_is_named() -> None:
    items = ["10.0.0.3 baluhost.local", "nonsense x"]
    with visits(*NO_SID, *LOGIN, *recorded("hosts_patch", 5)) as to, to.visit() as ftl:
        ftl.open()
        found = problem_of(lambda: ftl.set_hosts(items))
    assert found.code == ProblemCode.REFUSED
    assert 'dns.hosts[1]: neither a valid IPv4 nor IPv6 address ("nonsense")' in str(found)


def test_more_than_pihole_takes_in_one_request_is_not_sent() -> None:
    with visits(*NO_SID, *LOGIN) as to, to.visit() as ftl:
        ftl.open()
        found = problem_of(lambda: ftl.set_hosts([f"10.0.0.1 name{n}.lan" for n in range(3000)]))
    assert found.code == ProblemCode.REFUSED
    assert "64 KiB" in str(found)


def test_figures_are_read() -> None:
    with visits(*NO_SID, *LOGIN, *recorded("stats_and_info", *STATISTICS)) as to, to.visit() as ftl:
        ftl.open()
        assert ftl.statistics(own_names=["baluhost.local"]) == Statistics(
            queries=302,
            blocked=147,
            percent_blocked=48.67549514770508,
            domains_on_lists=8,
            blocking="enabled",
            blocking_timer_s=None,
            version="v6.3",
            top_blocked=(
                DomainCount("gravity.ftl", 75),
                DomainCount("denied.ftl", 39),
                DomainCount("regex5.ftl", 33),
            ),
            top_permitted=(
                DomainCount("www1.example", 41),
                DomainCount("nosuch0.local", 15),
                DomainCount("nosuch1.local", 14),
            ),
        )


def test_figures_of_another_shape_are_not_known() -> None:
    queries = b'{"queries": {"total": "many", "blocked": true, "percent_blocked": NaN}}'
    strange = [
        made_up("GET", path, 200, body)
        for path, body in (
            ("/api/stats/summary", queries),
            ("/api/dns/blocking", b'{"timer": Infinity}'),
            ("/api/info/version", b'{"version": null}'),
            ("/api/stats/top_domains?blocked=true&count=3", b'{"domains": null}'),
            ("/api/stats/top_domains", b"[1]"),
        )
    ]
    for exchange in strange:
        exchange["request"]["headers"] = {"X-FTL-SID": "<SID>"}
    with visits(*NO_SID, *LOGIN, *strange) as to, to.visit() as ftl:
        ftl.open()
        assert set(vars(ftl.statistics()).values()) == {None}


def test_a_command_gives_back_the_session_it_made() -> None:
    with visits(*NO_SID, *LOGIN, *HOSTS, *LOGOUT) as to:
        with to.visit(share=False) as ftl:
            ftl.open()
            ftl.hosts()
        assert to.stored() == SharedSession()


def test_a_command_gives_its_session_back_also_when_it_fails() -> None:
    strange = made_up("GET", "/api/config/dns/hosts", 200, b"{}")
    strange["request"]["headers"] = {"X-FTL-SID": "<SID>"}
    with visits(*NO_SID, *LOGIN, strange, *LOGOUT) as to, to.visit(share=False) as ftl:
        ftl.open()
        assert problem_of(ftl.hosts).code == ProblemCode.GARBAGE


def test_a_command_gives_its_session_back_also_when_it_crashes() -> None:
    def crash(to: Visits) -> None:
        with to.visit(share=False) as ftl:
            ftl.open()
            raise ZeroDivisionError

    with visits(*NO_SID, *LOGIN, *LOGOUT) as to, pytest.raises(ZeroDivisionError):
        crash(to)


def test_a_command_leaves_the_session_it_found() -> None:
    with visits(*OUR_SID, *HOSTS) as to:
        to.keep()
        with to.visit(share=False) as ftl:
            ftl.open()
            ftl.hosts()
        assert to.stored().sid == "<SID>"


def test_a_session_that_cannot_be_stored_is_given_back(settings: Any) -> None:
    settings.DATA_DIR.rmdir()
    settings.DATA_DIR.write_text("a file where the folder should be")
    with visits(*NO_SID, *LOGIN, *LOGOUT) as to, to.visit() as ftl:
        ftl.open()


def test_the_shared_session_is_logged_out_at_the_end() -> None:
    with visits(*LOGOUT) as to:
        to.keep()
        with to.visit() as ftl:
            ftl.logout()
        assert to.stored() == SharedSession()


def test_a_logout_without_session_asks_nothing() -> None:
    with visits() as to, to.visit() as ftl:
        ftl.logout()


def test_the_address_of_its_page_is_not_that_of_its_api() -> None:
    step = recorded("failure_shapes", 5)
    step[0]["request"] = {"method": "GET", "path": "/admin/api/auth", "headers": {}}
    with visits(*step) as to:
        http = FtlHttp(f"{to.server.url}/admin", ends_s=time.monotonic() + 10)
        with Ftl(http, password=MAIN, now=NOW) as ftl:
            found = problem_of(ftl.open)
    assert found.code == ProblemCode.BAD_CONFIG
    assert "must end before /admin" in str(found)


@pytest.mark.parametrize("sid", ['"\\u20ac"', '"a\\nb"', "5", "true"])
def test_a_session_that_fits_into_no_header_is_garbage(sid: str) -> None:
    body = f'{{"session": {{"valid": true, "sid": {sid}}}}}'.encode()
    strange = made_up("POST", "/api/auth", 200, body)
    strange["request"]["json"] = {"password": MAIN}
    with visits(*NO_SID, strange) as to, to.visit() as ftl:
        assert problem_of(ftl.open).code == ProblemCode.GARBAGE


_PAGE = b"<!doctype html><title>x</title>"
_HTML = {"Content-Type": "text/html"}


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        pytest.param(
            made_up("GET", "/api/auth", 404, _PAGE, _HTML),
            ProblemCode.NOT_V6, "older Pi-hole", id="Pi-hole 5 does not know the path",
        ),
        pytest.param(
            made_up("GET", "/api/auth", 404, b'{"detail": "x"}', {"X-BaluPi": "0.1"}),
            ProblemCode.BAD_CONFIG, "BaluPi itself", id="our own web server on port 80",
        ),
        pytest.param(
            made_up("GET", "/api/auth", 308, b"", {"Location": "https://pi.hole:443/x?sid=1"}),
            ProblemCode.BAD_CONFIG, "redirects to https://pi.hole:443.", id="a redirection",
        ),
        pytest.param(
            made_up("GET", "/api/auth", 301, b"", {"Location": "http://[/"}),
            ProblemCode.BAD_CONFIG, "redirects to a bad address.", id="a broken redirection",
        ),
        pytest.param(
            made_up("GET", "/api/auth", 200, _PAGE, _HTML),
            ProblemCode.GARBAGE, "a web page", id="a captive portal",
        ),
        pytest.param(
            made_up("GET", "/api/auth", 502, b"oops"),
            ProblemCode.GARBAGE, "HTTP 502", id="a proxy without Pi-hole behind it",
        ),
        pytest.param(
            made_up("GET", "/api/auth", 200, b"\xff\xfe{"),
            ProblemCode.GARBAGE, "HTTP 200", id="bytes",
        ),
        pytest.param(
            made_up("GET", "/api/auth", 200, b"[" * 100_000),
            ProblemCode.GARBAGE, "HTTP 200", id="JSON too deep to read",
        ),
        pytest.param(
            made_up("GET", "/api/auth", 200, b"x" * 2_000_000),
            ProblemCode.GARBAGE, "a megabyte", id="no end of it",
        ),
    ],
)  # fmt: skip
def test_what_is_not_pihole_6_is_told(answer: Exchange, code: ProblemCode, words: str) -> None:
    with visits(answer) as to, to.visit() as ftl:
        found = problem_of(ftl.open)
    assert found.code == code
    assert words in str(found)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"config": {}}', id="no list"),
        pytest.param(b'{"config": {"dns": {"hosts": "10.0.0.1 x"}}}', id="a text"),
        pytest.param(b'{"config": {"dns": {"hosts": ["10.0.0.1 x", 5]}}}', id="a number in it"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_list_of_names_of_another_shape_is_garbage(body: bytes) -> None:
    strange = made_up("GET", "/api/config/dns/hosts", 200, body)
    strange["request"]["headers"] = {"X-FTL-SID": "<SID>"}
    with visits(*NO_SID, *LOGIN, strange) as to, to.visit() as ftl:
        ftl.open()
        assert problem_of(ftl.hosts).code == ProblemCode.GARBAGE
