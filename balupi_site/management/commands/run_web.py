"""Run the web process."""

from __future__ import annotations

import contextlib
import http.client
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import resolve

from balupi_site.lib.notify import READY, notify
from balupi_site.lib.progress import Work, advance
from balupi_site.processes.guard import Guard, patience_s
from balupi_site.processes.watchdog import WebJudge

#: Nothing we take is larger: the snapshot of the NAS is limited to 1 MiB.
MAX_BODY_BYTES = 2 * 1024 * 1024
#: How long our own request may take; others' count as well.
_OWN_REQUEST_S = 10.0


class Command(BaseCommand):
    """Serve pages and API with waitress on BALUPI_LISTEN until SIGTERM."""

    help = "Serve pages and API on BALUPI_LISTEN (default 127.0.0.1:8000) until SIGTERM."
    requires_system_checks = []  # noqa: RUF012  # upstream's type; checks cost 17 MiB and 1 s here

    def handle(self, **_options: Any) -> None:  # noqa: ANN401  # Django's signature
        import waitress  # noqa: PLC0415  # only this command serves

        from balupi_site.wsgi import application  # noqa: PLC0415

        if not settings.STATIC_ROOT.is_dir():
            raise CommandError(
                "The static files are missing; run: manage.py collectstatic --no-input"
            )
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        resolve("/api/ping")  # imports all views, or the first visitor waits for it: 2 s on a Pi
        self.stdout.write(f"web listens on {', '.join(settings.LISTEN)}")
        server = waitress.create_server(
            _noting(application),
            listen=" ".join(settings.LISTEN),
            threads=settings.WEB_THREADS,
            max_request_body_size=MAX_BODY_BYTES,
            max_request_header_size=32 * 1024,
            channel_timeout=30,
            cleanup_interval=10,
            # Who is behind our nginx: it alone is believed when it says.
            trusted_proxy="127.0.0.1",
            trusted_proxy_headers={"x-forwarded-for"},
            clear_untrusted_proxy_headers=True,
            ident=None,
        )
        notify(READY)  # it listens; what comes before run() waits
        _guard()
        server.run()


def _noting(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return the application, which notes that it answers."""

    def noting(*arguments: Any) -> Iterable[bytes]:  # noqa: ANN401  # WSGI's
        try:
            return application(*arguments)
        finally:
            advance(Work.ANSWERS)

    return noting


def _guard() -> None:
    """Have a service manager that asks for it start this process again when it stops answering."""
    patience = patience_s()
    if patience is not None:
        judge = WebJudge(_ask_ourselves, patience_s=patience, now_s=time.monotonic())
        Guard(judge, patience_s=patience).start()


def _ask_ourselves() -> None:
    """Send the smallest request: it is answered if the listener lives and one thread is free."""
    own = urlsplit(f"//{settings.LISTEN[0]}")
    connection = http.client.HTTPConnection(
        own.hostname or "127.0.0.1", own.port, timeout=_OWN_REQUEST_S
    )
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/api/ping", headers={"Host": "localhost"})
        connection.getresponse().read()
