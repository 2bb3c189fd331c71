"""Rules: what a check says, and how its words are put."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from balupi_site.doctor.known import Known

#: A stop after a whole word: German "z. B." ends no sentence.
_SENTENCE_END = re.compile(r"(?<=[^\s.][^\s.]\.)\s+")


class Level(StrEnum):
    """How bad it is; the values are for programs and never change."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


class Area(StrEnum):
    """What a check is about; in the order in which they are shown."""

    PI = "pi"
    STORES = "stores"
    NAS = "nas"
    PLUGS = "plugs"
    PIHOLE = "pihole"
    NAMES = "names"
    HANDSHAKE = "handshake"
    INBOX = "inbox"
    SETUP = "setup"


AREA_LABELS: dict[Area, Promise] = {
    Area.PI: _("This Pi"),
    Area.STORES: _("Database, Redis and worker"),
    Area.NAS: _("The NAS"),
    Area.PLUGS: _("Smart plugs"),
    Area.PIHOLE: _("Pi-hole"),
    Area.NAMES: _("Names of the NAS"),
    Area.HANDSHAKE: _("Calls of the NAS"),
    Area.INBOX: _("Inbox"),
    Area.SETUP: _("Set-up and permissions"),
}


LEVEL_WORDS: dict[Level, Promise] = {
    Level.OK: _("fine"),
    Level.WARN: _("look at it"),
    Level.FAIL: _("wrong"),
    Level.SKIPPED: _("left out"),
}


@dataclass(frozen=True)
class Verdict:
    """What a check saw; ``title`` "" is the check's own.

    Attributes:
        found: one sentence.
        cure: ONE thing to do; "" where there is nothing to do.
        about: what of several things it speaks of, such as one plug; part of the finding's name.
    """

    level: Level
    found: str
    cure: str = ""
    about: str = ""
    title: str = ""


@dataclass(frozen=True)
class Finding:
    """A verdict with the name of its check; ``name`` is for programs, ``title`` for people."""

    name: str
    title: str
    level: Level
    found: str
    cure: str = ""
    area: Area = Area.PI


@dataclass(frozen=True)
class Check:
    """A check.

    Attributes:
        name: for ``--only`` and programs.
        look: says what it sees. A slow one runs in a thread and must not touch the database.
        is_quick: costs a few milliseconds at most, and asks nothing but this machine.
        needs_database, needs_redis: without it nothing can be said.
        deadline_s: None: it runs at once in the caller's thread; else a thread of its own is waited
            for so long.
        undoes: it takes back what it did, so whoever ends the run early lets it finish.
    """

    name: str
    title: str | Promise
    area: Area
    look: Callable[[Known], Verdict | Sequence[Verdict]]
    is_quick: bool = False
    needs_database: bool = False
    needs_redis: bool = False
    deadline_s: float | None = None
    undoes: bool = False


def ok(found: str, *, about: str = "", title: str = "") -> Verdict:
    """Return that all is well."""
    return Verdict(Level.OK, found, "", about, title)


def warn(found: str, cure: str, *, about: str = "", title: str = "") -> Verdict:
    """Return that it works, but not as well as it could."""
    return Verdict(Level.WARN, found, cure, about, title)


def fail(found: str, cure: str, *, about: str = "", title: str = "") -> Verdict:
    """Return that something does not work until somebody acts."""
    return Verdict(Level.FAIL, found, cure, about, title)


def skipped(found: str, *, about: str = "", title: str = "") -> Verdict:
    """Return why nothing can be said."""
    return Verdict(Level.SKIPPED, found, "", about, title)


def told(level: Level, message: str, *, about: str = "", title: str = "") -> Verdict:
    """Return a verdict from a message of an app: the first sentence is what was found, the rest the cure."""
    found, *cure = _SENTENCE_END.split(message.strip(), maxsplit=1)
    return Verdict(level, found, "".join(cure), about, title)


def findings_of(check: Check, verdicts: Verdict | Sequence[Verdict]) -> list[Finding]:
    """Return what a check said, under its name."""
    several = [verdicts] if isinstance(verdicts, Verdict) else list(verdicts)
    return [
        Finding(
            name=f"{check.name}:{each.about}" if each.about else check.name,
            title=each.title or str(check.title),
            level=each.level,
            found=each.found,
            cure=each.cure,
            area=check.area,
        )
        for each in several
    ]


def counts(findings: Iterable[Finding]) -> dict[Level, int]:
    """Return how many there are of each level."""
    levels = [finding.level for finding in findings]
    return {level: levels.count(level) for level in Level}
