"""Adapter: running rsync with a deadline, and reading what it says meanwhile."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from handshake.rsync_words import complaints, first_complaint

_POLL_S = 0.2
_GRACE_S = 5.0
_ERRORS_KEPT = 64 * 1024
#: 500 files whose paths are as long as can be, each byte of them escaped, are 10 MB.
_LONGEST_OUTPUT = 16 * 1024 * 1024
_PROGRESS = re.compile(rb"\s*(\d+)\s+\d+%")


class Stop(StrEnum):
    """Why a run is ended before it is done."""

    WANTED = "wanted"  # somebody wants to write to a file that is being sent
    ENDING = "ending"  # this process ends


@dataclass
class Done:
    """How a run of rsync ended, and what it said."""

    code: int = 0
    output: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)
    stopped: Stop | None = None
    is_late: bool = False
    is_endless: bool = False  # it said more than there can be to say

    def lines(self) -> list[bytes]:
        """Return its output line by line; names in it are escaped."""
        return bytes(self.output).splitlines()

    def complaints(self) -> str:
        """Return what went wrong, for people."""
        return complaints(bytes(self.errors))

    def first_complaint(self) -> str:
        """Return the first line of it."""
        return first_complaint(bytes(self.errors))


def run(
    command: list[str],
    list_fd: int,
    *,
    ends_s: float,
    stop: Callable[[], Stop | None],
    progress: Callable[[int], None],
) -> Done:
    """Run rsync in a process group of its own until it ends, is late, or is to stop.

    Args:
        command: its argv.
        list_fd: what it reads as its standard input.
        ends_s: when, on the monotonic clock, it must be over.
        stop: asked five times a second.
        progress: told how many bytes have been sent.
    """
    done = Done()
    # One form of words and times in all that is read; nothing of ours for the children to inherit.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    with subprocess.Popen(  # noqa: S603  # an argv list
        command,
        stdin=list_fd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            _follow(process, done, ends_s=ends_s, stop=stop, progress=progress)
            if not (done.stopped or done.is_late or done.is_endless):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_GRACE_S)
        finally:
            _end(process)
        done.code = process.returncode
    return done


def _follow(
    process: subprocess.Popen[bytes],
    done: Done,
    *,
    ends_s: float,
    stop: Callable[[], Stop | None],
    progress: Callable[[int], None],
) -> None:
    """Read what a run says until it ends, is late, or is to stop."""
    assert process.stdout is not None  # noqa: S101  # they are pipes
    assert process.stderr is not None  # noqa: S101
    with selectors.DefaultSelector() as pipes:
        pipes.register(process.stdout, selectors.EVENT_READ, done.output)
        pipes.register(process.stderr, selectors.EVENT_READ, done.errors)
        while pipes.get_map():
            done.stopped = stop()
            done.is_late = time.monotonic() >= ends_s
            done.is_endless = len(done.output) > _LONGEST_OUTPUT
            if done.stopped or done.is_late or done.is_endless:
                return
            for ready, _events in pipes.select(_POLL_S):
                chunk = os.read(ready.fd, 64 * 1024)
                if not chunk:
                    pipes.unregister(ready.fileobj)
                elif ready.data is done.output or len(done.errors) < _ERRORS_KEPT:
                    ready.data.extend(chunk)
            _tell_progress(done, progress)


def _tell_progress(done: Done, progress: Callable[[int], None]) -> None:
    """Pass on the newest figure; each overwrites the one before, on the same line."""
    if b"\r" not in done.output:
        return
    before, _, newest = bytes(done.output).rpartition(b"\r")
    done.output[:] = newest
    for line in (before.rpartition(b"\r")[2], newest):
        if found := _PROGRESS.match(line):
            progress(int(found[1]))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a run that goes on, with ssh: politely, so that it keeps what it has of a file."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    with contextlib.suppress(ProcessLookupError):  # nobody is left of its group
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
