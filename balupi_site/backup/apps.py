"""Backups as an app, so that their task and commands are found; it has no tables."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BackupConfig(AppConfig):
    """Configuration of the backups."""

    name = "balupi_site.backup"
    verbose_name = _("Backups")
