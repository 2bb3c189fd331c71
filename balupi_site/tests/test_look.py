"""Ages on the page: counted on by its script, and true without it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.template import Context, Template

NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)


def render(tag: str, age_s: float | None) -> str:
    at = None if age_s is None else NOW - dt.timedelta(seconds=age_s)
    context: dict[str, Any] = {"now": NOW, "at": at}
    return Template(f"{{% load look %}}{tag}").render(Context(context))


def test_a_live_value_has_a_time_to_turn_grey() -> None:
    html = render("{% age at stale_s=90 %}", 6)
    epoch = int(NOW.timestamp()) - 6
    assert f'data-age="{epoch}"' in html
    assert f'data-stale-at="{epoch + 90}"' in html
    assert "6\N{NO-BREAK SPACE}s ago" in html
    assert "data-stale>" not in html


def test_a_value_that_is_too_old_is_grey_without_any_script() -> None:
    assert " data-stale>" in render("{% age at stale_s=90 %}", 90)
    assert render("<li{% stale at 90 %}>", 91).endswith(" data-stale>")


def test_what_has_no_age_tells_none_and_does_not_look_live() -> None:
    assert render("{% age at stale_s=90 %}", None) == ""
    assert render("<li{% stale at 90 %}>", None) == "<li data-stale>"


def test_what_is_old_by_nature_never_looks_live() -> None:
    html = render("{% age at %}", 7200)
    assert "live" not in html
    assert "#clock" in html


def test_an_age_stands_within_its_sentence() -> None:
    html = render('{% age at words="checked %(ago)s, all well" %}', 5)
    assert html.startswith('<span class="age">')
    assert "checked <time" in html
    assert "</time>, all well" in html


def test_what_the_page_counts_on_is_told_in_hours_and_days_come_from_a_new_drawing() -> None:
    days = 3600 * 24
    assert "data-age" in render("{% age at %}", 2 * days - 1)
    for age_s, told in ((2 * days, "2 days ago"), (9 * days, "9 days ago")):
        html = render("{% age at %}", age_s)
        assert told in html
        assert "data-age" not in html
