"""What happened, in a line each: results first, causes smaller; no dots, as in a diary."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from balupi_site.events.kinds import Kind
from balupi_site.lib.words import shown_size, span
from nasctl.services.timeline import EventItem, StateItem


@dataclass(frozen=True)
class Around:
    """What belongs to a state's line and would be lines of their own.

    Attributes:
        before_s: how long the state before it lasted that people care about: the boot of a NAS that is
            awake, the day of one that fell asleep; None: not known.
        name_moved: the NAS's name followed it.
        wake_failure: why the wake that led here failed; "" where none did.
    """

    before_s: float | None = None
    name_moved: bool = False
    wake_failure: str = ""


def state_sentence(item: StateItem, around: Around) -> tuple[str, str]:
    """Return what happened to the NAS, and what more there is to say about it."""
    if item.restart_s is not None:
        return _("BaluHost restarted, away for %(span)s") % {"span": span(item.restart_s)}, ""
    if item.reason == "boot_failed":
        return _("The NAS did not wake up"), around.wake_failure
    if item.is_trouble:
        return _line(item.reason_text), ""
    sentences = {
        "online": _awake,
        "offline": _asleep,
        "booting": _waking,
        "shutting_down": _going,
    }
    if item.state not in sentences:
        return _("BaluPi lost sight of the NAS"), ""
    return sentences[item.state](item, around), ""


def since_sentence(item: StateItem, since: str) -> str:
    """Return the first line of a day: the state that it began with."""
    texts = {
        "online": _("Awake since %(since)s"),
        "offline": _("Asleep since %(since)s"),
        "booting": _("Waking up since %(since)s"),
        "shutting_down": _("Going to sleep since %(since)s"),
    }
    return texts.get(item.state, _("Not known since %(since)s")) % {"since": since}


def event_sentence(item: EventItem) -> str:
    """Return an event's line; where people ask for the figures first, ours, otherwise the log's."""
    if item.event_kind == Kind.INBOX_MOVED and not item.facts.get("failed"):
        return _delivered(item)
    if item.event_kind == Kind.NAMES_SWITCHED and not item.facts.get("is_foreign"):
        on_nas = item.facts.get("target") == "nas"
        text = _("%(names)s leads to the NAS") if on_nas else _("%(names)s leads to the Pi")
        return text % {"names": item.subject}
    if item.event_kind == Kind.INBOX_HELD_UP:
        return _("The inbox is held up")  # why, and what to do, is told beside what waits there
    return _line(item.sentence)


def woken_by(who: str) -> str:
    """Return who woke the NAS; "" is somebody who had not signed in."""
    return _("Woken by %(who)s") % {"who": who} if who else _("Woken by a visitor")


def nothing(group: str, *, is_today: bool) -> str:
    """Return that a day has no entries, of a group of them where one was chosen."""
    today = {
        "": _("Nothing yet today."),
        "nas": _("Nothing from the NAS yet today."),
        "inbox": _("Nothing in the inbox yet today."),
        "names": _("Nothing about the names yet today."),
        "plug": _("Nothing about the plugs yet today."),
    }
    that_day = {
        "": _("Nothing on this day."),
        "nas": _("Nothing from the NAS on this day."),
        "inbox": _("Nothing in the inbox on this day."),
        "names": _("Nothing about the names on this day."),
        "plug": _("Nothing about the plugs on this day."),
    }
    return (today if is_today else that_day)[group]


def _awake(_item: StateItem, around: Around) -> str:
    if around.before_s is None:
        return _("Awake, name on the NAS") if around.name_moved else _("Awake")
    text = _("Awake after %(span)s, name on the NAS") if around.name_moved else ""
    return (text or _("Awake after %(span)s")) % {"span": span(around.before_s)}


def _asleep(_item: StateItem, around: Around) -> str:
    if around.before_s is None:
        return _("Fell asleep")
    return _("Fell asleep after %(span)s") % {"span": span(around.before_s)}


def _waking(item: StateItem, _around: Around) -> str:
    if item.reason == "woken_by_other":
        return _("Woken by something else, not through BaluPi")
    return _("Waking up")


def _going(item: StateItem, around: Around) -> str:
    if item.reason != "called_going_offline":
        return _("Going to sleep")
    if around.name_moved:
        return _("Said good night. Snapshot kept, name on the Pi")
    return _("Said good night. Snapshot kept")


def _delivered(item: EventItem) -> str:
    files, moved_bytes = _number(item.facts.get("files")), _number(item.facts.get("bytes"))
    words = {"n": files, "size": shown_size(moved_bytes)}
    if not item.duration_s or item.duration_s < 1:
        text = ngettext("%(n)s file delivered, %(size)s", "%(n)s files delivered, %(size)s", files)
        return text % words
    text = ngettext(
        "%(n)s file delivered, %(size)s in %(span)s",
        "%(n)s files delivered, %(size)s in %(span)s",
        files,
    )
    return text % {**words, "span": span(item.duration_s)}


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _line(sentence: str) -> str:
    return sentence.removesuffix(".")
