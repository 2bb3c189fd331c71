"""``manage.py listtokens``: who holds a token."""

from __future__ import annotations

import argparse

from django.core.management.base import BaseCommand
from django.utils import timezone

from balupi_site.accounts.models import Token


class Command(BaseCommand):
    help = "List the tokens that open something, the newest first."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="revoked and expired ones, too")

    def handle(self, *, all: bool, **_options: object) -> None:  # noqa: A002  # the option's name
        now = timezone.now()
        told = [
            _line(token, "" if is_good else "  (opens nothing)")
            for token in Token.objects.select_related("user")
            if (is_good := token.is_good(now)) or all
        ]
        self.stdout.write(
            "\n".join(told) or "There are none. Make one with: sudo balupi createtoken"
        )


def _line(token: Token, end: str) -> str:
    scopes = "all" if token.scopes is None else "+".join(sorted(token.scopes))
    used = f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never"
    return (
        f"{token.hint}  {token.user.get_username()}  {scopes}  {token.label or token.kind}"
        f"  used {used}  until {token.expires_at:%Y-%m-%d}{end}"
    )
