"""Helpers of the tests."""

from __future__ import annotations

from typing import Any

from django.test import Client

from balupi_site.accounts import attempts
from balupi_site.accounts.tests.conftest import Login


def again(login: Login, pair: tuple[str, str]) -> Any:
    """Log in when the answer to the same try is not remembered any more."""
    attempts.forget_answers()
    return login(pair)


def verify(code: str, address: str = "192.168.178.20") -> Any:
    """Send a code; without a login under way any token for it is as good, or bad."""
    body = {"pending_token": "pending", "code": code}
    client = Client(REMOTE_ADDR=address)
    return client.post("/api/auth/verify-2fa", body, "application/json")
