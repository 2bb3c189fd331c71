"""A command runs our code, wherever it was typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_present_folder_has_no_say_in_what_is_imported(tmp_path: Path) -> None:
    for name in ("energy", "nasctl", "psutil", "kasa"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('foreign code ran')")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BALUPI_")}
    environment = {
        **kept,
        "BALUPI_ENV_FILE": "/dev/null",
        "BALUPI_DATA_DIR": str(tmp_path / "data"),
    }

    done = subprocess.run(  # noqa: S603
        [sys.executable, str(ROOT / "manage.py"), "list_plugs", "--help"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
