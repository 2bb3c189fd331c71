"""``manage.py nginx_config``: print what nginx needs to know of this installation."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand

from balupi_site.nginx_site import nginx_site


class Command(BaseCommand):
    """Prints deploy/nginx.conf, filled in from the settings."""

    help = "Print the site for nginx (deploy/nginx.conf filled in); the installer puts it in place."
    requires_system_checks = []  # noqa: RUF012  # upstream's type; the database plays no part

    def handle(self, **_options: object) -> None:
        template = (settings.BASE_DIR / "deploy" / "nginx.conf").read_text(encoding="utf-8")
        self.stdout.write(nginx_site(template), ending="")
