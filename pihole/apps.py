"""The Pi-hole app."""

from django.apps import AppConfig


class PiholeConfig(AppConfig):
    """The switched names and their history."""

    name = "pihole"
    verbose_name = "Pi-hole"
