"""An inbox and a NAS with a real sshd, rsync and rrsync on loopback, for tests."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from handshake.folder import ignore_lease_signals, marker_of
from handshake.models import AskedBy, InboxRun
from handshake.services import flushing
from handshake.services.connecting import ensure_key
from nasctl.models import NasStatus
from nasctl.state import NasState, Reason
from simhome.free_addresses import free_port
from simhome.nas_ssh import SshTarget


@dataclass
class InboxHome:
    """The inbox here, and the NAS's there; paths are text or bytes."""

    inbox: Path
    ssh: SshTarget

    def put(self, path: str | bytes, content: bytes, *, age_s: float = 0.0) -> Path:
        """Leave a file in the inbox; ``age_s`` makes its own time older."""
        return _write(self.inbox, path, content, age_s)

    def put_on_nas(self, path: str | bytes, content: bytes, *, age_s: float = 0.0) -> Path:
        """Leave a file on the NAS."""
        return _write(self.ssh.inbox, path, content, age_s)

    def here(self) -> dict[bytes, bytes]:
        """Return what is in the inbox, by path."""
        return contents(self.inbox)

    def there(self) -> dict[bytes, bytes]:
        """Return what is on the NAS under its final name, by path."""
        found = contents(self.ssh.inbox)
        return {
            path: content for path, content in found.items() if not path.startswith(b".balupi-")
        }

    def flush(self) -> InboxRun | None:
        """Move what is ready."""
        return flushing.flush(AskedBy.COMMAND)


@contextmanager
def running_home(
    folder: Path, settings: Any, *, nas_folder: Path | None = None
) -> Iterator[InboxHome]:
    """Run an sshd for a new home whose NAS is awake, and point the settings at it."""
    assert SshTarget.is_available(), "needs sshd, ssh-keygen, rsync, rrsync: see deploy/test.sh"
    block = f"127.{secrets.randbelow(250) + 3}.{secrets.randbelow(250) + 1}"
    ssh = SshTarget(
        host=f"{block}.53", port=free_port(f"{block}.53"), folder=nas_folder or folder / "nas"
    )
    settings.INBOX_DIR = folder / "disk" / "inbox"
    settings.INBOX_DIR.mkdir(parents=True)
    marker_of(settings.INBOX_DIR).touch()
    settings.NAS_IP, settings.NAS_SSH_PORT, settings.NAS_SSH_USER = ssh.host, ssh.port, ssh.user
    settings.NAS_SSH_KEY = folder / "ssh" / "id_balupi"
    settings.NAS_SSH_KNOWN_HOSTS = folder / "ssh" / "known_hosts"
    settings.NAS_INBOX_PATH = str(ssh.inbox)
    settings.INBOX_QUIET_TIME, settings.INBOX_SETTLE_SECONDS = timedelta(), 0
    before = signal.getsignal(signal.SIGIO)
    ignore_lease_signals()
    flushing._ending.clear()
    ssh.prepare()
    ssh.authorize(ensure_key().with_suffix(".pub").read_text())
    settings.NAS_SSH_KNOWN_HOSTS.write_text(ssh.known_hosts_line() + "\n")
    ssh.start()
    try:
        yield InboxHome(settings.INBOX_DIR, ssh)
    finally:
        ssh.stop()
        signal.signal(signal.SIGIO, before)


def nas_is(state: NasState, *, probed: bool) -> None:
    """Write where the NAS stands, as the watch would."""
    now = timezone.now()
    NasStatus.objects.update_or_create(
        pk=1,
        defaults={
            "state": state,
            "probed": probed,
            "reason": Reason.ANSWERS,
            "since": now,
            "moved_at": now,
        },
    )


def contents(root: Path) -> dict[bytes, bytes]:
    """Return every regular file below a folder, by path."""
    found = {}
    for folder, _folders, names in os.walk(os.fsencode(root)):
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118  # bytes
            with open(path, "rb") as file:  # noqa: PTH123
                found[os.path.relpath(path, os.fsencode(root))] = file.read()
    return found


def _write(root: Path, path: str | bytes, content: bytes, age_s: float) -> Path:
    target = Path(os.fsdecode(os.path.join(os.fsencode(root), os.fsencode(path))))  # noqa: PTH118
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    if age_s:
        at = target.stat().st_mtime - age_s
        os.utime(target, (at, at))
    return target
