"""One HTTP call to Pi-hole: an answer, or the problem that says why there is none."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from django.utils.translation import gettext_noop
from urllib3.exceptions import NameResolutionError, NewConnectionError, ReadTimeoutError

from balupi_site.lib import deadline_http
from pihole.problems import ProblemCode, problem

#: Everything we ask answers in milliseconds (Pi-hole notes, section 3); a slow Pi's login in 2.3 s.
CALL_S = 5.0
#: The whole configuration is 4 kB, and FTL takes at most 64 KiB of names (Pi-hole notes, section 2).
_MAX_ANSWER_BYTES = 1024 * 1024
_USER_AGENT = "BaluPi"  # how the session is listed on Pi-hole's page


@dataclass(frozen=True)
class Answer:
    """What came back.

    ``body`` None: it was no JSON object. ``redirects_to``: scheme and host of another place, "" if
    it is none. ``from_balupi``: our own web server answered.
    """

    status: int
    body: dict[str, Any] | None
    is_html: bool
    redirects_to: str
    from_balupi: bool

    def error(self, part: str) -> str:
        """Return ``key``, ``message`` or ``hint`` of FTL's error object, "" where there is none."""
        error = (self.body or {}).get("error")
        value = error.get(part) if isinstance(error, dict) else None
        return value if isinstance(value, str) else ""


class FtlHttp:
    """Calls one Pi-hole; each call has its own deadline and all of them a common one."""

    def __init__(self, url: str, *, ends_s: float, call_s: float = CALL_S) -> None:
        """Take the address and the deadline of all calls.

        Args:
            url: Pi-hole's address without a path.
            ends_s: when, on the monotonic clock, the last call must be over.
            call_s: the longest one call may take.
        """
        self.url = url
        self._ends_s, self._call_s = ends_s, call_s
        self._session = deadline_http.session()
        self._session.headers.update({"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"})

    @property
    def left_s(self) -> float:
        """Seconds that are left for all further calls."""
        return self._ends_s - time.monotonic()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def call(
        self, method: str, path: str, *, body: object = None, sid: str | None = None
    ) -> Answer:
        """Make one call and return its answer, whatever its status.

        FTL closes a connection after 5 idle seconds (Pi-hole notes, section 4): one that breaks
        before the first byte of an answer is tried once more on a new one. What we send may safely
        arrive twice.

        Raises:
            PiholeProblem: unreachable, no_answer, bad_tls or garbage.
        """
        try:
            return self._call(method, path, body, sid)
        except _BrokenConnectionError:
            try:
                return self._call(method, path, body, sid)
            except _BrokenConnectionError as error:
                raise problem(ProblemCode.NO_ANSWER, url=self.url) from error

    def _call(self, method: str, path: str, body: object, sid: str | None) -> Answer:
        within_s = min(self._call_s, self.left_s)
        if within_s <= 0:
            raise problem(ProblemCode.NO_ANSWER, url=self.url)
        try:
            with self._session.request(
                method,
                self.url + path,
                json=body,
                headers={"X-FTL-SID": sid} if sid else None,
                timeout=within_s,
                stream=True,
            ) as response:
                return _answer(response, self._read(response))
        except requests.RequestException as error:
            raise self._problem(error) from error

    def _read(self, response: requests.Response) -> bytes:
        read = bytearray()
        for chunk in response.iter_content(64 * 1024):
            read += chunk
            if len(read) > _MAX_ANSWER_BYTES:
                raise problem(
                    ProblemCode.GARBAGE, url=self.url, what=gettext_noop("a megabyte and more")
                )
        return bytes(read)

    def _problem(self, error: requests.RequestException) -> Exception:
        """Return what to raise for a failed call."""
        cause: object = error.args[0] if error.args else None
        cause = getattr(cause, "reason", cause)  # urllib3's MaxRetryError
        innermost = getattr(cause, "args", ("",))[-1:]
        is_cut = isinstance(error, requests.exceptions.ChunkedEncodingError)
        found: Exception = problem(ProblemCode.GARBAGE, url=self.url, what=gettext_noop("not HTTP"))
        if isinstance(error, requests.exceptions.SSLError):
            found = problem(ProblemCode.BAD_TLS, url=self.url)
        elif reason := _why_unreachable(error, cause):
            found = problem(ProblemCode.UNREACHABLE, url=self.url, reason=reason)
        elif is_cut or isinstance(cause, ReadTimeoutError):
            found = problem(ProblemCode.NO_ANSWER, url=self.url)
        elif innermost and isinstance(innermost[0], ConnectionError):
            # Among them http.client's RemoteDisconnected: closed without a byte.
            found = _BrokenConnectionError()
        return found


#: What the kernel says where nobody is, as the catalog has it.
_ = (
    gettext_noop("connection refused"),
    gettext_noop("no route to host"),
    gettext_noop("network is unreachable"),
)


class _BrokenConnectionError(Exception):
    """The other side closed the connection without an answer."""


def _why_unreachable(error: requests.RequestException, cause: object) -> str | None:
    """Return why there was no connection, None if there was one."""
    if isinstance(cause, NameResolutionError):
        return gettext_noop("its name is not known")
    if isinstance(cause, NewConnectionError):
        return str(
            getattr(cause.__cause__, "strerror", None) or gettext_noop("it takes no connection")
        ).lower()
    return (
        gettext_noop("it takes no connection")
        if isinstance(error, requests.ConnectTimeout)
        else None
    )


def _answer(response: requests.Response, content: bytes) -> Answer:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    return Answer(
        status=response.status_code,
        body=body if isinstance(body, dict) else None,
        is_html="html" in response.headers.get("Content-Type", ""),
        redirects_to=_place(response.headers["Location"]) if response.is_redirect else "",
        from_balupi="X-BaluPi" in response.headers,
    )


def _place(url: str) -> str:
    """Return scheme and host of a URL, without a path that might hold anything."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return gettext_noop("a bad address")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else gettext_noop("another path")
