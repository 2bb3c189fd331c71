"""Putting the page that the NAS built in its place, whole or not at all.

``FRONTEND_DIR`` is a link to one of the copies beside it, and the link is replaced by one rename: who asks
meanwhile, or after a power cut, finds the old page or the new one. The copy before stays for a way back.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from balupi_site.frontend.serving import INDEX
from balupi_site.lib.errors import PermanentError

#: A Vite build of BaluHost's client has about 3 MB in 40 files; the card is not for more.
MAX_BYTES = 64 * 1024 * 1024
MAX_FILES = 2000
#: Copies have names of mkdtemp's that begin so; one that is not finished yet has the other.
_COPY, _UNFINISHED = "page-", "new-"


@dataclass(frozen=True)
class Build:
    """What a folder holds: the files' names in it, sorted, and their size; hidden files are left out."""

    folder: Path
    names: tuple[str, ...]
    size_bytes: int


def examine(folder: Path) -> Build:
    """Return what the folder holds.

    Raises:
        PermanentError: it is no page that could be served whole; says why.
    """
    if not folder.is_dir():
        raise PermanentError(f"{folder} is not a folder. Give the one with {INDEX}, such as dist.")
    names: list[str] = []
    size_bytes = 0
    try:
        for path in _visible(folder):
            found = path.lstat()
            _refuse_odd(path, found)
            if stat.S_ISREG(found.st_mode):
                names.append(str(path.relative_to(folder)))
                size_bytes += found.st_size
            if len(names) > MAX_FILES or size_bytes > MAX_BYTES:
                raise PermanentError(
                    f"{folder} holds more than {MAX_FILES} files or {MAX_BYTES >> 20} MiB. "
                    f"Give the folder that the build made, with {INDEX} in it."
                )
    except OSError as error:
        raise PermanentError(f"Cannot read {error.filename}: {error.strerror}.") from error
    if INDEX not in names or not (folder / INDEX).stat().st_size:
        raise PermanentError(
            f"There is no {INDEX} in {folder}. Give the folder that the build made."
        )
    return Build(folder, tuple(sorted(names)), size_bytes)


def install(build: Build) -> None:
    """Copy the build beside the present page and switch to it.

    Raises:
        PermanentError: the place is taken by something that was not put there by us, or cannot be written.
    """
    link = settings.FRONTEND_DIR
    _refuse_foreign(link)
    store = _store()
    try:
        store.mkdir(parents=True, exist_ok=True)
        store.chmod(0o755)  # nginx goes through it as another user
        copy = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=store))
        _copy_files(build, copy)
        os.sync()  # the files are on the disk before the link says that they are the page
        before = current() or _newest(_copies())
        whole = copy.rename(copy.with_name(_COPY + copy.name.removeprefix(_UNFINISHED)))
        _point(link, whole)
    except OSError as error:
        raise PermanentError(
            f"The page cannot be stored: {error.strerror}: {error.filename}"
        ) from error
    _forget_all_but(whole, before)


def roll_back() -> None:
    """Switch to the copy before; a second time, back again.

    Raises:
        PermanentError: there is none.
    """
    _refuse_foreign(settings.FRONTEND_DIR)
    other = _newest([copy for copy in _copies() if copy != current()])
    if other is None:
        raise PermanentError("No page was installed before this one, so there is no way back.")
    _point(settings.FRONTEND_DIR, other)


def remove() -> bool:
    """Go back to our own page; False where it was ours already. The copy stays for ``roll_back``."""
    _refuse_foreign(settings.FRONTEND_DIR)
    if not settings.FRONTEND_DIR.is_symlink():
        return False
    settings.FRONTEND_DIR.unlink()
    return True


def current() -> Path | None:
    """Return the copy that is shown, None: ours is."""
    link = settings.FRONTEND_DIR
    return link.resolve() if link.is_symlink() else None


def _visible(folder: Path) -> Iterator[Path]:
    """Yield all that is in the folder, at any depth, but what is hidden; links are not followed."""

    def give_up(error: OSError) -> None:
        raise error

    for place, folders, files in os.walk(folder, onerror=give_up):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in (*folders, *files) if not name.startswith("."))


def _refuse_odd(path: Path, found: os.stat_result) -> None:
    """Raise PermanentError for what no build makes."""
    if not path.name.isprintable() or "\\" in path.name:
        raise PermanentError(f"{str(path)!r} has a name that no address can have.")
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise PermanentError(f"{path} is a link or no file; a page has only files and folders.")


def _copy_files(build: Build, copy: Path) -> None:
    for name in build.names:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(build.folder / name, copy / name)
    for path in (copy, *copy.rglob("*")):  # nginx reads them as another user
        path.chmod(0o755 if path.is_dir() else 0o644)


def _store() -> Path:
    link: Path = settings.FRONTEND_DIR
    return link.with_name(f"{link.name}.copies")


def _copies() -> list[Path]:
    return [copy.resolve() for copy in _store().glob(f"{_COPY}*")]


def _newest(copies: list[Path]) -> Path | None:
    return max(copies, key=lambda copy: copy.stat().st_mtime, default=None)


def _refuse_foreign(link: Path) -> None:
    """Let be what somebody else put there; an empty folder is nobody's."""
    if link.is_symlink() and link.resolve().parent != _store().resolve():
        raise PermanentError(
            f"{link} is a link that this command has not made, to {link.resolve()}. "
            "Remove the link first."
        )
    if link.is_symlink() or not link.exists():
        return
    try:
        link.rmdir()
    except OSError:
        raise PermanentError(
            f"{link} holds files that were not put there by this command. Move them away first."
        ) from None


def _point(link: Path, copy: Path) -> None:
    """Make the link lead to the copy, in one step; relative, so that the data directory may move."""
    fresh = link.with_name(f"{link.name}.next")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(os.path.relpath(copy, link.parent))
    fresh.replace(link)


def _forget_all_but(*kept: Path | None) -> None:
    """Remove older copies, and what an install that was killed has left."""
    names = {copy.name for copy in kept if copy}
    for copy in _store().iterdir():
        if copy.name not in names:
            shutil.rmtree(copy, ignore_errors=True)
