"""Adapter: the inbox on this Pi's disk - what lies there, whether somebody writes, taking it away."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Self

from handshake.inbox import Entry, path_text
from handshake.problems import InboxError, Trouble

logger = logging.getLogger(__name__)

#: Beside the share, where nobody can delete it through SMB; it says that the disk is mounted.
MARKER = ".balupi-disk"
#: So far databases count.
_MOST = 2**63 - 1
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: File systems that know no leases say one of these: exFAT, NTFS through FUSE, network mounts.
_NO_LEASES = frozenset({errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})


class NotHeld(StrEnum):
    """Why a file cannot be taken now."""

    IN_USE = "in_use"  # somebody has it open for writing
    CHANGED = "changed"  # it is another version than the one that was asked for
    NOT_OURS = "not_ours"  # it belongs to another user, so that we cannot tell who writes


class NotHeldError(Exception):
    """A file cannot be taken now; it stays where it is."""

    def __init__(self, reason: NotHeld) -> None:
        super().__init__(reason.value)
        self.reason = reason


def ignore_lease_signals() -> None:
    """Let this process survive somebody opening a file that it holds; call it in the main thread.

    The kernel tells the holder of a lease by SIGIO, whose default action ends the process.
    """
    signal.signal(signal.SIGIO, signal.SIG_IGN)


def marker_of(inbox: Path) -> Path:
    """Return where the marker of the inbox's disk is."""
    return inbox.parent / MARKER


def require_disk(inbox: Path) -> None:
    """Do nothing where the inbox's disk is mounted.

    Raises:
        InboxError: it is not, or the inbox is not there.
    """
    marker = marker_of(inbox)
    for needed in (marker, inbox):
        if not needed.exists():
            raise InboxError(Trouble.NO_DISK, str(needed))


def disk_mark(inbox: Path) -> str:
    """Return a word that changes when something is written to the disk, without waking it.

    The counts of free blocks and files are in the kernel's memory. "" where they cannot be read.
    """
    try:
        found = os.statvfs(inbox)
    except OSError:
        return ""
    return f"{found.f_bfree} {found.f_ffree}"


def scan(inbox: Path) -> list[Entry]:
    """Return every regular file below the inbox, in no order; links and devices are passed over.

    Raises:
        InboxError: no_disk, it cannot be read.
    """
    return list(_files(os.fsencode(inbox)))


def _files(root: bytes) -> Iterator[Entry]:
    folders = [b""]  # not by recursion: a path has room for more folders than the stack has
    while folders:
        prefix = folders.pop()
        folder = os.path.join(root, prefix)  # noqa: PTH118  # bytes
        for item in _listed(folder, is_root=not prefix):
            path = prefix + item.name
            try:
                if item.is_dir(follow_symlinks=False):
                    folders.append(path + b"/")
                elif item.is_file(follow_symlinks=False):
                    yield _entry(path, item.stat(follow_symlinks=False))
            except FileNotFoundError:  # taken away since its folder was read
                continue
            except OSError as error:
                logger.warning("cannot look at %s: %s", path_text(path), error.strerror)


def _listed(folder: bytes, *, is_root: bool) -> list[os.DirEntry[bytes]]:
    try:
        return list(os.scandir(folder))
    except FileNotFoundError:  # taken away since its parent was read
        return []
    except OSError as error:
        if is_root:  # a disk that fails is not an empty inbox
            raise InboxError(Trouble.NO_DISK, f"{path_text(folder)} ({error.strerror})") from error
        logger.warning("cannot look into %s: %s", path_text(folder), error.strerror)
        return []


def _entry(path: bytes, found: os.stat_result) -> Entry:
    inode = found.st_ino & _MOST
    # A client may set any time, such as the year 2400.
    mtime_ns = max(min(found.st_mtime_ns, _MOST), -_MOST)
    return Entry(path, found.st_size, mtime_ns, found.st_ctime_ns, inode)


class Held:
    """A file that nobody has open for writing, as long as this is held; a context manager.

    Whoever wants to write meanwhile waits until it is let go: look at ``is_wanted`` often.
    ``has_lease`` is False where the file system knows no leases.
    """

    def __init__(self, inbox: Path, entry: Entry) -> None:
        """Take a file.

        Raises:
            NotHeldError: not now.
        """
        self.entry = entry
        self._path = os.path.join(os.fsencode(inbox), entry.path)  # noqa: PTH118  # bytes
        try:
            self._fd = os.open(self._path, _OPEN)
        except PermissionError as error:
            raise NotHeldError(NotHeld.NOT_OURS) from error
        except OSError as error:  # gone, or a link by now
            raise NotHeldError(NotHeld.CHANGED) from error
        try:
            self.has_lease = self._take_lease()
            self._require_version()
        except BaseException:
            os.close(self._fd)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def link_target(self) -> str:
        """A path that leads to this very file, wherever its name leads by now."""
        return f"/proc/{os.getpid()}/fd/{self._fd}"

    @property
    def is_wanted(self) -> bool:
        """Whether somebody is waiting to write."""
        return self.has_lease and fcntl.fcntl(self._fd, fcntl.F_GETLEASE) != fcntl.F_RDLCK

    def remove(self) -> None:
        """Take the file away: it has arrived.

        Raises:
            NotHeldError: it has changed, or somebody wants to write; it stays.
        """
        self._require_version()
        if self.is_wanted:
            raise NotHeldError(NotHeld.IN_USE)
        os.unlink(self._path)  # noqa: PTH108  # bytes

    def close(self) -> None:
        """Let go."""
        os.close(self._fd)

    def _take_lease(self) -> bool:
        if signal.getsignal(signal.SIGIO) is not signal.SIG_IGN:
            raise RuntimeError("ignore_lease_signals() must come first, or SIGIO ends this process")
        try:
            fcntl.fcntl(self._fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as error:
            if error.errno in _NO_LEASES:
                return False
            is_foreign = error.errno in (errno.EACCES, errno.EPERM)
            raise NotHeldError(NotHeld.NOT_OURS if is_foreign else NotHeld.IN_USE) from error
        return True

    def _require_version(self) -> None:
        """Make sure that the path still means this file, and that it is the version asked for."""
        try:
            by_path = os.lstat(self._path)
        except OSError as error:
            raise NotHeldError(NotHeld.CHANGED) from error
        now = (_entry(self.entry.path, os.fstat(self._fd)), _entry(self.entry.path, by_path))
        if any(found.version != self.entry.version for found in now):
            raise NotHeldError(NotHeld.CHANGED)


def remove_empty_folders(inbox: Path, moved: list[bytes]) -> None:
    """Remove the folders in which files were and nothing is left; others stay."""
    root = os.fsencode(inbox)
    for path in {os.path.dirname(path) for path in moved}:  # noqa: PTH120  # bytes
        folder = path
        while folder:
            try:
                os.rmdir(os.path.join(root, folder))  # noqa: PTH106, PTH118  # bytes
            except OSError:  # not empty, or gone already
                break
            folder = os.path.dirname(folder)  # noqa: PTH120
