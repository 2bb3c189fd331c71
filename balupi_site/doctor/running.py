"""Running the checks: quick ones at once, slow ones side by side, each with its deadline."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from balupi_site.doctor.checks import CHECKS, HOME_ONLY
from balupi_site.doctor.findings import Check, Finding, Verdict, fail, findings_of, skipped
from balupi_site.doctor.known import Known, known_at

logger = logging.getLogger(__name__)

#: How long a check that takes back what it did is waited for when the run is cut off; a slow Pi-hole
#: needs it for a write, a question, a look, another write and the log-out.
_UNDO_S = 14.0
#: Told after each check: how many are done, of how many.
Tell = Callable[[int, int], object]


def quick_findings(now: datetime) -> list[Finding]:
    """Return what can be said at once: some milliseconds, no network but Redis and the database."""
    return run(now, quick=True)


def run(
    now: datetime,
    *,
    only: Collection[str] = (),
    quick: bool = False,
    tell: Tell = lambda _done, _count: None,
    checks: Sequence[Check] = CHECKS,
) -> list[Finding]:
    """Run the checks and return what they found, in their order; never raises for what a check does.

    Args:
        now: the present time.
        only: names of checks or areas; empty: all.
        quick: leave out those that ask others or take long.
        tell: called after each check.
        checks: which there are.
    """
    chosen = _chosen(checks, frozenset(only), quick=quick)
    is_over = threading.Event()
    known = replace(known_at(now), is_cut_off=is_over.is_set)
    found: dict[str, list[Finding]] = {}
    beside = _Beside([check for check in chosen if check.deadline_s is not None], known)
    is_whole = False
    try:
        for check in chosen:
            if check.deadline_s is None:
                found[check.name] = _looked(check, known)
                tell(len(found), len(chosen))
        for name, findings in beside.results():
            found[name] = findings
            tell(len(found), len(chosen))
        is_whole = True
    finally:
        is_over.set()
        if not is_whole:
            beside.let_undo()
    return [finding for check in chosen for finding in found[check.name]]


def _chosen(checks: Sequence[Check], wanted: frozenset[str], *, quick: bool) -> list[Check]:
    return [
        check
        for check in checks
        if (check.is_quick or not quick) and (not wanted or {check.name, check.area} & wanted)
    ]


class _Beside:
    """The slow checks, each in a thread that is left behind when its time is over."""

    def __init__(self, checks: Sequence[Check], known: Known) -> None:
        self._done: queue.SimpleQueue[tuple[str, list[Finding]]] = queue.SimpleQueue()
        self._left = {check.name: check for check in checks}
        self._language = translation.get_language()
        self._started_s = time.monotonic()
        self._threads = {
            check.name: threading.Thread(
                target=self._look, args=(check, known), name=f"doctor-{check.name}", daemon=True
            )
            for check in checks
        }
        self._undoing = [self._threads[check.name] for check in checks if check.undoes]
        for thread in self._threads.values():
            thread.start()

    def results(self) -> Iterator[tuple[str, list[Finding]]]:
        """Yield what each check found as soon as it did, or that its time is over."""
        while self._left:
            first = min(self._left.values(), key=_deadline_s)
            left_s = self._started_s + _deadline_s(first) - time.monotonic()
            try:
                name, findings = self._done.get(timeout=max(left_s, 0.0))
            except queue.Empty:
                name, findings = first.name, findings_of(first, _too_slow(first))
            if self._left.pop(name, None):
                yield name, findings

    def let_undo(self) -> None:
        """Wait a little for those that have something to take back."""
        ends_s = time.monotonic() + _UNDO_S
        for thread in self._undoing:
            thread.join(max(ends_s - time.monotonic(), 0.0))

    def _look(self, check: Check, known: Known) -> None:
        with translation.override(self._language):
            self._done.put((check.name, _looked(check, known)))


def _looked(check: Check, known: Known) -> list[Finding]:
    """Return what a check found; one that breaks is a finding, too."""
    if settings.SITE and check.name in HOME_ONLY:
        return findings_of(check, skipped(_("The Pi at home looks after this.")))
    if check.needs_database and known.database_error:
        return findings_of(check, skipped(_("The database cannot be asked.")))
    if check.needs_redis and known.redis is None:
        return findings_of(check, skipped(_("Redis cannot be asked.")))
    try:
        return findings_of(check, check.look(known))
    except Exception as error:  # whatever it is, the other checks go on
        logger.exception("the check %s broke", check.name)
        found = _("The check '%(name)s' itself broke: %(error)s") % {
            "name": check.name,
            "error": f"{type(error).__name__}: {str(error)[:200]}".rstrip(": "),
        }
        return findings_of(check, fail(found, _("Report this to BaluPi's developers.")))


def _too_slow(check: Check) -> Verdict:
    found = _("The check did not end within %(seconds)s s.") % {
        "seconds": f"{_deadline_s(check):.0f}"
    }
    cure = _("Run it alone, 'sudo balupi doctor --only %(name)s', and see what hangs.")
    return fail(found, cure % {"name": check.name})


def _deadline_s(check: Check) -> float:
    return check.deadline_s or 0.0
