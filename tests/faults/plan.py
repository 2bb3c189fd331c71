"""Rule: which faults a seed brings, in which order, at which moments. The same seed, the same sequence."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

#: How many faults at once, and within which time they begin.
_AT_ONCE = (1, 2, 2, 3)
_BEGIN_WITHIN_S = 6.0
_PAUSES_S = (0.0, 1.0, 6.0)
_LASTS_S = (3.0, 8.0, 15.0, 25.0)

#: What can be broken at a time only once, and the faults of each place.
FAULTS: dict[str, str] = {
    "web_killed": "web",
    "worker_killed": "worker",
    "redis_killed": "redis",
    "redis_hung": "redis",
    "pihole_stopped": "pihole",
    "pihole_slow": "pihole",
    "pihole_seats_full": "pihole",
    "pihole_password_changed": "pihole",
    "pihole_foreign_writer": "pihole",
    "nas_crash": "nas",
    "nas_hang": "nas",
    "nas_suspend": "nas",
    "nas_service_restart": "nas",
    "nas_power_cut": "nas",
    "plug_hang": "plug",
    "plug_session_stolen": "plug",
    "plug_new_address": "plug",
    "clock_hour_back": "clock",
    "clock_hour_ahead": "clock",
    "clock_days_back": "clock",
    "disk_full": "disk",
    "database_locked": "database",
}
PLUGS = ("NAS", "Monitor", "Freezer")
#: What happens at one moment, and heals by itself.
_AT_ONCE_OVER = (
    *("web_killed", "worker_killed", "redis_killed"),
    *("nas_service_restart", "plug_session_stolen", "plug_new_address"),
)
_OWN_LASTS_S: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(_AT_ONCE_OVER, (1.0,)),
    "nas_hang": (10.0, 30.0, 70.0),  # it is noticed after up to 60 s (README, "Figures")
    "plug_hang": (20.0, 50.0),
    "database_locked": (10.0,),
}

#: How the household's own NAS goes and comes, with and without a word.
LEAVES = ("shutdown", "suspend")
RETURNS = ("power_button", "wake_by_balupi")


@dataclass(frozen=True)
class Planned:
    """One fault of an episode.

    Attributes:
        name: a key of ``FAULTS``.
        begins_s: after the episode's start.
        lasts_s: until it is undone.
        plug: which, for a fault of a plug.
    """

    name: str
    begins_s: float
    lasts_s: float
    plug: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.plug}".rstrip()


@dataclass(frozen=True)
class Episode:
    """Faults at about the same time, what the household does meanwhile, and the pause after it.

    Attributes:
        leaves: how the NAS goes to sleep at its start; "": it does not.
        returns: how it is woken at its start; "": it is not.
        files: sizes in bytes of the files put into the inbox.
    """

    number: int
    faults: tuple[Planned, ...]
    leaves: str
    returns: str
    files: tuple[int, ...]
    pause_s: float

    def __str__(self) -> str:
        lives = [f"NAS {word}" for word in (self.leaves, self.returns) if word]
        lives += [f"{len(self.files)} files"] if self.files else []
        faults = [
            f"{one} ({one.begins_s:g} to {one.begins_s + one.lasts_s:g} s)" for one in self.faults
        ]
        return f"episode {self.number}: " + ", ".join([*lives, *faults])


def episodes(seed: int) -> Iterator[Episode]:
    """Yield episodes without end; each fault comes once before one comes again."""
    chance = random.Random(seed)
    deck: list[str] = []
    is_awake = True
    number = 0
    while True:
        number += 1
        is_first = number == 1
        wants_nas = not is_awake or (not is_first and chance.random() < 0.3)
        taken = {"nas"} if wants_nas else set()
        faults = [_planned(chance, name) for name in _draw(chance, deck, taken)]
        leaves = chance.choice(LEAVES) if wants_nas and is_awake else ""
        returns = chance.choice(RETURNS) if not is_awake else ""
        is_awake = not leaves
        yield Episode(
            number=number,
            faults=tuple(faults),
            leaves=leaves,
            returns=returns,
            files=tuple(_size(chance) for _ in range(chance.choice((0, 1, 3)))),
            pause_s=chance.choice(_PAUSES_S),
        )


def _draw(chance: random.Random, deck: list[str], taken: set[str]) -> list[str]:
    """Take one to three faults of different places from the deck."""
    drawn: list[str] = []
    for _ in range(chance.choice(_AT_ONCE)):
        if all(FAULTS[name] in taken for name in deck):
            deck.extend(chance.sample(list(FAULTS), len(FAULTS)))
        name = next(name for name in deck if FAULTS[name] not in taken)
        deck.remove(name)
        taken.add(FAULTS[name])
        drawn.append(name)
    return drawn


def _planned(chance: random.Random, name: str) -> Planned:
    return Planned(
        name=name,
        begins_s=round(chance.uniform(0, _BEGIN_WITHIN_S), 1),
        lasts_s=chance.choice(_OWN_LASTS_S.get(name, _LASTS_S)),
        plug=chance.choice(PLUGS) if FAULTS[name] == "plug" else "",
    )


def _size(chance: random.Random) -> int:
    return chance.choice((1, 1_000, chance.randrange(1, 200_000), 3_000_000))
