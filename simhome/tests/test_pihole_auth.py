"""Logins of the simulated Pi-hole beyond what the recordings step through."""

import asyncio
import json
from collections import Counter

import pytest

from simhome.clock import ManualClock
from simhome.pihole_config import MAX_SESSIONS
from simhome.pihole_timing import Timing
from simhome.tests.pihole_helpers import NOON, PASSWORD, Answered, ask, login, make_pihole, running
from simhome.tests.pihole_replay import RECORDINGS

pytestmark = pytest.mark.enable_socket

MEASUREMENTS = RECORDINGS / "measurements"
SLIGHTLY_SLOW = Timing(password_check_seconds=0.02, rate_limit_seconds=0.03)


def test_parallel_wrong_logins_are_limited_as_measured() -> None:
    (measured,) = json.loads((MEASUREMENTS / "auth_rate_limit_wrong_password.json").read_text())
    expected = Counter(status for status, _, _ in measured["results"])

    async def scenario() -> Counter[int]:
        async with running(make_pihole(timing=SLIGHTLY_SLOW)) as pihole:
            wrong = {"password": "wrong"}
            answers = await asyncio.gather(
                *(ask(pihole, "POST", "/api/auth", wrong) for _ in range(expected.total()))
            )
            return Counter(answer.status for answer in answers)

    assert asyncio.run(scenario()) == expected


def test_right_logins_in_a_row_are_not_limited() -> None:
    path = MEASUREMENTS / "auth_rate_limit_right_main_password_burst.json"
    (measured,) = json.loads(path.read_text())

    async def scenario() -> Counter[str]:
        statuses: Counter[str] = Counter()
        async with running(make_pihole()) as pihole:
            for _ in range(sum(measured["statuses"].values())):
                answer = await ask(pihole, "POST", "/api/auth", {"password": PASSWORD})
                statuses[str(answer.status)] += 1
                await ask(pihole, "DELETE", "/api/auth", sid=str(answer.field("session.sid")))
        return statuses

    assert asyncio.run(scenario()) == measured["statuses"]


def test_each_use_lets_the_validity_start_anew() -> None:
    async def scenario() -> None:
        clock = ManualClock(NOON)
        async with running(make_pihole(clock=clock)) as pihole:
            sid = await login(pihole)
            for _ in range(3):
                clock.advance(1799)
                listed = await ask(pihole, "GET", "/api/auth/sessions", sid=sid)
                rows = listed.field("sessions")
                assert isinstance(rows, list)
                (row,) = rows
                assert row["valid_until"] == clock.now().timestamp() + 1800
                assert row["login_at"] == NOON.timestamp()

    asyncio.run(scenario())


def test_an_expired_seat_lives_until_somebody_needs_it() -> None:
    async def scenario() -> None:
        clock = ManualClock(NOON)
        async with running(make_pihole(clock=clock)) as pihole:
            pihole.daemon.config.fix(MAX_SESSIONS, 2)
            first, second = await login(pihole), await login(pihole)
            clock.advance(1801)
            third = await login(pihole)
            seen = [
                (await ask(pihole, "GET", "/api/dns/blocking", sid=sid)).status
                for sid in (first, second, third)
            ]
            assert seen == [401, 200, 200]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "query", [pytest.param("a+b/c=", id="raw"), pytest.param("a%2Bb%2Fc%3D", id="encoded")]
)
def test_a_session_id_in_the_query_works_raw_and_encoded(query: str) -> None:
    async def scenario() -> Answered:
        async with running(make_pihole()) as pihole:
            session = pihole.daemon.seats.open(app=False, remote_address="127.0.0.1")
            assert session is not None
            session.sid = "a+b/c="
            return await ask(pihole, "GET", f"/api/dns/blocking?sid={query}")

    assert asyncio.run(scenario()).status == 200


def test_a_session_number_that_is_none_is_refused() -> None:
    async def scenario() -> None:
        async with running(make_pihole()) as pihole:
            sid = await login(pihole)
            answer = await ask(pihole, "DELETE", "/api/auth/session/x", sid=sid)
            assert answer.status == 400

    asyncio.run(scenario())


def test_the_counter_counts_logins_that_took_a_seat() -> None:
    async def scenario() -> None:
        async with running(make_pihole()) as pihole:
            await login(pihole)
            await ask(pihole, "POST", "/api/auth", {"password": "wrong"})
            described = pihole.describe()
            assert (described["logins"], described["sessions"]) == (1, 1)

    asyncio.run(scenario())
