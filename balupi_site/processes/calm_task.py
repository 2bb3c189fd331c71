"""What a task does when the database refuses: it says so in one line, and leaves it to its next run."""

from __future__ import annotations

import logging
from typing import Any

from celery import Task
from django.db import OperationalError

from balupi_site.lib.logs import Rarely

logger = logging.getLogger(__name__)

_rarely = Rarely(seconds=60)


class CalmTask(Task[Any, Any]):
    """A task that a full disk, a lock or a lost database cannot make fail.

    Every task of ours closes a gap between wanted and actual; what it could not write now it writes
    when beat sends it again. Errors of the program itself fail the task, with all that is known.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # Celery's
        """Run the task."""
        try:
            return self.run(*args, **kwargs)
        except OperationalError as error:
            if _rarely.unsaid(str(self.name)) is not None:
                logger.error("%s is left to its next run: %s", self.name, error)  # noqa: TRY400
            return None
