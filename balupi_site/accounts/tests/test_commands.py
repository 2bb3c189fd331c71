"""``createtoken``, ``listtokens``, ``revoketoken``."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from balupi_site.accounts import services
from balupi_site.accounts.models import Token
from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


@pytest.fixture
def kim() -> User:
    return User.objects.create_user("kim")


def test_a_token_is_printed_alone_and_once(kim: User) -> None:
    told = run("createtoken", "kim", "--scope", "wake", "--label", "Kitchen tablet")
    [secret] = told.splitlines()
    token = services.find_token(secret)
    assert token is not None
    assert (token.user, token.scopes, token.label) == (kim, frozenset({"wake"}), "Kitchen tablet")
    listed = run("listtokens")
    assert token.hint in listed
    assert secret not in listed


def test_without_a_scope_it_may_all_that_the_user_may(kim: User) -> None:
    token = services.find_token(run("createtoken", "kim", "--days", "7").strip())
    assert token is not None
    assert (token.scopes, token.days) == (None, 7)


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        pytest.param(["nobody"], "createsuperuser", id="an unknown user"),
        pytest.param(["kim", "--scope", "all"], "wake", id="an unknown scope"),
        pytest.param(["kim", "--days", "0"], "between 1 and", id="no days"),
        pytest.param(["kim", "--label", "x" * 81], "80", id="a long label"),
        pytest.param(["gone"], "not active", id="a user switched off"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_cure(
    kim: User, words: list[str], cure: str
) -> None:
    User.objects.create_user("gone", is_active=False)
    with pytest.raises(CommandError, match=cure):
        run("createtoken", *words)
    assert not Token.objects.exists()


def test_a_lost_phone_is_shut_out(kim: User) -> None:
    lost, kept = (run("createtoken", "kim").strip() for _ in range(2))
    assert run("revoketoken", lost[:12]) == "1 token revoked.\n"
    tokens = [services.find_token(secret) for secret in (lost, kept)]
    assert [token.revoked_at is None for token in tokens if token] == [False, True]
    with pytest.raises(CommandError, match="listtokens"):
        run("revoketoken", lost[:12])
    with pytest.raises(CommandError, match="at least"):
        run("revoketoken", "balupi_")
    assert run("revoketoken", "--user", "kim") == "kim: 1 token revoked, sessions ended.\n"
    assert "createtoken" in run("listtokens")
    assert run("listtokens", "--all").count("opens nothing") == 2
    assert Event.objects.filter(kind=Kind.TOKEN_REVOKED).count() == 2
