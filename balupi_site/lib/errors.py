"""The errors adapters and services raise: each text is for the person who must act."""

from __future__ import annotations

from balupi_site.lib.kept import retold


def in_a_line(error: Exception) -> str:
    """Return what an error says in one line; drivers of databases say it in several."""
    return " ".join(str(error).split())


class BaluPiError(Exception):
    """What failed, why and what to do, in one sentence or two; never a secret.

    The sentence is told in the language of whoever reads it; ``kept`` is what to keep of it.
    """

    def __str__(self) -> str:
        """Return the sentence, in the reader's language."""
        return retold(self.kept)

    @property
    def kept(self) -> str:
        """The sentence as it is kept."""
        return str(self.args[0]) if self.args else ""


class TransientError(BaluPiError):
    """It may work later without anybody doing anything: no answer, busy, restarting."""


class PermanentError(BaluPiError):
    """Somebody must change something first: a wrong password, a missing right."""


class RefusedError(BaluPiError):
    """The request makes no sense now; ``code`` is a stable word for programs, the text for people."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class TooManyAttemptsError(BaluPiError):
    """It was tried too often; ``wait_s`` is how long to wait."""

    def __init__(self, message: str, *, wait_s: int) -> None:
        super().__init__(message)
        self.wait_s = wait_s
