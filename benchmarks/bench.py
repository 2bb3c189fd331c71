"""What every benchmark is given: how long it may take, where it may write, a trial to measure."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.api import Site
from benchmarks.household import give_past, give_tariffs_and_snapshot, sign_in
from benchmarks.trial import Trial, running_trial

_YEAR_DAYS = 365


@dataclass
class Bench:
    """One run of the command.

    Attributes:
        stack: ends what was started.
        folder: for files, gone at the end.
        is_quick: few rounds, to see that it works and what is grossly different.
        minutes: how long what is measured over time takes.
        match: what the names of the calls, or of follow's stories, contain that are measured; "" for all.
        given: the data directory of a trial that runs already; None starts one where one is needed.
    """

    stack: contextlib.ExitStack
    folder: Path
    is_quick: bool = False
    minutes: float = 60
    match: str = ""
    given: Path | None = None
    _trial: Trial | None = None
    _aged: Site | None = field(default=None, repr=False)

    def rounds(self, quick: int, thorough: int) -> int:
        """Return how often something is to be measured."""
        return quick if self.is_quick else thorough

    def say(self, what: str) -> None:
        """Tell what is being measured now."""
        print(f"  {time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)

    def trial(self) -> Trial:
        """Return the running trial that all benchmarks share, started when it is first wanted."""
        if self._trial is None:
            if self.given:
                self._trial = Trial(self.given)
            else:
                self.say("starting a trial")
                started = running_trial(self.folder / "data", self.folder / "trial.log")
                self._trial, _pid = self.stack.enter_context(started)
        return self._trial

    def aged_trial(self) -> tuple[Trial, Site]:
        """Return the trial with a year behind it, and its API; in a quick run with its own month.

        A trial that was running already is left as it is.
        """
        trial = self.trial()
        if self._aged is None:
            self._aged = sign_in(trial)
            if self.is_quick and not self.given:
                give_tariffs_and_snapshot(trial, self._aged)
            elif not self.given:
                self.say("giving it a year of history")
                give_past(trial, self._aged, _YEAR_DAYS)
        return trial, self._aged
