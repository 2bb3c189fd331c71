"""The handshake app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HandshakeConfig(AppConfig):
    """The NAS's calls, its snapshot, the inbox."""

    name = "handshake"
    verbose_name = _("Handshake and inbox")

    def ready(self) -> None:
        """Have the inbox moved when the NAS has come up, whoever noticed it."""
        from handshake.tasks import nas_has_arrived  # noqa: PLC0415  # models are ready now
        from nasctl.services import register_arrival  # noqa: PLC0415

        register_arrival(nas_has_arrived)
