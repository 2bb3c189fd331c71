"""What the last look at Pi-hole found; kept in Redis because it changes every minute."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar

from balupi_site.lib.remembered import Remembered
from pihole.ftl import DomainCount, Statistics
from pihole.problems import ProblemCode, sentence

T = TypeVar("T")


@dataclass(frozen=True)
class Complaint:
    """A problem or a warning, as data: its sentence is made for the reader."""

    code: ProblemCode
    details: dict[str, str]
    since: datetime

    @property
    def message(self) -> str:
        """What failed, why and what to do."""
        return sentence(self.code, self.details)


@dataclass(frozen=True)
class NameLook:
    """One name: what a DNS question to Pi-hole answered."""

    name: str
    answer: str  # an ``AnswerKind``
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Look:
    """Everything the last look found; also the memory from one look to the next."""

    at: datetime
    names: tuple[NameLook, ...] = ()
    problem: Complaint | None = None
    warnings: tuple[Complaint, ...] = ()
    failures: int = 0  # looks in a row with a problem
    next_try_at: datetime | None = None
    #: The address and names that Pi-hole last had as we want them, "" where nothing is wanted.
    confirmed: str = ""
    #: When somebody else changed our names, lately.
    foreign_at: tuple[datetime, ...] = ()
    statistics: Statistics | None = None
    statistics_at: datetime | None = None


def _look(data: dict[str, Any]) -> Look:
    time = datetime.fromisoformat
    return Look(
        at=time(data["at"]),
        names=tuple(
            NameLook(name["name"], name["answer"], tuple(name["addresses"]))
            for name in data["names"]
        ),
        problem=_optional(_complaint, data["problem"]),
        warnings=tuple(map(_complaint, data["warnings"])),
        failures=int(data["failures"]),
        next_try_at=_optional(time, data["next_try_at"]),
        confirmed=data["confirmed"],
        foreign_at=tuple(map(time, data["foreign_at"])),
        statistics=_optional(_statistics, data["statistics"]),
        statistics_at=_optional(time, data["statistics_at"]),
    )


def _statistics(data: dict[str, Any]) -> Statistics:
    tops = {
        name: None if data.get(name) is None else tuple(DomainCount(**row) for row in data[name])
        for name in ("top_blocked", "top_permitted")
    }
    return Statistics(**{**data, **tops})


def _complaint(data: dict[str, Any]) -> Complaint:
    details = {str(key): str(value) for key, value in data["details"].items()}
    return Complaint(ProblemCode(data["code"]), details, datetime.fromisoformat(data["since"]))


def _optional(make: Callable[[Any], T], value: object) -> T | None:
    return None if value is None else make(value)


_remembered = Remembered[Look](
    "pihole:status",
    "what Pi-hole looked like",
    to_text=lambda look: json.dumps(asdict(look), default=datetime.isoformat),
    of_text=lambda text: _look(json.loads(text)),
)
load, save = _remembered.load, _remembered.save
