#!/usr/bin/env python3
"""Measure how fast the NAS's name follows the NAS, against a running trial (deploy/try.sh).

Each round breaks the simulated NAS at a random moment, waits until Pi-hole answers the Pi's address,
mends the NAS and waits until Pi-hole answers the NAS's. All the while one DNS query goes out every
5 ms and each answer is judged: exactly one address, never NXDOMAIN, never silence.

    .venv/bin/python benchmarks/follow.py data/try-8000 --rounds 20 [--only crash] [--json FILE]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rcode

QUERY_INTERVAL_S = 0.005
GIVE_UP_S = 180.0


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
    """Asks the Pi-hole for the name without a pause and remembers every kind of answer."""

    server: str
    port: int
    name: str
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
            answer = dns.query.udp(query, self.server, timeout=1, port=self.port)
        except (dns.exception.DNSException, OSError) as error:
            return type(error).__name__, ""
        found = [item.address for record in answer.answer for item in record if record.rdtype == 1]
        if answer.rcode() != dns.rcode.NOERROR:
            return dns.rcode.to_text(answer.rcode()), ""
        return f"{len(found)} address" + "es" * (len(found) != 1), found[0] if len(
            found
        ) == 1 else ""

    def wait_for(self, address: str) -> float:
        """Return the wall time at which ``address`` was first answered; exits where it never is."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._seen[1] == address, GIVE_UP_S):
                sys.exit(
                    f"{self.name} does not lead to {address} after {GIVE_UP_S:g} s, but to {self._seen[1]}"
                )
            return self._seen[0]


class Trial:
    """A running trial: its addresses and its simulated home."""

    def __init__(self, data_dir: Path) -> None:
        self.facts: dict[str, Any] = json.loads((data_dir / "try.json").read_text())

    def simhome(self, *words: str) -> dict[str, Any]:
        """Run one control command of the simulated home; return its JSON."""
        done = subprocess.run(
            [*self.facts["simhome"], *words], capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"simhome {' '.join(words)}: {done.stdout}{done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def wake(self) -> None:
        """Wake the NAS as a person would, by BaluPi's own command."""
        environment = {"BALUPI_ENV_FILE": self.facts["env_file"], "PATH": "/usr/bin:/bin"}
        subprocess.run(
            [*self.facts["manage"], "wake_nas"], env=environment, check=True, capture_output=True
        )

    def first_good_answer(self) -> float:
        """Return the wall time since when the NAS can give a good answer; waits for it."""
        end_s = time.monotonic() + GIVE_UP_S
        while time.monotonic() < end_s:
            at = self.simhome("status")["nas"]["first_good_answer_at"]
            if at:
                return dt.datetime.fromisoformat(at).timestamp()
            time.sleep(0.2)
        sys.exit("the simulated NAS does not come back")


def main() -> int:
    """Run the stories and print a table; exit 1 where a limit or the answers are broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_dir", type=Path, help="the data directory of a running trial")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default="", help="run only the stories whose name contains this")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(1 << 30), help="of the random moments"
    )
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    trial = Trial(options.data_dir)
    print(f"Seed {options.seed}. Limits in brackets, seconds: median, worst.")
    print(
        "| what happens to the NAS | rounds | name on the Pi after | name back after the first good answer |"
    )
    print("|---|---|---|---|", flush=True)
    report: dict[str, Any] = {"seed": options.seed, "stories": {}}
    good = True
    for story in [story for story in STORIES if options.only in story.name]:
        seconds, names = measure(story, trial, rounds=options.rounds, seed=options.seed)
        report["stories"][story.name] = {"seconds": seconds, "answers": names.kinds}
        print(_row(story, seconds), flush=True)
        answers = ", ".join(f"{count} x {kind}" for kind, count in names.kinds.most_common())
        print(
            f"  {names.switches} switches, a query every {QUERY_INTERVAL_S * 1000:g} ms: {answers}",
            flush=True,
        )
        good &= set(names.kinds) == {"1 address"}
        good &= (
            max(seconds["gone"]) <= story.gone_limit_s
            and max(seconds["back"]) <= story.back_limit_s
        )
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if good else 1


def measure(
    story: Story, trial: Trial, *, rounds: int, seed: int
) -> tuple[dict[str, list[float]], Names]:
    """Play a story; the seconds of each round, and all that was answered meanwhile."""
    server, _, port = trial.facts["pihole_dns"].rpartition(":")
    names = Names(server, int(port), trial.facts["dns_names"][0])
    asking = threading.Thread(target=names.run, daemon=True)
    asking.start()
    try:
        return _play(story, trial, names, random.Random(seed), rounds), names
    finally:
        names.end()
        asking.join()


def _play(
    story: Story, trial: Trial, names: Names, chance: random.Random, rounds: int
) -> dict[str, list[float]]:
    """Return the seconds each round took until the name was gone and back."""
    seconds: dict[str, list[float]] = {"gone": [], "back": []}
    nas_ip, pi_ip = trial.facts["nas_ip"], trial.facts["pi_ip"]
    for number in range(1, rounds + 1):
        names.wait_for(nas_ip)
        time.sleep(chance.uniform(1, 31))  # any phase of the 10 s and 30 s intervals
        broken_at = dt.datetime.fromisoformat(trial.simhome(*story.breaks)["at"]).timestamp()
        seconds["gone"].append(names.wait_for(pi_ip) - broken_at)
        _mend(story, trial)
        good_at = trial.first_good_answer()
        seconds["back"].append(names.wait_for(nas_ip) - good_at)
        print(
            f"{story.name} {number}/{rounds}: "
            f"gone {seconds['gone'][-1]:.2f} s, back {seconds['back'][-1]:.2f} s",
            file=sys.stderr,
            flush=True,
        )
    return seconds


def _mend(story: Story, trial: Trial) -> None:
    mend: Callable[[], object] = (
        trial.wake if story.mended_by_wake else lambda: trial.simhome(*story.mends)
    )
    mend()


def _row(story: Story, seconds: dict[str, list[float]]) -> str:
    gone, back = seconds["gone"], seconds["back"]
    return (
        f"| {story.name} | {len(gone)} "
        f"| {statistics.median(gone):.1f}, {max(gone):.1f} ({story.gone_limit_s:g}) "
        f"| {statistics.median(back):.1f}, {max(back):.1f} ({story.back_limit_s:g}) |"
    )


if __name__ == "__main__":
    sys.exit(main())
