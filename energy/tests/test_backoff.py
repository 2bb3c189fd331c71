"""How long a plug is left alone."""

from __future__ import annotations

import pytest

from energy.backoff import Backoff


def waits_after(failures: int) -> float:
    """Return after how many whole seconds a plug is due again, each failure at once when due."""
    backoff, started_s = Backoff(), 0.0
    for _failure in range(failures):
        backoff.failed(started_s=started_s)
        waited_s = next(second for second in range(10_000) if backoff.is_due(started_s + second))
        started_s += waited_s
    return waited_s


@pytest.mark.parametrize(
    ("failures", "wait_s"),
    [(1, 28), (2, 28), (3, 58), (4, 118), (5, 238), (6, 478), (7, 598), (8, 598), (40, 598)],
)
def test_the_wait_doubles_from_30_s_to_10_min_less_the_slack_of_beat(
    failures: int, wait_s: int
) -> None:
    assert waits_after(failures) == wait_s


def test_after_two_failed_polls_the_next_one_is_on_time() -> None:
    backoff = Backoff()
    for started_s in (100.0, 130.0):
        backoff.failed(started_s=started_s)
        assert backoff.is_due(started_s + 29.5)


def test_what_only_a_person_can_mend_is_tried_slowly_at_once() -> None:
    backoff = Backoff()
    backoff.failed(started_s=0, slowly=True)
    assert not backoff.is_due(590)
    assert backoff.is_due(598)


def test_a_success_starts_anew() -> None:
    backoff = Backoff()
    for _failure in range(5):
        backoff.failed(started_s=0)
    backoff.reset()
    assert backoff.is_due(0)
    backoff.failed(started_s=0)
    assert backoff.is_due(28)


def test_polls_that_come_more_often_are_not_lost_either() -> None:
    backoff = Backoff(first_wait_s=10)
    for started_s in (100.0, 110.0):
        backoff.failed(started_s=started_s)
        assert backoff.is_due(started_s + 9.5)
    backoff.failed(started_s=120.0)
    assert not backoff.is_due(129.5)
    backoff.reset()
    backoff.failed(started_s=200.0)
    assert backoff.is_due(209.5)
