"""The configuration tree of the simulated Pi-hole: what pihole.toml is to the real one."""

import copy
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from simhome.pihole_hosts import normalise

Tree = dict[str, object]

HOSTS = "dns.hosts"
CNAMES = "dns.cnameRecords"
READ_ONLY = "misc.readOnly"
PASSWORD = "webserver.api.password"  # noqa: S105 - the name of a setting
PASSWORD_HASH = "webserver.api.pwhash"  # noqa: S105
APP_PASSWORD_HASH = "webserver.api.app_pwhash"  # noqa: S105
APP_SUDO = "webserver.api.app_sudo"
MAX_SESSIONS = "webserver.api.max_sessions"
SESSION_TIMEOUT = "webserver.session.timeout"

# The whole tree, the topics and the list of resolvers, as in config_get_full and hosts_patch.
_TREE_FILE = Path(__file__).with_name("pihole_config_tree.json")


def password_hash(password: str) -> str:
    """Return the stand-in for FTL's Balloon hash of ``password``; "" stays "" (no password)."""
    return "$SIMULATED$" + hashlib.sha256(password.encode()).hexdigest() if password else ""


class PiholeConfig:
    """Values by dotted path, those that are saved, and those an environment variable forces.

    Attributes:
        forced: paths set by FTLCONF_* variables, which the API cannot change.
        totp_enabled: whether a second factor is asked for; its secret is never readable.
    """

    def __init__(self, *, password: str, hosts: Sequence[str], state_file: Path | None) -> None:
        """Start from the recorded tree, with ``hosts`` unless ``state_file`` holds newer ones."""
        recorded = json.loads(_TREE_FILE.read_text())
        self.topics: list[Tree] = recorded["topics"]
        self.dns_servers: list[Tree] = recorded["dns_servers"]
        self._defaults: Tree = recorded["config"]
        self._tree = copy.deepcopy(self._defaults)
        self._saved = copy.deepcopy(self._defaults)
        self._state_file = state_file
        self.forced: set[str] = set()
        self.totp_enabled = False
        if state_file is not None and state_file.exists():
            hosts = json.loads(state_file.read_text())["hosts"]
        self.fix(PASSWORD_HASH, password_hash(password))
        self.fix(HOSTS, [normalise(item) for item in hosts])

    @property
    def hosts(self) -> list[str]:
        """A copy of the current dns.hosts."""
        return self.strings(HOSTS)

    def get(self, path: str) -> object:
        """Return a copy of the value at ``path``; raises KeyError if there is none."""
        return copy.deepcopy(_pick(self._tree, path))

    def default(self, path: str) -> object:
        """Return the value FTL ships for ``path``; raises KeyError if there is none."""
        return _pick(self._defaults, path)

    def text(self, path: str) -> str:
        """Return the string at ``path``."""
        return str(self.get(path))

    def number(self, path: str) -> int:
        """Return the whole number at ``path``."""
        value = self.get(path)
        if not isinstance(value, int):
            raise TypeError(f"{path} is not a number")
        return value

    def flag(self, path: str) -> bool:
        """Return the switch at ``path``."""
        return self.get(path) is True

    def strings(self, path: str) -> list[str]:
        """Return the list of strings at ``path``."""
        value = self.get(path)
        if not isinstance(value, list):
            raise TypeError(f"{path} is not a list")
        return [str(item) for item in value]

    def set(self, path: str, value: object) -> None:
        """Change the running value at ``path``; nothing is saved. KeyError for an unknown path."""
        _put(self._tree, path, value)

    def fix(self, path: str, value: object) -> None:
        """Change the running and the saved value at ``path``, as an edit of pihole.toml does."""
        _put(self._tree, path, value)
        _put(self._saved, path, value)

    def save(self) -> None:
        """Keep the running values over a restart, and the hosts in the state file."""
        self._saved = copy.deepcopy(self._tree)
        if self._state_file is None:
            return
        self._state_file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._state_file.with_name(self._state_file.name + ".tmp")
        draft.write_text(json.dumps({"hosts": self.hosts}, indent=1))
        draft.replace(self._state_file)

    def reload(self) -> None:
        """Return to what was saved, as a restart does."""
        self._tree = copy.deepcopy(self._saved)

    def leaves(self, parts: Sequence[str] = ()) -> Iterator[str]:
        """Yield the dotted paths of all values at or below ``parts``; none if it is unknown."""
        try:
            node = self.get(".".join(parts)) if parts else self._tree
        except KeyError:
            return
        if not isinstance(node, dict):
            yield ".".join(parts)
            return
        for name in node:
            yield from self.leaves((*parts, name))


def _pick(tree: Tree, path: str) -> object:
    node: object = tree
    for part in path.split("."):
        if not isinstance(node, dict):
            raise KeyError(path)
        node = node[part]
    return node


def _put(tree: Tree, path: str, value: object) -> None:
    parents, _, leaf = path.rpartition(".")
    node = _pick(tree, parents)
    if not isinstance(node, dict) or leaf not in node:
        raise KeyError(path)
    node[leaf] = copy.deepcopy(value)


def as_tree(values: Sequence[tuple[str, object]]) -> Tree:
    """Return dotted paths and values as the nested object that FTL answers."""
    tree: Tree = {}
    for path, value in values:
        *parents, leaf = path.split(".")
        node = tree
        for part in parents:
            child = node.setdefault(part, {})
            if not isinstance(child, dict):
                raise TypeError(f"{path} lies below a value")
            node = child
        node[leaf] = value
    return tree
