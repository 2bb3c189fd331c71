"""Django's admin, each of whose pages writes to the log."""

from django.contrib.admin.apps import AdminConfig


class LoggedAdminConfig(AdminConfig):
    """Stands in for ``django.contrib.admin`` in INSTALLED_APPS."""

    default_site = "balupi_site.admin_site.BaluPiAdminSite"
