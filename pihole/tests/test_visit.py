"""Storing the list at a Pi-hole that says one thing and does another."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Self, cast

import pytest

from pihole import dns_query
from pihole.dns_query import AnswerKind, DnsAnswer
from pihole.ftl import Ftl
from pihole.problems import ProblemCode
from pihole.visit import Findings, visit

PRINTER = "10.9.9.9 printer.lan"
OLD, NEW = "127.66.0.53 baluhost.local", "127.66.0.2 baluhost.local"


class ScriptedFtl:
    """Answers reads and writes from two scripts and notes what it was told to store."""

    has_password = True

    def __init__(self, reads: list[list[str]], answers: list[list[str]]) -> None:
        self._reads, self._answers = deque(reads), deque(answers)
        self.written: list[list[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        assert not self._reads
        assert not self._answers

    def open(self) -> None:
        """Nothing to log in to."""

    def hosts(self) -> list[str]:
        return self._reads.popleft()

    def set_hosts(self, items: list[str]) -> list[str]:
        self.written.append(items)
        return self._answers.popleft()


@pytest.fixture(autouse=True)
def _dns(monkeypatch: pytest.MonkeyPatch, nowhere: None) -> None:
    right = DnsAnswer(AnswerKind.ADDRESSES, ("127.66.0.2",))
    monkeypatch.setattr(dns_query, "ask", lambda *_args, **_kwargs: right)


def visited(ftl: Any, target: str = "pi") -> Findings:
    ends_s = time.monotonic() + 5
    return visit(target, lambda: cast("Ftl", ftl), ends_s=ends_s, with_statistics=False)


def test_a_stored_list_is_believed_from_the_answer() -> None:
    ftl = ScriptedFtl(reads=[[PRINTER, OLD]], answers=[[PRINTER, NEW]])
    found = visited(ftl)
    assert (found.is_stored, found.wrote, found.problem) == (True, True, None)


def test_an_answer_that_shows_something_else_is_looked_into() -> None:
    ftl = ScriptedFtl(reads=[[OLD], [NEW]], answers=[[OLD]])
    found = visited(ftl)
    assert (found.is_stored, found.problem) == (True, None)
    assert len(ftl.written) == 1


def test_a_record_that_appears_meanwhile_is_kept() -> None:
    ftl = ScriptedFtl(reads=[[OLD], [OLD, PRINTER]], answers=[[OLD, PRINTER], [NEW, PRINTER]])
    assert visited(ftl).is_stored is True
    assert ftl.written == [[NEW], [NEW, PRINTER]]


def test_after_three_writes_that_do_not_stick_it_gives_up() -> None:
    ftl = ScriptedFtl(reads=[[OLD]] * 4, answers=[[OLD]] * 3)
    found = visited(ftl)
    assert found.is_stored is False
    assert found.problem is not None
    assert found.problem.code == ProblemCode.REFUSED


def test_where_nothing_is_wanted_nothing_is_written() -> None:
    ftl = ScriptedFtl(reads=[[OLD]], answers=[])
    found = visited(ftl, target="")
    assert (found.is_stored, found.wrote, found.problem) == (False, False, None)
    assert found.names[0].addresses == ("127.66.0.2",)
