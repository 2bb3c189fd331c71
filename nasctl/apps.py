"""The NAS app."""

from django.apps import AppConfig


class NasctlConfig(AppConfig):
    """The NAS's state, history and wakes."""

    name = "nasctl"
    verbose_name = "NAS"

    def ready(self) -> None:
        """Guard the NAS's plug, and look at it for a NAS that hangs."""
        from energy import services as energy  # noqa: PLC0415  # models are ready now
        from nasctl.services.guard import refuse_to_cut_power  # noqa: PLC0415
        from nasctl.services.silence import nas_silent  # noqa: PLC0415

        energy.register_switch_guard(refuse_to_cut_power)
        energy.register_anomaly_detector(nas_silent)
