"""``manage.py createtoken``: a token for a phone, a tablet or a script."""

from __future__ import annotations

import argparse

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balupi_site.access import Scope
from balupi_site.accounts import services

_LONGEST_DAYS = 3660


class Command(BaseCommand):
    help = (
        "Make a token and print it, once: it is kept nowhere. Send it as "
        "“Authorization: Bearer TOKEN”. Without --scope it may do all that the user may."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("username", help="whose token it will be")
        parser.add_argument(
            "--scope", action="append", choices=[scope.value for scope in Scope], dest="scopes",
            help="what it may be used for; may be given twice",
        )  # fmt: skip
        parser.add_argument("--label", default="", help="where it is used: “Kitchen tablet”")
        parser.add_argument(
            "--days",
            type=int,
            metavar="N",
            default=365,
            help="days it lives unused, 1 to 3660 (365)",
        )

    def handle(
        self, *, username: str, scopes: list[str] | None, label: str, days: int, **_options: object
    ) -> None:
        if not 1 <= days <= _LONGEST_DAYS:
            raise CommandError(f"--days must be between 1 and {_LONGEST_DAYS}.")
        if len(label) > 80:  # noqa: PLR2004  # the model's
            raise CommandError(f"--label may have 80 characters, and this one has {len(label)}.")
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(
                f"There is no user {username}. Users of the NAS are here after their first login; "
                "local ones are made by: sudo balupi createsuperuser"
            )
        if not user.is_active:
            raise CommandError(f"{username} is not active; a token would open nothing.")
        secret = services.make_token(user, timezone.now(), scopes=scopes, label=label, days=days)
        self.stdout.write(secret)
