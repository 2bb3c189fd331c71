"""Pi-hole in words: what it blocked, and where the NAS's names lead."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from balupi_site.page.choice import Choice
from balupi_site.words import UNKNOWN, ago, span
from pihole.services import Overview as NamesOverview
from pihole.services import overview as names_overview


def context(_choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    return {"names": _names(names_overview(now), now)}


def _names(names: NamesOverview, now: dt.datetime) -> dict[str, Any]:
    statistics = names.statistics
    next_try = ""
    if names.problem and names.next_try_at and names.next_try_at > now:
        wait = span((names.next_try_at - now).total_seconds())
        next_try = _("Next try in %(span)s.") % {"span": wait}
    context: dict[str, Any] = {
        "age": ago(names.age_s),
        "is_fresh": names.age_s is not None and names.age_s < 180,  # noqa: PLR2004  # three looks
        "rows": [
            {
                "name": name.name,
                "is_right": name.ok,
                "where": _where(name.actual, wanted=name.wanted, is_moving=names.is_switching),
            }
            for name in names.names
        ],
        "override": _target(names.override.target) if names.override else "",
        "problem": names.problem.message if names.problem else "",
        "next_try": next_try,
        "blocked_percent": None,
    }
    total = statistics.queries if statistics else None
    blocked = statistics.blocked if statistics else None
    if total is not None and blocked is not None:
        share = 100 * blocked / total if total else 0.0
        context |= {
            "blocked_percent": f"{share:.1f}",
            "blocked_width": round(share, 1),
            "queries": _("%(blocked)s of %(total)s queries in 24 h")
            % {"blocked": f"{blocked:,}", "total": f"{total:,}"},
        }
    return context


def _where(actual: tuple[str, ...] | None, *, wanted: str | None, is_moving: bool) -> str:
    if actual is None:
        return UNKNOWN
    places = {settings.NAS_IP: _("on the NAS"), settings.PI_IP: _("on the Pi")}
    found = ", ".join(places.get(address, address) for address in actual) or _("no address")
    if wanted is not None and actual != (wanted,):
        if is_moving:
            return _("moving %(place)s") % {"place": places.get(wanted, wanted)}
        return _("%(found)s, should be %(place)s") % {
            "found": found,
            "place": places.get(wanted, wanted),
        }
    return found


def _target(target: str) -> str:
    return {"nas": _("on the NAS"), "pi": _("on the Pi")}.get(target, target)
