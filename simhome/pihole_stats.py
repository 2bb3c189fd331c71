"""The dashboard figures of the simulated Pi-hole: the household plus what is really asked."""

from collections import Counter
from collections.abc import Sequence

from simhome.clock import Clock
from simhome.dns_zone import Outcome
from simhome.pihole_household import (
    BLOCKED,
    BLOCKLIST_SIZE,
    CLIENTS,
    PERMITTED,
    SLOT_SECONDS,
    Counts,
    Household,
)
from simhome.pihole_http import ApiRequest, Body
from simhome.pihole_names import REPLIES, STATUS, TYPES

# /api/history shows 145 slots of ten minutes (stats_and_info, step 12).
_SLOTS_SHOWN = 145
_TOP_DEFAULT = 10
_NAMES_REMEMBERED = 1000
_UNIQUE_DOMAINS = 812
_TYPE_SHARES = {"AAAA": 0.22, "HTTPS": 0.14, "PTR": 0.02, "SRV": 0.005, "TXT": 0.004, "SVCB": 0.003}
_REPLY_SHARES = {"NODATA": 0.11, "NXDOMAIN": 0.05, "CNAME": 0.23, "DOMAIN": 0.02, "BLOB": 0.09}


class Statistics:
    """Figures of the last 24 hours; shapes as in stats_and_info."""

    def __init__(self, household: Household, clock: Clock) -> None:
        """Start with the household's day behind it, as a daemon that imported its database."""
        self._household = household
        self._clock = clock
        self._live: dict[int, Counts] = {}
        self._live_names: Counter[tuple[str, bool]] = Counter()

    def note_query(self, name: str, outcome: Outcome) -> None:
        """Count a question that was really asked."""
        slot = int(self._now() // SLOT_SECONDS)
        self._live[slot] = self._live.get(slot, Counts()) + Counts(**{outcome.value: 1})
        for old in [number for number in self._live if number <= slot - _SLOTS_SHOWN]:
            del self._live[old]
        key = (name, outcome is Outcome.BLOCKED)
        if key in self._live_names or len(self._live_names) < _NAMES_REMEMBERED:
            self._live_names[key] += 1

    def slots(self) -> list[tuple[int, Counts]]:
        """Return (middle of the slot in epoch seconds, counts), oldest first, the last growing."""
        now = self._now()
        current = int(now // SLOT_SECONDS)
        found = []
        for number in range(current - _SLOTS_SHOWN + 1, current + 1):
            share = min(1.0, (now - number * SLOT_SECONDS) / SLOT_SECONDS)
            counts = self._household.part_of_slot(number, share)
            found.append(
                (
                    number * SLOT_SECONDS + SLOT_SECONDS // 2,
                    counts + self._live.get(number, Counts()),
                )
            )
        return found

    def totals(self) -> Counts:
        """Return the sum of all slots shown."""
        return sum((counts for _, counts in self.slots()), Counts())

    def top(self, *, blocked: bool) -> list[tuple[str, int]]:
        """Return names and how often they were asked, the most frequent first."""
        totals = self.totals()
        pool = totals.blocked if blocked else totals.total - totals.blocked
        counts = Counter({name: int(pool * share) for name, share in _shares(blocked=blocked)})
        for (name, was_blocked), number in self._live_names.items():
            if was_blocked is blocked:
                counts[name] += number
        return [(name, number) for name, number in counts.most_common() if number]

    def queries(self) -> Body:
        """Return total, blocked and percent_blocked, as summary and padd show them."""
        totals = self.totals()
        percent = 100 * totals.blocked / totals.total if totals.total else 0
        return {
            "total": totals.total,
            "blocked": totals.blocked,
            "percent_blocked": percent,
        }

    def summary(self, _: ApiRequest) -> Body:
        """GET /api/stats/summary."""
        totals = self.totals()
        queries = self.queries() | {
            "unique_domains": min(totals.total, _UNIQUE_DOMAINS),
            "forwarded": totals.forwarded,
            "cached": totals.cached,
            "frequency": self.frequency(),
            "types": _split(totals.total, TYPES, _TYPE_SHARES, rest="A"),
            "status": self._by_status(totals),
            "replies": _split(totals.total, REPLIES, _REPLY_SHARES, rest="IP"),
        }
        clients = len(CLIENTS) if totals.total else 0
        return {
            "queries": queries,
            "clients": {"active": clients, "total": clients},
            "gravity": {
                "domains_being_blocked": BLOCKLIST_SIZE,
                "last_update": self.last_gravity_update(),
            },
        }

    def history(self, _: ApiRequest) -> Body:
        """GET /api/history."""
        slots: list[Body] = [
            {
                "timestamp": middle,
                "total": counts.total,
                "cached": counts.cached,
                "blocked": counts.blocked,
                "forwarded": counts.forwarded,
            }
            for middle, counts in self.slots()
        ]
        return {"history": slots}

    def client_history(self, request: ApiRequest) -> Body:
        """GET /api/history/clients."""
        shown = CLIENTS[: request.number("N", len(CLIENTS))]
        slots: list[Body] = []
        for middle, counts in self.slots():
            data = {address: int(counts.total * share) for _, address, share in shown}
            slots.append(
                {
                    "timestamp": middle,
                    "data": data | {"others": counts.total - sum(data.values())},
                }
            )
        total = self.totals().total
        clients = {address: {"name": name, "total": int(total * s)} for name, address, s in shown}
        return {"history": slots, "clients": clients}

    def top_domains(self, request: ApiRequest) -> Body:
        """GET /api/stats/top_domains."""
        count = request.number("count", _TOP_DEFAULT)
        top = self.top(blocked=request.flag("blocked"))[:count]
        domains = [{"domain": name, "count": number} for name, number in top]
        return {"domains": domains} | self._two_totals()

    def top_clients(self, request: ApiRequest) -> Body:
        """GET /api/stats/top_clients."""
        totals = self.totals()
        pool = totals.blocked if request.flag("blocked") else totals.total
        rows = [
            {"name": name, "ip": address, "count": int(pool * share)}
            for name, address, share in CLIENTS
            if int(pool * share)
        ]
        clients = rows[: request.number("count", _TOP_DEFAULT)]
        return {"clients": clients} | self._two_totals()

    def upstreams(self, _: ApiRequest) -> Body:
        """GET /api/stats/upstreams."""
        totals = self.totals()
        nothing = {"response": 0, "variance": 0}
        measured = {"response": 0.018, "variance": 0.0004}
        rows = [
            ("blocklist", "blocklist", -1, totals.blocked, nothing),
            ("cache", "cache", -1, totals.cached, nothing),
            ("192.0.2.53", "resolver.provider.example", 53, totals.forwarded, measured),
        ]
        listed = [
            {"ip": ip, "name": name, "port": port, "count": count, "statistics": statistics}
            for ip, name, port, count, statistics in rows
        ]
        return {
            "upstreams": listed,
            "total_queries": totals.total,
            "forwarded_queries": totals.forwarded,
        }

    def query_types(self, _: ApiRequest) -> Body:
        """GET /api/stats/query_types."""
        return {"types": _split(self.totals().total, TYPES, _TYPE_SHARES, rest="A")}

    def recent_blocked(self, request: ApiRequest) -> Body:
        """GET /api/stats/recent_blocked."""
        return {"blocked": self.latest_blocked(request.number("count", 1))}

    def latest_blocked(self, count: int) -> list[str]:
        """Return the last ``count`` blocked names, newest first; a new one every 40 s."""
        newest = int(self._now() // 40)
        return [BLOCKED[(newest - age) % len(BLOCKED)][0] for age in range(count)]

    def frequency(self) -> float:
        """Return queries per second in the current slot."""
        return self._household.slot(int(self._now() // SLOT_SECONDS)).total / SLOT_SECONDS

    def last_gravity_update(self) -> int:
        """Return when the blocklists were fetched: Thursdays at midnight UTC, epoch seconds."""
        week_seconds = 7 * 86400
        return int(self._now() // week_seconds) * week_seconds

    def _two_totals(self) -> Body:
        totals = self.totals()
        return {"total_queries": totals.total, "blocked_queries": totals.blocked}

    def _by_status(self, totals: Counts) -> dict[str, int]:
        blocked = _split(totals.blocked, STATUS, {"REGEX": 0.06, "DENYLIST": 0.04}, rest="GRAVITY")
        return blocked | {"FORWARDED": totals.forwarded, "CACHE": totals.cached}

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _shares(*, blocked: bool) -> Sequence[tuple[str, float]]:
    return BLOCKED if blocked else PERMITTED


def _split(
    total: int, names: Sequence[str], shares: dict[str, float], *, rest: str
) -> dict[str, int]:
    """Return ``total`` distributed over ``names``; what the shares leave goes to ``rest``."""
    split = {name: int(total * shares.get(name, 0)) for name in names}
    split[rest] += total - sum(split.values())
    return split
