"""How fast the NAS's name follows the NAS, and whether a query ever goes astray.

Each round breaks the simulated NAS at a moment of its own, waits until Pi-hole answers the Pi's address,
mends the NAS and waits until Pi-hole answers the NAS's. All the while one DNS query goes out every
5 ms and each answer is judged: exactly one address, never NXDOMAIN, never silence.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import dns.exception
import dns.message
import dns.query
import dns.rcode

from benchmarks.bench import Bench
from benchmarks.figures import Figure, median_and_worst
from benchmarks.trial import GIVE_UP_S, Trial

QUERY_INTERVAL_S = 0.005
#: The only answer that there should ever be.
_GOOD = "1 address"
_SEED = 8
_GONE = (
    "From breaking the simulated NAS, at moments spread over the intervals, until Pi-hole answers the "
    "Pi's address."
)
_BACK = "From the NAS's first good answer until Pi-hole answers the NAS's address."
_LIMIT = "What is promised."


@dataclass(frozen=True)
class Story:
    """One way for the NAS to go and to come back, and how long the name may lag behind."""

    name: str
    breaks: tuple[str, ...]
    mends: tuple[str, ...]
    gone_limit_s: float
    back_limit_s: float
    mended_by_wake: bool = False


STORIES = (
    Story("crash", ("nas", "crash"), ("nas", "power_on"), 20, 16),
    Story("crash, woken by BaluPi", ("nas", "crash"), (), 20, 4, mended_by_wake=True),
    Story("suspend", ("nas", "suspend"), ("nas", "resume"), 20, 16),
    Story("connection refused", ("nas", "refuse"), ("nas", "recover"), 20, 16),
    Story("backend dead (502)", ("nas", "backend_dead"), ("nas", "recover"), 40, 16),
    Story("hang", ("nas", "hang"), ("nas", "recover"), 60, 16),
)

#: What ``wake_nas --wait`` says, in this order.
STAGE_WORDS = ("Signal sent", "draws power", "answers", "is awake")


@dataclass
class Names:
    """Asks the Pi-hole for the name without a pause and remembers every kind of answer.

    Attributes:
        patience_s: how long an answer is waited for; 5 s is what a computer waits (resolv.conf(5)).
    """

    server: str
    port: int
    name: str
    patience_s: float = 5.0
    kinds: Counter[str] = field(default_factory=Counter)
    switches: int = 0
    _seen: tuple[float, str] = (0.0, "")
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Query until ``end``."""
        while not self._ended.wait(QUERY_INTERVAL_S):
            kind, address = self.ask()
            self.kinds[kind] += 1
            if address and address != self._seen[1]:
                with self._changed:
                    self.switches += bool(self._seen[1])
                    self._seen = (time.time(), address)
                    self._changed.notify_all()

    def end(self) -> None:
        """Stop querying."""
        self._ended.set()

    def ask(self) -> tuple[str, str]:
        """Send one query; the kind of answer, and the address where there was exactly one."""
        query = dns.message.make_query(self.name, "A")
        try:
            answer = dns.query.udp(query, self.server, self.patience_s, self.port)
        except (dns.exception.DNSException, OSError) as error:
            return type(error).__name__, ""
        found = [item.address for record in answer.answer for item in record if record.rdtype == 1]
        if answer.rcode() != dns.rcode.NOERROR:
            return dns.rcode.to_text(answer.rcode()), ""
        if len(found) != 1:
            return f"{len(found)} addresses", ""
        return _GOOD, found[0]

    def wait_for(self, address: str) -> float:
        """Return the wall time at which ``address`` was first answered; exits where it never is."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._seen[1] == address, GIVE_UP_S):
                sys.exit(
                    f"{self.name} does not lead to {address} after {GIVE_UP_S:g} s, but to {self._seen[1]}"
                )
            return self._seen[0]


def follow(bench: Bench) -> Iterator[Figure]:
    """Play all stories; in a quick run the shortest one, once."""
    trial, rounds = bench.trial(), bench.rounds(1, 20)
    kinds: Counter[str] = Counter()
    switches = 0
    played = [it for it in STORIES if bench.match in it.name]
    for story in played[1:2] or played[:1] if bench.is_quick else played:
        seconds, names = measure(story, trial, rounds=rounds, seed=_SEED, tell=bench.say)
        yield from median_and_worst(story.name, seconds["gone"], "s", _GONE, what="gone,")
        yield Figure(story.name, "limit of gone", story.gone_limit_s, "s", _LIMIT)
        yield from median_and_worst(story.name, seconds["back"], "s", _BACK, what="back,")
        yield Figure(story.name, "limit of back", story.back_limit_s, "s", _LIMIT)
        kinds += names.kinds
        switches += names.switches
    asked = kinds.total()
    how = f"One query every {QUERY_INTERVAL_S * 1000:g} ms to Pi-hole, all the time; each answer is judged."
    wrong = {f"DNS hole: {kind}": count for kind, count in kinds.items() if kind != _GOOD}
    for name, count in {
        "DNS hole: queries": asked,
        "DNS hole: switches of the name meanwhile": switches,
        "DNS hole: not answered with exactly one address": sum(wrong.values()),
        **wrong,
    }.items():
        yield Figure(name, "count", count, "", how)


def measure(
    story: Story, trial: Trial, *, rounds: int, seed: int, tell: Callable[[str], None] = print
) -> tuple[dict[str, list[float]], Names]:
    """Play a story; the seconds of each round, and all that was answered meanwhile."""
    server, _, port = trial.facts["pihole_dns"].rpartition(":")
    names = Names(server, int(port), trial.facts["dns_names"][0])
    asking = threading.Thread(target=names.run, daemon=True)
    asking.start()
    try:
        return _play(story, trial, names, random.Random(seed), rounds, tell), names
    finally:
        names.end()
        asking.join()


def _play(
    story: Story,
    trial: Trial,
    names: Names,
    chance: random.Random,
    rounds: int,
    tell: Callable[[str], None],
) -> dict[str, list[float]]:
    """Return the seconds each round took until the name was gone and back."""
    seconds: dict[str, list[float]] = {"gone": [], "back": []}
    nas_ip, pi_ip = trial.facts["nas_ip"], trial.facts["pi_ip"]
    for number, moment_s in enumerate(_moments_s(rounds, chance), start=1):
        names.wait_for(nas_ip)
        time.sleep(moment_s)
        broken_at = dt.datetime.fromisoformat(trial.simhome(*story.breaks)["at"]).timestamp()
        seconds["gone"].append(names.wait_for(pi_ip) - broken_at)
        _mend(story, trial)
        good_at = trial.first_good_answer()
        seconds["back"].append(names.wait_for(nas_ip) - good_at)
        tell(
            f"{story.name} {number}/{rounds}: "
            f"gone {seconds['gone'][-1]:.2f} s, back {seconds['back'][-1]:.2f} s"
        )
    return seconds


def _moments_s(rounds: int, chance: random.Random) -> list[float]:
    """Return when to break it, each time in another part of the 10 s and 30 s intervals.

    Drawn without regard to each other, 20 moments moved the median by 6 s.
    """
    moments = [1 + 30 * (number + chance.random()) / rounds for number in range(rounds)]
    chance.shuffle(moments)
    return moments


def _mend(story: Story, trial: Trial) -> None:
    if story.mended_by_wake:
        trial.manage("wake_nas")
    else:
        trial.simhome(*story.mends)
