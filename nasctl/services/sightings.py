"""What the watcher remembers between looks: kept in Redis, so that a restart forgets nothing."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from balupi_site.lib.remembered import Remembered
from nasctl.evidence import Answer, Memory, Presence, Reading, Seen
from nasctl.moments import Moment
from nasctl.probe import Probe

#: Misses "in a row" with a longer pause between them are not in a row.
_COUNTERS_LAST_S = 60.0


@dataclass(frozen=True, slots=True)
class Sightings:
    """The latest results, for people; times by the uptime of ``Notes.boot_id``."""

    presence: Presence | None = None
    presence_s: float | None = None
    presence_ok_s: float | None = None
    probe: Answer | None = None
    probe_status: int | None = None
    probe_s: float | None = None
    good_probe_s: float | None = None

    def with_look(self, seen: Seen, probe: Probe | None) -> Sightings:
        """Return them with a look added."""
        at_s, new = seen.started_s, self
        if seen.presence is not None:
            ok_s = at_s if seen.presence is Presence.OK else self.presence_ok_s
            new = replace(new, presence=seen.presence, presence_s=at_s, presence_ok_s=ok_s)
        if probe is not None:
            good_s = at_s if probe.answer is Answer.GOOD else self.good_probe_s
            new = replace(
                new,
                probe=probe.answer,
                probe_status=probe.status,
                probe_s=at_s,
                good_probe_s=good_s,
            )
        return new


@dataclass(frozen=True, slots=True)
class Notes:
    """Everything that is kept.

    Attributes:
        boot_id: the boot all ``..._s`` belong to; in another one they mean nothing.
        saved_s: when this was written.
        moved: which move of the NAS the counters in ``memory`` count from.
        moved_s: that move by this boot's uptime.
    """

    boot_id: str
    saved_s: float
    moved: str
    moved_s: float
    memory: Memory = field(default_factory=Memory)
    sightings: Sightings = field(default_factory=Sightings)

    def to_text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Notes:
        """Return what ``to_text`` wrote.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it did not write this.
        """
        data: dict[str, Any] = json.loads(text)
        memory, seen = data.pop("memory"), data.pop("sightings")
        power = memory.pop("power")
        return cls(
            **data,
            memory=Memory(**memory, power=Reading(**power) if power else None),
            sightings=Sightings(
                **{
                    **seen,
                    "presence": Presence(seen["presence"]) if seen["presence"] else None,
                    "probe": Answer(seen["probe"]) if seen["probe"] else None,
                }
            ),
        )

    def recovered(self, now: Moment) -> Notes | None:
        """Return what of it still counts for a watcher that begins now; None: another boot."""
        if not self.boot_id or self.boot_id != now.boot_id:
            return None
        if now.uptime_s - self.saved_s <= _COUNTERS_LAST_S:
            return self
        old = replace(self.memory, presence_misses=0, probe_misses=0, goods=0, port_open_s=None)
        return replace(self, memory=old)


_remembered = Remembered[Notes](
    "nas:watch", "what was seen of the NAS", to_text=Notes.to_text, of_text=Notes.from_text
)
load_notes, save_notes = _remembered.load, _remembered.save


class NotesKeeper:
    """Keeps the newest notes in a thread, because a Redis that hangs must not delay a look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: Notes | None = None
        self._is_saving = False

    def keep(self, notes: Notes) -> None:
        """Have these notes kept soon; older ones that still wait are not."""
        with self._lock:
            self._newest = notes
            if self._is_saving:
                return
            self._is_saving = True
        threading.Thread(target=self._save, name="nas-notes", daemon=True).start()

    def _save(self) -> None:
        while (notes := self._take()) is not None:
            save_notes(notes)

    def _take(self) -> Notes | None:
        with self._lock:
            notes, self._newest = self._newest, None
            self._is_saving = notes is not None
            return notes
