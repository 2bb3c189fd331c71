"""What Django's own commands have done: they tell nobody, so it is told for them (``manage.py``)."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.core.management import get_commands, load_command_class
from django.utils import timezone

from balupi_site.events.services import record_command

#: The row is written after the last question that createsuperuser asks.
_JUST_NOW = timedelta(minutes=1)


def record_run(arguments: Sequence[str]) -> None:
    """Write down that ``changepassword`` or ``createsuperuser`` has done its work.

    Args:
        arguments: as typed: the program, the command, its arguments. Of those only the user that it
            was about is kept.
    """
    name, now = arguments[1], timezone.now()
    record_command(name, now, user=_user_of(name, arguments[2:], now))


def _user_of(name: str, given: Sequence[str], now: datetime) -> str:
    """Return the user as the command itself understood it; "": nobody, as far as one can tell."""
    command = load_command_class(str(get_commands()[name]), name)
    named = getattr(command.create_parser("manage.py", name).parse_args([*given]), "username", None)
    if named:
        return str(named)
    if name == "changepassword":
        return getpass.getuser()  # Django's choice as well
    found = User.objects.filter(is_superuser=True, date_joined__range=(now - _JUST_NOW, now))
    made = found.order_by("-pk").first()
    return made.get_username() if made else ""
