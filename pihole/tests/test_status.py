"""The memory of the last look in Redis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pihole import status
from pihole.ftl import DomainCount, Statistics
from pihole.problems import ProblemCode
from pihole.status import Complaint, Look, NameLook

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
FULL = Look(
    at=NOW,
    names=(NameLook("baluhost.local", "addresses", ("10.0.0.1", "10.0.0.2")),),
    problem=Complaint(ProblemCode.UNREACHABLE, {"url": "u", "reason": "r"}, NOW),
    warnings=(Complaint(ProblemCode.NO_PASSWORD, {}, NOW),),
    failures=3,
    next_try_at=NOW + timedelta(seconds=7),
    confirmed="10.0.0.2 baluhost.local",
    foreign_at=(NOW, NOW),
    statistics=Statistics(
        *(302, 147, 48.7, 8, "enabled", None, "v6.3"),
        top_blocked=(DomainCount("ads.example", 75),),
        top_permitted=(),
    ),
    statistics_at=NOW,
)


@pytest.mark.parametrize(
    "look", [pytest.param(FULL, id="full"), pytest.param(Look(NOW), id="bare")]
)
def test_what_is_saved_is_loaded(redis_server: Any, look: Look) -> None:
    status.save(look)
    assert status.load() == look


def test_nothing_saved_is_nothing_known(redis_server: Any) -> None:
    assert status.load() is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "1", '{"at": "yesterday"}', '{"at": "2026-11-23T12:00:00+00:00"}'],
)
def test_rubbish_in_redis_is_nothing_known(redis_server: Any, text: str) -> None:
    redis_server.set("pihole:status", text)
    assert status.load() is None


def test_without_redis_nothing_is_known_and_nothing_fails(no_redis: None) -> None:
    status.save(FULL)
    assert status.load() is None


def test_the_sentence_is_made_for_the_reader() -> None:
    assert FULL.problem is not None
    assert FULL.problem.message.startswith("No connection to Pi-hole at u: r.")


def test_a_detail_that_is_missing_does_not_hide_the_rest() -> None:
    bare = Complaint(ProblemCode.UNREACHABLE, {}, NOW)
    assert bare.message.startswith("No connection to Pi-hole at ?: ?.")


@pytest.mark.parametrize("code", sorted(ProblemCode))
def test_every_code_has_a_sentence_that_says_what_to_do(code: ProblemCode) -> None:
    text = Complaint(code, {}, NOW).message
    assert len(text) > 60
    assert text.endswith(".")
