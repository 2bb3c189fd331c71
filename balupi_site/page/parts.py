"""The parts of the page: each is drawn once for all viewers, kept for a moment, and sent when it changed."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from balupi_site.page import day, energy, events, inbox, names, nas, pi, plugs, saved, snapshot
from balupi_site.page.choice import Choice

#: What is told of a part's age changes every second, and the page counts it by itself.
_AGE = re.compile(r"(<time [^>]*data-age[^>]*>)[^<]*")
_HASH_LENGTH = 10
#: Drawings kept at once: languages, days and filters of a household's viewers.
_MOST_KEPT = 200


@dataclass(frozen=True)
class Part:
    """One section of the page.

    Attributes:
        context: what its template needs.
        lasts_s: how long a drawing of it is good enough for the next viewer.
    """

    name: str
    context: Callable[[Choice, dt.datetime], dict[str, Any]]
    lasts_s: float


#: In the order of the page.
PARTS = {
    part.name: part
    for part in (
        Part("nas", nas.context, 1),
        Part("day", day.context, 30),
        Part("energy", energy.context, 60),
        Part("plugs", plugs.context, 4),
        Part("saved", saved.context, 60),
        Part("events", events.context, 4),
        Part("inbox", inbox.context, 1),
        Part("names", names.context, 4),
        Part("snapshot", snapshot.context, 20),
        Part("pi", pi.context, 4),
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


_kept: dict[tuple[Any, ...], _Kept] = {}
_kept_lock = threading.Lock()


def drawn(name: str, choice: Choice, now: dt.datetime) -> Drawn:
    """Return a part as it is, or was a moment ago; whoever asks meanwhile waits for the same drawing."""
    part = PARTS[name]
    kept = _place((name, get_language(), choice))
    with kept.lock:
        if kept.drawn is None or time.monotonic() - kept.made_s >= part.lasts_s:
            kept.drawn = _draw(part, choice, now)
            kept.made_s = time.monotonic()
        return kept.drawn


def forget() -> None:
    """Forget all drawings, such as after a wake by this viewer's own button."""
    with _kept_lock:
        _kept.clear()


def _place(key: tuple[Any, ...]) -> _Kept:
    with _kept_lock:
        if len(_kept) >= _MOST_KEPT and key not in _kept:
            _kept.clear()
        return _kept.setdefault(key, _Kept())


def _draw(part: Part, choice: Choice, now: dt.datetime) -> Drawn:
    context = {"choice": choice, "now": now, **part.context(choice, now)}
    html = render_to_string(f"page/{part.name}.html", context)
    told = _AGE.sub(r"\1", html).encode()
    version = hashlib.blake2b(told, digest_size=_HASH_LENGTH // 2).hexdigest()
    return Drawn(part.name, mark_safe(html), version)  # noqa: S308  # a template's own output
