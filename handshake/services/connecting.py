"""Setting up the way to the NAS's inbox: marker, key, host key."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from django.conf import settings

from balupi_site.lib.errors import PermanentError, TransientError
from handshake.folder import marker_of

_SCAN_S = 10


def authorized_line() -> str:
    """Return the line for authorized_keys on the NAS; makes our key where there is none yet."""
    key = ensure_key()
    # From the key itself: one that was brought along may have no .pub beside it.
    public = _run("ssh-keygen", "-y", "-P", "", "-f", str(key)).strip()
    command = shlex.join(["/usr/bin/rrsync", settings.NAS_INBOX_PATH])
    return f'restrict,command="{command}" {public}'


def ensure_key() -> Path:
    """Return our private key, made where there is none yet.

    Raises:
        PermanentError: it cannot be made.
    """
    key: Path = settings.NAS_SSH_KEY
    if not key.exists():
        key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "balupi inbox", "-f", str(key))
    return key


def is_on_system_disk(folder: Path) -> bool:
    """Tell whether a folder is on the same file system as /: on a Pi, the SD card."""
    there = folder
    while not there.exists():
        there = there.parent
    return there.stat().st_dev == Path("/").stat().st_dev


def make_inbox() -> bool:
    """Make the inbox and mark its disk; False where both were there."""
    inbox: Path = settings.INBOX_DIR
    marker = marker_of(inbox)
    is_new = not (inbox.is_dir() and marker.exists())
    inbox.mkdir(parents=True, exist_ok=True)
    marker.touch()
    return is_new


def is_pinned() -> bool:
    """Tell whether the NAS's host key is known."""
    return bool(settings.NAS_SSH_KNOWN_HOSTS.exists())


def forget_host() -> None:
    """Forget the NAS's host key."""
    settings.NAS_SSH_KNOWN_HOSTS.unlink(missing_ok=True)


def seen_host_keys() -> str:
    """Return the host keys that the NAS shows now, as lines for known_hosts.

    Raises:
        TransientError: it shows none.
    """
    port, host = str(settings.NAS_SSH_PORT), settings.NAS_IP
    found = _run("ssh-keyscan", "-T", "5", "-p", port, host, may_fail=True)
    lines = [line for line in found.splitlines() if line and not line.startswith("#")]
    if not lines:
        raise TransientError(
            f"The NAS ({host}, port {port}) shows no ssh host key. Wake it, switch its ssh service "
            "on, and check BALUPI_NAS_SSH_PORT."
        )
    return "\n".join(sorted(lines)) + "\n"


def fingerprints(host_keys: str) -> list[str]:
    """Return the fingerprint of each line for known_hosts, as ssh shows them."""
    return _run("ssh-keygen", "-l", "-f", "-", text=host_keys).splitlines()


def pin(host_keys: str) -> None:
    """Take these host keys for the NAS's from now on."""
    path: Path = settings.NAS_SSH_KNOWN_HOSTS
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(host_keys, encoding="ascii")
    fresh.replace(path)


def _run(*command: str, text: str = "", may_fail: bool = False) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # an argv list
            command, input=text, capture_output=True, text=True, timeout=_SCAN_S, check=False
        )
    except FileNotFoundError as error:
        raise PermanentError(f"{command[0]} is missing; install openssh-client.") from error
    except subprocess.TimeoutExpired as error:
        raise TransientError(f"{command[0]} did not end within {_SCAN_S} s.") from error
    if done.returncode and not may_fail:
        raise PermanentError(f"{command[0]} failed: {done.stderr.strip()[:200]}")
    return done.stdout
