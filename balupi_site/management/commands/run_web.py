"""Run the web process."""

from __future__ import annotations

import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

#: Nothing we take is larger: the snapshot of the NAS is limited to 1 MiB (design, section 5).
MAX_BODY_BYTES = 2 * 1024 * 1024


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
        self.stdout.write(f"web listens on {', '.join(settings.LISTEN)}")
        waitress.serve(
            application,
            listen=" ".join(settings.LISTEN),
            threads=settings.WEB_THREADS,
            max_request_body_size=MAX_BODY_BYTES,
            max_request_header_size=32 * 1024,
            channel_timeout=30,
            cleanup_interval=10,
            # Who is behind our nginx: it alone is believed when it says (design, section 8).
            trusted_proxy="127.0.0.1",
            trusted_proxy_headers={"x-forwarded-for"},
            clear_untrusted_proxy_headers=True,
            ident=None,
            _quiet=True,
        )
