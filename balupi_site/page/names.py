"""Pi-hole in words: what it blocked, and where the NAS's names lead."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils import formats
from django.utils.translation import gettext as _

from balupi_site.lib.words import UNKNOWN, count, day_and_clock, span
from balupi_site.page.choice import Choice
from balupi_site.page.long_names import name_of
from pihole.ftl import DomainCount, Statistics
from pihole.overview import NameView
from pihole.services import Overview, overview

#: Looks come every minute, the figures with them: three of them.
_STALE_S = 180
#: Ways a question ends in which nobody said where the name leads.
_NO_ANSWER = {"refused", "failed", "timeout"}


def context(choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context; what people ask for most is for admins."""
    names = overview(now)
    problem = names.problem
    is_set_up = bool(settings.PIHOLE_PASSWORD or (names.checked_at and problem is None))
    return {
        "names": {
            "stale_s": _STALE_S,
            "checked_at": names.checked_at,
            "is_set_up": is_set_up,
            "is_waiting": is_set_up and names.checked_at is None,
            "rows": [_row(name, is_moving=names.is_switching) for name in names.names],
            "override": _held(names),
            "problem": problem.message if problem and is_set_up else "",
            "times": _times(names, now) if problem else "",
            "warnings": [warning.message for warning in names.warnings if choice.is_admin],
        },
        "figures": _figures(names, now, for_admin=choice.is_admin),
    }


def _row(name: NameView, *, is_moving: bool) -> dict[str, str]:
    """Return where a name leads: a tick where it is as wanted, otherwise both in one sentence."""
    where, wanted = _where(name), _place(name.wanted) if name.wanted else ""
    css, icon = "", ""
    if name.ok:
        css, icon = "ok", "check"
    elif name.wanted and is_moving:
        css, where = "booting", _moving(name.wanted)
    elif name.wanted and name.actual is not None:
        css, icon = "failed", "warn"
        where = _("%(found)s, should be %(place)s") % {"found": where, "place": wanted}
    return {"name": name.name, "where": where, "css": css, "icon": icon}


def _where(name: NameView) -> str:
    if name.actual is None:
        return UNKNOWN
    if name.answer in _NO_ANSWER:
        return _("no answer")
    return ", ".join(map(_place, name.actual)) or _("no address")


def _place(address: str) -> str:
    places = {settings.NAS_IP: _("on the NAS"), settings.PI_IP: _("on the Pi")}
    return places.get(address, address)


def _moving(address: str) -> str:
    places = {settings.NAS_IP: _("moving to the NAS"), settings.PI_IP: _("moving to the Pi")}
    return places.get(address, address)


def _held(names: Overview) -> str:
    """Return who holds the names by hand, as a sentence; "" for nobody."""
    held = names.override
    if held is None:
        return ""
    words = {"who": held.by or _("Somebody")}
    if held.target == "nas":
        return _("%(who)s holds it on the NAS by hand, until the NAS's state changes.") % words
    return _("%(who)s holds it on the Pi by hand, until the NAS's state changes.") % words


def _times(names: Overview, now: dt.datetime) -> str:
    """Return since when it does not work, and when it is tried again."""
    told = []
    if names.problem:
        since = day_and_clock(names.problem.since, now)
        told.append(_("Since %(since)s.") % {"since": since})
    if names.next_try_at:
        wait_s = (names.next_try_at - now).total_seconds()
        if wait_s >= 1:
            told.append(_("Next try in %(span)s.") % {"span": span(wait_s)})
    return " ".join(told)


def _figures(names: Overview, now: dt.datetime, *, for_admin: bool) -> dict[str, Any] | None:
    """Return Pi-hole's figures of 24 hours; None where they are not known."""
    known, at = names.statistics, names.statistics_at
    if known is None or known.queries is None or known.blocked is None:
        return None
    share = 100 * known.blocked / known.queries if known.queries else 0.0
    counts = {"blocked": count(known.blocked), "total": count(known.queries)}
    return {
        "at": at,
        "is_old": at is None or (now - at).total_seconds() > _STALE_S,
        "percent": formats.number_format(round(share, 1), decimal_pos=1),
        "width": f"{min(share, 100.0):.1f}",
        "told": _("%(blocked)s of %(total)s queries in 24 h") % counts,
        "unfiltered": _unfiltered(known, at, now),
        "top_blocked": _top(known.top_blocked),
        "top_permitted": _top(known.top_permitted) if for_admin else [],
    }


def _unfiltered(known: Statistics, at: dt.datetime | None, now: dt.datetime) -> str:
    """Return that Pi-hole lets everything through, and for how long; "" where it filters."""
    if known.blocking in {None, "enabled"}:
        return ""
    if known.blocking == "disabled" and known.blocking_timer_s and at:
        left_s = known.blocking_timer_s - (now - at).total_seconds()
        if left_s >= 1:
            return _("Nothing is blocked for another %(span)s.") % {"span": span(left_s)}
    return _("Nothing is blocked at present.")


def _top(domains: Sequence[DomainCount] | None) -> list[dict[str, Any]]:
    return [
        {"name": name_of(row.domain), "count": count(row.count)}
        for row in domains or ()
        if row.count
    ]
