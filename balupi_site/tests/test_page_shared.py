"""Drawings that all viewers share: what belongs to whom, how many are kept, and who waits for whom."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils.safestring import mark_safe

from balupi_site.page import parts
from balupi_site.page.choice import Choice

NOW = dt.datetime(2026, 11, 24, 11, tzinfo=dt.UTC)
WAIT_S = 10


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Choice]]:
    """Have parts drawn without a database; return what was drawn for whom."""
    made: list[tuple[str, Choice]] = []

    def draw(part: parts.Part, choice: Choice, _now: dt.datetime) -> parts.Drawn:
        made.append((part.name, choice))
        return parts.Drawn(part.name, mark_safe("<p></p>"), str(len(made)))

    monkeypatch.setattr(parts, "_draw", draw)
    return made


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    parts.forget()
    yield
    parts.forget()


def test_what_shows_no_choice_is_drawn_once_for_all_choices(
    draws: list[tuple[str, Choice]],
) -> None:
    for number in range(1, 29):
        chosen = Choice(day=dt.date(2026, 2, number), events="nas")
        for name in parts.PARTS:
            parts.drawn(name, chosen, NOW)
    drawn = [name for name, _choice in draws]
    assert {name for name in drawn if drawn.count(name) > 1} == {"day", "energy", "events"}


@pytest.mark.parametrize("name", parts.PARTS)
@pytest.mark.parametrize("right", ["is_admin", "may_wake"])
def test_who_may_more_gets_a_drawing_of_their_own(
    draws: list[tuple[str, Choice]], name: str, right: str
) -> None:
    rights: dict[str, Any] = {right: True}
    for choice in (Choice(**rights), Choice(), Choice(**rights)):
        parts.drawn(name, choice, NOW)
    assert [getattr(choice, right) for _name, choice in draws] == [True, False]


def test_somebody_who_asks_for_everything_does_not_push_out_what_others_look_at(
    draws: list[tuple[str, Choice]],
) -> None:
    of_others = parts.drawn("energy", Choice(), NOW)
    for number in range(1000):
        parts.drawn("energy", Choice(energy=dt.date(2021, 1, 1) + dt.timedelta(number)), NOW)
        assert parts.drawn("energy", Choice(), NOW) is of_others
    assert len(parts._kept) <= parts._MOST_KEPT


def test_who_asks_while_a_part_hangs_gets_its_last_drawing_and_does_not_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    has_begun, may_end = threading.Event(), threading.Event()
    versions = iter(("first", "second"))

    def draw(part: parts.Part, _choice: Choice, _now: dt.datetime) -> parts.Drawn:
        version = next(versions)
        if version == "second":
            has_begun.set()
            assert may_end.wait(WAIT_S)
        return parts.Drawn(part.name, mark_safe(""), version)

    monkeypatch.setattr(parts, "_draw", draw)
    part = parts.Part("pi", parts.PARTS["pi"].context, lasts_s=0)
    monkeypatch.setitem(parts.PARTS, "pi", part)
    parts.drawn("pi", Choice(), NOW)
    slow = threading.Thread(target=parts.drawn, args=("pi", Choice(), NOW))
    slow.start()
    told: list[str] = []
    other = threading.Thread(
        target=lambda: told.append(parts.drawn("pi", Choice(), NOW).version), daemon=True
    )
    try:
        assert has_begun.wait(WAIT_S)
        other.start()
        other.join(WAIT_S / 5)
        assert told == ["first"]
    finally:
        may_end.set()
        slow.join(WAIT_S)


def test_a_part_that_fails_is_drawn_again_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[Exception | parts.Drawn] = iter(
        [ValueError("broken"), parts.Drawn("pi", mark_safe(""), "mended")]
    )

    def draw(*_args: object) -> parts.Drawn:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(parts, "_draw", draw)
    with pytest.raises(ValueError, match="broken"):
        parts.drawn("pi", Choice(), NOW)
    assert parts.drawn("pi", Choice(), NOW).version == "mended"
