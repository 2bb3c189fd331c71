"""Who calls the API: by a token of ours or of the NAS, or by a local user's password.

Apart from the views, because DRF imports this while its own views are still loading.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, BasicAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from balupi_site.access import Need, needed
from balupi_site.accounts import services
from balupi_site.accounts.models import Token
from balupi_site.accounts.refusals import LoginRefusedError
from balupi_site.lib.network import client_address

_CHALLENGE = 'Bearer realm="BaluPi"'


def bearer_secret(request: Request | HttpRequest) -> str | None:
    """Return the token that a request brings; None where it brings none."""
    scheme, _space, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer``: a token of ours, or one of the NAS that the NAS confirms."""

    def authenticate(self, request: Request) -> tuple[User, Token | None] | None:
        """Return who holds the token and the token, if it is ours; None without one.

        Raises:
            AuthenticationFailed: it opens nothing.
            TooManyAttemptsError: too many unknown ones came from there.
            TransientError: nobody can tell now.
        """
        secret = bearer_secret(request)
        # An old token does not close a door that is open to all: the page sends it everywhere.
        if secret is None or needed(request.resolver_match, request.method or "") is Need.NOTHING:
            return None
        address = client_address(request)
        try:
            return services.user_of(secret, address=address, now=timezone.now())
        except LoginRefusedError as error:
            raise AuthenticationFailed(str(error)) from error

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return _CHALLENGE


class PasswordAuthentication(BasicAuthentication):
    """User and password per request, for scripts of local users; a token is the better way.

    The NAS is never asked, and its users' passwords are not taken: each request would be a login.
    """

    def authenticate_credentials(
        self,
        userid: str,
        password: str,
        request: Any = None,  # noqa: ANN401  # as upstream
    ) -> tuple[User, None]:
        """Return the local user, or raise AuthenticationFailed or TooManyAttemptsError."""
        address = client_address(request)
        try:
            user = services.check_local(userid, password, address=address, now=timezone.now())
        except LoginRefusedError as error:
            raise AuthenticationFailed(
                _("Not the password of a local user; users of the NAS need a token here.")
            ) from error
        return user, None

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401; with ``Basic`` a browser would pop up a form of its own."""
        return _CHALLENGE
