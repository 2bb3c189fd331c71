"""Two servers compared, call by call, in one run: A B A B, and how much is only noise."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.api import Answer, Call, Site, api_calls
from benchmarks.bench import Bench
from benchmarks.figures import Figure, percentile
from benchmarks.kernel_counters import CPU_OF_EACH, cpu_s, listener

TOKEN, TOKEN_AGAINST = "BENCH_TOKEN", "BENCH_TOKEN_AGAINST"
#: No call is asked for longer than this, but a few times.
_CALL_S, _FEWEST = 40.0, 4
_SPLITS = 200
_SEED = 8
#: Less than this is not told apart from noise, however calm the machine.
_LEAST = 1.03


def sites(server: str, against: str) -> tuple[Site, Site]:
    """Return the two servers, with the tokens that the environment has."""
    token = os.environ.get(TOKEN, "")
    other = os.environ.get(TOKEN_AGAINST, token)
    one, two = (
        Site(url.rstrip("/"), {"Authorization": f"Bearer {word}"} if word else {})
        for url, word in ((server, token), (against, other))
    )
    return one, two


def compare(bench: Bench, server: Site, against: Site) -> Iterator[Figure]:
    """Ask both for everything that changes nothing and that both describe, in turn.

    Raises:
        LookupError: one of them does not describe its API; the token may be missing.
    """
    calls, others = (
        {it.name: it for it in api_calls(one, bench.match)} for one in (server, against)
    )
    for name in [name for name in calls if name in others]:
        bench.say(name)
        a, b = Side(server, calls[name]), Side(against, others[name])
        _in_turn(a, b, bench.rounds(4, 40))
        yield from _compared(name, a, b)


@dataclass
class Side:
    """One of the two servers and what it answered to a call.

    Attributes:
        cpu_ms: what each answer took of the CPU; None where the server is not on this machine.
    """

    site: Site
    call: Call
    answers: list[Answer] = field(default_factory=list)
    cpu_ms: float | None = None

    @property
    def times_s(self) -> list[float]:
        """Return how long each answer took."""
        return [it.seconds for it in self.answers]


def _in_turn(a: Side, b: Side, rounds: int) -> None:
    """Ask both, A B A B, after one to warm up."""
    webs = [listener(side.site.url) for side in (a, b)]
    if webs[0] == webs[1]:
        webs = [None, None]  # one server against itself: whose share would it be?
    before_s = [cpu_s(web) if web else 0 for web in webs]
    deadline_s = time.monotonic() + _CALL_S
    for number in range(rounds + 1):
        for side in (a, b):
            side.answers.append(side.site.ask(side.call))
        if number >= _FEWEST and time.monotonic() > deadline_s:
            break
    for side, web, before in zip((a, b), webs, before_s, strict=True):
        if web:
            side.cpu_ms = (cpu_s(web) - before) * 1000 / len(side.answers)
        del side.answers[0]


def _compared(name: str, a: Side, b: Side) -> Iterator[Figure]:
    took = (
        "Median of up to 40 rounds, A B A B over one kept connection to each, after one to warm up."
    )
    noise_how = (
        f"A against A and B against B: of {_SPLITS} random halves of a server's own rounds, the ratio "
        "that 95 % do not exceed; the larger one of the two."
    )
    verdict = "B's median by A's; 1 where it is within the noise or 3 %; below it B is faster."
    a_ms, b_ms = (statistics.median(side.times_s) * 1000 for side in (a, b))
    noise = max(noise_of(a.times_s), noise_of(b.times_s))
    yield Figure(name, "A", round(a_ms, 2), "ms", took)
    yield Figure(name, "B", round(b_ms, 2), "ms", took)
    yield Figure(name, "B / A", round(b_ms / a_ms, 3), "", took)
    yield Figure(name, "noise", round(noise, 3), "", noise_how)
    yield Figure(name, "above noise", above_noise(b_ms / a_ms, noise), "", verdict)
    if a.cpu_ms and b.cpu_ms:
        yield Figure(name, "A, CPU", round(a.cpu_ms, 2), "ms", CPU_OF_EACH)
        yield Figure(name, "B, CPU", round(b.cpu_ms, 2), "ms", CPU_OF_EACH)
        yield Figure(name, "B / A, CPU", round(b.cpu_ms / a.cpu_ms, 3), "", CPU_OF_EACH)
    is_same = [it.status for it in a.answers] == [it.status for it in b.answers]
    same = "1 where both answer with the same status, else 0."
    yield Figure(name, "same status", int(is_same), "", same)


def noise_of(times_s: Sequence[float]) -> float:
    """Return the ratio, 1 or more, by which the halves of one server's own rounds differ."""
    chance, found = random.Random(_SEED), []
    shuffled, half = list(times_s), len(times_s) // 2
    for _ in range(_SPLITS):
        chance.shuffle(shuffled)
        ratio = statistics.median(shuffled[:half]) / statistics.median(shuffled[half:])
        found.append(max(ratio, 1 / ratio))
    return percentile(found, 0.95)


def above_noise(ratio: float, noise: float) -> float:
    """Return the ratio, or 1 where it proves nothing."""
    return round(ratio, 3) if max(ratio, 1 / ratio) > max(noise, _LEAST) else 1.0
