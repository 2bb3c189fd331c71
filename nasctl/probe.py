"""Adapter: is the NAS there, and is it BaluHost that answers? Asks the NAS's address, never a name."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from balupi_site.lib.deadline_http import session
from balupi_site.version import VERSION
from nasctl.evidence import Answer, Presence

PRESENCE_DEADLINE_S = 2.0
PROBE_DEADLINE_S = 5.0
#: A longer answer is cut off here, is then no JSON any more, and none of BaluHost's.
_READ_LIMIT = 64 * 1024
_SERVER_ERROR = 500

# No certificate is good for a bare address in the house, and a probe sends no secret.
urllib3.disable_warnings(InsecureRequestWarning)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a probe brought; ``status`` is the HTTP status, None without one."""

    answer: Answer
    status: int | None = None


def presence(host: str, port: int, *, deadline_s: float = PRESENCE_DEADLINE_S) -> Presence:
    """Connect and hang up at once; nothing is sent, so BaluHost counts no request."""
    try:
        socket.create_connection((host, port), timeout=deadline_s).close()
    except ConnectionRefusedError:
        return Presence.REFUSED
    except OSError:  # a timeout, or the router knows of no such host
        return Presence.SILENT
    return Presence.OK


def probe(nas_url: str, nas_ip: str, path: str, *, deadline_s: float = PROBE_DEADLINE_S) -> Probe:
    """Ask for one path; all of it, connect to last byte, has ``deadline_s``.

    JSON below 500 is proof, 401 included: BaluHost answers one to whoever is not logged in.

    Args:
        nas_url: scheme, port and the name the NAS is asked by.
        nas_ip: the address that is connected to.
        path: such as ``/api/system/info``.
        deadline_s: seconds for everything.
    """
    parts = urlsplit(nas_url)
    port = f":{parts.port}" if parts.port else ""
    headers = {
        "Host": parts.netloc,
        "User-Agent": f"BaluPi/{VERSION}",
        "Accept": "application/json",
        "Connection": "close",
    }
    try:
        with (
            session() as http,
            http.get(
                f"{parts.scheme}://{nas_ip}{port}{path}",
                headers=headers,
                timeout=deadline_s,
                allow_redirects=False,
                stream=True,
                verify=False,
            ) as response,
        ):
            body = response.raw.read(_READ_LIMIT, decode_content=True)
            return Probe(_judged(response, body), response.status_code)
    except (requests.RequestException, HTTPError, OSError) as error:
        return Probe(_failure(error))


def _judged(response: requests.Response, body: bytes) -> Answer:
    if "X-BaluPi" in response.headers:
        return Answer.OURS
    if response.status_code >= _SERVER_ERROR:
        return Answer.BAD_STATUS
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        return Answer.NOT_JSON
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return Answer.NOT_JSON
    # A Pi behind a proxy that drops headers still says who it is (/api/health).
    is_ours = isinstance(value, dict) and value.get("service") == "balupi"
    return Answer.OURS if is_ours else Answer.GOOD


def _failure(error: Exception) -> Answer:
    """Tell a refusal from silence; libraries wrap the one that counts."""
    cause: BaseException | None = error
    seen: list[BaseException] = []
    while cause is not None and cause not in seen:
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    if any(isinstance(one, ConnectionRefusedError) for one in seen):
        return Answer.REFUSED
    if any(isinstance(one, (TimeoutError, requests.Timeout)) for one in seen):
        return Answer.TIMEOUT
    return Answer.BROKEN
