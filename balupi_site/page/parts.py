"""The parts of the page: each is drawn once for all viewers, kept for a moment, and sent when it changed."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from balupi_site.page import day, energy, events, inbox, names, nas, pi, plugs, saved, snapshot
from balupi_site.page.choice import Choice

logger = logging.getLogger(__name__)

#: What is told of a part's age changes every second, and the page counts it by itself.
_AGE = re.compile(r"(<time [^>]*data-age[^>]*>)[^<]*")
_HASH_LENGTH = 10
#: Drawings kept at once: languages, days and filters of a household's viewers.
_MOST_KEPT = 200
#: While somebody draws a part anew, others get the last drawing for so long instead of waiting: a card
#: that hangs must not hold all threads. Its ages are told as they are, and turn grey by themselves.
_OLD_IS_BETTER_S = 60.0


@dataclass(frozen=True)
class Part:
    """One section of the page.

    Attributes:
        context: what its template needs.
        lasts_s: how long a drawing of it is good enough for the next viewer.
        is_chosen: it shows what the visitor chose, or links to it; the others are the same for all
            who may see the same.
    """

    name: str
    context: Callable[[Choice, dt.datetime], dict[str, Any]]
    lasts_s: float
    is_chosen: bool = False

    def seen(self, choice: Choice) -> Choice:
        """Return as much of a choice as makes a difference to this part."""
        if self.is_chosen:
            return choice
        return Choice(is_admin=choice.is_admin, may_wake=choice.may_wake)


#: In the order of the page.
PARTS = {
    part.name: part
    for part in (
        Part("nas", nas.context, 1),
        Part("day", day.context, 10, is_chosen=True),
        Part("energy", energy.context, 60, is_chosen=True),
        Part("plugs", plugs.context, 4),
        Part("saved", saved.context, 60),
        Part("events", events.context, 4, is_chosen=True),
        Part("inbox", inbox.context, 2),
        Part("names", names.context, 10),
        Part("snapshot", snapshot.context, 30),
        Part("pi", pi.context, 15),
    )
}


@dataclass(frozen=True)
class Drawn:
    """A part as HTML; ``version`` is another one when more than ages changed."""

    name: str
    html: SafeString
    version: str


@dataclass
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    made_s: float = float("-inf")
    drawn: Drawn | None = None

    def not_older(self, age_s: float) -> Drawn | None:
        """Return the drawing; None: there is none, or it is as old as that."""
        return self.drawn if time.monotonic() - self.made_s < age_s else None


_kept: OrderedDict[tuple[Any, ...], _Kept] = OrderedDict()
_kept_lock = threading.Lock()


def drawn(name: str, choice: Choice, now: dt.datetime) -> Drawn:
    """Return a part as it is, or was a moment ago; where another thread draws it, its last drawing."""
    part = PARTS[name]
    seen = part.seen(choice)
    kept = _place((name, get_language(), seen))
    if found := kept.not_older(part.lasts_s):
        return found
    old = kept.not_older(part.lasts_s + _OLD_IS_BETTER_S)
    if not kept.lock.acquire(blocking=old is None) and old is not None:
        return old
    try:
        if found := kept.not_older(part.lasts_s):  # another thread was faster
            return found
        kept.drawn = fresh = _draw(part, seen, now)
        kept.made_s = time.monotonic()
        return fresh
    finally:
        kept.lock.release()


def forget() -> None:
    """Forget all drawings, such as after a wake by this viewer's own button."""
    with _kept_lock:
        _kept.clear()


def _place(key: tuple[Any, ...]) -> _Kept:
    with _kept_lock:
        kept = _kept.setdefault(key, _Kept())
        _kept.move_to_end(key)
        if len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)  # the one that nobody has asked for the longest
        return kept


def _draw(part: Part, choice: Choice, now: dt.datetime) -> Drawn:
    try:
        context = {"choice": choice, "now": now, **part.context(choice, now)}
        html = render_to_string(f"page/{part.name}.html", context)
    except DatabaseError:
        raise  # nothing else can be drawn either, and there is an answer for it
    except Exception:  # one part must not take the others, and the wake button, with it
        logger.exception("The part %s of the page could not be drawn.", part.name)
        html = render_to_string("page/broken.html", {"name": part.name})
    told = _AGE.sub(r"\1", html).encode()
    version = hashlib.blake2b(told, digest_size=_HASH_LENGTH // 2).hexdigest()
    return Drawn(part.name, mark_safe(html), version)  # noqa: S308  # a template's own output
