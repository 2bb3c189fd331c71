"""Releases to install and to update to: a git repository, and the packages that they need."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

CHANGE = (
    '"CREATE TABLE update_probe (n integer)", '
    '"INSERT INTO update_probe VALUES (1)", "UPDATE auth_user SET first_name = \'changed\'"'
)
MIGRATION = """
import os, time
from django.db import migrations

def act(apps, schema_editor):
    {act}

class Migration(migrations.Migration):
    atomic = False
    dependencies = [("pihole", "{last}")]
    operations = [migrations.RunSQL([{change}]), migrations.RunPython(act)]
"""


class Source:
    """A git repository with one branch per release."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        listed = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"]
        names = subprocess.run(listed, capture_output=True, check=True, text=True).stdout  # noqa: S603
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        self._git("init", "--quiet", "--initial-branch=base")
        self._commit()
        self.last = max((folder / "pihole" / "migrations").glob("[0-9]*.py")).stem

    def branch(
        self, name: str, *, act: str = "", edit: Callable[[Path], None] | None = None
    ) -> None:
        """Make a release with a version of its own, and a migration that changes and then acts."""
        self.use("base")
        self._git("checkout", "--quiet", "-b", name)
        version = self.folder / "balupi_site" / "version.py"
        text = version.read_text()
        now = text.split('VERSION = "')[1].split('"')[0]
        version.write_text(text.replace(f'VERSION = "{now}"', f'VERSION = "{now}.{name}"'))
        if act:
            migration = self.folder / "pihole" / "migrations" / "9999_update.py"
            migration.write_text(MIGRATION.format(last=self.last, change=CHANGE, act=act))
        if edit is not None:
            edit(self.folder)
        self._commit()

    def use(self, name: str) -> None:
        """Have the tree as a release has it."""
        self._git("checkout", "--quiet", name)

    def _commit(self) -> None:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", "A release")

    def _git(self, *words: str) -> None:
        person = ["-c", "user.name=Tests", "-c", "user.email=tests@example.com"]
        subprocess.run(["git", *person, "-C", str(self.folder), *words], check=True)  # noqa: S603, S607


def wheels() -> Path:
    """Return a folder with everything that the machine's pip will ask for; kept for the next time."""
    lock = ROOT / "deploy" / "requirements-postgres.lock"  # the other one, and a driver
    python = shutil.which("python3", path="/usr/bin") or pytest.skip("no python3 of Debian's")
    folder = ROOT / "build" / "wheels" / hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as ours:
        fcntl.flock(ours, fcntl.LOCK_EX)  # the tests of the installer want it at the same time
        if not (folder / ".complete").exists():
            subprocess.run([python, "-m", "venv", str(folder / "venv")], check=True)  # noqa: S603
            pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "download", "--quiet"]
            pip += ["--require-hashes", "--only-binary=:all:", "--no-deps", "-d", str(folder)]
            subprocess.run([*pip, "-r", str(lock)], check=True, cwd=folder)  # noqa: S603
            (folder / ".complete").touch()
    return folder
