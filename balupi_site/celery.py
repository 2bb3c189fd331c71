"""The Celery application: tasks of all apps, settings from Django."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_prerun

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "balupi_site.settings")

#: Celery puts the present folder first, and with it whatever lies where a command was typed.
_path = sys.path.copy()
app = Celery("balupi_site", task_cls="balupi_site.processes.calm_task:CalmTask")
sys.path[:] = _path
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect(weak=False)
def _leave_logging_to_django(**_kwargs: Any) -> None:  # noqa: ANN401  # signal arguments
    """Keep Celery from putting handlers and levels of its own on the root logger."""


@task_prerun.connect(weak=False)
def _drop_broken_connections(**_kwargs: Any) -> None:  # noqa: ANN401  # signal arguments
    """Let a worker thread keep its database connection from task to task unless it broke.

    Celery would close it after each task (CELERY_DB_REUSE_MAX turns that off), which costs a
    reconnect per task and, for the last SQLite connection, a checkpoint of the WAL.
    """
    from django.db import close_old_connections  # noqa: PLC0415  # settings are not ready at import

    close_old_connections()
