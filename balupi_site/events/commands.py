"""What Django's own commands have done: they tell nobody, so it is told for them (``manage.py``)."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from balupi_site.events.services import record_command


def record_run(arguments: Sequence[str]) -> None:
    """Write down that a command has done its work.

    Args:
        arguments: as typed: the program, the command, its arguments. Of those only the user that it
            was about is kept.
    """
    users = [word for word in arguments[2:3] if not word.startswith("-")]
    record_command(arguments[1], timezone.now(), user=users[0] if users else "")
