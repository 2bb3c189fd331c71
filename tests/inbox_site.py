"""An inbox whose files are moved by ``manage.py flush_inbox`` in processes of its own, as people run it."""

from __future__ import annotations

import hashlib
import os
import random
import secrets
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from simhome.free_addresses import free_port
from simhome.nas_ssh import SshTarget
from tests.conftest import ROOT

_MANAGE = [sys.executable, str(ROOT / "manage.py")]
#: Where the NAS stands: a row as the watch writes it (nasctl.models.NasStatus).
_AWAKE = """
INSERT INTO nasctl_nasstatus
 (id, state, reason, since, moved_at, uptime_s, boot_id, probed, planned, version, wake_id)
 VALUES (1, 'online', 'answers', datetime('now'), datetime('now'), 0, '', 1, 1, 1, NULL)
"""


@dataclass
class InboxSite:
    """The inbox here and the NAS there, and everything that was ever put into the inbox.

    Attributes:
        put_here: SHA-256 of each content, to the path it was put under.
    """

    inbox: Path
    ssh: SshTarget
    environment: dict[str, str]
    put_here: dict[str, bytes] = field(default_factory=dict)

    def put(self, path: bytes, content: bytes) -> None:
        """Leave a file in the inbox at once, as a finished copy is."""
        target = os.path.join(os.fsencode(self.inbox), path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target + b".part", "wb") as file:
            file.write(content)
        os.replace(target + b".part", target)
        self.put_here[hashlib.sha256(content).hexdigest()] = path

    def start_flush(self) -> subprocess.Popen[str]:
        """Begin to move the inbox."""
        return subprocess.Popen(  # noqa: S603
            [*_MANAGE, "flush_inbox"],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def flush(self, timeout_s: float = 300) -> str:
        """Move the inbox and wait for it; what was said."""
        with self.start_flush() as process:
            return process.communicate(timeout=timeout_s)[0]

    def flush_until_empty(self, tries: int = 6) -> None:
        """Move the inbox until nothing is left; an earlier rsync may still be ending on the NAS."""
        said = ""
        for _ in range(tries):
            said = self.flush()
            if not self.here():
                return
        raise AssertionError(f"after {tries} runs there is still {sorted(self.here())}: {said}")

    def here(self) -> dict[bytes, str]:
        """Return the SHA-256 of each file in the inbox."""
        return digests(self.inbox)

    def there(self) -> dict[bytes, str]:
        """Return the SHA-256 of each file on the NAS under its final name."""
        found = digests(self.ssh.inbox)
        return {path: digest for path, digest in found.items() if not path.startswith(b".balupi-")}

    def require_nothing_lost(self) -> None:
        """Every file is here or there, and what is there is whole."""
        here = self.here()
        there = self.there()  # after it: what has left meanwhile must have arrived
        safe = {*here.values(), *there.values()}
        lost = {path for digest, path in self.put_here.items() if digest not in safe}
        assert not lost, f"lost: {lost}"
        torn = {path for path, digest in there.items() if digest not in self.put_here}
        assert not torn, f"half-written or corrupt on the NAS: {torn}"

    def require_all_there_once(self) -> None:
        """Every file is on the NAS once, and nothing is left here."""
        assert self.here() == {}
        there = self.there()
        found = Counter(there.values())
        missing = {path for digest, path in self.put_here.items() if digest not in found}
        twice = {path for path, digest in there.items() if found[digest] > 1}
        assert (missing, twice) == (set(), set())

    def database(self) -> sqlite3.Connection:
        """Open the ledger."""
        return sqlite3.connect(Path(self.environment["BALUPI_DATA_DIR"]) / "balupi.sqlite3")


@contextmanager
def running_site(
    folder: Path, *, inbox: Path | None = None, nas: Path | None = None
) -> Iterator[InboxSite]:
    """Run an sshd for a NAS that is awake, with a database and settings of its own.

    Args:
        folder: for everything.
        inbox: one that is there already, with its disk's marker.
        nas: the folder of the NAS; None: within ``folder``.
    """
    assert SshTarget.is_available(), "needs sshd, ssh-keygen, rsync, rrsync: see deploy/test.sh"
    data, inbox = folder / "data", inbox or folder / "disk" / "inbox"
    for path in (data, inbox):
        path.mkdir(parents=True, exist_ok=True)
    (inbox.parent / ".balupi-disk").touch()
    host = f"127.{secrets.randbelow(250) + 3}.{secrets.randbelow(250) + 1}.53"
    ssh = SshTarget(host=host, port=free_port(host), folder=nas or folder / "nas")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("BALUPI_")
    }
    environment |= {
        "BALUPI_ENV_FILE": "/dev/null",
        "BALUPI_DATA_DIR": str(data),
        "BALUPI_INBOX_DIR": str(inbox),
        "BALUPI_NAS_IP": host,
        "BALUPI_NAS_URL": f"http://{host}:8000",
        "BALUPI_NAS_SSH_PORT": str(ssh.port),
        "BALUPI_NAS_SSH_USER": ssh.user,
        "BALUPI_NAS_INBOX_PATH": str(ssh.inbox),
        "BALUPI_REDIS_URL": f"unix://{folder}/none.sock",
        "BALUPI_INBOX_QUIET_SECONDS": "0",
        "BALUPI_INBOX_SETTLE_SECONDS": "0",
    }
    key = data / "ssh" / "id_balupi"
    key.parent.mkdir(mode=0o700)
    ssh.prepare()
    _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], environment)
    ssh.authorize(key.with_suffix(".pub").read_text())
    (key.parent / "known_hosts").write_text(ssh.known_hosts_line() + "\n")
    _run([*_MANAGE, "migrate", "--verbosity", "0"], environment)
    site = InboxSite(inbox, ssh, environment)
    with site.database() as database:
        database.execute(_AWAKE)
    database.close()
    ssh.start()
    try:
        yield site
    finally:
        ssh.stop()


def digests(root: Path) -> dict[bytes, str]:
    """Return the SHA-256 of each regular file below a folder, by path; not of what leaves meanwhile."""
    found = {}
    for folder, _folders, names in os.walk(os.fsencode(root)):
        for name in names:
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except FileNotFoundError:
                continue
            found[os.path.relpath(path, os.fsencode(root))] = digest
    return found


def random_path(chance: random.Random) -> bytes:
    """Return a path that is hard on shells, lists and terminals; never one that was returned before."""
    word = f"{chance.getrandbits(48):012x}"
    shapes = (
        f"{word}.bin",
        f"-{word}",
        f"Ünï/Straße {word} 😀.jpg",
        f"new\nline {word}",
        f"a/b/c/d/e/f/g/{word}",
        f"  {word} '\"$(x)`*?[a-z]{{b,c}}\\#012 ",
        f"#{word}",
        f"{word}".ljust(250, "n"),
    )
    return chance.choice(shapes).encode()


def descendants(pid: int, name: str) -> list[psutil.Process]:
    """Return the processes of a name that a process has started, its children's included."""
    try:
        family = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process for process in family if _name(process) == name]


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, timeout=120)  # noqa: S603
