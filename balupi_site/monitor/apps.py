"""The System Monitor as an app, so that Celery finds its task; it has no tables."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MonitorConfig(AppConfig):
    """Configuration of the monitor."""

    name = "balupi_site.monitor"
    verbose_name = _("System monitor")
