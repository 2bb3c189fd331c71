"""The endpoints below /api/config: reading the tree, PATCH, and PUT and DELETE of array items."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol
from urllib.parse import unquote_plus

from simhome.pihole_config import (
    APP_SUDO,
    HOSTS,
    PASSWORD,
    PASSWORD_HASH,
    READ_ONLY,
    PiholeConfig,
    as_tree,
    password_hash,
)
from simhome.pihole_hosts import complaint, normalise
from simhome.pihole_http import ApiError, ApiRequest, Body, Reply, no_content
from simhome.pihole_sessions import Session

_PREFIX = "/api/config"
_TYPE_NAMES: dict[type, str] = {bool: "boolean", int: "integer", float: "double", str: "string"}
# Only these texts were recorded (hosts_patch, step 14; hosts_forced_by_env, step 1).
_HOSTS_DESCRIPTION = (
    'Array of custom DNS records\n\n Example: [ "127.0.0.1 mylocal", "192.168.0.1 therouter" ]'
)
_HOSTS_ALLOWED = 'Array of custom DNS records each one in HOSTS form: "IP HOSTNAME [HOSTNAME ...]"'

Change = Callable[[], Mapping[str, object]]


class Writer(Protocol):
    """The part of the daemon that stores changes."""

    def __call__(self, change: Change, *, save: bool, restart: bool) -> Awaitable[None]:
        """Store what ``change`` returns once the time to write has passed.

        ``save`` False keeps it in memory only; ``restart`` allows those items to restart the
        daemon that need it.
        """


class ConfigApi:
    """Reads and changes the configuration (Pi-hole notes, section 2)."""

    def __init__(self, config: PiholeConfig, write: Writer) -> None:
        """Answer from ``config``; every effective change goes through ``write``."""
        self._config = config
        self._write = write

    async def show(self, request: ApiRequest, _: Session | None) -> Reply:
        """GET /api/config and below; an unknown element is an empty object, not a 404."""
        parts = _parts(request)
        if not request.flag("detailed"):
            return Reply(body={"config": self._subtree(parts)})
        details = as_tree([(path, self._detail(path)) for path in self._config.leaves(parts)])
        return Reply(
            body={
                "topics": self._config.topics,
                "dns_servers": self._config.dns_servers,
                "config": details,
            }
        )

    async def patch(self, request: ApiRequest, session: Session | None) -> Reply:
        """PATCH /api/config and below: all values or none (hosts_patch)."""
        self._refuse_app_session(session)
        if self._config.flag(READ_ONLY):  # hosts_misc_readonly, step 1
            raise ApiError(403, "forbidden", "The config is currently in read-only mode")
        payload = request.json()
        wanted = payload.get("config") if isinstance(payload, dict) else None
        if not isinstance(wanted, dict):
            raise ApiError(400, "body_error", 'No "config" object in body data')
        changes = {path: value for path, value in self._known(wanted) if self._differs(path, value)}
        for path, value in changes.items():
            self._refuse_forced(path)
            _refuse_bad_hosts(path, value)
        if changes:
            # ?restart=false: cname_record_restarts_ftl, step 2
            restart = request.query.get("restart") != "false"
            await self._write(lambda: changes, save=True, restart=restart)
        return Reply(body={"config": self._subtree(_parts(request))})

    async def add_item(self, request: ApiRequest, session: Session | None) -> Reply:
        """PUT /api/config/{array}/{item} (hosts_basic)."""
        self._refuse_app_session(session)
        path, item = self._item(request)
        if not path:
            return Reply(404, {})
        self._refuse_forced(path)
        items = self._config.strings(path)
        if item in items:
            hint = "Uniqueness of items is enforced"
            raise ApiError(400, "bad_request", "Item already present", hint)
        if path == HOSTS and (reason := complaint(item)):
            hint = f"{HOSTS}[{len(items)}]: {reason}"
            raise ApiError(400, "bad_request", "Invalid value", hint)
        stored = normalise(item) if path == HOSTS else item
        await self._store_items(path, lambda: [*self._config.strings(path), stored])
        return Reply(201, {})

    async def remove_item(self, request: ApiRequest, session: Session | None) -> Reply:
        """DELETE /api/config/{array}/{item}; only an exact match counts (hosts_basic, 5-11)."""
        self._refuse_app_session(session)
        path, item = self._item(request)
        if not path:
            return Reply(404, {})
        self._refuse_forced(path)
        if item not in self._config.strings(path):
            return Reply(404, {})
        await self._store_items(path, lambda: _without_one(self._config.strings(path), item))
        return no_content()

    async def _store_items(self, path: str, items: Callable[[], list[str]]) -> None:
        """Write an array; read-only mode lets it pass but saves nothing (hosts_misc_readonly)."""
        save = not self._config.flag(READ_ONLY)
        await self._write(lambda: {path: items()}, save=save, restart=True)

    def _item(self, request: ApiRequest) -> tuple[str, str]:
        """Return array path and decoded item, both "" where there is no such array or no item."""
        parts = request.path.removeprefix(_PREFIX).strip("/").split("/")
        for length in range(1, len(parts)):
            path = ".".join(parts[:length])
            if list(self._config.leaves(parts[:length])) == [path]:
                is_array = isinstance(self._config.get(path), list)
                item = unquote_plus("/".join(parts[length:]))
                return (path, item) if is_array else ("", "")
        return "", ""

    def _known(self, wanted: Body) -> list[tuple[str, object]]:
        """Return the known paths with their new values; unknown keys are ignored without a word.

        Raises:
            ApiError: 400 where a value has the wrong type (hosts_patch, steps 7-9).
        """
        found = []
        for path in self._config.leaves():
            value: object = wanted
            for part in path.split("."):
                if not isinstance(value, dict) or part not in value:
                    break
                value = value[part]
            else:
                _refuse_wrong_type(path, value, self._config.get(path))
                found.append(_as_stored(path, value))
        return found

    def _differs(self, path: str, value: object) -> bool:
        return self._config.get(path) != value

    def _subtree(self, parts: list[str]) -> Body:
        return as_tree([(path, self._config.get(path)) for path in self._config.leaves(parts)])

    def _detail(self, path: str) -> Body:
        value, default = self._config.get(path), self._config.default(path)
        kind = "string array" if isinstance(value, list) else _TYPE_NAMES[type(value)]
        flags = {
            "restart_dnsmasq": path.startswith("dns.") and path != HOSTS,
            "session_reset": path in (PASSWORD, PASSWORD_HASH),
            "env_var": path in self._config.forced,
        }
        return {
            "description": _HOSTS_DESCRIPTION if path == HOSTS else "",
            "allowed": _HOSTS_ALLOWED if path == HOSTS else "",
            "type": kind,
            "value": value,
            "default": default,
            "modified": value != default,
            "flags": flags,
        }

    def _refuse_app_session(self, session: Session | None) -> None:
        """Refuse an app session without app_sudo (auth_app_password_app_sudo_false, 5-7)."""
        if session is not None and session.app and not self._config.flag(APP_SUDO):
            hint = (
                "The current app session is not allowed to modify Pi-hole config settings "
                "(webserver.api.app_sudo is false)"
            )
            raise ApiError(403, "forbidden", "Unable to change configuration (read-only)", hint)

    def _refuse_forced(self, path: str) -> None:
        """Refuse what an environment variable sets (hosts_forced_by_env, steps 2-4)."""
        if path in self._config.forced:
            message = "Config items set via environment variables cannot be changed via the API"
            raise ApiError(400, "bad_request", message, path)


def _parts(request: ApiRequest) -> list[str]:
    return [part for part in request.path.removeprefix(_PREFIX).split("/") if part]


def _as_stored(path: str, value: object) -> tuple[str, object]:
    """Return path and value as they are kept: a password only as its hash, hosts normalised."""
    if path == PASSWORD:
        return PASSWORD_HASH, password_hash(str(value))
    if path == HOSTS and isinstance(value, list):
        return path, [normalise(str(item)) for item in value]
    return path, value


def _refuse_wrong_type(path: str, value: object, current: object) -> None:
    """Refuse a value of another type; only the texts for arrays were recorded."""
    reason = None
    if isinstance(current, list):
        if not isinstance(value, list):
            reason = "not of type array"
        elif not all(isinstance(item, str) for item in value):
            reason = "array has invalid elements"
    elif type(value) is not type(current):
        reason = f"not of type {_TYPE_NAMES[type(current)]}"
    if reason:
        raise ApiError(400, "bad_request", "Config item is invalid", f"{path}: {reason}")


def _refuse_bad_hosts(path: str, value: object) -> None:
    """Refuse the whole array for one bad item (hosts_patch, step 5)."""
    if path != HOSTS or not isinstance(value, list):
        return
    for index, item in enumerate(value):
        if reason := complaint(item):
            hint = f"{HOSTS}[{index}]: {reason}"
            raise ApiError(400, "bad_request", "Config item validation failed", hint)


def _without_one(items: list[str], item: str) -> list[str]:
    """Return ``items`` without the first that is equal; a duplicate stays (hosts_basic, 8-9)."""
    if item not in items:
        return items
    index = items.index(item)
    return items[:index] + items[index + 1 :]
