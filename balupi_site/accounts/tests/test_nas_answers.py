"""What BaluHost's answers mean."""

from __future__ import annotations

from typing import Any

import pytest

from balupi_site.accounts.nas_answers import (
    Accepted,
    NasUser,
    NeedsCode,
    Refused,
    read_login,
    read_me,
    read_user,
)

USER = {"id": 7, "username": "kim", "role": "user", "email": "kim@home.example", "is_active": True}
KIM = NasUser(id=7, username="kim", role="user", email="kim@home.example", is_active=True)
PENDING = {"requires_2fa": True, "pending_token": "a.b.c", "token_type": "2fa_pending"}


@pytest.mark.parametrize(
    ("status", "value", "expected"),
    [
        pytest.param(200, {"access_token": "x", "user": USER}, Accepted(KIM), id="accepted"),
        pytest.param(200, PENDING, NeedsCode(PENDING), id="a code is needed"),
        pytest.param(200, {"requires_2fa": True}, None, id="a code is needed, for nothing"),
        pytest.param(200, {"requires_2fa": True, "pending_token": 1}, None, id="for a number"),
        pytest.param(401, {"detail": "No"}, Refused(401, "No"), id="refused"),
        pytest.param(403, {"detail": [1]}, Refused(403, ""), id="refused, with a list"),
        pytest.param(200, {"access_token": "x"}, None, id="no user"),
        pytest.param(200, [], None, id="a list"),
        pytest.param(401, None, None, id="no JSON"),
        pytest.param(429, {"detail": "Rate limit exceeded."}, None, id="too often"),
        pytest.param(422, {"detail": []}, None, id="a contract that has changed"),
        pytest.param(302, {"user": USER}, None, id="a redirect"),
        pytest.param(500, {"user": USER}, None, id="an error"),
    ],
)
def test_an_answer_to_a_login(status: int, value: object, expected: object) -> None:
    assert read_login(status, value) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"id": "7"},
        {"id": True},
        {"id": -1},
        {"id": 2**63},
        {"id": None},
        {"username": ""},
        {"username": "a\x00"},
        {"username": "\ud800"},
        {"username": "x" * 151},
        {"username": ["kim"]},
        {"role": None},
        {"role": "x" * 33},
    ],
)
def test_a_user_that_cannot_be_stored_is_none(change: dict[str, Any]) -> None:
    assert read_user({**USER, **change}) is None


def test_an_email_may_be_missing_and_only_true_is_active() -> None:
    user = read_user({**USER, "email": None, "is_active": "yes"})
    assert user is not None
    assert (user.email, user.is_active) == ("", False)


def test_me_is_flat_or_has_a_user_in_it() -> None:
    assert read_me(200, USER) == read_me(200, {"user": USER}) == Accepted(KIM)
    assert read_me(404, USER) is None
