"""The site as an app: its commands, checks, templates and static files."""

from django.apps import AppConfig


class BalupiSiteConfig(AppConfig):
    """Configuration of the site's own commands and pages."""

    name = "balupi_site"
    verbose_name = "BaluPi"
