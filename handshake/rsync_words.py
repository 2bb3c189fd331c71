"""Rules: what rsync and ssh say (versions 3.2.7 to 3.5.0, in the language C), and what it means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum

from handshake.inbox import path_text
from handshake.problems import InboxError, Trouble

#: rsync(1): single files could not be transferred, or vanished.
PARTIAL_CODES = frozenset({23, 24})
_TIMEOUT_CODES = frozenset({30, 35})
_WRITE_CODE = 11  # "error in file I/O"; why is often lost on the way, as with a disk that is full

#: A listed file: "-rw-r--r--  5 2026/11/25 18:03:34 name"; what is before the name has no other form.
_LISTED = re.compile(rb"-\S+ +(?P<size>\d+) (?P<day>\S+) (?P<clock>\S+) (?P<name>.*)", re.DOTALL)
#: File names, as rsync quotes most of them: they may say anything.
_QUOTED = re.compile(rb'".*"')
_ESCAPED = re.compile(rb"\\#([0-7]{3})")

#: What rsync says at a line's end about the NAS's disk, whatever its exit code.
_DISK_MEANINGS = (
    (rb"(?:No space left on device|Disk quota exceeded) \(\d+\)\s*$", Trouble.NAS_FULL),
    (rb"Read-only file system \(\d+\)\s*$", Trouble.NAS_NOT_WRITABLE),
)
#: What ssh, rrsync and rsync say where nothing was moved; the first that fits.
_MEANINGS = (
    (rb"Host key verification failed", Trouble.OTHER_HOST_KEY),
    (rb"Permission denied \(publickey|Too many authentication failures", Trouble.KEY_REFUSED),
    (rb"Another instance of rrsync", Trouble.NAS_BUSY),
    (rb"Restricted directory does not exist|unable to chdir", Trouble.NO_FOLDER),
    (rb"timeout in data|io timeout|Timeout, server .* not responding", Trouble.NO_ANSWER),
    (
        rb"ssh: connect to|banner exchange|No route to host|Network is unreachable",
        Trouble.UNREACHABLE,
    ),
    (rb"Connection (?:refused|timed out|reset|closed)", Trouble.UNREACHABLE),
)
#: The link was there and is gone; the last of these says so only where nothing else is said before.
_CUT = re.compile(rb"Broken pipe|closed by remote host|\A\s*rsync: connection unexpectedly closed")


class Match(StrEnum):
    """How a file here compares with the one of its name on the NAS."""

    SAME = "same"
    DIFFERENT = "different"
    ABSENT = "absent"


def matches(lines: Iterable[bytes]) -> dict[bytes, Match]:
    """Return how files compare, as itemised lines have it; lines about anything else do not count."""
    return dict(map(_match, filter(_is_about_file, lines)))


def versions(lines: Iterable[bytes]) -> dict[bytes, tuple[int, int | None]]:
    """Return size and time (unix seconds) of listed files; None for a time beyond the year 9999."""
    return dict(_versions(lines))


def trouble_of(code: int, errors: bytes, *, about_marker: bool) -> InboxError | None:
    """Return what a run that failed means; None where only single files failed.

    Args:
        code: rsync's exit code, not 0.
        errors: what was said on standard error.
        about_marker: it was asked for the NAS's marker alone.
    """
    said, first = _QUOTED.sub(b'""', errors), first_complaint(errors)
    is_partial = code in PARTIAL_CODES  # single files failed; their names are said, too
    for pattern, trouble in _DISK_MEANINGS if is_partial else (*_DISK_MEANINGS, *_MEANINGS):
        if re.search(pattern, said, re.MULTILINE):
            return InboxError(trouble, first)
    if about_marker and b"No such file or directory" in said:
        return InboxError(Trouble.NO_MARKER)
    if is_partial and not about_marker:
        return None
    if code == _WRITE_CODE:
        return InboxError(Trouble.NAS_IO)
    if code in _TIMEOUT_CODES or _CUT.search(said):
        return InboxError(Trouble.NO_ANSWER)
    return InboxError(Trouble.BROKEN, first or f"exit code {code}")


def complaints(errors: bytes) -> str:
    """Return what was said on standard error, for people."""
    return unescaped(errors).decode(errors="backslashreplace")


def first_complaint(errors: bytes) -> str:
    """Return the first line of it, cut where it is long."""
    return next((line for line in complaints(errors).splitlines() if line.strip()), "")[:200]


def complaint_about(path: bytes, said: str) -> str:
    """Return the line that is about a file, or the first of all; "" where nothing was said."""
    name = path_text(path.rpartition(b"/")[2])
    lines = [line for line in said.splitlines() if line.strip()]
    return next((line for line in lines if name in line), lines[0] if lines else "")


def unescaped(text: bytes) -> bytes:
    """Undo rsync's escapes: a backslash, #, and three octal digits for what is no printable ASCII."""
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), text)


def _is_about_file(line: bytes) -> bool:
    """Tell whether an itemised line is about a file: "YXcstpoguax name", X is the kind."""
    return len(line) > 2 and line[1:2] == b"f" and line[:1] in b".<"  # noqa: PLR2004


def _match(line: bytes) -> tuple[bytes, Match]:
    marks, _, name = line.partition(b" ")
    # Fixed width: "what" is 11 characters, padded where nothing differs.
    name = line[len(b"YXcstpoguax ") :]
    if marks.startswith(b"."):
        return unescaped(name), Match.SAME
    is_new = marks.startswith(b"<f+")
    return unescaped(name), Match.ABSENT if is_new else Match.DIFFERENT


def _versions(lines: Iterable[bytes]) -> Iterator[tuple[bytes, tuple[int, int | None]]]:
    for found in filter(None, map(_LISTED.fullmatch, lines)):
        text = f"{found['day'].decode()} {found['clock'].decode()} +0000"
        try:
            at = int(datetime.strptime(text, "%Y/%m/%d %H:%M:%S %z").timestamp())
        except ValueError:
            at = None
        yield unescaped(found["name"]), (int(found["size"]), at)
