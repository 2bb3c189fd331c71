"""``manage.py revoketoken``: a lost phone."""

from __future__ import annotations

import argparse

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balupi_site.accounts import services
from balupi_site.accounts.models import Token

_SHORTEST = 10


class Command(BaseCommand):
    help = (
        "Revoke a token: name its beginning, as listtokens shows it. Or end with --user all that a "
        "user has open: tokens, sessions, the copy of the NAS's password."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument(
            "hint", nargs="?", metavar="TOKEN", help="its beginning, such as balupi_Ab3x9"
        )
        which.add_argument("--user", metavar="USERNAME", help="end all that this user has open")

    def handle(self, *, hint: str | None, user: str | None, **_options: object) -> None:
        if hint is None:
            self._end_logins(user or "")
            return
        if len(hint) < _SHORTEST:
            raise CommandError(
                f"Give at least {_SHORTEST} characters of the token, such as balupi_Ab3x9."
            )
        tokens = Token.objects.select_related("user").filter(revoked_at=None)
        tokens = tokens.filter(hint__startswith=hint[:12])
        if tokens.count() > 1:
            raise CommandError("Several tokens begin so; revoke the right one in the admin site.")
        count = services.revoke(tokens, timezone.now())
        if not count:
            raise CommandError(
                "No token that still opens something begins so; see: sudo balupi listtokens --all"
            )
        self.stdout.write(f"{_tokens(count)} revoked.")

    def _end_logins(self, username: str) -> None:
        user = User.objects.select_related("nas_account").filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username} here.")
        count = services.end_logins(user, timezone.now())
        self.stdout.write(f"{username}: {_tokens(count)} revoked, sessions ended.")


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count} tokens"
