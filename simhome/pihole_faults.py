"""Faults of the simulated Pi-hole: what each does to the daemon, and how it is undone.

down            API and resolver refuse connections
api_down        the API refuses connections, the resolver goes on
silent          like a host without power: connects time out, questions get no answer
hang            the API accepts connections and never answers
slow            each API answer comes ``seconds`` later
seats_full      somebody else holds all free seats
password_changed  the main password is ``password``; all sessions are over
no_password     no password is set; all sessions are over
app_password    the password known so far is an app password, with or without ``app_sudo``
read_only       misc.readOnly is set
env_forced      dns.hosts comes from an environment variable; ``hosts`` None: those of now
foreign_writer  each ``interval`` seconds all records of ``name`` are deleted, then one with
                ``address`` is put, as BaluHost's own Pi-hole mode does
restart         once: the daemon is away for ``seconds``; sessions survive if ``clean``
garbage         every API answer is 200 with HTML
drop_dns        the resolver gets no answer out, the API goes on
lost_write      a record written with success is as before ``seconds`` later
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simhome.pihole_config import (
    APP_PASSWORD_HASH,
    APP_SUDO,
    HOSTS,
    PASSWORD_HASH,
    READ_ONLY,
    password_hash,
)
from simhome.pihole_daemon import Daemon, DaemonState
from simhome.pihole_hosts import normalise, records

Options = Mapping[str, object]
Undo = Callable[[], None]

# Between BaluHost's DELETE and PUT the name is missing (Pi-hole notes, section 2: 16 ms median).
_FOREIGN_GAP_SECONDS = 0.016


def _nothing() -> None:
    """Undo a fault that changed nothing by itself."""


@dataclass
class Fault:
    """A fault in force; ``is_over`` where it happened once and needs no end."""

    options: dict[str, object]
    undo: Undo = _nothing
    is_over: bool = False

    def number(self, option: str) -> float:
        """Return an option that is a number; raises ValueError if it is not."""
        return _number(self.options, option)


def start_fault(name: str, options: Options, daemon: Daemon) -> Fault:
    """Begin the fault called ``name`` with ``options`` over its defaults.

    Raises:
        ValueError: there is no such fault or option, or an option is no number where it must be.
    """
    if name not in _DEFAULTS:
        raise ValueError(f"No such Pi-hole fault: {name}. There are: {', '.join(FAULTS)}")
    unknown = options.keys() - _DEFAULTS[name].keys()
    if unknown:
        raise ValueError(f"Fault {name} has no option {', '.join(sorted(unknown))}")
    effective = {**_DEFAULTS[name], **options}
    for option in effective.keys() & _NUMBERS:
        _number(effective, option)
    starter = _STARTERS.get(name)
    undo = starter(daemon, effective) if starter is not None else _nothing
    return Fault(effective, undo, is_over=name == "restart")


def _number(options: Options, name: str) -> float:
    return float(str(options[name]))


def _fill_seats(daemon: Daemon, _: Options) -> Undo:
    daemon.seats.fill()
    return daemon.seats.release_foreign


def _change_password(daemon: Daemon, options: Options) -> Undo:
    return _set(daemon, {PASSWORD_HASH: password_hash(str(options["password"]))})


def _remove_password(daemon: Daemon, _: Options) -> Undo:
    return _set(daemon, {PASSWORD_HASH: ""})


def _make_app_password(daemon: Daemon, options: Options) -> Undo:
    known = daemon.config.text(PASSWORD_HASH)
    return _set(
        daemon,
        {
            PASSWORD_HASH: password_hash(secrets.token_hex()),
            APP_PASSWORD_HASH: known,
            APP_SUDO: options["app_sudo"] is True,
        },
    )


def _set(daemon: Daemon, values: Options) -> Undo:
    """Change passwords as an administrator does, which ends all sessions; undo likewise."""
    before = {path: daemon.config.get(path) for path in values}

    def change(wanted: Options) -> None:
        for path, value in wanted.items():
            daemon.config.fix(path, value)
        daemon.seats.clear()

    change(values)
    return lambda: change(before)


def _make_read_only(daemon: Daemon, _: Options) -> Undo:
    daemon.config.fix(READ_ONLY, value=True)
    return lambda: daemon.config.fix(READ_ONLY, value=False)


def _force_hosts(daemon: Daemon, options: Options) -> Undo:
    before, forced = daemon.config.hosts, options["hosts"]
    if isinstance(forced, list):
        daemon.config.fix(HOSTS, [normalise(str(item)) for item in forced])
        daemon.publish(after_seconds=0)
    daemon.config.forced.add(HOSTS)

    def undo() -> None:
        daemon.config.forced.discard(HOSTS)
        daemon.config.fix(HOSTS, before)
        daemon.publish(after_seconds=0)

    return undo


def _restart(daemon: Daemon, options: Options) -> Undo:
    daemon.restart(
        after_seconds=0,
        away_seconds=_number(options, "seconds"),
        clean=options["clean"] is not False,
    )
    return _nothing


def _forget_writes(daemon: Daemon, options: Options) -> Undo:
    daemon.forgets_after_seconds = _number(options, "seconds")

    def undo() -> None:
        daemon.forgets_after_seconds = None

    return undo


def _write_as_baluhost(daemon: Daemon, options: Options) -> Undo:
    interval_seconds = _number(options, "interval")
    name = str(options["name"]).lower()
    item = f"{options['address']} {name}"

    async def write_again_and_again() -> None:
        while True:
            if daemon.state is DaemonState.RUNNING:
                await _delete_and_put(daemon, name, item)
            await asyncio.sleep(interval_seconds)

    task = asyncio.create_task(write_again_and_again(), name="foreign_writer")

    def undo() -> None:
        task.cancel()

    return undo


async def _delete_and_put(daemon: Daemon, name: str, item: str) -> None:
    """Write as BaluHost does: never at the same moment as a client, so it does not kill."""
    foreign = [one for one in daemon.config.hosts if not _is_about(one, name)]
    daemon.store({HOSTS: foreign})
    await asyncio.sleep(_FOREIGN_GAP_SECONDS)
    if daemon.state is DaemonState.RUNNING and item not in daemon.config.hosts:
        daemon.store({HOSTS: [*daemon.config.hosts, item]})


def _is_about(item: str, name: str) -> bool:
    return any(name in record.names for record in records([item]))


_STARTERS: dict[str, Callable[[Daemon, Options], Undo]] = {
    "seats_full": _fill_seats,
    "password_changed": _change_password,
    "no_password": _remove_password,
    "app_password": _make_app_password,
    "read_only": _make_read_only,
    "env_forced": _force_hosts,
    "foreign_writer": _write_as_baluhost,
    "restart": _restart,
    "lost_write": _forget_writes,
}
# Each fault with the defaults of its options.
_DEFAULTS: dict[str, dict[str, object]] = {
    "down": {},
    "api_down": {},
    "silent": {},
    "hang": {},
    "slow": {"seconds": 2.0},
    "seats_full": {},
    "password_changed": {"password": "changed"},
    "no_password": {},
    "app_password": {"app_sudo": False},
    "read_only": {},
    "env_forced": {"hosts": None},
    "foreign_writer": {"address": "127.0.0.99", "interval": 5.0, "name": "baluhost.local"},
    "restart": {"seconds": 0.5, "clean": True},
    "garbage": {},
    "drop_dns": {},
    "lost_write": {"seconds": 1.0},
}
_NUMBERS = {"seconds", "interval"}
FAULTS = tuple(_DEFAULTS)
