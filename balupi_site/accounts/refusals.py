"""Why somebody is not let in; each text is for the person at the door."""

from __future__ import annotations

from django.utils.translation import gettext as _

from balupi_site.lib.errors import BaluPiError, TransientError


class LoginRefusedError(BaluPiError):
    """It is not their name, password, code or token; ``reason`` is a word for the log of events."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def token_refused() -> LoginRefusedError:
    """Return the refusal of a token, ours or the NAS's, that opens nothing."""
    return LoginRefusedError(
        _("This token opens nothing, or no longer. Sign in anew, or make another one."),
        reason="token",
    )


class BusyError(TransientError):
    """We are, not the NAS: nothing follows from it but that one has to wait."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or _("Too many logins at once; try again in a minute."))
