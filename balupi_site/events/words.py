"""Rule: each event as a sentence for people."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event
from balupi_site.lib.kept import retold
from balupi_site.lib.words import shown_size, span

_STATES: dict[str, str | Promise] = {
    "unknown": gettext_lazy("not known yet"),
    "offline": gettext_lazy("asleep"),
    "booting": gettext_lazy("waking up"),
    "online": gettext_lazy("awake"),
    "shutting_down": gettext_lazy("going to sleep"),
}
_BECAME: dict[str, str | Promise] = {
    "unknown": gettext_lazy("What the NAS does is not known."),
    "offline": gettext_lazy("The NAS is asleep."),
    "booting": gettext_lazy("The NAS is waking up."),
    "online": gettext_lazy("The NAS is awake."),
    "shutting_down": gettext_lazy("The NAS is going to sleep."),
}
_STAGES: dict[str, str | Promise] = {
    "packet_sent": gettext_lazy("Signal sent"),
    "power_seen": gettext_lazy("The NAS draws power"),
    "port_answered": gettext_lazy("The NAS answers on the network"),
    "healthy": gettext_lazy("BaluHost is ready"),
}
_BEGUN: dict[str, str | Promise] = {
    "plug_lost": gettext_lazy("%(plug)s does not answer."),
    "unusual_power": gettext_lazy("%(plug)s draws more power than usual."),
    "nas_silent": gettext_lazy("The NAS draws power but has not answered for long."),
}
_OVER: dict[str, str | Promise] = {
    "plug_lost": gettext_lazy("%(plug)s answers again."),
    "unusual_power": gettext_lazy("%(plug)s draws what is usual again."),
    "nas_silent": gettext_lazy("The NAS does not draw power in silence any more."),
}


def sentence(event: Event) -> str:
    """Return what happened; of a kind of another release, what the row says."""
    if event.kind not in SENTENCES:
        return f"{event.kind} {event.subject}".strip()
    return SENTENCES[Kind(event.kind)](event)


def _fact(event: Event, name: str) -> str:
    """Return a fact as text, "" where it is not known; stored sentences in the reader's language."""
    value = event.facts.get(name)
    return retold(value) if isinstance(value, str | list) else str(value or "")


def _number(event: Event, name: str) -> int:
    value = event.facts.get(name)
    return int(value) if isinstance(value, int | float) else 0


def _someone(event: Event) -> str:
    return event.who or event.address or _("somebody")


def _with(text: str, more: str) -> str:
    return f"{text} {more}".strip()


def _lasted(event: Event, text: str) -> str:
    """Return the text with how long it had lasted, nothing where that is not known."""
    return "" if event.duration_s is None else text % {"span": span(event.duration_s)}


def _state(event: Event) -> str:
    state, before = (str(event.facts.get(name, "")) for name in ("to_state", "from_state"))
    text = str(_BECAME.get(state, _BECAME["unknown"]))
    text = _with(text, _fact(event, "why"))
    if state == before or event.duration_s is None:
        return text
    known = {"state": _STATES.get(before, before), "span": span(event.duration_s)}
    return _with(text, _("Before: %(state)s for %(span)s.") % known)


def _call(event: Event) -> str:
    if event.facts.get("call") == "nas-going-offline":
        return _("The NAS said that it goes down.")
    return _("The NAS said that BaluHost is starting.")


def _call_refused(event: Event) -> str:
    if not event.address:
        return _("A call in the NAS's name was refused.")
    text = _("A call in the NAS's name from %(address)s was refused.")
    return _with(text % {"address": event.address}, _fact(event, "why"))


def _wake_requested(event: Event) -> str:
    who = event.who or event.address
    if event.facts.get("is_repeated"):
        text = (
            _("%(who)s had the signal sent again.")
            if who
            else _("A visitor had the signal sent again.")
        )
    else:
        text = _("%(who)s asked to wake the NAS.") if who else _("A visitor asked to wake the NAS.")
    return text % {"who": who}


def _wake_stage(event: Event) -> str:
    stage = str(event.facts.get("stage", ""))
    text = str(_STAGES.get(stage, stage))
    after = _lasted(event, _("%(span)s after it was asked for")) if event.duration_s else ""
    return f"{text}, {after}." if after else f"{text}."


def _wake_ended(event: Event) -> str:
    if event.is_trouble:
        return _with(_("The NAS did not wake up."), _fact(event, "why"))
    return _with(_("The wake has ended."), _lasted(event, _("It took %(span)s.")))


def _names_switched(event: Event) -> str:
    known = {"names": event.subject, "place": _place(event)}
    if event.facts.get("is_foreign"):
        text = _("Somebody else had changed %(names)s in Pi-hole; put back: now %(place)s.")
        return text % known
    text = _("%(names)s: now %(place)s.") % known
    return _with(text, _lasted(event, _("It took %(span)s.")))


def _names_overridden(event: Event) -> str:
    known = {"who": _someone(event), "names": event.subject, "place": _place(event)}
    return _("%(who)s holds %(names)s %(place)s.") % known


def _names_released(event: Event) -> str:
    text = _("%(names)s: not held by hand any more.") % {"names": event.subject}
    return _with(text, _lasted(event, _("Held for %(span)s.")))


def _place(event: Event) -> str:
    target = str(event.facts.get("target", ""))
    return {"nas": _("on the NAS"), "pi": _("on the Pi")}.get(target, target)


def _inbox_moved(event: Event) -> str:
    files, failed = _number(event, "files"), _number(event, "failed")
    text = ngettext(
        "%(n)s file (%(size)s) moved to the NAS.", "%(n)s files (%(size)s) moved to the NAS.", files
    ) % {"n": files, "size": shown_size(_number(event, "bytes"))}
    if not failed:
        return text
    more = ngettext("%(n)s file failed.", "%(n)s files failed.", failed) % {"n": failed}
    return _with(text, more) if files else more


def _inbox_held_up(event: Event) -> str:
    return _("The inbox is held up: %(why)s") % {"why": _fact(event, "why")}


def _inbox_recovered(event: Event) -> str:
    text = _("Nothing holds up the inbox any more.")
    return _with(text, _lasted(event, _("It was held up for %(span)s.")))


def _inbox_retried(event: Event) -> str:
    files = _number(event, "files")
    text = ngettext("%(n)s file is tried again.", "%(n)s files are tried again.", files)
    return text % {"n": files}


def _anomaly(event: Event) -> str:
    text = _BEGUN.get(str(event.facts.get("anomaly")), _("Something is unusual: %(plug)s."))
    return str(text) % {"plug": event.subject}


def _anomaly_over(event: Event) -> str:
    text = _OVER.get(str(event.facts.get("anomaly")), _("As usual again: %(plug)s."))
    return _with(str(text) % {"plug": event.subject}, _lasted(event, _("It lasted %(span)s.")))


def _plug_switched(event: Event) -> str:
    plug = {"plug": event.subject}
    if event.facts.get("outcome") != "switched":
        text = (
            _("The plug %(plug)s was not switched.")
            if event.facts.get("outcome") == "refused"
            else _("Whether the plug %(plug)s was switched is not known.")
            if event.facts.get("outcome") == "unanswered"
            else _("The plug %(plug)s could not be switched.")
        )
        return _with(text % plug, _fact(event, "why"))
    text = (
        _("The plug %(plug)s was switched on.")
        if event.facts.get("is_on")
        else _("The plug %(plug)s was switched off.")
    )
    overruled = _("It was unlocked.") if event.facts.get("overruled") else ""
    return _with(text % plug, overruled)


def _plug_unlocked(event: Event) -> str:
    known = {"plug": event.subject, "seconds": _number(event, "seconds")}
    return (
        _("The plug %(plug)s may be switched for %(seconds)s seconds, whatever speaks against it.")
        % known
    )


def _backup_failed(event: Event) -> str:
    return _("There was no backup: %(why)s") % {"why": _fact(event, "why")}


def _backup_recovered(event: Event) -> str:
    text = _("Backups are made again.")
    return _with(text, _lasted(event, _("There were none for %(span)s.")))


def _login(event: Event) -> str:
    who = event.subject or event.who
    return _("%(who)s signed in.") % {"who": who} if who else _("Somebody signed in.")


def _login_refused(event: Event) -> str:
    if not event.subject:
        return _("A login was refused.")
    return _("A login as %(who)s was refused.") % {"who": event.subject}


def _token_made(event: Event) -> str:
    return _with(_("A token was made."), event.subject)


def _token_revoked(event: Event) -> str:
    return _with(_("A token was revoked."), event.subject)


def _thing(event: Event) -> dict[str, str]:
    return {"thing": _with(_fact(event, "what"), event.subject)}


def _added(event: Event) -> str:
    return _("Added: %(thing)s.") % _thing(event)


def _edited(event: Event) -> str:
    fields = ", ".join(event.facts.get("changes") or ())
    return _with(_("Changed: %(thing)s.") % _thing(event), f"({fields})" if fields else "")


def _deleted(event: Event) -> str:
    return _("Deleted: %(thing)s.") % _thing(event)


def _command(event: Event) -> str:
    return _("Command %(name)s was run.") % {"name": event.subject}


#: Every kind has one; a test sees to it.
SENTENCES: dict[Kind, Callable[[Event], str]] = {
    Kind.NAS_STATE: _state,
    Kind.NAS_CALL: _call,
    Kind.NAS_CALL_REFUSED: _call_refused,
    Kind.WAKE_REQUESTED: _wake_requested,
    Kind.WAKE_STAGE: _wake_stage,
    Kind.WAKE_ENDED: _wake_ended,
    Kind.NAMES_SWITCHED: _names_switched,
    Kind.NAMES_OVERRIDDEN: _names_overridden,
    Kind.NAMES_RELEASED: _names_released,
    Kind.INBOX_MOVED: _inbox_moved,
    Kind.INBOX_HELD_UP: _inbox_held_up,
    Kind.INBOX_RECOVERED: _inbox_recovered,
    Kind.INBOX_RETRIED: _inbox_retried,
    Kind.PLUG_ANOMALY: _anomaly,
    Kind.PLUG_ANOMALY_OVER: _anomaly_over,
    Kind.PLUG_SWITCHED: _plug_switched,
    Kind.PLUG_UNLOCKED: _plug_unlocked,
    Kind.BACKUP_FAILED: _backup_failed,
    Kind.BACKUP_RECOVERED: _backup_recovered,
    Kind.LOGIN: _login,
    Kind.LOGIN_REFUSED: _login_refused,
    Kind.TOKEN_MADE: _token_made,
    Kind.TOKEN_REVOKED: _token_revoked,
    Kind.CHANGE_ADDED: _added,
    Kind.CHANGE_EDITED: _edited,
    Kind.CHANGE_DELETED: _deleted,
    Kind.CHANGE_COMMAND: _command,
}
