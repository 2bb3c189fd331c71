"""``/api/auth/...``: bodies and answers are BaluHost's, so that its page works unchanged."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from rest_framework import status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.accounts import services
from balupi_site.accounts.api.serializers import CodeSerializer, LoginSerializer
from balupi_site.accounts.authentication import TokenAuthentication, bearer_secret
from balupi_site.accounts.nas_answers import NeedsCode
from balupi_site.accounts.refusals import LoginRefusedError
from balupi_site.accounts.services import LoggedIn
from balupi_site.lib.network import client_address


class _OpenView(APIView):
    """A door that is open to all: whoever is behind an old token or session is nobody here."""

    authentication_classes = []  # noqa: RUF012  # DRF's way

    def get_authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401; without one DRF would answer 403."""
        return TokenAuthentication().authenticate_header(request)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer those who are not let in."""
        if isinstance(exc, LoginRefusedError):
            exc = AuthenticationFailed(str(exc))
        return super().handle_exception(exc)


class LoginView(_OpenView):
    """Name and password."""

    @sensitive_variables()
    def post(self, request: Request) -> Response:
        """Log in: a token, or the NAS's question for a code."""
        given = LoginSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        now = timezone.now()
        outcome = services.log_in(
            given.validated_data["username"],
            given.validated_data["password"],
            address=client_address(request),
            now=now,
        )
        return Response(outcome.body) if isinstance(outcome, NeedsCode) else _let_in(outcome, now)


class VerifyCodeView(_OpenView):
    """The code of a second factor."""

    @sensitive_variables()
    def post(self, request: Request) -> Response:
        """Complete a login."""
        given = CodeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        now = timezone.now()
        logged_in = services.verify_code(
            given.validated_data["pending_token"],
            given.validated_data["code"],
            address=client_address(request),
            now=now,
        )
        return _let_in(logged_in, now)


class MeView(APIView):
    """Who is logged in."""

    def get(self, request: Request) -> Response:
        """Return the user, flat."""
        assert isinstance(request.user, User)  # noqa: S101  # the table of access says so
        return Response(services.shown_user(request.user))


class LogoutView(_OpenView):
    """The end of a token."""

    @sensitive_variables()
    def post(self, request: Request) -> Response:
        """Revoke the token that the request brings; without one of ours there is nothing to do."""
        token = services.find_token(bearer_secret(request) or "")
        if token is not None:
            services.revoke([token], timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _let_in(logged_in: LoggedIn, now: datetime) -> Response:
    secret = services.make_login_token(logged_in.user, logged_in.how, now)
    user = services.shown_user(logged_in.user)
    return Response({"access_token": secret, "token_type": "bearer", "user": user})
