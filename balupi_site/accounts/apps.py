"""Accounts as an app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Configuration of accounts."""

    name = "balupi_site.accounts"
    verbose_name = _("Accounts")
    default_auto_field = "django.db.models.BigAutoField"
