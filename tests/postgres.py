"""A PostgreSQL of a test's own: in a folder, on a Unix socket only, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

#: Debian keeps the server's programs out of the PATH.
_SERVERS = sorted(
    Path("/usr/lib/postgresql").glob("*/bin"), key=lambda programs: int(programs.parent.name)
)
_USER = "balupi"


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL.

    Attributes:
        folder: where its socket is, and its log ("log").
    """

    folder: Path

    def url(self, database: str = "postgres") -> str:
        """Return what ``BALUPI_DATABASE_URL`` takes."""
        return f"postgres://{_USER}@{quote(str(self.folder), safe='')}/{database}"

    def new_database(self, name: str, *options: str) -> str:
        """Make an empty database; its URL. ``options`` are those of createdb."""
        command = ["createdb", "-h", str(self.folder), "-U", _USER, *options, name]
        _run_as_server(command, self.folder)
        return self.url(name)


@contextmanager
def running_postgres() -> Iterator[Cluster]:
    """Start a cluster of its own, also as root; every login is trusted, nothing is kept."""
    # Not below a test's own folder: a socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="balupi-postgres-"))
    folder.chmod(0o755)  # the product's processes may be another user's
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        data, log = str(folder / "db"), str(folder / "log")
        made = ["initdb", "-D", data, "-A", "trust", "-U", _USER, "-E", "UTF8", "--locale=C"]
        _run_as_server([*made, "--no-sync"], folder)
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        _run_as_server(["pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start"], folder)
        try:
            yield Cluster(folder)
        finally:
            _run_as_server(["pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder)


def _run_as_server(command: list[str], folder: Path) -> None:
    """Run one of the server's programs; PostgreSQL refuses to run as root."""
    assert _SERVERS, "PostgreSQL is not installed; apt install postgresql"
    switch = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    whole = [*switch, str(_SERVERS[-1] / command[0]), *command[1:]]
    # Into a file: a started server keeps what it inherits open, and a pipe would never end.
    with (folder / "said").open("w+b") as said:
        done = subprocess.run(whole, cwd=folder, stdout=said, stderr=said, check=False)  # noqa: S603
        said.seek(0)
        assert done.returncode == 0, f"{command}: {said.read().decode(errors='replace')}"
