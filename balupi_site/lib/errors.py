"""The errors adapters and services raise: each text is for the person who must act."""

from __future__ import annotations


class BaluPiError(Exception):
    """What failed, why and what to do, in one sentence or two; never a secret."""


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
