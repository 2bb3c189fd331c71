"""Rules: from what a visit found and what was known before to what is known now, and what next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pihole.problems import PASSING, PiholeProblem, ProblemCode, problem
from pihole.status import Complaint, Look
from pihole.visit import Findings

#: So often within this time somebody else may change our names before we call it a fight.
FOREIGN_LIMIT = 3
FOREIGN_WINDOW = timedelta(minutes=10)
#: While somebody else has just changed our names, look more often.
_FOREIGN_IS_RECENT = timedelta(minutes=2)
_AFTER_FOREIGN_S = 10

#: Seconds to the next try after the first, second ... failure in a row. The first kind heals by
#: itself: with at most 7 s for the look that fails, the names are right 15 s after Pi-hole is back.
#: The other kind needs somebody: the names are right 30 s after that.
_RETRY_PASSING_S = (3, 5, 7)
_RETRY_LASTING_S = (5, 10, 15, 20)
#: A record may get lost right after a write (Pi-hole notes, section 2, step 7).
AFTER_WRITE_S = 2


@dataclass(frozen=True)
class Conclusion:
    """What to remember, whether somebody else interfered, and when to look again.

    ``follow_up_s`` None: the next regular look is soon enough.
    """

    look: Look
    is_foreign: bool
    follow_up_s: int | None


def conclude(
    found: Findings, before: Look | None, *, names: tuple[str, ...], at: datetime
) -> Conclusion:
    """Return what follows from a visit.

    Args:
        found: what the visit found.
        before: what was known before, None where nothing was.
        names: our names.
        at: when the visit was over.
    """
    before = before or Look(at=at)
    key = " ".join((found.address, *names)) if found.address else ""
    was_confirmed = bool(key) and before.confirmed == key
    is_foreign = found.wrote and found.is_stored and was_confirmed
    foreign_at = tuple(time for time in before.foreign_at if at - time < FOREIGN_WINDOW)
    if is_foreign:
        foreign_at = (*foreign_at, at)
    trouble = found.problem
    if trouble is None and len(foreign_at) >= FOREIGN_LIMIT:
        trouble = problem(ProblemCode.FOREIGN_WRITER, names=", ".join(names))
    failures = before.failures + 1 if found.problem else 0
    follow_up_s = _follow_up_s(found, trouble, failures, foreign_at, at)
    retry = timedelta(seconds=follow_up_s or 0)
    look = Look(
        at=at,
        names=found.names,
        problem=_complaint(trouble, (before.problem,), at) if trouble else None,
        warnings=tuple(_complaint(warning, before.warnings, at) for warning in found.warnings),
        failures=failures,
        next_try_at=at + retry if found.problem else None,
        confirmed=key if found.is_stored or was_confirmed else "",
        foreign_at=foreign_at,
        statistics=found.statistics or before.statistics,
        statistics_at=at if found.statistics else before.statistics_at,
    )
    return Conclusion(look, is_foreign, follow_up_s)


def _follow_up_s(
    found: Findings,
    trouble: PiholeProblem | None,
    failures: int,
    foreign_at: tuple[datetime, ...],
    at: datetime,
) -> int | None:
    if found.problem:
        waits_s = _RETRY_PASSING_S if found.problem.code in PASSING else _RETRY_LASTING_S
        return waits_s[min(failures, len(waits_s)) - 1]
    if trouble:  # a fight: answering every blow at once would wear out Pi-hole's card
        return None
    if found.wrote:
        return AFTER_WRITE_S
    if foreign_at and at - foreign_at[-1] < _FOREIGN_IS_RECENT:
        return _AFTER_FOREIGN_S
    return None


def _complaint(
    found: PiholeProblem, known: tuple[Complaint | None, ...], at: datetime
) -> Complaint:
    """Return a problem as data; one that was there before keeps its beginning."""
    since = next((old.since for old in known if old and old.code == found.code), at)
    return Complaint(found.code, found.details, since)
