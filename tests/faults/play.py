"""Plays episodes of faults on a household, and looks after each whether all has come right again."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.kernel_counters import OURS
from tests.faults.checks import files, names
from tests.faults.checks.processes import Usage
from tests.faults.faults import ALL, FIGHT_S, announce
from tests.faults.household import Household, now
from tests.faults.plan import FAULTS, Episode, Planned
from tests.faults.watchers import HomeWatch, NameWatch
from tests.inbox_site import digests, random_path

_POLL_S = 0.25
#: How long the NAS itself may take for what it was doing.
_STEADY_S = 60.0
_PRESS_AGAIN_S = 3.0
#: Where the truth is for BaluPi's word, once the NAS does nothing more by itself.
_STEADY = {"running": "online", "soft_sleep": "online"}
_STEADY |= dict.fromkeys(("off", "crashed", "suspended"), "offline")


@dataclass
class Play:
    """A run: what was done, what was seen, what was wrong.

    Attributes:
        before: what was stored before it began.
        put: SHA-256 of each file that was put into the inbox, to its path.
        converged_s: how long after each episode's last fault all was right.
        problems: what was wrong, in words.
    """

    home: Household
    names: NameWatch
    watch: HomeWatch
    chance: random.Random
    before: dict[str, int]
    put: dict[str, bytes] = field(default_factory=dict)
    applied: Counter[str] = field(default_factory=Counter)
    converged_s: list[float] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        """Note what happens, with the true time."""
        line = f"{dt.datetime.now(dt.UTC):%H:%M:%S} {text}"
        self.story.append(line)
        print(line, flush=True)

    def play(self, episode: Episode) -> None:
        """Play one episode to its end, and check what must hold then."""
        self.tell(str(episode))
        last_row = self._last_change()
        self._live(episode)
        self._run_faults(episode)
        self._bring_back(episode)
        healed_at = self._wait_until_steady()
        self._wait_until_right(episode, healed_at)
        self._check(episode, last_row)
        time.sleep(episode.pause_s)

    # What happens

    def _live(self, episode: Episode) -> None:
        for size_bytes in episode.files:
            self._put_file(size_bytes)
        if episode.leaves:
            self.home.nas(episode.leaves)
        if episode.returns == "power_button":
            self.home.nas("power_on")
        if episode.returns == "wake_by_balupi":
            self._press_wake()

    def _press_wake(self) -> None:
        pressed = self.home.press_wake()
        self.tell(f"  wake: {'sent' if pressed else 'refused'}")

    def _put_file(self, size_bytes: int) -> None:
        content = self.chance.randbytes(size_bytes) + self.chance.randbytes(16)
        path = random_path(self.chance)
        target = os.path.join(os.fsencode(self.home.facts["inbox"]), path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target + b".part", "wb") as file:
            file.write(content)
        os.replace(target + b".part", target)
        self.put[hashlib.sha256(content).hexdigest()] = path

    def _run_faults(self, episode: Episode) -> None:
        """Apply each fault at its moment and undo it at its own; all are undone at the end."""
        planned = [one for one in episode.faults if self._is_possible(one)]
        applied_at: dict[Planned, float] = {}
        moments = [(one.begins_s, one, True) for one in planned]
        moments += [(one.begins_s + one.lasts_s, one, False) for one in planned]
        start_s = time.monotonic()
        for at_s, one, is_begin in sorted(moments, key=lambda moment: moment[0]):
            time.sleep(max(0.0, start_s + at_s - time.monotonic()))
            if is_begin:
                self.tell(f"  {one}")
                applied_at[one] = now()
                ALL[one.name].apply(self.home, one)
                self.applied[one.name] += 1
            else:
                self.tell(f"  end of {one}")
                ALL[one.name].undo(self.home, one)
                announce(self.home, one, applied_at[one])

    def _is_possible(self, planned: Planned) -> bool:
        return planned.name != "disk_full" or self.home.can_fill_disk

    def _bring_back(self, episode: Episode) -> None:
        """Press the button until the NAS starts, where somebody wants it awake."""
        if episode.returns != "wake_by_balupi":
            return
        ends_s = time.monotonic() + _STEADY_S
        while self.home.is_stopped():
            if time.monotonic() > ends_s:
                self.problems.append(f"episode {episode.number}: the NAS was not woken")
                self.home.nas("power_on")
            self._press_wake()
            self._wait(lambda: not self.home.is_stopped(), _PRESS_AGAIN_S)

    # What must follow

    def _wait_until_steady(self) -> float:
        """Return when the last fault was over and the NAS has come to rest, Unix seconds."""
        healed_at = now()
        assert self._wait(lambda: self._steady() is not None, _STEADY_S), self.home.truth()["nas"]
        since = dt.datetime.fromisoformat(self.home.truth()["nas"]["face_since"]).timestamp()
        return max(healed_at, since)

    def _steady(self) -> str | None:
        """Return the word for where the NAS really is; None while it is on its way."""
        nas = self.home.truth()["nas"]
        return None if nas["fault"] else _STEADY.get(nas["state"])

    def _wait_until_right(self, episode: Episode, healed_at: float) -> None:
        limit_s = names.allowed_s(
            has_fought=any(ALL[one.name].is_foreign for one in episode.faults),
            fight_s=FIGHT_S,
            restart_said_at=self._unheard_return_at(),
            healed_at=healed_at,
        )
        is_right = self._wait(self._is_right, healed_at + limit_s - now())
        took_s = now() - healed_at
        if is_right:
            self.converged_s.append(took_s)
            self.tell(f"  right after {took_s:.1f} s")
            return
        self.problems.append(
            f"episode {episode.number}: not right {limit_s:.0f} s after the last fault: the NAS is"
            f" {self._steady()}, BaluPi says {self.home.nas_state()}, the name leads to"
            f" {self.names.leads_to}"
        )
        self.tell(f"  WRONG: {self.problems[-1]}")
        self._wait(self._is_right, 180)
        self.tell(f"  right after {now() - healed_at:.1f} s at last")

    def _is_right(self) -> bool:
        truth = self._steady()
        wanted = self.home.facts["nas_ip" if truth == "online" else "pi_ip"]
        return (
            self.names.leads_to == wanted
            and self.home.nas_state() == truth
            and self.home.pids().keys() == OURS.keys()
        )

    def _unheard_return_at(self) -> float | None:
        """Return when the NAS, which is up, said good-bye, where that is the last BaluPi heard."""
        if self.home.nas_state() != "shutting_down":
            return None
        self.watch.look()
        heard = [call for call in self.watch.calls.values() if call["acknowledged"]]
        last = max(heard, key=lambda call: call["at"], default=None)
        if last is None or last["call"] != "nas-going-offline" or self._steady() != "online":
            return None
        return dt.datetime.fromisoformat(last["at"]).timestamp()

    def _check(self, episode: Episode, last_row: int) -> None:
        """Look at what must hold after each episode."""
        self.usages += self.home.usages()
        self.problems += [
            f"episode {episode.number}: {problem}" for problem in self.wrong_files(is_over=False)
        ]
        is_quiet = not any(FAULTS[one.name] == "nas" for one in episode.faults)
        if is_quiet and not episode.leaves and not episode.returns:
            self.problems += [
                f"episode {episode.number}: the NAS did nothing, and its state became {state}"
                for state in self._untrue_changes(last_row)
            ]

    def wrong_files(self, *, is_over: bool) -> list[str]:
        """Return which files are lost, torn or twice; ``is_over``: or late."""
        here = set(digests(Path(self.home.facts["inbox"])).values())
        there = digests(Path(self.home.facts["nas_inbox"]))
        final = {path: digest for path, digest in there.items() if not path.startswith(b".balupi-")}
        return files.wrong_files(self.put, here, final, is_over=is_over)

    def wait_for_files(self, deadline_s: float) -> None:
        """Wait until everything that was put into the inbox is on the NAS."""
        self._wait(lambda: not self.wrong_files(is_over=True), deadline_s)

    def _untrue_changes(self, last_row: int) -> list[str]:
        """Return the states since then that the NAS was not in.

        To the truth it may change: a look that began before the NAS came back ends up to 5 s later,
        and what it says is put right by the next ones.
        """
        rows = self.home.rows(
            "SELECT to_state FROM nasctl_statechange WHERE id > ? AND to_state != ?",
            last_row,
            self._steady(),
        )
        return [state for (state,) in rows]

    def _last_change(self) -> int:
        return int(self.home.rows("SELECT coalesce(max(id), 0) FROM nasctl_statechange")[0][0])

    @staticmethod
    def _wait(check: Callable[[], Any], deadline_s: float) -> bool:
        ends_s = time.monotonic() + deadline_s
        while not check():
            if time.monotonic() > ends_s:
                return False
            time.sleep(_POLL_S)
        return True
