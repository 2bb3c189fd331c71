"""The energy app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EnergyConfig(AppConfig):
    """Smart plugs, samples and hours."""

    name = "energy"
    verbose_name = _("Energy")

    def ready(self) -> None:
        """Register the system checks."""
        from energy import checks  # noqa: F401, PLC0415  # settings are not ready at import
