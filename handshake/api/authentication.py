"""The NAS logs in by signing each call."""

from __future__ import annotations

import logging

from django.http import HttpRequest
from django.utils import timezone
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.request import Request

from handshake import services
from handshake.services import SignedCall
from handshake.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, SignatureError
from handshake.snapshot import MAX_BYTES

logger = logging.getLogger(__name__)


class TooLargeError(APIException):
    """A body that nobody reads."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body may have {MAX_BYTES} bytes at most."


class Nas:
    """Who is logged in: the NAS."""

    is_authenticated = True
    is_staff = False

    def __str__(self) -> str:
        return "the NAS"


class SignatureAuthentication(BaseAuthentication):
    """Believes whoever knows the handshake secret."""

    def authenticate(self, request: Request) -> tuple[Nas, SignedCall]:
        """Return the NAS and its call.

        Raises:
            AuthenticationFailed: it is not its call; the text says why.
            TransientError: nobody can tell now.
            TooLargeError: the body is too large to be one.
        """
        plain: HttpRequest = request._request  # noqa: SLF001  # the bytes, before DRF parses them
        if int(plain.META.get("CONTENT_LENGTH") or 0) > MAX_BYTES:
            raise TooLargeError
        client = plain.META.get("REMOTE_ADDR", "")
        try:
            call = services.believe(
                plain.method or "",
                plain.path,
                timestamp=plain.headers.get(TIMESTAMP_HEADER, ""),
                signature=plain.headers.get(SIGNATURE_HEADER, ""),
                body=plain.body,
                client=client,
                now=timezone.now(),
            )
        except SignatureError as error:
            logger.warning("a call from %s is refused: %s", client, error)
            raise AuthenticationFailed(str(error), code=error.flaw) from error
        return Nas(), call

    def authenticate_header(self, _request: Request) -> str:
        """Return the challenge of a 401."""
        return f'Signature realm="BaluPi", headers="{TIMESTAMP_HEADER} {SIGNATURE_HEADER}"'
