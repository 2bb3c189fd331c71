"""What the programs of a trial share: try.py and try_ready.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
#: Who signs in to the admin.
OWNER = "owner"


def manage(*arguments: str) -> None:
    """Run a management command of this trial; its words go to our output."""
    subprocess.run([PYTHON, str(ROOT / "manage.py"), *arguments], cwd=ROOT, check=True, timeout=300)


def run_quietly(command: list[str]) -> str:
    """Run a command of ours to its end and return what it prints."""
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
