"""What each caller should be answered, written by hand from what was agreed (ADR 15).

A second opinion: access.py is not asked, and is not to be copied here.
"""

from __future__ import annotations

from balupi_site.tests.url_map import Endpoint

#: Kind -> what each caller is answered: "ok" lets in, "login" is the sign-in form.
API = """
             near  far   user  admin afar  read  wake  both  utok  atok  gone  nas
open         ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok    ok
logged in    401   401   ok    ok    ok    ok    ok    ok    ok    ok    401   401
read         401   401   ok    ok    ok    ok    403   ok    ok    ok    401   401
see wake     401   401   ok    ok    ok    ok    ok    ok    ok    ok    401   401
wake         401   401   ok    ok    ok    403   ok    ok    ok    ok    401   401
admin        401   401   403   ok    ok    403   403   403   403   ok    401   401
signature    401   401   401   401   401   401   401   401   401   401   401   ok
"""
#: A page knows sessions, no tokens and no signatures: those who have one are visitors at home.
PAGES = """
             near  far   user  admin afar
open         ok    ok    ok    ok    ok
read         login login ok    ok    ok
live         401   401   ok    ok    ok
wake         ok    login ok    ok    ok
admin site   login 403   403   ok    403
admin login  login 403   403   login 403
admin logout ok    403   403   ok    403
"""
#: Setting -> what it is set to, and the answers that it changes.
SETTINGS: dict[str, tuple[bool, dict[tuple[str, str], str]]] = {
    "PUBLIC_READ": (
        True,
        {
            ("api read", "near"): "ok",
            ("api read", "wake"): "ok",
            ("api see wake", "near"): "ok",
            ("page read", "near"): "ok",
            ("page live", "near"): "ok",
        },
    ),
    "PUBLIC_WAKE": (False, {("page wake", "near"): "login"}),
    "ADMIN_PRIVATE_ONLY": (
        False,
        {
            ("page admin site", "far"): "login",
            ("page admin login", "far"): "login",
            ("page admin site", "afar"): "ok",
            ("page admin login", "afar"): "login",
            ("page admin logout", "far"): "ok",
            ("page admin logout", "afar"): "ok",
        },
    ),
}
#: Kind -> what it is of. HEAD is as GET; a method that is not here is open to nobody.
API_CALLS = {
    "open": """
        GET /api/health
        GET /api/ping
        GET /api/updates/version
        GET /api/system/mode
        GET /api/setup/status
        GET,POST,PUT,PATCH,DELETE,OPTIONS /api…
        POST /api/auth/login
        POST /api/auth/verify-2fa
        POST /api/auth/logout
    """,
    "logged in": """
        GET /api/auth/me
        POST /api/system/sleep/presence
    """,
    "read": """
        GET /api/schema
        GET /api/system/status
        GET /api/system/statusbar/state
        GET /api/smart-devices
        GET /api/monitoring/cpu/current
        GET /api/monitoring/cpu/history
        GET /api/monitoring/memory/current
        GET /api/monitoring/memory/history
        GET /api/monitoring/network/current
        GET /api/monitoring/network/history
        GET /api/monitoring/disk-io/current
        GET /api/monitoring/disk-io/history
        GET /api/monitoring/uptime/current
        GET /api/monitoring/uptime/history
        GET /api/energy/current
        GET /api/energy/history
        GET /api/energy/costs
        GET /api/energy/summary
        GET /api/energy/export.csv
        GET /api/energy/anomalies
        GET /api/energy/prices
        GET /api/energy/prices/<price_id>
        GET /api/tapo/devices
        GET /api/tapo/devices/<device_id>
        GET /api/nas/timeline
        GET /api/nas/timeline.csv
        GET /api/nas/energy
        GET /api/handshake/status
        GET /api/handshake/snapshot
        GET /api/handshake/inbox
        GET /api/pihole/status
        GET /api/pihole/stats
    """,
    "see wake": """
        GET /api/nas/status
        GET /api/nas/wakes/<wake_id>
    """,
    "wake": """
        POST /api/nas/wol
    """,
    "admin": """
        POST /api/energy/prices
        PUT,PATCH,DELETE /api/energy/prices/<price_id>
        POST /api/tapo/devices/discover
        PUT,PATCH,DELETE /api/tapo/devices/<device_id>
        POST /api/tapo/devices/<device_id>/on
        POST /api/tapo/devices/<device_id>/off
        POST /api/tapo/devices/<device_id>/toggle
        POST /api/tapo/devices/<device_id>/unlock
        POST /api/pihole/dns
    """,
    "signature": """
        POST /api/handshake/nas-going-offline
        POST /api/handshake/nas-coming-online
    """,
}
PAGE_CALLS = {
    "open": """
        GET,POST /dashboard/login
        GET,POST /dashboard/login/code
        POST /dashboard/logout
        POST /dashboard/prefer
        GET /favicon.ico
        GET /login
        GET /wake
        GET /<path>
    """,
    "read": """
        GET /
        GET /dashboard/
        GET /api/docs
    """,
    "live": """
        GET /live/
    """,
    "wake": """
        POST /wake
    """,
    "admin login": """
        GET,POST /admin/login/
    """,
}
#: What the admin site refuses an admin too, where it shows facts.
FACTS_REFUSE = ("/add/", "/change/", "/delete/", "/autocomplete/")


def kinds_of_calls() -> dict[tuple[str, str], str]:
    """Return what is written above as (path, method) -> kind."""
    kinds: dict[tuple[str, str], str] = {}
    for prefix, calls in (("api", API_CALLS), ("page", PAGE_CALLS)):
        for kind, lines in calls.items():
            for methods, path in (line.split() for line in lines.strip().splitlines()):
                for method in methods.split(","):
                    assert (path, method) not in kinds, f"{method} {path} is there twice"
                    kinds[path, method] = f"{prefix} {kind}"
                    if method == "GET":
                        kinds[path, "HEAD"] = f"{prefix} {kind}"
    return kinds


def answers_by_kind() -> dict[tuple[str, str], str]:
    """Return the two tables above as (kind, caller) -> answer."""
    answers = {}
    for prefix, table in (("api", API), ("page", PAGES)):
        head, *rows = table.strip("\n").splitlines()
        for row in rows:
            for who, cell in zip(head.split(), row[13:].split(), strict=True):
                answers[f"{prefix} {row[:13].strip()}", who] = cell
    return answers


KINDS, ANSWERS = kinds_of_calls(), answers_by_kind()


def expected(endpoint: Endpoint, method: str, who: str, changed: str) -> set[str]:
    """Return which answers are right."""
    kind = KINDS.get((endpoint.shown, method), "")
    if endpoint.is_admin:
        is_logout = endpoint.shown == "/admin/logout/"
        kind = "page admin logout" if is_logout else "page admin site"
    if not kind:
        return {"401", "403", "405"}
    seen = who if (kind, who) in ANSWERS else "near"
    instead = SETTINGS[changed][1] if changed else {}
    answer = instead.get((kind, seen), ANSWERS[kind, seen])
    if endpoint.is_admin and answer == "ok":
        # Not every page there takes both methods, and facts can only be looked at.
        return {"ok", "405"} | ({"403"} if endpoint.shown.endswith(FACTS_REFUSE) else set())
    return {answer}
