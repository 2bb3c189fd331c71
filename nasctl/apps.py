"""The NAS app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NasctlConfig(AppConfig):
    """The NAS's state, history and wakes."""

    name = "nasctl"
    verbose_name = _("NAS")

    def ready(self) -> None:
        """Guard the NAS's plug, look at it for a NAS that hangs, and put reasons into words."""
        from energy import services as energy  # noqa: PLC0415  # models are ready now
        from nasctl.reasons import reason_text  # noqa: PLC0415
        from nasctl.services.guard import (  # noqa: PLC0415
            refuse_to_cut_power,
            refuse_to_lose_role,
        )
        from nasctl.services.silence import nas_silent  # noqa: PLC0415
        from pihole.reasons import register_reasons  # noqa: PLC0415

        energy.register_switch_guard(refuse_to_cut_power)
        energy.register_role_guard(refuse_to_lose_role)
        energy.register_anomaly_detector(nas_silent)
        register_reasons(reason_text)
