"""How this app's API is described; only the generator reads it."""

from __future__ import annotations

from drf_spectacular.utils import PolymorphicProxySerializer

from balupi_site.accounts.api.serializers import (
    CodeSerializer,
    LoggedInSerializer,
    LoginSerializer,
    NeedsCodeSerializer,
    UserSerializer,
)
from balupi_site.lib.openapi import Operation, Operations, get

_LOGIN = "login"
_AWAY = (
    "429: too many attempts. 503: nobody can tell now, as the NAS does not answer and the Pi does "
    "not know this login."
)

OPERATIONS: Operations = {
    "auth-login": {
        "POST": Operation(
            id="login",
            tag=_LOGIN,
            summary="Log in with name and password",
            text=_AWAY,
            body=LoginSerializer,
            answers={
                200: PolymorphicProxySerializer(
                    component_name="LoggedInOrNeedsCode",
                    serializers=[LoggedInSerializer, NeedsCodeSerializer],
                    resource_type_field_name=None,
                )
            },
            errors=(401, 429, 503),
        )
    },
    "auth-verify-2fa": {
        "POST": Operation(
            id="login_code",
            tag=_LOGIN,
            summary="Complete a login with a code",
            text=_AWAY,
            body=CodeSerializer,
            answers={200: LoggedInSerializer},
            errors=(401, 429, 503),
        )
    },
    "auth-me": get(id="me", tag=_LOGIN, summary="Who is logged in", answer=UserSerializer),
    "auth-logout": {
        "POST": Operation(
            id="logout",
            tag=_LOGIN,
            summary="End the token that the request brings",
            answers={204: None},
            errors=(503,),
        )
    },
}
