"""Time that passes although the clock is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nasctl.moments import Moment, present_moment

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("since", "now", "expected_s"),
    [
        pytest.param(
            Moment(NOON, 100, "a"), Moment(NOON + HOUR, 130, "a"), 30, id="set forward by an hour"
        ),
        pytest.param(
            Moment(NOON, 100, "a"), Moment(NOON - HOUR, 130, "a"), 30, id="set back by an hour"
        ),
        pytest.param(
            Moment(NOON, 9000, "a"), Moment(NOON + HOUR, 20, "b"), 3600, id="another boot"
        ),
        pytest.param(
            Moment(NOON + HOUR, 9000, "a"),
            Moment(NOON, 20, "b"),
            0,
            id="another boot, from the future",
        ),
        pytest.param(
            Moment(NOON, 9000, ""), Moment(NOON + HOUR, 20, ""), 3600, id="no word of the boot"
        ),
    ],
)
def test_spans_survive_a_clock_that_is_set(since: Moment, now: Moment, expected_s: float) -> None:
    assert since.elapsed_s(now) == expected_s


def test_the_present_knows_its_boot() -> None:
    one, two = present_moment(), present_moment()
    assert one.boot_id == two.boot_id != ""
    assert one.uptime_s <= two.uptime_s
