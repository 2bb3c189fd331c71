"""The geometry of the bars: what stands higher was more, and nothing is drawn outside."""

from __future__ import annotations

import pytest

from balupi_site.page.bars import Box, Slot, axis_end, chart


@pytest.mark.parametrize(
    ("least", "end"),
    [
        pytest.param(0, 1, id="nothing"),
        pytest.param(0.9856, 1, id="below one"),
        pytest.param(1000, 1000, id="itself"),
        pytest.param(1001, 1200, id="just above"),
        pytest.param(8.1, 10, id="up to the next ten"),
        pytest.param(0.0031, 0.004, id="very little"),
    ],
)
def test_an_axis_ends_at_a_round_number(least: float, end: float) -> None:
    assert axis_end(least) == pytest.approx(end)


def test_a_bar_stands_before_the_wider_one_of_the_period_before() -> None:
    drawn = chart([Slot(500.0, before_wh=250.0), Slot(None, before_wh=1000.0)])
    assert drawn.grid[0].energy_wh == pytest.approx(1200)
    assert drawn.measured == (Box("16", "58.333", "18", "41.667"),)
    assert drawn.before == (
        Box("9.5", "79.167", "31", "20.833"),
        Box("59.5", "16.667", "31", "83.333"),
    )
    assert [(mark.slot, mark.y) for mark in drawn.marks] == [(0, "58.333")]


def test_what_was_filled_stands_on_what_was_measured() -> None:
    drawn = chart([Slot(1000.0, filled_wh=400.0)])
    [measured], [filled] = drawn.measured, drawn.filled
    assert (measured.y, measured.height) == ("50", "50")
    assert (filled.y, filled.height) == ("16.667", "33.333")


@pytest.mark.parametrize(
    ("slot", "y", "height"),
    [
        pytest.param(Slot(600.0, missing=0.25), "33.333", "16.667", id="as the rest of its time"),
        pytest.param(Slot(100.0, missing=0.99), "16.667", "75", id="never above the highest bar"),
        pytest.param(Slot(None, missing=1.0, before_wh=600.0), "50", "50", id="as it was before"),
        pytest.param(Slot(None, missing=1.0), "58.333", "41.667", id="at half, for want of better"),
        pytest.param(Slot(1000.0, missing=0.01), "11.667", "5", id="high enough to be seen"),
    ],
)
def test_what_is_missing_is_about_as_high_as_it_would_have_been(
    slot: Slot, y: str, height: str
) -> None:
    [box] = chart([slot, Slot(1000.0)]).missing
    assert (box.y, box.height) == (y, height)


def test_a_slot_without_anything_draws_nothing() -> None:
    drawn = chart([Slot(None)])
    assert (drawn.before, drawn.measured, drawn.filled, drawn.missing, drawn.marks) == ((),) * 5
