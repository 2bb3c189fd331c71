"""The figures of the simulated Pi-hole look like a household and add up."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from simhome.clock import ManualClock
from simhome.dns_zone import Outcome
from simhome.pihole_household import BLOCKED, CLIENTS, PERMITTED, Counts, Household
from simhome.pihole_stats import Statistics
from simhome.tests.pihole_helpers import NOON, ask, login, lookup, make_pihole, running

pytestmark = pytest.mark.enable_socket

DAY_SLOTS = 144
RESERVED = (".example", ".test", ".invalid", ".localhost", ".lan")


def test_a_day_has_about_eighteen_thousand_queries_of_which_a_sixth_is_blocked() -> None:
    household = Household()
    for first in range(2_900_000, 2_900_000 + 30 * DAY_SLOTS, DAY_SLOTS):
        day = sum((household.slot(first + n) for n in range(DAY_SLOTS)), Counts())
        assert day.total == pytest.approx(18_000, rel=0.05)
        assert day.blocked / day.total == pytest.approx(0.17, abs=0.01)


def test_evenings_are_busier_than_nights() -> None:
    household = Household()
    evening, night = household.slot(19 * 6), household.slot(6 * 6)
    assert evening.total > 3 * night.total


def test_the_same_moment_shows_the_same_figures_to_everybody() -> None:
    clock = ManualClock(NOON)
    one, other = Statistics(Household(), clock), Statistics(Household(), clock)
    assert one.slots() == other.slots()
    assert one.slots() != Statistics(Household(seed=2), clock).slots()


def test_the_current_slot_only_grows() -> None:
    clock = ManualClock(NOON)
    statistics = Statistics(Household(), clock)
    seen = []
    for _ in range(59):
        clock.advance(10)
        seen.append(statistics.slots()[-1][1].total)
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


def test_history_has_a_day_of_ten_minute_slots_around_their_middle() -> None:
    statistics = Statistics(Household(), ManualClock(NOON + timedelta(minutes=7)))
    times = [middle for middle, _ in statistics.slots()]
    assert len(times) == 145
    assert {later - earlier for earlier, later in pairwise(times)} == {600}
    assert times[-1] == NOON.timestamp() + 300


def test_names_and_clients_belong_to_nobody() -> None:
    names = [name for name, _ in (*PERMITTED, *BLOCKED)] + [name for name, _, _ in CLIENTS]
    assert [name for name in names if not f".{name}".endswith(RESERVED)] == []
    assert all(address.startswith("192.0.2.") for _, address, _ in CLIENTS)


def test_a_household_that_asks_nothing_has_zeros() -> None:
    statistics = Statistics(Household(queries_per_day=0), ManualClock(NOON))
    assert statistics.totals() == Counts()
    assert statistics.top(blocked=False) == []
    assert statistics.queries() == {"total": 0, "blocked": 0, "percent_blocked": 0}


def test_live_questions_are_counted_until_they_are_a_day_old() -> None:
    clock = ManualClock(NOON)
    statistics = Statistics(Household(queries_per_day=0), clock)
    statistics.note_query("a.test", Outcome.LOCAL)
    statistics.note_query("b.test", Outcome.BLOCKED)
    statistics.note_query("c.test", Outcome.FORWARDED)
    assert statistics.totals() == Counts(blocked=1, cached=1, forwarded=1)
    assert statistics.top(blocked=True) == [("b.test", 1)]
    clock.advance(145 * 600)
    statistics.note_query("a.test", Outcome.LOCAL)
    assert statistics.totals() == Counts(cached=1)


def test_the_answers_of_the_api_agree_with_each_other() -> None:
    async def scenario() -> None:
        async with running(make_pihole()) as pihole:
            sid = await login(pihole)

            async def get(path: str) -> dict[str, object]:
                body = (await ask(pihole, "GET", path, sid=sid)).json
                assert isinstance(body, dict)
                return body

            summary, history, padd = (
                await get("/api/stats/summary"),
                await get("/api/history"),
                await get("/api/padd"),
            )
            queries = summary["queries"]
            assert isinstance(queries, dict)
            total = queries["total"]
            assert total == queries["blocked"] + queries["cached"] + queries["forwarded"]
            for group in ("types", "status", "replies"):
                assert sum(queries[group].values()) == total
            slots = history["history"]
            assert isinstance(slots, list)
            assert sum(slot["total"] for slot in slots) == total
            shown = padd["queries"]
            assert isinstance(shown, dict)
            assert shown["total"] == total
            top = await get("/api/stats/top_domains?blocked=true&count=3")
            assert top["blocked_queries"] == queries["blocked"]
            domains = top["domains"]
            assert isinstance(domains, list)
            assert [row["domain"] for row in domains] == [name for name, _ in BLOCKED[:3]]

    asyncio.run(scenario())


def test_a_question_to_the_resolver_shows_up() -> None:
    async def scenario() -> None:
        pihole = make_pihole(household=Household(queries_per_day=0))
        async with running(pihole):
            sid = await login(pihole)
            await lookup(pihole, "nobody.test")
            await lookup(pihole, BLOCKED[0][0])
            body = await ask(pihole, "GET", "/api/stats/summary", sid=sid)
            assert body.field("queries.total") == 2
            assert body.field("queries.blocked") == 1
            assert body.field("queries.forwarded") == 1

    asyncio.run(scenario())


def test_a_blocking_pause_ends_by_itself() -> None:
    async def scenario() -> None:
        clock = ManualClock(NOON)
        async with running(make_pihole(clock=clock)) as pihole:
            sid = await login(pihole)
            name = BLOCKED[0][0]
            assert (await lookup(pihole, name)).addresses == ["0.0.0.0"]
            pause = {"blocking": False, "timer": 30}
            await ask(pihole, "POST", "/api/dns/blocking", pause, sid=sid)
            clock.advance(10)
            shown = await ask(pihole, "GET", "/api/dns/blocking", sid=sid)
            assert (shown.field("blocking"), shown.field("timer")) == ("disabled", 20)
            assert (await lookup(pihole, name)).rcode == "NXDOMAIN"
            clock.advance(20)
            assert (await lookup(pihole, name)).addresses == ["0.0.0.0"]

    asyncio.run(scenario())
