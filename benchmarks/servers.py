"""Two servers compared, call by call, in one run: A B A B, and how much is only noise."""

from __future__ import annotations

import os
import random
import statistics
from collections.abc import Iterator, Sequence

from benchmarks.api import Answer, Call, Site, api_calls
from benchmarks.bench import Bench
from benchmarks.figures import Figure, percentile

TOKEN, TOKEN_AGAINST = "BALUPI_BENCH_TOKEN", "BALUPI_BENCH_TOKEN_AGAINST"
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
    rounds = bench.rounds(4, 40)
    took = f"Median of {rounds} rounds, A B A B over one kept connection to each, after one to warm up."
    noise_how = (
        f"A against A and B against B: of {_SPLITS} random halves of a server's own rounds, the ratio "
        "that 95 % do not exceed; the larger one of the two."
    )
    verdict = "B's median by A's; 1 where it is within the noise or 3 %; below it B is faster."
    same = "1 where both answer with the same status, else 0."
    for name in [name for name in calls if name in others]:
        bench.say(name)
        a, b = _in_turn(server, against, calls[name], others[name], rounds)
        a_s, b_s = [it.seconds for it in a], [it.seconds for it in b]
        ratio = statistics.median(b_s) / statistics.median(a_s)
        noise = max(noise_of(a_s), noise_of(b_s))
        yield Figure(name, "A", round(statistics.median(a_s) * 1000, 2), "ms", took)
        yield Figure(name, "B", round(statistics.median(b_s) * 1000, 2), "ms", took)
        yield Figure(name, "B / A", round(ratio, 3), "", took)
        yield Figure(name, "noise", round(noise, 3), "", noise_how)
        yield Figure(name, "above noise", above_noise(ratio, noise), "", verdict)
        is_same = [it.status for it in a] == [it.status for it in b]
        yield Figure(name, "same status", int(is_same), "", same)


def _in_turn(
    a: Site, b: Site, call: Call, other: Call, rounds: int
) -> tuple[list[Answer], list[Answer]]:
    a.ask(call)
    b.ask(other)
    answers = [(a.ask(call), b.ask(other)) for _ in range(rounds)]
    return [one for one, _ in answers], [two for _, two in answers]


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
