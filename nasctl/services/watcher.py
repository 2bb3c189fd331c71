"""The watcher: asks the witnesses in their rhythm and writes what follows."""

from __future__ import annotations

import logging
import queue
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, close_old_connections, transaction

from balupi_site.lib.progress import Work, advance
from nasctl.evidence import Memory, RunningWake, Seen, Stage, Standing
from nasctl.judge import Verdict, judge
from nasctl.models import NasStatus, Wake
from nasctl.moments import Moment, present_moment
from nasctl.pace import Job, Rounds, pace_of
from nasctl.services import moves
from nasctl.services.looks import Askers, Errand, Look
from nasctl.services.settings import limits
from nasctl.services.sightings import Notes, NotesKeeper, Sightings, load_notes
from nasctl.state import NasState, Reason

logger = logging.getLogger(__name__)

_DATABASE_PAUSE_S = 1.0
_FUTURE = timedelta(seconds=5)

#: What the last watcher of this process knew, for a household without Redis.
_last_notes: Notes | None = None


class Watcher:
    """One watch, from start to end, in one thread."""

    def __init__(
        self,
        *,
        names_changed: Callable[[], object],
        has_arrived: Callable[[], object] = lambda: None,
        asks_plug: bool = True,
        clock: Callable[[], Moment] = present_moment,
        start: Callable[[Errand], object] | None = None,
    ) -> None:
        """Prepare a watch.

        Args:
            names_changed: called when the names should lead elsewhere.
            has_arrived: called when BaluHost begins to answer.
            asks_plug: ask the plug itself when it matters.
            clock: tells the present.
            start: begins an errand whose look arrives in ``inbox``; None: threads of its own.
        """
        self.inbox: queue.SimpleQueue[Look | None] = queue.SimpleQueue()
        self._askers = Askers(self.inbox)
        self._start = start or self._askers.start
        self._names_changed, self._has_arrived = names_changed, has_arrived
        self._asks_plug = asks_plug
        self._clock = clock
        self._limits = limits()
        self._rounds = Rounds()
        self._under_way: Counter[Job] = Counter()
        self._wakes_s: dict[object, float] = {}
        self._due_s = 0.0
        self._database_fails = False
        self._has_told_names = False
        notes = _recovered_notes(clock())
        self._moved, self._moved_s = (notes.moved, notes.moved_s) if notes else ("", 0.0)
        self._memory = notes.memory if notes else Memory()
        self._sightings = notes.sightings if notes else Sightings()
        self._keeper = NotesKeeper()

    def step(self, *, longest_s: float | None = None) -> None:
        """Wait for something to happen, judge it, and begin what is due.

        Args:
            longest_s: wait no longer than so many seconds; None: until something is due.
        """
        wait_s = max(self._due_s - self._clock().uptime_s, 0.0)
        looks = self._arrived(wait_s if longest_s is None else min(wait_s, longest_s))
        for look in looks:
            self._under_way[look.job] -= 1
            self._sightings = self._sightings.with_look(look.seen, look.probe)
        # Looks, not steps: it would also step with nobody left to look. Without a database there are none.
        if looks or self._database_fails:
            advance(Work.WATCH)
        close_old_connections()
        try:
            status = self._read()
            for look in looks:
                status = self._judge(status, look.seen)
            if not looks:  # deadlines pass without a look, too
                status = self._judge(status, None)
            self._database_fails = False
        except DatabaseError as error:
            self._database_failed(error)
        else:
            self._begin_due(self._standing(status))
            if any(look.job is not Job.PACKET for look in looks):
                self._keep_notes()

    def close(self) -> None:
        """Let go of the threads; nobody waits for looks under way."""
        self._askers.stop()

    def _arrived(self, wait_s: float) -> list[Look]:
        """Return the looks that have arrived, after waiting for a first one or a nudge."""
        arrived: list[Look] = []
        try:
            item = self.inbox.get(timeout=wait_s)
            while True:
                if item is not None:
                    arrived.append(item)
                item = self.inbox.get_nowait()
        except queue.Empty:
            return arrived

    def _read(self) -> NasStatus:
        """Read the state anew: calls and wakes of other processes count at once."""
        now = self._clock()
        status = moves.current_status(now)
        if not self._has_told_names:
            self._has_told_names = True
            if moves.want_names(status, now):
                self._names_changed()
        if status.move_id != self._moved:
            self._moved = status.move_id
            self._moved_s = now.uptime_s - status.moved.elapsed_s(now)
            self._memory = self._memory.after_move(NasState(status.state))
            if status.moved_at > now.at + _FUTURE:
                logger.warning(
                    "the NAS is %s since %s, which is in the future: the clock was wrong then",
                    status.state,
                    status.moved_at,
                )
        return status

    def _standing(self, status: NasStatus) -> Standing:
        wake = status.wake
        return Standing(
            state=NasState(status.state),
            moved_s=self._moved_s,
            reason=Reason(status.reason) if status.reason in list(Reason) else None,
            probed=status.probed,
            planned=status.planned,
            wake=self._running(wake) if wake else None,
        )

    def _running(self, wake: Wake) -> RunningWake:
        now = self._clock()
        # Once: in another boot only the wall clock is left, and that may be set meanwhile.
        requested_s = self._wakes_s.setdefault(
            wake.pk, now.uptime_s - wake.requested.elapsed_s(now)
        )
        return RunningWake(
            requested_s=requested_s,
            deadline_s=requested_s + self._limits.boot_s,
            reached=wake.reached,
            is_leaving=wake.previous_state == NasState.SHUTTING_DOWN,
        )

    def _judge(self, status: NasStatus, seen: Seen | None) -> NasStatus:
        now = self._clock()
        standing = self._standing(status)
        verdict = judge(standing, self._memory, seen, now.uptime_s, self._limits)
        self._memory = verdict.memory
        noted = self._apply(status, standing, verdict, now)
        if noted is None:  # somebody else was faster; the evidence meets their state next time
            return self._read()
        if verdict.move:
            self._moved, self._moved_s = status.move_id, now.uptime_s
            self._memory = self._memory.after_move(NasState(status.state))
        if noted.names_changed:
            self._names_changed()
        if status.probed and not standing.probed:
            self._has_arrived()
        return status

    def _apply(
        self, status: NasStatus, standing: Standing, verdict: Verdict, now: Moment
    ) -> moves.Noted | None:
        """Write what follows, all or nothing; None where somebody else was faster."""
        wake = status.wake
        is_awake = Stage.HEALTHY in verdict.stages
        has_ended = wake is not None and (is_awake or verdict.wake_is_over)
        if not (verdict.move or verdict.stages or has_ended or verdict.probed != standing.probed):
            return moves.Noted(None, names_changed=False)
        kept = None if has_ended else wake
        with transaction.atomic():
            if verdict.move:
                noted = moves.change_state(
                    status, verdict.move, now=now, evidence=self._evidence(now), wake=kept
                )
            elif verdict.probed != standing.probed or has_ended:
                noted = moves.update_standing(status, probed=verdict.probed, wake=kept, now=now)
            else:
                noted = moves.Noted(None, names_changed=False)
            if wake and noted:
                moves.record_stages(wake, verdict.stages, now)
                if has_ended:
                    moves.end_wake(
                        wake, now, failed=None if is_awake else moves.missing_stage(wake)
                    )
        return noted

    def _evidence(self, now: Moment) -> dict[str, object]:
        """Return what was seen last, for the history."""
        seen, memory = self._sightings, self._memory
        evidence: dict[str, object] = {
            "presence": seen.presence and seen.presence.value,
            "presence_misses": memory.presence_misses,
            "probe": seen.probe and seen.probe.value,
            "probe_status": seen.probe_status,
            "probe_misses": memory.probe_misses,
        }
        if memory.power:
            evidence["power_w"] = memory.power.power_w
            evidence["power_age_s"] = round(now.uptime_s - memory.power.measured_s, 1)
        return {key: value for key, value in evidence.items() if value is not None}

    def _begin_due(self, standing: Standing) -> None:
        now_s = self._clock().uptime_s
        pace = pace_of(standing, self._memory, now_s, self._limits)
        is_live, after_wake = pace.is_fast and self._asks_plug, standing.wake is not None
        for job in self._rounds.due(pace, now_s, +self._under_way):
            self._under_way[job] += 1
            self._start(Errand(job, now_s, is_live=is_live, after_wake=after_wake))
        next_s = self._rounds.next_s(pace, +self._under_way)
        # Deadlines pass without a look, too.
        self._due_s = min(next_s, now_s + pace.every_s[Job.PRESENCE])

    def _keep_notes(self) -> None:
        """Keep what is known for pages and for the next watcher."""
        global _last_notes  # noqa: PLW0603  # one watcher per process
        now = self._clock()
        _last_notes = notes = Notes(
            boot_id=now.boot_id,
            saved_s=now.uptime_s,
            moved=self._moved,
            moved_s=self._moved_s,
            memory=self._memory,
            sightings=self._sightings,
        )
        self._keeper.keep(notes)

    def _database_failed(self, error: DatabaseError) -> None:
        if not self._database_fails:
            logger.error("the database does not take the NAS's state, it is tried again: %s", error)
        self._database_fails = True
        self._due_s = self._clock().uptime_s + _DATABASE_PAUSE_S


def _recovered_notes(now: Moment) -> Notes | None:
    notes = _last_notes or load_notes()
    return notes.recovered(now) if notes else None
