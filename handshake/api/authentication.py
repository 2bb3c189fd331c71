"""The NAS logs in by signing each call."""

from __future__ import annotations

import logging

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.request import Request

from balupi_site.lib.logs import Rarely
from balupi_site.lib.network import client_address
from balupi_site.lib.throttle import Limit
from handshake import services
from handshake.services import SignedCall
from handshake.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, SignatureError
from handshake.snapshot import MAX_BYTES

logger = logging.getLogger(__name__)

#: Refused calls of one address. It never holds up a call that is signed well: somebody at the NAS's
#: own address must not be able to lock it out.
_REFUSED = Limit("refused-call", attempts=10, seconds=60, longest_wait_s=0.3)
_lines = Rarely()


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

    def get_username(self) -> str:
        """Return how the log calls it."""
        return str(self)


class SignatureAuthentication(BaseAuthentication):
    """Believes whoever knows the handshake secret."""

    def authenticate(self, request: Request) -> tuple[Nas, SignedCall]:
        """Return the NAS and its call.

        Raises:
            AuthenticationFailed: it is not its call; the text says why.
            TooManyAttemptsError: it is not, and neither were many before from the same address.
            TransientError: nobody can tell now.
            TooLargeError: the body is too large to be one.
        """
        plain: HttpRequest = request._request  # noqa: SLF001  # the bytes, before DRF parses them
        if int(plain.META.get("CONTENT_LENGTH") or 0) > MAX_BYTES:
            raise TooLargeError
        client = client_address(plain)
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
            _tell(client, error)
            _REFUSED.spend(client, _("Too many calls from this address were refused."))
            raise AuthenticationFailed(str(error), code=error.flaw) from error
        return Nas(), call

    def authenticate_header(self, _request: Request) -> str:
        """Return the challenge of a 401."""
        return f'Signature realm="BaluPi", headers="{TIMESTAMP_HEADER} {SIGNATURE_HEADER}"'


def _tell(client: str, error: SignatureError) -> None:
    """Write a line of log a minute and address, however many calls are refused."""
    unsaid = _lines.unsaid(client)
    if unsaid is not None:
        more = f" ({unsaid} more before)" if unsaid else ""
        logger.warning("a call from %s is refused%s: %s", client, more, error)
