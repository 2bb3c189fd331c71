"""Django's way to ask who somebody is: the same service as the API's login."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone

from balupi_site.accounts import services
from balupi_site.accounts.refusals import LoginRefusedError
from balupi_site.lib.errors import TooManyAttemptsError, TransientError
from balupi_site.lib.network import client_address


class NasBackend(ModelBackend):
    """Local users and the NAS's; permissions and sessions are Django's own."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,  # noqa: ANN401  # as upstream
    ) -> User | None:
        """Return the user; None where a code is needed as well.

        Raises:
            PermissionDenied: not let in; no other backend is asked.
        """
        if username is None or password is None:
            return None
        address = client_address(request)
        try:
            outcome = services.log_in(username, password, address=address, now=timezone.now())
        except (LoginRefusedError, TooManyAttemptsError, TransientError) as error:
            raise PermissionDenied(str(error)) from error
        return outcome.user if isinstance(outcome, services.LoggedIn) else None
