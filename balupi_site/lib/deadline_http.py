"""HTTP whose deadline covers the whole call; ``requests`` alone starts it anew with every byte."""

from __future__ import annotations

import http.client
import io
import queue
import socket
import threading
import time
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import Timeout

#: A machine in the same house that does not take a connection in this time is not there.
CONNECT_S = 2.0

SocketAddress = tuple[socket.AddressFamily, tuple[Any, ...]]


def session() -> requests.Session:
    """Return a session that takes nothing from the environment and keeps no cookies.

    Its ``timeout`` (one number, seconds, always needed) is the deadline of the whole call, connect
    included; it follows no redirection.
    """
    made = _Session()
    made.trust_env = False
    made.cookies.set_policy(_NoCookies())
    for scheme in ("http://", "https://"):
        made.mount(scheme, _DeadlineAdapter())
    return made


def resolve(host: str, port: int, *, within_s: float) -> list[SocketAddress]:
    """Return the socket addresses of a host; a name server that hangs costs ``within_s``, no more.

    Raises:
        OSError: the name is not known (``socket.gaierror``), or nobody said in time (TimeoutError).
    """
    try:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET  # noqa: PLR2004
    except ValueError:
        return _look_up(host, port, within_s)
    return [(family, (host, port))]


def _look_up(host: str, port: int, within_s: float) -> list[SocketAddress]:
    """Ask the system's resolver, which knows no deadline, from a thread that may be left behind."""
    answers: queue.SimpleQueue[list[SocketAddress] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that IDNA cannot spell
            answers.put(error if isinstance(error, OSError) else socket.gaierror(str(error)))
        else:
            answers.put([(family, address) for family, _, _, _, address in found])

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=within_s)
    except queue.Empty:
        raise TimeoutError(f"no answer to the name {host}") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _connect(host: str, port: int, *, within_s: float) -> socket.socket:
    """Return a connected socket; all addresses of the host share the deadline."""
    ends_s = time.monotonic() + within_s
    addresses = resolve(host, port, within_s=within_s)
    error: OSError = TimeoutError("no address")
    for left, (family, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.settimeout(max(0.01, (ends_s - time.monotonic()) / left))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.connect(address)
        except OSError as refusal:
            made.close()
            error = refusal
        else:
            return made
    raise error


class _Session(requests.Session):
    """Follows no redirection and does not even look at one: a bad one would raise ValueError."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # upstream's name
        return None


class _NoCookies(DefaultCookiePolicy):
    """Pi-hole sends its session as a cookie too; used as one, writes would need a CSRF token."""

    def __init__(self) -> None:
        super().__init__(allowed_domains=[])


class _DeadlineReader(io.RawIOBase):
    """The bytes of an answer; what the socket's timeout was at the start is the time for all."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock
        self._ends_s = time.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401  # any writable buffer
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the deadline of the call is over")
        self._sock.settimeout(left_s)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    """An answer whose status, headers and body come within one deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()  # a BufferedReader over the socket
        self.fp = io.BufferedReader(_DeadlineReader(raw, sock))


class _DeadlineConnection(HTTPConnection):
    """A connection that is there within its timeout, name look-up and all addresses included."""

    response_class = _DeadlineResponse

    def _new_conn(self) -> socket.socket:
        try:
            return _connect(self.host, self.port, within_s=self.timeout or CONNECT_S)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error


class _DeadlineTlsConnection(_DeadlineConnection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _DeadlineConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _DeadlineTlsConnection


class _DeadlineAdapter(HTTPAdapter):
    """Makes our connections and gives them one deadline per call."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # upstream's
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401
        total_s = kwargs["timeout"]
        kwargs["timeout"] = Timeout(connect=min(CONNECT_S, total_s), total=total_s)
        return super().send(request, *args, **kwargs)
