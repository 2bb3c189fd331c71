"""The site: settings, URLs, dashboard, processes, and the floor (``lib``) every app stands on."""

from balupi_site.celery import app as celery_app

__all__ = ("celery_app",)
