"""What follows from a visit: memory, back-off, fights."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pihole.conclude import FOREIGN_LIMIT, FOREIGN_WINDOW, Conclusion, conclude
from pihole.ftl import Statistics
from pihole.problems import PASSING, ProblemCode, problem
from pihole.status import Look
from pihole.visit import Findings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMES = ("baluhost.local",)
PI, NAS = "10.0.0.2", "10.0.0.53"
STORED = Findings(address=PI, is_stored=True)
WROTE = Findings(address=PI, is_stored=True, wrote=True)
FIGURES = Statistics(1, 1, 1.0, 1, "enabled", None, "v6.3")


def then(found: Findings, before: Look | None = None, minutes: float = 0) -> Conclusion:
    return conclude(found, before, names=NAMES, at=NOW + timedelta(minutes=minutes))


def failed(code: ProblemCode = ProblemCode.UNREACHABLE) -> Findings:
    return Findings(address=PI, problem=problem(code, url="u", reason="r"))


def test_a_quiet_look_needs_no_other() -> None:
    result = then(STORED)
    assert result.follow_up_s is None
    assert result.look.problem is None


def test_a_write_is_looked_at_again_two_seconds_later() -> None:
    assert then(WROTE).follow_up_s == 2


@pytest.mark.parametrize("code", sorted(ProblemCode))
def test_every_problem_is_tried_again_with_growing_waits(code: ProblemCode) -> None:
    look, waits_s = None, []
    for _ in range(6):
        result = then(failed(code), look)
        look = result.look
        waits_s.append(result.follow_up_s)
        assert look.next_try_at == NOW + timedelta(seconds=result.follow_up_s or 0)
    expected = [3, 5, 7, 7, 7, 7] if code in PASSING else [5, 10, 15, 20, 20, 20]
    assert waits_s == expected
    assert look is not None
    assert look.failures == 6


def test_the_waits_begin_anew_after_a_good_look() -> None:
    look = then(failed(), then(failed()).look).look
    look = then(STORED, look).look
    assert look.failures == 0
    assert then(failed(), look).follow_up_s == 3


def test_a_problem_keeps_its_beginning_until_it_changes() -> None:
    first = then(failed()).look
    second = then(failed(), first, minutes=1).look
    third = then(failed(ProblemCode.READ_ONLY), second, minutes=2).look
    assert [look.problem and look.problem.since for look in (first, second, third)] == [
        NOW,
        NOW,
        NOW + timedelta(minutes=2),
    ]


def test_a_warning_keeps_its_beginning() -> None:
    warned = replace(STORED, warnings=[problem(ProblemCode.NO_PASSWORD)])
    first = then(warned).look
    again = then(warned, first, minutes=5).look
    assert [warning.since for warning in again.warnings] == [NOW]


def test_figures_stay_with_their_age_while_none_are_asked_for() -> None:
    first = then(replace(STORED, statistics=FIGURES)).look
    later = then(STORED, first, minutes=1).look
    assert (later.statistics, later.statistics_at) == (FIGURES, NOW)


def test_our_own_switch_is_no_foreign_change() -> None:
    on_nas = then(Findings(address=NAS, is_stored=True, wrote=True)).look
    assert then(WROTE, on_nas).is_foreign is False


def test_a_record_that_changed_by_itself_is_a_foreign_change() -> None:
    result = then(WROTE, then(STORED).look)
    assert result.is_foreign is True
    assert result.look.foreign_at == (NOW,)


def test_a_new_name_in_the_settings_is_no_foreign_change() -> None:
    before = then(STORED).look
    result = conclude(WROTE, before, names=(*NAMES, "baluhost.lan"), at=NOW)
    assert result.is_foreign is False


def test_a_write_whose_answer_was_lost_is_no_foreign_change_later() -> None:
    look = then(Findings(address=NAS, is_stored=True)).look
    look = then(failed(), look).look  # wrote PI's address, but the answer got lost
    back = then(Findings(address=NAS, is_stored=True, wrote=True), look)
    assert back.is_foreign is False


def test_the_first_success_after_failures_is_no_foreign_change() -> None:
    look = then(Findings(address=NAS, is_stored=True)).look
    look = then(failed(), then(failed(), look).look).look
    assert then(WROTE, look).is_foreign is False


def test_an_outage_does_not_make_us_forget_what_was_confirmed() -> None:
    look = then(failed(), then(STORED).look).look
    assert then(WROTE, look).is_foreign is True


def test_nothing_wanted_means_nothing_to_fight_for() -> None:
    look = then(Findings(), then(STORED).look).look
    assert look.confirmed == ""
    assert then(WROTE, look).is_foreign is False


def _after_changes(minutes: list[float]) -> Conclusion:
    result = then(STORED)
    for minute in minutes:
        result = then(WROTE, result.look, minutes=minute)
    return result


def test_some_changes_within_minutes_are_a_fight() -> None:
    assert FOREIGN_LIMIT == 3
    result = _after_changes([1, 2])
    assert result.look.problem is None
    result = _after_changes([1, 2, 3])
    assert result.look.problem is not None
    assert result.look.problem.code == ProblemCode.FOREIGN_WRITER
    assert "BaluHost's own Pi-hole mode" in result.look.problem.message


def test_the_same_changes_over_a_long_time_are_none() -> None:
    apart = FOREIGN_WINDOW.total_seconds() / 60
    assert _after_changes([0, apart, 2 * apart]).look.problem is None


def test_in_a_fight_not_every_blow_is_answered_at_once() -> None:
    assert _after_changes([1, 2]).follow_up_s == 2
    assert _after_changes([1, 2, 3]).follow_up_s is None


def test_a_fight_ends_when_nobody_has_changed_anything_for_a_while() -> None:
    fight = _after_changes([1, 2, 3]).look
    assert then(STORED, fight, minutes=4).look.problem is not None
    assert then(STORED, fight, minutes=13.1).look.problem is None


def test_after_a_foreign_change_we_look_more_often_for_a_while() -> None:
    look = _after_changes([1]).look
    assert then(STORED, look, minutes=2).follow_up_s == 10
    assert then(STORED, look, minutes=3.1).follow_up_s is None


def test_another_problem_is_told_before_a_fight() -> None:
    look = then(failed(), _after_changes([1, 2, 3]).look, minutes=4).look
    assert look.problem is not None
    assert look.problem.code == ProblemCode.UNREACHABLE
