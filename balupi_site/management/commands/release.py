"""What an update asks of a release: may it come, and does it work. deploy/update.sh runs this."""

from __future__ import annotations

import http.client
import ipaddress
import json
import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from balupi_site.backup.restoring import newer_migrations
from balupi_site.version import COMMIT, VERSION
from nasctl.services.sightings import load_notes

_ANSWER_S = 5.0
_PAUSE_S = 0.25
_MOST_BYTES = 100_000


class Command(BaseCommand):
    """Changes nothing."""

    help = (
        "For deploy/update.sh. preflight: settings and database are fit for this release; prints "
        "'none' or 'pending' for migrations. healthy: web and worker are of this release and work."
    )
    requires_system_checks = []  # noqa: RUF012  # upstream's type; preflight runs them all

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("question", choices=["preflight", "healthy"], help="what to find out")
        parser.add_argument(
            "--since",
            type=float,
            default=0.0,
            metavar="SECONDS",
            help="the worker must have looked after this uptime",
        )
        parser.add_argument(
            "--deadline",
            type=float,
            metavar="SECONDS",
            default=90.0,
            help="wait so long at most (90)",
        )

    def handle(self, *, question: str, since: float, deadline: float, **_options: Any) -> None:  # noqa: ANN401
        if question == "preflight":
            call_command("check", deploy=True, fail_level="ERROR", stdout=self.stderr)
            self.stdout.write(_migrations())
        else:
            _wait(since, time.monotonic() + deadline)


def _migrations() -> str:
    """Return "pending" or "none".

    Raises:
        CommandError: the database has seen a newer release.
    """
    executor = MigrationExecutor(connection)
    loader = executor.loader
    newer = newer_migrations(set(loader.applied_migrations), set(loader.disk_migrations))
    if newer:
        raise CommandError(
            f"The database is of a newer release than {VERSION} ({', '.join(newer[:3])}). Going back to the "
            "release before the last update: deploy/update.sh --rollback; to an older one: restore a "
            "backup of that time."
        )
    return "pending" if executor.migration_plan(loader.graph.leaf_nodes()) else "none"


def _wait(since_s: float, ends_s: float) -> None:
    """Return once web and worker work.

    Raises:
        CommandError: they do not until then; says which one, and what it did last.
    """
    while wrong := _wrong_with_web() or _wrong_with_worker(since_s):
        if time.monotonic() > ends_s:
            raise CommandError(wrong)
        time.sleep(_PAUSE_S)


def _wrong_with_web() -> str:
    """Return what is wrong with the web process, "" where it is of this release and its pages come."""
    at = settings.LISTEN[0]
    try:
        status, text = _get(at, "/api/updates/version")
        said = json.loads(text) if status == http.HTTPStatus.OK else {}
        page_status, _page = _get(at, "/")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"The web process does not answer at {at}: {error}"
    if (said.get("version"), said.get("commit")) != (VERSION, COMMIT):
        return f"At {at} another release answers: {said.get('version')} ({said.get('commit')})"
    if page_status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"The first page at {at} fails with status {page_status}."
    return ""


def _get(at: str, path: str) -> tuple[int, bytes]:
    """Return status and body of what our web process answers."""
    place = urlsplit(f"//{at}")
    host = place.hostname or "127.0.0.1"
    if host == "*" or (host != "localhost" and ipaddress.ip_address(host).is_unspecified):
        host = "127.0.0.1"
    asked = http.client.HTTPConnection(host, place.port, timeout=_ANSWER_S)
    try:
        asked.request("GET", path, headers={"Host": "localhost"})
        answer = asked.getresponse()
        return answer.status, answer.read(_MOST_BYTES)
    finally:
        asked.close()


def _wrong_with_worker(since_s: float) -> str:
    """Return what is wrong with the worker, "" where it has looked at the NAS since then."""
    notes = load_notes()
    if notes is None:
        return "The worker has not looked at the NAS yet, or Redis does not answer."
    # Not by the boot's id: a container shows its services another one.
    if not since_s <= notes.saved_s <= time.monotonic():
        return "The worker has not looked at the NAS since it was started."
    return ""
