"""HTTP as FTL's web server speaks it: requests, answers and errors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

Body = dict[str, object]

# Beyond it FTL sees no body at all (Pi-hole notes, section 2: 64 KiB; failure_shapes, step 25).
BODY_LIMIT_BYTES = 64 * 1024


class ApiError(Exception):
    """An answer with FTL's error object."""

    def __init__(self, status: int, key: str, message: str, hint: str | None = None) -> None:
        """Keep what the answer says; ``hint`` may be text or None."""
        super().__init__(message)
        self.reply = Reply(status, {"error": {"key": key, "message": message, "hint": hint}})


@dataclass(frozen=True)
class Reply:
    """An answer; ``body`` None means no body, ``cookie`` None means no Set-Cookie."""

    status: int = 200
    body: Body | None = None
    cookie: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    closes: bool = False


def no_content(content_type: str = "text/html") -> Reply:
    """Return the 204 that FTL answers to a delete (auth_login_basic, step 17)."""
    return Reply(204, headers={"Content-Type": content_type})


@dataclass(frozen=True)
class ApiRequest:
    """What a handler may know of a request; ``path`` is as sent, percent-encoded, no query."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    remote_address: str

    @classmethod
    def of(
        cls, method: str, target: str, headers: Mapping[str, str], body: bytes, remote_address: str
    ) -> "ApiRequest":
        """Return the request for a request line's ``target``; too long a body is no body."""
        path, _, query = target.partition("?")
        return cls(
            method=method,
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=headers,
            body=body if len(body) <= BODY_LIMIT_BYTES else b"",
            remote_address=remote_address,
        )

    def header(self, name: str) -> str:
        """Return the header called ``name``, "" if it was not sent."""
        return self.headers.get(name, "")

    def number(self, name: str, default: int) -> int:
        """Return a number from the query; a bad one is ignored (failure_shapes, step 18)."""
        text = self.query.get(name, "")
        return int(text) if text.isdecimal() else default

    def flag(self, name: str) -> bool:
        """Return a switch from the query, False if it is missing or anything but "true"."""
        return self.query.get(name) == "true"

    def json(self) -> object:
        """Return the body as JSON; raises ApiError as FTL answers (failure_shapes, steps 11-15)."""
        if not self.body:
            raise ApiError(400, "bad_request", "No request body data")
        text = self.body.decode(errors="replace")
        try:
            value: object = json.loads(text)
        except json.JSONDecodeError as error:
            message = "Invalid request body data (no valid JSON), error at hint"
            raise ApiError(400, "bad_request", message, _rest_after(text, error)) from error
        return value


def _rest_after(text: str, error: json.JSONDecodeError) -> str:
    """Return what FTL's parser had left; it steps past what it took for a key's first quote."""
    skipped = 1 if "property name" in error.msg else 0
    return text[error.pos + skipped :]
