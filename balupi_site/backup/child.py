"""Adapter: programs that work for us, each in a group of its own that can be ended at any moment."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.utils.translation import gettext_noop

from balupi_site.backup.problems import BackupError, BackupStoppedError
from balupi_site.lib.kept import kept

#: A database of some GB on a slow card.
DEADLINE_S = 3600.0
_LOOK_S = 0.1
_MOST_SAID = 2000

_NO_PROGRAM = gettext_noop("%(program)s is not installed; install it with apt: %(package)s.")
_TOO_SLOW = gettext_noop("%(program)s did not end within %(minutes)s minutes.")
_STOPPED = gettext_noop("BaluPi is being stopped; the backup is made later.")

#: Set when this process shall end.
ending = threading.Event()


def stop_backup() -> None:
    """End a backup of this process at once, and begin no other; safe in a signal handler."""
    ending.set()


@dataclass(frozen=True)
class Said:
    """What a program left: its exit code and its words."""

    code: int
    out: str
    error: str

    @property
    def last_words(self) -> str:
        """The end of what it complained of, in a line."""
        return " ".join((self.error or self.out).split())[-300:]


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    package: str = "",
    deadline_s: float = DEADLINE_S,
) -> Said:
    """Run a program to its end.

    Args:
        command: the program and its arguments; never a secret, as everybody may read them.
        environment: added to ours.
        package: where the program comes from.
        deadline_s: it is ended after so many seconds.

    Raises:
        BackupStoppedError: this process ends.
        BackupError: it is not there, or took too long.
    """
    program = Path(command[0]).name
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        try:
            process = subprocess.Popen(  # noqa: S603  # no shell; our own words
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=error,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        except FileNotFoundError as missing:
            raise BackupError(kept(_NO_PROGRAM, program=program, package=package)) from missing
        try:
            _wait(process, program, deadline_s)
        finally:
            _end(process)
        return Said(process.returncode, _words(out), _words(error))


def _wait(process: subprocess.Popen[bytes], program: str, deadline_s: float) -> None:
    ends_s = time.monotonic() + deadline_s
    while process.poll() is None:
        if ending.wait(_LOOK_S):
            raise BackupStoppedError(_STOPPED)
        if time.monotonic() > ends_s:
            minutes = round(deadline_s / 60)
            raise BackupError(kept(_TOO_SLOW, program=program, minutes=minutes))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that goes on, with whatever it has started."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _words(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _MOST_SAID, 0))  # what was wrong is told at the end
    return file.read().decode(errors="replace")
