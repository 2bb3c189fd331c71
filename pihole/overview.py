"""What pages and the API show of the names: wishes from the database, facts from the last look.

Reads only; asks neither Pi-hole nor DNS, and works with Redis away (then nothing is known of the
actual names).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from pihole import status
from pihole.ftl import Statistics
from pihole.models import NameStatus
from pihole.reasons import worded
from pihole.status import Complaint, Look, NameLook


@dataclass(frozen=True)
class Override:
    """What a person chose instead of what the NAS's state asks for."""

    target: str
    by: str
    at: datetime | None


@dataclass(frozen=True)
class NameView:
    """One name; None means not known.

    ``wanted`` None: it is left as it is. ``actual`` is what DNS answered at the last look, an empty
    tuple where the answer was no address; ``answer`` says how it answered.
    """

    name: str
    wanted: str | None
    actual: tuple[str, ...] | None
    answer: str | None
    ok: bool | None


@dataclass(frozen=True)
class Overview:
    """Everything that is known of the names.

    Attributes:
        target: where the names should lead now, "nas" or "pi"; None: left as they are.
        wanted_by_state: the same without the override.
        reason: why they should lead there.
        changed_at: when that was last decided differently.
        is_switching: decided after the last look, so ``actual`` may be out of date.
        ok: all names lead where they should; None: not known, or nothing is wanted.
        checked_at, age_s: when Pi-hole was last looked at, and seconds since then.
    """

    target: str | None
    wanted_by_state: str | None
    reason: str
    override: Override | None
    changed_at: datetime | None
    is_switching: bool
    names: tuple[NameView, ...]
    ok: bool | None
    checked_at: datetime | None
    age_s: float | None
    problem: Complaint | None
    warnings: tuple[Complaint, ...]
    failures: int
    next_try_at: datetime | None
    statistics: Statistics | None
    statistics_at: datetime | None
    statistics_age_s: float | None


def overview(now: datetime, look: Look | None = None) -> Overview:
    """Return what is known of the names.

    Args:
        now: the present time, for the ages.
        look: what was found just now; None: what Redis remembers of the last look.
    """
    wish, look = NameStatus.current(), look or status.load()
    names = _names(wish, look)
    known = [name.ok for name in names]
    return Overview(
        target=wish.target or None,
        wanted_by_state=wish.wanted or None,
        reason=worded(wish.why),
        override=Override(wish.override, wish.override_by, wish.override_at)
        if wish.override
        else None,
        changed_at=wish.changed_at,
        is_switching=bool(
            wish.target and wish.changed_at and (look is None or look.at < wish.changed_at)
        ),
        names=names,
        ok=None if None in known else all(known),
        checked_at=look.at if look else None,
        age_s=_age_s(look.at if look else None, now),
        problem=look.problem if look else None,
        warnings=look.warnings if look else (),
        failures=look.failures if look else 0,
        next_try_at=look.next_try_at if look else None,
        statistics=look.statistics if look else None,
        statistics_at=look.statistics_at if look else None,
        statistics_age_s=_age_s(look.statistics_at if look else None, now),
    )


def _names(wish: NameStatus, look: Look | None) -> tuple[NameView, ...]:
    address = {"nas": settings.NAS_IP, "pi": settings.PI_IP}.get(wish.target) or None
    looks = {name.name: name for name in look.names} if look else {}
    return tuple(_name(name, address, looks.get(name)) for name in settings.DNS_NAMES)


def _name(name: str, wanted: str | None, look: NameLook | None) -> NameView:
    if look is None:
        return NameView(name, wanted, actual=None, answer=None, ok=None)
    ok = None if wanted is None else look.addresses == (wanted,)
    return NameView(name, wanted, actual=look.addresses, answer=look.answer, ok=ok)


def _age_s(at: datetime | None, now: datetime) -> float | None:
    """Return the seconds since ``at``; a clock that was set back makes it 0, never negative."""
    return None if at is None else max(0.0, round((now - at).total_seconds(), 1))
