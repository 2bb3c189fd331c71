"""Makes the API's description from code: ``Operation``s of the apps, serializers, docstrings, access.

Costs 1 s and some MiB, so nobody does it while serving: ``docs.py`` sends the file that the tests keep
as it should be.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from django.urls import resolve
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_doc
from drf_spectacular.types import OpenApiTypes
from rest_framework.fields import CharField, ListField

from balupi_site.access import Need, needed
from balupi_site.accounts.api import schema as accounts
from balupi_site.api import schema as own
from balupi_site.lib.fields import CalendarDayField
from balupi_site.lib.openapi import YEARS_PATTERN, ErrorSerializer, Operation, RefusalSerializer
from balupi_site.monitor.api import schema as monitor
from energy.api import schema as energy
from handshake.api import schema as handshake
from nasctl.api import schema as nasctl
from pihole.api import schema as pihole

_WITH_BODY = ("POST", "PUT", "PATCH")
_WHO = {
    Need.NOTHING: "Open to all.",
    Need.READ: "For everybody who is logged in; a token of limited use needs the scope `read`. With "
    "`BALUPI_PUBLIC_READ=true` also for visitors from private addresses.",
    Need.SEE_WAKE: "For everybody who is logged in; a token of limited use needs the scope `read` or "
    "`wake`. With `BALUPI_PUBLIC_READ=true` also for visitors from private addresses.",
    Need.WAKE: "For everybody who is logged in; a token of limited use needs the scope `wake`.",
    Need.LOGIN: "For everybody who is logged in, with any token.",
    Need.ADMIN: "For admins only, and not with a token of limited use.",
    Need.SIGNATURE: "For the NAS only, which signs its calls.",
}
#: What follows from who may, whatever is asked for.
_ERRORS_OF_LOGIN = (401, 403, 429, 503)
_ERRORS_OF_SIGNATURE = (400, 401, 429, 503)
_VARIABLES = {
    "device_id": "A plug's id, as `GET /api/tapo/devices` tells it.",
    "price_id": "A tariff's number, as `GET /api/energy/prices` tells it.",
    "wake_id": "A wake's UUID, as `POST /api/nas/wol` tells it.",
}
_DONE = {200: "Answered.", 201: "Added.", 204: "Done; there is nothing to tell."}
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds.", "required": True, "schema": {"type": "integer"}}
}
_CHALLENGE = {
    "WWW-Authenticate": {
        "description": "How to log in.",
        "required": True,
        "schema": {"type": "string"},
    }
}
#: Status -> name of the shared answer, what it means, its headers.
_ERRORS: dict[int, tuple[str, str, dict[str, Any]]] = {
    400: ("BadInput", "Bad input; `errors` names the fields. Nothing was changed.", {}),
    401: (
        "NotLoggedIn",
        "Log in first; or name, password, token or signature are wrong.",
        _CHALLENGE,
    ),
    403: ("NotAllowed", "Known, but not allowed this; or a session without its CSRF token.", {}),
    404: ("NotFound", "There is no such thing.", {}),
    409: ("Refused", "It makes no sense now; `code` says why.", {}),
    413: ("TooLarge", "The body is too large.", {}),
    415: ("NotJson", "The body must be `application/json`.", {}),
    429: ("TooManyAttempts", "Too many attempts from there.", _RETRY_AFTER),
    502: ("Failed", "What is outside refused, and will again.", {}),
    503: ("NotNow", "Something does not answer at present; try again later.", {}),
}
_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `POST /api/auth/login` or `sudo balupi createtoken`, or of the NAS.",
    },
    "password": {
        "type": "http",
        "scheme": "basic",
        "description": "Name and password of a local user; a token is the better way.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "balupi_session",
        "description": "A browser's; all but GET needs the header `X-CSRFToken` too.",
    },
    "timestamp": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Balupi-Timestamp",
        "description": "Whole unix seconds, at most 60 off.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Balupi-Signature",
        "description": "Hex HMAC-SHA256 of `<method>:<path>:<timestamp>:<hex SHA-256 of the body>`.",
    },
}


@cache
def operations() -> dict[str, Any]:
    """Return what all apps say: URL name -> method -> ``Operation``."""
    parts = (own, accounts, energy, handshake, monitor, nasctl, pihole)
    return {name: methods for part in parts for name, methods in part.OPERATIONS.items()}


class Endpoints(EndpointEnumerator):
    """The API's URLs; all answer without a trailing slash."""

    def get_path_from_regex(self, path_regex: str) -> str:
        """Return the path as people write it."""
        path: str = super().get_path_from_regex(path_regex)  # type: ignore[no-untyped-call]  # upstream's
        return path.rstrip("/")


class Generator(SchemaGenerator):
    """Makes the description."""

    endpoint_inspector_cls = Endpoints

    def get_schema(self, request: object = None, public: object = False) -> dict[str, Any]:
        """Return it, with what all endpoints share."""
        made: dict[str, Any] = _plain(super().get_schema(request, public))  # type: ignore[no-untyped-call]  # upstream's
        made["components"] |= {
            "responses": {name: _shared(code) for code, (name, *_) in _ERRORS.items()},
            "securitySchemes": _SECURITY,
        }
        return made


class Describer(AutoSchema):
    """Describes one method of one URL."""

    @property
    def said(self) -> Operation:
        """What its app says."""
        match = resolve(re.sub(r"{\w+}", "x", self.path))
        found: Operation | None = operations().get(match.url_name or "", {}).get(self.method)
        if found is None:
            raise LookupError(f"{self.method} {self.path} has no Operation in its app's schema.py.")
        return found

    @property
    def need(self) -> Need:
        """What the table of access says."""
        need = needed(resolve(re.sub(r"{\w+}", "x", self.path)), self.method)
        return need or Need.NOTHING

    def get_operation_id(self) -> str:
        """Return its stable name."""
        return self.said.id

    def get_tags(self) -> list[str]:
        """Return its topic."""
        return [self.said.tag]

    def get_summary(self) -> str:
        """Return its line."""
        return self.said.summary

    def get_description(self) -> str:  # type: ignore[override]  # upstream's is lazy
        """Return the method's docstring, what is to be said beside it, and who may."""
        docstring = get_doc(getattr(self.view, self.method.lower()))
        return "\n\n".join(part for part in (docstring, self.said.text, _WHO[self.need]) if part)

    def get_auth(self) -> list[dict[str, list[str]]]:
        """Return the ways to log in, of which one is needed."""
        if self.need is Need.NOTHING:
            return []
        if self.need is Need.SIGNATURE:
            return [{"timestamp": [], "signature": []}]
        return [{"token": []}, {"password": []}, {"session": []}]

    def get_override_parameters(self) -> list[Any]:
        """Return the serializer whose fields are the parameters."""
        return [self.said.query] if self.said.query else []

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        shape = {"type": "string", "minLength": 1}
        return [
            {
                "in": "path",
                "name": each,
                "required": True,
                "description": _VARIABLES[each],
                "schema": shape,
            }
            for each in variables
        ]

    def get_request_serializer(self) -> Any:  # noqa: ANN401  # any shape
        """Return what may be sent."""
        return self.said.body

    def _get_request_body(self, direction: Any = "request") -> Any:  # noqa: ANN401  # as upstream
        if self.said.body is None:
            return None
        body = super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # upstream's
        return {**body, "required": not self.said.is_body_optional}

    def get_response_serializers(self) -> Any:  # noqa: ANN401  # any shape
        """Return the answers, without errors."""
        shapes: dict[Any, Any] = {}
        for code, shape in self.said.answers.items():
            if isinstance(shape, str):
                shapes[code, shape] = OpenApiTypes.STR
            else:
                shapes[code] = shape
        return shapes

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:  # noqa: ANN401
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code, body in bodies.items():
            body["description"] = _DONE[int(code)]
        for serializer in (ErrorSerializer, RefusalSerializer):
            self.resolve_serializer(serializer, "response")
        for error in sorted(self._errors()):
            bodies[str(error)] = {"$ref": f"#/components/responses/{_ERRORS[error][0]}"}
        return bodies

    def _errors(self) -> set[int]:
        errors = set(self.said.errors)
        if self.need is Need.SIGNATURE:
            errors |= set(_ERRORS_OF_SIGNATURE)
        elif self.need is not Need.NOTHING:
            errors |= set(_ERRORS_OF_LOGIN)
        if "{" in self.path:
            errors.add(404)
        if self.said.query:
            errors.add(400)
        if self.method in _WITH_BODY:
            errors.add(413)
        if self.said.body is not None and self.need is not Need.SIGNATURE:
            errors |= {400, 415}
        return errors

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:  # noqa: ANN401
        shape: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]  # upstream's
        if direction == "request" and hasattr(serializer, "answer_fields"):
            shape["additionalProperties"] = False  # misspelt fields are refused
        if direction == "request" and serializer.partial:
            for field in shape["properties"].values():
                field.pop("default", None)  # what is left out stays
        return shape

    def _map_serializer_field(self, field: Any, direction: Any, *more: Any) -> Any:  # noqa: ANN401
        shape = super()._map_serializer_field(field, direction, *more)  # type: ignore[no-untyped-call]  # upstream's
        if isinstance(field, ListField) and not field.allow_empty:
            shape["minItems"] = 1
        is_text = isinstance(field, CharField) and shape.get("type") == "string"
        if is_text and direction == "request" and field.trim_whitespace and not field.allow_blank:
            shape.setdefault("pattern", r"\S")  # only spaces are no text
        if isinstance(field, CalendarDayField):
            shape["pattern"] = YEARS_PATTERN
        return shape


def _shared(code: int) -> dict[str, Any]:
    """Return an error's answer as all endpoints give it."""
    _name, text, headers = _ERRORS[code]
    body = "Refusal" if code == 409 else "Error"  # noqa: PLR2004  # HTTP's number
    return {
        "description": text,
        **({"headers": headers} if headers else {}),
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}},
    }


def _plain(made: Any) -> Any:  # noqa: ANN401  # JSON
    """Return it without the generator's own marks; answers of two kinds may be like both."""
    if isinstance(made, list):
        return [_plain(value) for value in made]
    if not isinstance(made, dict):
        return made
    is_loose = "oneOf" in made and "discriminator" not in made
    return {
        "anyOf" if key == "oneOf" and is_loose else key: _plain(value)
        for key, value in made.items()
        if key != "x-spec-enum-id"
    }
