"""The site as an app: its commands, checks, templates and static files."""

from django.apps import AppConfig
from django.conf import settings


class BalupiSiteConfig(AppConfig):
    """Configuration of the site's own commands and pages."""

    name = "balupi_site"
    verbose_name = "BaluPi"

    def ready(self) -> None:
        """Let go of what no process that serves needs."""
        if settings.PROCESS != "command":
            _forget_zone_choices()


def _forget_zone_choices() -> None:
    """Drop the 600 time zones that beat's model offers a form that we do not have: 1.6 MiB a process."""
    from django_celery_beat.models import CrontabSchedule  # noqa: PLC0415  # apps are loaded by now

    zone = CrontabSchedule._meta.get_field("timezone")  # noqa: SLF001  # public API
    zone.choices = None
    zone.default_tzs = []
