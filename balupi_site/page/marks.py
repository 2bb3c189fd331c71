"""The marks below the day band: what happened, with a short word; each leads to its entry of the list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from balupi_site.events.kinds import Kind
from balupi_site.events.reading import EventItem, item_of, recent
from balupi_site.lib.words import clock
from balupi_site.page.event_lines import item_id
from balupi_site.page.event_words import Around, event_sentence, state_sentence, woken_by
from balupi_site.page.window import Window
from nasctl.models import StateChange, Wake
from nasctl.services import wake_overview
from nasctl.services.state_items import StateItem, state_items
from nasctl.services.timeline import WakeItem

_ROWS = 3
#: Marks of a row are so far apart, in percent of the width: 24 px on the smallest phone.
_APART = 7.4
#: On a wide screen a mark's word needs so much of the width.
_WORD = 13.5
#: Nearer than this the stems of marks look like one.
_SAME_STEM = 0.7
_MOST = 80
_KINDS = (
    Kind.NAMES_SWITCHED,
    Kind.NAMES_OVERRIDDEN,
    Kind.INBOX_MOVED,
    Kind.INBOX_HELD_UP,
    Kind.PLUG_ANOMALY,
)


@dataclass(frozen=True)
class Mark:
    """Something that happened.

    Attributes:
        item: the id of its entry in the list.
        word: at most two or three words.
        told: the whole sentence with its time.
    """

    at: dt.datetime
    item: str
    icon: str
    word: str
    told: str
    is_bad: bool = False


@dataclass(frozen=True)
class Place:
    """Where a mark is drawn.

    Attributes:
        x: 0 to 100.
        row: from the top.
        word_side: where its word has room on a wide screen: "right", "left" or "".
        others: marks that had no room and are told of here.
    """

    mark: Mark
    x: float
    row: int
    word_side: str = ""
    others: tuple[Mark, ...] = ()


def marks_of(changes: Sequence[StateChange], shown: Window, now: dt.datetime) -> Sequence[Mark]:
    """Return what happened in a window, oldest first; two queries.

    Args:
        changes: of the NAS's state, newest first, the one before the window too.
        shown: the window.
        now: nothing that a wrong clock put after it.
    """
    until = min(shown.end, now)
    wakes = Wake.objects.filter(requested_at__gte=shown.start, requested_at__lt=until)
    found = [_of_state(item) for item in state_items(list(changes), [], now)]
    found += [
        _of_wake(WakeItem(wake.requested_at, wake_overview(wake, now))) for wake in wakes[:_MOST]
    ]
    events = recent(_KINDS, shown.start, until, _MOST)
    found += [_of_event(item_of(event, for_admin=False)) for event in events]
    inside = [mark for mark in found if mark and shown.start <= mark.at < until]
    return sorted(inside, key=lambda mark: mark.at)


def placed(marks: Sequence[Mark], shown: Window) -> list[Place]:
    """Return where each mark is drawn: in the first row with room; where none has, the last one tells."""
    found: list[Place] = []
    last_x = [-100.0] * _ROWS
    for mark in marks:
        x = shown.percent(mark.at)
        row = next((row for row in range(_ROWS) if x - last_x[row] >= _APART), None)
        if row is None:
            found[-1] = replace(found[-1], others=(*found[-1].others, mark))
            continue
        found.append(Place(mark, x, row))
        last_x[row] = x
    return [replace(place, word_side=_word_side(place, found)) for place in found]


def _word_side(place: Place, places: Sequence[Place]) -> str:
    """Return on which side nothing is in the word's way; marks further down have stems that cross it."""
    near = [it.x - place.x for it in places if it.row >= place.row and it is not place]
    is_free_right = all(not _SAME_STEM < by < _WORD for by in near)
    same_row = [it.x - place.x for it in places if it.row == place.row and it is not place]
    is_free_left = all(not -2 * _WORD < by < -_SAME_STEM for by in [*near, *same_row])
    if place.x + _WORD <= 100 and is_free_right:  # noqa: PLR2004  # percent
        return "right"
    return "left" if is_free_left and place.x > _WORD else ""


def _of_wake(item: WakeItem) -> Mark:
    who = item.wake.requested_by
    # Translators: a mark of the day band; short.
    word = _("%(who)s woke it") % {"who": who} if who else _("A visitor woke it")
    return _mark(item, "who", word, woken_by(who))


def _of_state(item: StateItem) -> Mark | None:
    sentence, _note = state_sentence(item, Around())
    if item.is_trouble and item.restart_s is None:
        no_boot = item.reason == "boot_failed"
        return _mark(item, "warn", _("Not awake") if no_boot else _("Gone"), sentence, is_bad=True)
    if item.state == "booting" and item.reason == "woken_by_other":
        return _mark(item, "bolt", _("Something woke it"), sentence)
    if item.state == "shutting_down" and item.reason == "called_going_offline":
        return _mark(item, "box", _("Snapshot"), sentence)
    return None


def _of_event(item: EventItem) -> Mark | None:
    sentence = event_sentence(item)
    if item.is_trouble:
        return _mark(item, "warn", _trouble(item.event_kind), sentence, is_bad=True)
    if item.event_kind == Kind.NAMES_SWITCHED:
        on_nas = item.facts.get("target") == "nas"
        # Translators: a mark of the day band: where the NAS's name leads now; short.
        return _mark(item, "sign", _("Name: NAS") if on_nas else _("Name: Pi"), sentence)
    if item.event_kind == Kind.NAMES_OVERRIDDEN:
        return _mark(item, "sign", _("Name by hand"), sentence)
    if item.event_kind == Kind.INBOX_MOVED:
        files = item.facts.get("files")
        count = int(files) if isinstance(files, int | float) else 0
        word = ngettext("%(n)s file", "%(n)s files", count) % {"n": count}
        return _mark(item, "tray", word, sentence)
    return None


def _trouble(kind: str) -> str:
    words = {
        Kind.INBOX_MOVED: _("Inbox"),
        Kind.INBOX_HELD_UP: _("Inbox"),
        Kind.PLUG_ANOMALY: _("Plug"),
    }
    return words.get(Kind(kind), _("Name"))


def _mark(
    item: StateItem | WakeItem | EventItem,
    icon: str,
    word: str,
    sentence: str,
    *,
    is_bad: bool = False,
) -> Mark:
    # Translators: a time and what happened then.
    told = _("%(time)s %(what)s") % {"time": clock(item.at), "what": sentence}
    return Mark(item.at, item_id(item), icon, word, told, is_bad)
