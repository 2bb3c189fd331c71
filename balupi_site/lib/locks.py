"""Locks between our processes that a killed holder does not keep."""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TypeVar

from django.conf import settings
from django.db import Error, connection
from django.db.backends.base.base import BaseDatabaseWrapper

_T = TypeVar("_T")
#: A process of the server, and when it began: its number alone is used again.
_Session = tuple[int, dt.datetime]

_POLL_S = 0.02
#: How soon the server drops the locks of a machine that died without a word; Linux takes two hours.
_DEAD_PEER_SQL = (
    "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
)


@contextmanager
def file_lock(name: str, *, wait_s: float = 0.0) -> Iterator[bool]:
    """Hold the lock ``name`` on this machine, for what lies on it: a folder, a watch.

    Yields False where it was not free in time. The kernel drops it when its holder dies.

    Args:
        name: file name without suffix, in the data directory.
        wait_s: how long to wait for it; 0 tries once.
    """
    file = _in_time(lambda: _take_file(name), wait_s)
    try:
        yield file is not None
    finally:
        if file is not None:
            file.close()


@contextmanager
def household_lock(name: str, *, wait_s: float = 0.0) -> Iterator[bool]:
    """Hold the lock ``name`` over all machines, for what they share; otherwise like ``file_lock``.

    Raises:
        DatabaseError: PostgreSQL does not answer, so nobody can tell whether it is free.
    """
    lock = HouseholdLock(name)
    try:
        yield bool(_in_time(lambda: lock.take() or None, wait_s))
    finally:
        lock.give_back()


class HouseholdLock:
    """A lock over all machines, for who holds it long and must know whether it still does.

    A file keeps the processes of this machine apart. Those of other machines meet ours in
    PostgreSQL, if that is the database: an advisory lock on a connection of its own, which the
    server drops when its holder dies.
    """

    def __init__(self, name: str) -> None:
        """Prepare the lock, without taking it."""
        self._name = name
        self._file: IO[str] | None = None
        self._connection: BaseDatabaseWrapper | None = None
        self._session: _Session | None = None  # the one that took it at the server

    def take(self) -> bool:
        """Try once; False where somebody else holds it, DatabaseError where nobody can tell."""
        self._file = _take_file(self._name)
        if self._file is None:
            return False
        is_ours = False
        try:
            is_ours = self._take_at_server()
        finally:
            if not is_ours:
                self.give_back()
        return is_ours

    def is_kept(self) -> bool:
        """Tell whether it is still ours; False where another machine has it since the server restarted.

        A server that is away gives it to nobody: until it is back, it is ours. So it is where our own
        session of before a broken line still holds it, which the server may notice half a minute late.
        """
        if self._connection is None:  # SQLite: nothing but our end takes the file away
            return True
        try:
            if self._connection.connection is not None:
                with self._connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
                return True
        except Error:
            self._connection.close()
        try:
            return self._take_at_server() or self._end_former_session()
        except Error:
            self._connection.close()
            return True

    def give_back(self) -> None:
        """Let somebody else have it; a second call does nothing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _take_at_server(self) -> bool:
        if connection.vendor != "postgresql":
            return True
        if self._connection is None:
            self._connection = connection.copy()
            self._connection.inc_thread_sharing()  # it may be looked after by another thread
        key = int.from_bytes(hashlib.sha256(self._name.encode()).digest()[:8], signed=True)
        with self._connection.cursor() as cursor:
            cursor.execute(_DEAD_PEER_SQL)
            cursor.execute(
                "SELECT pg_try_advisory_lock(%s), pid, backend_start FROM pg_stat_activity "
                "WHERE pid = pg_backend_pid()",
                [key],
            )
            is_ours, pid, began_at = cursor.fetchone()
        if is_ours:
            self._session = pid, began_at
        return bool(is_ours)

    def _end_former_session(self) -> bool:
        """Have the server end the session that took the lock, so that the next look takes it again.

        False where it has ended already: then it is another machine that holds it.
        """
        if self._connection is None or self._session is None:
            return False
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid = %s AND backend_start = %s",
                self._session,
            )
            is_there = cursor.fetchone() is not None
        self._connection.close()  # this session holds nothing
        return is_there


def _in_time(take: Callable[[], _T | None], wait_s: float) -> _T | None:
    """Return what ``take`` returns, tried until ``wait_s`` have passed."""
    deadline_s = time.monotonic() + wait_s
    while (taken := take()) is None and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    return taken


def _take_file(name: str) -> IO[str] | None:
    """Return the lock's open file, which is the lock, between threads too; None: it is not free."""
    # "a": truncating would write the file's times to the card each time, even where it is empty.
    file = (settings.DATA_DIR / f"{name}.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
