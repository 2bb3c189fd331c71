"""The NAS app."""

from django.apps import AppConfig


class NasctlConfig(AppConfig):
    """The NAS's state, history and wakes."""

    name = "nasctl"
    verbose_name = "NAS"

    def ready(self) -> None:
        """Guard the NAS's plug."""
        from energy.services import register_switch_guard  # noqa: PLC0415  # models are ready now
        from nasctl.services.guard import refuse_to_cut_power  # noqa: PLC0415

        register_switch_guard(refuse_to_cut_power)
