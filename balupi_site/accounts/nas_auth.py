"""Adapter: asks the NAS who somebody is. Its address is from the settings, never from a request."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
from django.conf import settings
from urllib3.exceptions import HTTPError

from balupi_site.accounts.nas_answers import Verdict, read_login, read_me
from balupi_site.lib.deadline_http import session
from balupi_site.lib.errors import TransientError
from balupi_site.version import VERSION
from nasctl.evidence import Presence
from nasctl.probe import presence

#: The NAS-built page gives up after 5 s and then logs in a second time (contract, "Traps").
ANSWER_DEADLINE_S = 3.2
#: Machines in the same house take a connection in milliseconds; one that is off never does.
_LOOK_DEADLINE_S = 0.5
_READ_LIMIT = 64 * 1024

logger = logging.getLogger(__name__)


class NoAnswerError(TransientError):
    """The NAS said nothing that could be understood; ``is_there``: but it said something."""

    def __init__(self, message: str, *, is_there: bool = False) -> None:
        super().__init__(message)
        self.is_there = is_there


def takes_connections() -> bool:
    """Tell within half a second whether anything at the NAS's address takes connections."""
    look = presence(settings.NAS_IP, settings.NAS_PORT, deadline_s=_LOOK_DEADLINE_S)
    return look is Presence.OK


def log_in(username: str, password: str) -> Verdict:
    """Ask whether it is the password.

    Raises:
        NoAnswerError: no answer in time, or none of BaluHost's.
    """
    status, value = _ask("login", {"username": username, "password": password})
    return _understood(read_login(status, value), status)


def verify_code(pending_token: str, code: str) -> Verdict:
    """Ask whether it is the code of a second factor; raises as ``log_in``."""
    status, value = _ask("verify-2fa", {"pending_token": pending_token, "code": code})
    return _understood(read_login(status, value), status)


def whose(token: str) -> Verdict:
    """Ask whose token of the NAS it is; raises as ``log_in``."""
    status, value = _ask("me", None, {"Authorization": f"Bearer {token}"})
    return _understood(read_me(status, value), status)


def _understood(verdict: Verdict, status: int) -> Verdict:
    if verdict is None:
        raise NoAnswerError(f"the NAS answered {status}, but nothing of use", is_there=True)
    return verdict


def _ask(
    what: str, body: Mapping[str, str] | None, headers: Mapping[str, str] | None = None
) -> tuple[int, object]:
    """Return status and JSON of an answer; the deadline covers everything, connect to last byte."""
    url = urlsplit(settings.NAS_URL)
    port = f":{url.port}" if url.port else ""
    try:
        with (
            session() as http,
            http.request(
                "GET" if body is None else "POST",
                f"{url.scheme}://{settings.NAS_IP}{port}/api/auth/{what}",
                json=body,
                headers={
                    "Host": url.netloc,
                    "User-Agent": f"BaluPi/{VERSION}",
                    "Accept": "application/json",
                    "Connection": "close",
                    **(headers or {}),
                },
                timeout=ANSWER_DEADLINE_S,
                allow_redirects=False,
                stream=True,
                verify=False,  # no certificate is good for a bare address in the house
            ) as response,
        ):
            return response.status_code, _json_of(response)
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        # Without the error's text: a library may put what was sent into it.
        logger.info("the NAS does not say who somebody is: %s", type(error).__name__)
        raise NoAnswerError(f"the NAS does not answer ({type(error).__name__})") from None


def _json_of(response: requests.Response) -> object:
    """Return the value of the body; None where it is not the NAS that answers, or no JSON."""
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if "X-BaluPi" in response.headers or media_type != "application/json":
        return None
    try:
        value: object = json.loads(response.raw.read(_READ_LIMIT, decode_content=True))
    except (ValueError, RecursionError):
        return None
    return value
