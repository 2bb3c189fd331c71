"""The log of events as an app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    """Configuration of the log."""

    name = "balupi_site.events"
    verbose_name = _("Events")
    default_auto_field = "django.db.models.BigAutoField"
