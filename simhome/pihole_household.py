"""The DNS traffic of a plausible household: deterministic, the same for everybody who looks."""

import functools
import math
import random
from dataclasses import dataclass

SLOT_SECONDS = 600
_SLOTS_PER_DAY = 86400 // SLOT_SECONDS
_BUSIEST_HOUR_UTC = 18.5
_SWING = 0.7  # the busiest hour has 1.7 times the mean, the quietest 0.3 times
_CACHED_SHARE = 0.52  # of what is not blocked

# Names that can never be anybody's: reserved by RFC 2606 and RFC 6761.
PERMITTED = (
    ("cdn.streaming.example", 0.118),
    ("api.messenger.example", 0.094),
    ("clock.pool.example", 0.071),
    ("mail.provider.example", 0.058),
    ("connectivity.phone.example", 0.051),
    ("www.news.example", 0.043),
    ("updates.laptop.example", 0.037),
    ("photos.cloud.example", 0.033),
    ("weather.example", 0.028),
    ("music.streaming.example", 0.024),
    ("forum.example", 0.017),
    ("shop.example", 0.013),
    ("git.test", 0.009),
)
BLOCKED = (
    ("telemetry.tv.example", 0.212),
    ("ads.news.example", 0.164),
    ("metrics.phone.example", 0.131),
    ("tracker.shop.example", 0.097),
    ("pixel.social.example", 0.082),
    ("crash-reports.app.example", 0.061),
    ("banner.forum.example", 0.048),
    ("analytics.weather.example", 0.039),
    ("beacon.music.example", 0.027),
    ("popups.invalid", 0.014),
)
# Addresses from the documentation network 192.0.2.0/24.
CLIENTS = (
    ("tv.lan", "192.0.2.31", 0.31),
    ("phone-1.lan", "192.0.2.32", 0.24),
    ("laptop.lan", "192.0.2.33", 0.19),
    ("phone-2.lan", "192.0.2.34", 0.13),
    ("tablet.lan", "192.0.2.35", 0.08),
    ("printer.lan", "192.0.2.36", 0.05),
)
BLOCKLIST_SIZE = 164_532


@dataclass(frozen=True)
class Counts:
    """Queries by what became of them."""

    blocked: int = 0
    cached: int = 0
    forwarded: int = 0

    @property
    def total(self) -> int:
        """All queries."""
        return self.blocked + self.cached + self.forwarded

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.blocked + other.blocked,
            self.cached + other.cached,
            self.forwarded + other.forwarded,
        )


@dataclass(frozen=True)
class Household:
    """How much is asked, and how much of it is advertising."""

    queries_per_day: int = 18_000
    blocked_share: float = 0.17
    seed: int = 1

    @functools.lru_cache(maxsize=512)  # noqa: B019 - a handful of households per process
    def slot(self, number: int) -> Counts:
        """Return the whole slot ``number``, counted in SLOT_SECONDS since the epoch."""
        dice = random.Random(f"{self.seed}:{number}")
        hour = number % _SLOTS_PER_DAY * 24 / _SLOTS_PER_DAY
        swing = 1 + _SWING * math.cos((hour - _BUSIEST_HOUR_UTC) / 24 * 2 * math.pi)
        total = self.queries_per_day / _SLOTS_PER_DAY * swing * dice.uniform(0.8, 1.2)
        blocked = total * self.blocked_share * dice.uniform(0.85, 1.15)
        cached = (total - blocked) * _CACHED_SHARE
        return Counts(round(blocked), round(cached), round(total - blocked - cached))

    def part_of_slot(self, number: int, share: float) -> Counts:
        """Return what has been asked after ``share`` (0 to 1) of the slot; it only grows."""
        whole = self.slot(number)
        return Counts(
            int(whole.blocked * share), int(whole.cached * share), int(whole.forwarded * share)
        )
