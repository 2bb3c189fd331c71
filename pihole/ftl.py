"""Adapter for Pi-hole 6 (FTL): the list of local names, figures.

All facts are from the Pi-hole notes and its recordings; section numbers are of the notes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus

from django.utils.translation import gettext_noop

from balupi_site.lib.kept import kept
from pihole.ftl_http import Answer
from pihole.ftl_session import FtlSession
from pihole.problems import PiholeProblem, ProblemCode, problem

#: Beyond it FTL sees no body at all (section 2).
_MAX_BODY_BYTES = 64 * 1024
#: As many of the most frequent domains are kept; of the permitted ones Pi-hole tells ten, and ours go out.
_TOP = 3
_LONGEST_DOMAIN = 253


@dataclass(frozen=True)
class DomainCount:
    """A domain and how often it was asked for in the last 24 hours."""

    domain: str
    count: int


@dataclass(frozen=True)
class Statistics:
    """Pi-hole's figures of the last 24 hours; None where it did not say.

    Attributes:
        top_blocked, top_permitted: the most frequent domains, most frequent first; none where
            Pi-hole's privacy level hides them.
    """

    queries: int | None
    blocked: int | None
    percent_blocked: float | None
    domains_on_lists: int | None
    blocking: str | None
    blocking_timer_s: float | None
    version: str | None
    top_blocked: tuple[DomainCount, ...] | None = None
    top_permitted: tuple[DomainCount, ...] | None = None


class Ftl(FtlSession):
    """One visit to Pi-hole, with what we ask it for; ``open`` comes first."""

    def hosts(self) -> list[str]:
        """Return the items of ``dns.hosts`` as they are."""
        return self._hosts_of(self.call("GET", "/api/config/dns/hosts"))

    def set_hosts(self, items: list[str]) -> list[str]:
        """Replace the whole of ``dns.hosts`` in one request and return what Pi-hole has now.

        One PATCH is seen by DNS without a gap; DELETE and PUT are not (section 2).

        Raises:
            PiholeProblem: also no_app_sudo, read_only, env_forced, refused.
        """
        body = {"config": {"dns": {"hosts": items}}}
        if len(json.dumps(body)) > _MAX_BODY_BYTES:
            reason = gettext_noop("there are more than fit into one request (64 KiB)")
            raise problem(ProblemCode.REFUSED, reason=reason)
        answer = self.call("PATCH", "/api/config", body)
        if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN):
            raise _write_problem(answer)
        return self._hosts_of(answer)

    def statistics(self, own_names: Collection[str] = ()) -> Statistics:
        """Return Pi-hole's figures, whether it filters, and its version.

        Args:
            own_names: names that BaluPi itself asks for; no domains that people would know.
        """
        summary = self.call("GET", "/api/stats/summary").body
        blocking = self.call("GET", "/api/dns/blocking").body
        version = self.call("GET", "/api/info/version").body
        return Statistics(
            queries=_int(_at(summary, "queries", "total")),
            blocked=_int(_at(summary, "queries", "blocked")),
            percent_blocked=_float(_at(summary, "queries", "percent_blocked")),
            domains_on_lists=_int(_at(summary, "gravity", "domains_being_blocked")),
            blocking=_text(_at(blocking, "blocking")),
            blocking_timer_s=_float(_at(blocking, "timer")),
            version=_text(_at(version, "version", "core", "local", "version"))
            or _text(_at(version, "version", "ftl", "local", "version")),
            top_blocked=self._top(f"?blocked=true&count={_TOP}"),
            top_permitted=self._top("", own_names),
        )

    def _top(self, query: str, without: Collection[str] = ()) -> tuple[DomainCount, ...] | None:
        rows = _at(self.call("GET", f"/api/stats/top_domains{query}").body, "domains")
        if not isinstance(rows, list):
            return None
        found = (_domain(row) for row in rows)
        return tuple(row for row in found if row and row.domain not in without)[:_TOP]

    def _hosts_of(self, answer: Answer) -> list[str]:
        hosts = _at(answer.body, "config", "dns", "hosts")
        if answer.status != HTTPStatus.OK or not isinstance(hosts, list):
            raise self.garbage(
                kept(gettext_noop("HTTP %(status)s and no list of names"), status=answer.status)
            )
        if not all(isinstance(item, str) for item in hosts):
            raise self.garbage(gettext_noop("a list of names that holds other things"))
        return hosts


def _write_problem(answer: Answer) -> PiholeProblem:
    """Return why a write was refused (section 1, "App password and writes", and section 2)."""
    message, hint = answer.error("message"), answer.error("hint")
    if "app_sudo" in hint:
        return problem(ProblemCode.NO_APP_SUDO)
    if answer.status == HTTPStatus.FORBIDDEN:  # misc.readOnly has no hint
        return problem(ProblemCode.READ_ONLY)
    if "environment variables" in message:
        return problem(ProblemCode.ENV_FORCED)
    return problem(ProblemCode.REFUSED, reason=f"{message} {hint}".strip()[:200])


def _at(value: object, *path: str) -> object:
    """Return what nested objects hold at ``path``, None where a step is missing."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _int(value: object) -> int | None:
    number = _float(value)
    return None if number is None else int(number)


def _domain(row: object) -> DomainCount | None:
    name, count = _at(row, "domain"), _int(_at(row, "count"))
    if not isinstance(name, str) or count is None:
        return None
    return DomainCount(name[:_LONGEST_DOMAIN], count)


def _text(value: object) -> str | None:
    return value[:64] if isinstance(value, str) else None
