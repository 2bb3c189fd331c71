"""Checks of Pi-hole: there, ours to change, and does what it is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http import HTTPStatus

from django.conf import settings
from django.db import DatabaseError
from django.utils.translation import gettext as _

from balupi_site.doctor.findings import Level, Verdict, fail, ok, skipped, told, warn
from balupi_site.doctor.known import Known
from balupi_site.lib.kept import retold
from balupi_site.lib.locks import household_lock
from pihole import dns_query
from pihole.ftl import Ftl
from pihole.ftl_http import FtlHttp
from pihole.problems import PiholeProblem
from pihole.records import parse_item
from pihole.services import TALK_LOCK

#: Never a name of the household: "invalid" is reserved for this (RFC 6761), the address too (RFC 5737).
_NAME, _ADDRESS = "doctor-check.balupi.invalid", "192.0.2.77"
_RECORD = f"{_ADDRESS} {_NAME}"
_TALK_S, _CALL_S, _LOCK_S, _DNS_S = 15.0, 3.0, 2.0, 2.0
#: With less left nothing is written: it could not be taken away again.
_WRITE_S = 3 * _CALL_S + _DNS_S
DEADLINE_S = _TALK_S + _LOCK_S
_SEATS_WARN = 0.75


def visit(known: Known) -> list[Verdict]:
    """Log in, count the sessions, add a record of our own, see it answered, and take it away again."""
    try:
        return _visit_alone(known)
    except DatabaseError:  # PostgreSQL has the lock
        return [skipped(_("The database cannot be asked."))]


def _visit_alone(known: Known) -> list[Verdict]:
    """Do it while no other process of ours talks to Pi-hole."""
    with household_lock(TALK_LOCK, wait_s=_LOCK_S) as is_ours:
        if not is_ours:
            return [skipped(_("Another process of BaluPi is talking to Pi-hole; look again."))]
        http = FtlHttp(settings.PIHOLE_URL, ends_s=time.monotonic() + _TALK_S, call_s=_CALL_S)
        # A session that has to be made is given back: a check must not take one of the seats.
        ftl = Ftl(
            http, password=settings.PIHOLE_PASSWORD, now=known.now, share=False, ask_again=True
        )
        said: list[Verdict] = []
        try:
            with ftl:
                said.append(_login(ftl))
                said.append(_sessions(ftl))
                said.append(_write(ftl, http, known))
        except PiholeProblem as trouble:
            title = _("Writing to Pi-hole") if said else ""
            about = "write" if said else ""
            said.append(told(Level.FAIL, str(trouble), about=about, title=title))
        return said


def _login(ftl: Ftl) -> Verdict:
    ftl.open()
    version = ftl.statistics().version or "6"
    if not ftl.has_password:
        return warn(
            _("Pi-hole %(version)s has no password: everybody in the house may change it.")
            % {"version": version},
            _("Set one in Pi-hole and put it into BALUPI_PIHOLE_PASSWORD."),
        )
    return ok(_("Pi-hole %(version)s answers and takes our login.") % {"version": version})


def _sessions(ftl: Ftl) -> Verdict:
    """Count the sessions: at the last one nobody can log in any more, BaluPi neither."""
    name = {"about": "sessions", "title": _("Sessions of Pi-hole")}
    listed = ftl.call("GET", "/api/auth/sessions")
    most = ftl.call("GET", "/api/config/webserver/api/max_sessions")
    sessions = (listed.body or {}).get("sessions")
    try:
        seats = int((most.body or {})["config"]["webserver"]["api"]["max_sessions"])
        used = len([one for one in sessions or () if one.get("valid") is not False])
    except (KeyError, TypeError, ValueError, AttributeError):
        return skipped(_("Pi-hole does not say how many sessions it has."), **name)
    if listed.status != HTTPStatus.OK:
        return skipped(_("Pi-hole does not say how many sessions it has."), **name)
    facts = {"used": used, "seats": seats}
    if used >= _SEATS_WARN * seats:
        return warn(
            _("%(used)s of %(seats)s sessions are taken; at the last one logins fail.") % facts,
            _("Log out other programs in Pi-hole, or raise webserver.api.max_sessions there."),
            **name,
        )
    return ok(_("%(used)s of %(seats)s sessions are taken.") % facts, **name)


def _write(ftl: Ftl, http: FtlHttp, known: Known) -> Verdict:
    """Add a record, ask for it, take it away; what an earlier check left behind goes first."""
    name = {"about": "write", "title": _("Writing to Pi-hole")}
    before = ftl.hosts()
    if known.is_cut_off():
        return skipped(_("The run was cut off."), **name)
    if http.left_s < _WRITE_S:
        return skipped(
            _("Pi-hole answers too slowly to be written to and cleaned up again."), **name
        )
    try:
        ftl.set_hosts([*_without_ours(before), _RECORD])
        answer = dns_query.ask_until(_NAME, _ADDRESS, settings.PIHOLE_DNS, within_s=_DNS_S)
    finally:
        _take_away(ftl)
    if answer.addresses == (_ADDRESS,):
        return ok(_("A record was added, answered by DNS and taken away again."), **name)
    facts = {
        "server": ":".join(map(str, settings.PIHOLE_DNS)),
        "answer": retold(dns_query.in_words(answer.kind, answer.addresses)),
    }
    return fail(
        _("Pi-hole took a record, but the DNS server %(server)s answers %(answer)s for it.")
        % facts,
        _("Set BALUPI_PIHOLE_DNS to the Pi-hole of BALUPI_PIHOLE_URL."),
        **name,
    )


def _take_away(ftl: Ftl) -> None:
    """Remove our record from what Pi-hole holds now: others may have written meanwhile."""
    items = ftl.hosts()
    others = _without_ours(items)
    if others != items:
        ftl.set_hosts(others)


def _without_ours(items: list[str]) -> list[str]:
    return [item for item in items if not ((found := parse_item(item)) and _NAME in found.names)]


def dns(_known: Known) -> Verdict:
    """Tell whether Pi-hole answers questions where the clients of the house ask."""
    for server in dict.fromkeys(_servers()):
        answer = dns_query.ask("pi.hole", server, within_s=_DNS_S)
        shown = ":".join(map(str, server))
        if answer.kind is dns_query.AnswerKind.TIMEOUT:
            return fail(
                _("Nobody answers DNS questions at %(server)s.") % {"server": shown},
                _("Check that pihole-FTL runs and listens there (dns.port, dns.listeningMode)."),
            )
        if answer.kind is not dns_query.AnswerKind.ADDRESSES:
            return fail(
                _("%(server)s answers DNS questions, but is no Pi-hole: it does not know pi.hole.")
                % {"server": shown},
                _("Stop the other DNS server on that port, or correct BALUPI_PIHOLE_DNS."),
            )
    shown = ", ".join(":".join(map(str, server)) for server in dict.fromkeys(_servers()))
    return ok(_("Pi-hole answers DNS questions at %(servers)s.") % {"servers": shown})


def _servers() -> Iterator[tuple[str, int]]:
    yield settings.PIHOLE_DNS
    if settings.IS_PROD:  # clients have the Pi's address from DHCP, and ask port 53
        yield (settings.PI_IP, 53)
