"""Running checks: none can stop the others, none is waited for longer than it may take."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone, translation
from django.utils.translation import gettext

from balupi_site.doctor import Area, Level, checks, quick_findings, running
from balupi_site.doctor.background import Background
from balupi_site.doctor.checks import CHECKS
from balupi_site.doctor.findings import Check, Finding, Verdict, ok, told
from balupi_site.doctor.known import Known
from pihole.models import NameStatus

pytestmark = pytest.mark.django_db


def check(name: str, look: Any, **options: Any) -> Check:
    return Check(name, name.title(), Area.PI, look, **options)


def run(*those: Check, **options: Any) -> dict[str, Finding]:
    found = running.run(timezone.now(), checks=those, **options)
    return {finding.name: finding for finding in found}


def test_a_check_that_breaks_is_a_failure_with_its_name_and_the_others_go_on() -> None:
    def breaks(_known: Known) -> Verdict:
        raise ZeroDivisionError("by 0")

    found = run(
        check("first", breaks),
        check("beside", breaks, deadline_s=5),
        check("last", lambda _: ok("Yes.")),
    )
    assert [finding.level for finding in found.values()] == ["fail", "fail", "ok"]
    assert "'beside' itself broke: ZeroDivisionError: by 0" in found["beside"].found


def test_a_check_that_hangs_is_left_behind() -> None:
    never = threading.Event()
    started_s = time.monotonic()
    found = run(
        check("hangs", lambda _: ok(str(never.wait(30))), deadline_s=0.2),
        check("quick", lambda _: ok("Yes."), deadline_s=20),
    )
    assert time.monotonic() - started_s < 5
    assert (found["hangs"].level, found["quick"].level) == ("fail", "ok")
    assert "--only hangs" in found["hangs"].cure
    never.set()


def test_what_takes_something_back_is_waited_for_even_when_the_run_is_cut_off() -> None:
    begun, undone = threading.Event(), threading.Event()

    def writes(known: Known) -> Verdict:
        begun.set()
        ends_s = time.monotonic() + 5
        while not known.is_cut_off() and time.monotonic() < ends_s:
            time.sleep(0.01)
        if known.is_cut_off():
            undone.set()
        return ok("Undone.")

    def is_cut_off(_known: Known) -> Verdict:
        begun.wait(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(check("writes", writes, deadline_s=5, undoes=True), check("cut", is_cut_off))
    assert undone.is_set()


def test_a_thread_speaks_the_language_of_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    with translation.override("de"):
        found = run(check("speaks", lambda _: ok(str(translation.get_language())), deadline_s=5))
    assert found["speaks"].found == "de"


def test_progress_is_told_and_only_what_was_asked_for_runs() -> None:
    told_so_far: list[tuple[int, int]] = []
    both = (check("one", lambda _: ok("1")), check("two", lambda _: ok("2"), deadline_s=5))
    assert list(run(*both, tell=lambda *now: told_so_far.append(now))) == ["one", "two"]
    assert told_so_far == [(1, 2), (2, 2)]
    assert list(run(*both, only=["two"])) == ["two"]
    assert list(run(*both, only=["pi"])) == ["one", "two"]


def test_without_database_and_redis_their_checks_say_so_and_the_rest_is_left_out(
    monkeypatch: pytest.MonkeyPatch, no_redis: None
) -> None:
    def away() -> None:
        raise DatabaseError("no such\ntable")

    monkeypatch.setattr(NameStatus, "current", away)
    found = {each.name: each for each in quick_findings(timezone.now())}
    assert found["database"].level is Level.FAIL
    assert "no such table" in found["database"].found
    assert found["redis"].level is Level.FAIL
    left_out = {name for name, each in found.items() if each.level is Level.SKIPPED}
    assert {"worker", "beat", "plugs", "plug-login", "handshake-calls", "inbox"} <= left_out


def test_another_site_s_machine_is_asked_only_for_what_it_has(
    settings: Any, no_redis: None
) -> None:
    settings.SITE = "garage"
    found = {each.name: each for each in running.run(timezone.now(), only=["names", "stores"])}
    at_home = {name for name, each in found.items() if "The Pi at home" in each.found}
    assert {"names", "resolver", "announced", "worker", "beat", "backup"} <= at_home
    assert found["database"].level is Level.OK
    assert found["redis"].level is Level.FAIL


def test_the_quick_ones_need_few_questions_and_no_network(
    django_assert_max_num_queries: Any, redis_server: Any
) -> None:
    # Sockets are off here; Redis is reached by its file.
    quick_findings(timezone.now())
    with django_assert_max_num_queries(14):
        found = quick_findings(timezone.now())
    broken = [each.found for each in found if "itself broke" in each.found]
    assert broken == []
    assert not {"pihole", "nas-health", "inbox-way", "announced"} & {each.name for each in found}


def test_names_are_unique_and_what_is_slow_ends_within_20_s() -> None:
    names = [each.name for each in CHECKS]
    assert len(set(names)) == len(names)
    assert max(each.deadline_s or 0 for each in CHECKS) <= 20
    assert not [each.name for each in CHECKS if each.is_quick and each.deadline_s is not None]
    assert [each.name for each in checks.CHECKS if each.undoes] == ["pihole"]


def test_a_message_of_an_app_is_its_first_sentence_and_its_cure() -> None:
    verdict = told(Level.FAIL, "No answer from http://10.0.0.2:80: refused. Start it; then wait.")
    assert verdict.found == "No answer from http://10.0.0.2:80: refused."
    assert verdict.cure == "Start it; then wait."
    german = told(Level.FAIL, "Die Adresse, z. B. 10.0.0.2, schweigt. Starte sie.")
    assert (german.found, german.cure) == ("Die Adresse, z. B. 10.0.0.2, schweigt.", "Starte sie.")
    assert told(Level.FAIL, "Only this.").cure == ""


@pytest.mark.django_db(transaction=True)
def test_a_run_in_the_background_tells_how_far_it_is_and_keeps_what_it_found() -> None:
    go_on = threading.Event()
    finding = Finding("clock", "Clock", Level.OK, gettext("fine"))

    def look(_now: object, *, tell: Any) -> list[Finding]:
        tell(1, 2)
        go_on.wait(10)
        return [finding]

    background = Background(look)
    assert background.start()
    assert not background.start()  # one at a time
    _wait_for(lambda: background.progress.done == 1)
    assert background.progress.is_running
    go_on.set()
    _wait_for(lambda: not background.progress.is_running)
    assert background.progress.findings == [finding]
    assert background.progress.at is not None


@pytest.mark.django_db(transaction=True)
def test_a_background_run_that_breaks_ends_and_says_so() -> None:
    def breaks(_now: object, *, tell: Any) -> list[Finding]:
        raise MemoryError

    background = Background(breaks)
    background.start()
    _wait_for(lambda: not background.progress.is_running)
    assert [each.level for each in background.progress.findings or ()] == [Level.FAIL]


def _wait_for(is_so: Any) -> None:
    ends_s = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < ends_s
        time.sleep(0.01)
