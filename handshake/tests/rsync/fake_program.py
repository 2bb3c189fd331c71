"""A program that stands in for rsync or ssh, and what the tests of both share."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from handshake.problems import InboxError

SECRET_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nhush-hush\n"


class FakeProgram:
    """Stands in for a program on the PATH; notes how it was called, and says what it is told to."""

    reads = 'cat > "$NOTES/stdin"'

    def __init__(self, folder: Path, name: str) -> None:
        self.notes = folder / f"{name}-notes"
        self.notes.mkdir(parents=True)
        self.program = folder / name
        self.says()

    def says(self, out: bytes = b"", err: bytes = b"", code: int = 0) -> None:
        (self.notes / "out").write_bytes(out)
        (self.notes / "err").write_bytes(err)
        self.does(f'cat "$NOTES/out"; cat "$NOTES/err" >&2; exit {code}')

    def does(self, script: str) -> None:
        """Have it run other lines of sh."""
        self.program.write_text(
            f"#!/bin/sh\nNOTES={shlex.quote(str(self.notes))}\n"
            'printf "%s\\0" "$@" > "$NOTES/argv"\n'
            f"{self.reads}\n"
            'cat /proc/self/environ > "$NOTES/environment"\n'
            f"{script}\n"
        )
        self.program.chmod(0o755)

    @property
    def was_called(self) -> bool:
        return (self.notes / "argv").exists()

    @property
    def argv(self) -> list[str]:
        return (self.notes / "argv").read_text().split("\0")[:-1]

    @property
    def stdin(self) -> bytes:
        return (self.notes / "stdin").read_bytes()

    @property
    def environment(self) -> dict[str, str]:
        lines = (self.notes / "environment").read_text().split("\0")
        return dict(line.split("=", 1) for line in lines if line)

    def pid(self, name: str) -> int | None:
        """Return what a script has noted as ``NAME.pid``."""
        try:
            return int((self.notes / f"{name}.pid").read_text())
        except (FileNotFoundError, ValueError):  # not yet, or not whole
            return None


def on_path(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> FakeProgram:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return FakeProgram(tmp_path / "bin", name)


def trouble(call: Callable[[], object]) -> InboxError:
    with pytest.raises(InboxError) as error:
        call()
    return error.value
