"""The endpoints of the simulated Pi-hole: those we use, and those that come cheap."""

from collections.abc import Callable

from simhome.pihole_auth import Auth
from simhome.pihole_blocking import Blocking
from simhome.pihole_config_api import ConfigApi
from simhome.pihole_http import ApiRequest, Body, Reply
from simhome.pihole_info import Info
from simhome.pihole_router import Handler, Route
from simhome.pihole_sessions import Session
from simhome.pihole_stats import Statistics


def auth_routes(auth: Auth) -> list[Route]:
    """Return /api/auth and below."""
    return [
        Route("GET", "/api/auth", auth.show, public=True),
        Route("POST", "/api/auth", auth.login, public=True),
        Route("DELETE", "/api/auth", auth.logout, public=True),
        Route("GET", "/api/auth/sessions", auth.list_sessions),
        Route("GET", "/api/auth/app", auth.propose_app_password),
        Route("DELETE", "/api/auth/session", auth.free_seat, parameters="/{id}"),
    ]


def config_routes(config: ConfigApi) -> list[Route]:
    """Return /api/config and below."""
    return [
        Route("GET", "/api/config", config.show),
        Route("PATCH", "/api/config", config.patch),
        Route("PUT", "/api/config", config.add_item, parameters="/{element}/{value}"),
        Route("DELETE", "/api/config", config.remove_item, parameters="/{element}/{value}"),
    ]


def blocking_routes(blocking: Blocking) -> list[Route]:
    """Return /api/dns/blocking."""
    return [
        Route("GET", "/api/dns/blocking", blocking.show),
        Route("POST", "/api/dns/blocking", blocking.change),
    ]


def reading_routes(statistics: Statistics, info: Info) -> list[Route]:
    """Return what is only read: figures, versions, the machine."""
    readings = {
        "/api/stats/summary": statistics.summary,
        "/api/stats/top_domains": statistics.top_domains,
        "/api/stats/top_clients": statistics.top_clients,
        "/api/stats/upstreams": statistics.upstreams,
        "/api/stats/query_types": statistics.query_types,
        "/api/stats/recent_blocked": statistics.recent_blocked,
        "/api/history": statistics.history,
        "/api/history/clients": statistics.client_history,
        **info.protected(),
    }
    return [
        *(Route("GET", path, _reading(read)) for path, read in readings.items()),
        *(Route("GET", path, _reading(read), public=True) for path, read in info.public().items()),
    ]


def _reading(read: Callable[[ApiRequest], Body]) -> Handler:
    """Return a handler that answers what ``read`` returns."""

    async def handle(request: ApiRequest, _: Session | None) -> Reply:
        return Reply(body=read(request))

    return handle
