"""Rules: whether a process still does what it is there for, or should be started again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from balupi_site.lib.progress import Work, advanced_s

#: How often one looks within the time after which silence counts.
LOOKS = 8
#: After which part of that time without an answer a web process asks itself; some tries are left then.
_ASK_AFTER = 1 / 3


@dataclass(frozen=True, slots=True)
class Quiet:
    """Work that has not advanced for a while.

    Attributes:
        for_s: so long.
        normal_s: so long it may be quiet and all is well.
    """

    work: Work
    for_s: float
    normal_s: float = 0.0


def why_stuck(
    quiet: Sequence[Quiet], *, patience_s: float, redis_answers_for_s: float = float("inf")
) -> str | None:
    """Return what stands still for longer than ``patience_s``, in words; None: nothing that a restart mends.

    Args:
        quiet: the work that is expected of this process, and of no other.
        patience_s: added to what is normal for each.
        redis_answers_for_s: a process that is started again needs Redis to begin to work, so that
            nothing is stuck before it has answered for ``patience_s``.
    """
    if redis_answers_for_s < patience_s:
        return None
    for item in quiet:
        if item.for_s >= patience_s + item.normal_s:
            return f"{item.work.value}: no progress for {item.for_s:.0f} s"
    return None


class WorkerJudge:
    """Judges a worker: beat and the watch of the NAS where it leads at home, and the tasks that wait.

    One that only helps, or is at another site, is not judged by what it does not do.
    """

    def __init__(
        self,
        *,
        leads: bool,
        normal_s: Mapping[Work, float],
        patience_s: float,
        waiting: Callable[[], int | None],
        now_s: float,
    ) -> None:
        """Begin to judge.

        Args:
            leads: beat and the watch of the NAS are in this process.
            normal_s: the longest pause that is normal for a work.
            patience_s: see ``why_stuck``.
            waiting: returns how many tasks wait to be taken; None where Redis does not answer.
            now_s: the present, on the monotonic clock.
        """
        self._leads, self._normal_s = leads, dict(normal_s)
        self._patience_s, self._waiting = patience_s, waiting
        self._none_waited_s = self._since_s = now_s
        self._redis_since_s: float | None = None

    @property
    def redis_answers(self) -> bool:
        """Whether it did at the last look."""
        return self._redis_since_s is not None

    def begin_to_lead(self, now_s: float) -> None:
        """Expect beat and the watch from now on."""
        self._leads, self._since_s = True, now_s

    def forgive(self, now_s: float) -> None:
        """Count from now on: this whole process was stopped for a while, and its work with it."""
        self._none_waited_s = self._since_s = now_s
        self._redis_since_s = None

    def why_stuck(self, now_s: float) -> str | None:
        """Look, and return why this process should be started again; None: all is well."""
        count = self._waiting()
        if count is None:
            self._redis_since_s = None
        elif self._redis_since_s is None:
            self._redis_since_s = now_s
        if not count:
            self._none_waited_s = now_s
        return why_stuck(
            self._quiet(now_s),
            patience_s=self._patience_s,
            redis_answers_for_s=0.0 if self._redis_since_s is None else now_s - self._redis_since_s,
        )

    def _quiet(self, now_s: float) -> list[Quiet]:
        """Return what is expected here; tasks only while some wait, as they may be another's."""
        expected = [Work.BEAT, Work.WATCH] if self._leads else []
        quiet = [
            Quiet(
                work,
                now_s - max(advanced_s(work) or 0.0, self._since_s),
                self._normal_s.get(work, 0.0),
            )
            for work in expected
        ]
        begun_s = max(advanced_s(Work.TASKS) or 0.0, self._none_waited_s)
        return [*quiet, Quiet(Work.TASKS, now_s - begun_s)]


class WebJudge:
    """Judges a web process: some request was answered lately, if need be one of our own."""

    def __init__(self, ask: Callable[[], object], *, patience_s: float, now_s: float) -> None:
        """Begin to judge; ``ask`` sends a request to this process, and gives up after a while."""
        self._ask, self._patience_s, self._since_s = ask, patience_s, now_s

    def forgive(self, now_s: float) -> None:
        """Count from now on: this whole process was stopped for a while, and its work with it."""
        self._since_s = now_s

    def why_stuck(self, now_s: float) -> str | None:
        """Look, and return why this process should be started again; None: all is well."""
        if self._quiet(now_s).for_s >= self._patience_s * _ASK_AFTER:
            self._ask()
        return why_stuck([self._quiet(now_s)], patience_s=self._patience_s)

    def _quiet(self, now_s: float) -> Quiet:
        return Quiet(Work.ANSWERS, now_s - max(advanced_s(Work.ANSWERS) or 0.0, self._since_s))
