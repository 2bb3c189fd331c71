"""The NAS's rsync target: a real OpenSSH server for one key that may run nothing but rsync."""

import os
import pwd
import shlex
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from simhome.loopback import require_loopback

MARKER_NAME = ".balupi-inbox"
"""The empty file by which BaluPi knows that the NAS's disk is mounted below its inbox."""

_PROGRAMS = ("sshd", "ssh-keygen", "rsync", "rrsync", "setpriv")
_DEADLINE_SECONDS = 5.0
_LOOK_SECONDS = 0.005
_LOG_CHARACTERS_TOLD = 500
_PRIVILEGE_SEPARATION_FOLDER = Path("/run/sshd")  # Debian's sshd wants it of root

# StrictModes would refuse keys below /tmp; PAM would need root. HOME, because the user's shell runs
# the forced command, and bash would read the start files of whoever runs the simulated home.
_SSHD_CONFIG = """\
ListenAddress {host}
Port {port}
HostKey "{folder}/host_ed25519"
AuthorizedKeysFile "{folder_without_tokens}/authorized_keys"
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PidFile none
AllowTcpForwarding no
X11Forwarding no
PrintMotd no
LogLevel INFO
SetEnv "HOME={folder}"
MaxStartups 100:30:200
"""
# Since OpenSSH 9.8 clients that fail are shut out for a while; older ones refuse the option.
_NO_PENALTIES = "PerSourcePenalties no"


class SshTarget:
    """An sshd on loopback whose one key writes into ``inbox`` with rsync.

    Its folder has ``ssh`` (keys, settings, log) and ``inbox`` in it. sshd is told to end when the
    thread that started it ends, so that it outlives neither a test nor a household.
    """

    def __init__(self, *, host: str, port: int, folder: Path, user: str | None = None) -> None:
        require_loopback(host)
        self.host, self.port = host, port
        self.user = user or pwd.getpwuid(os.getuid()).pw_name
        self.ssh_folder = folder.absolute() / "ssh"
        self.inbox = folder.absolute() / "inbox"
        self.is_frozen = False
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @staticmethod
    def is_available() -> bool:
        """Tell whether the programs it needs are installed."""
        return all(_found(name) for name in _PROGRAMS)

    @property
    def log_file(self) -> Path:
        """What sshd tells, of all its lives."""
        return self.ssh_folder / "sshd.log"

    @property
    def is_running(self) -> bool:
        """Whether it listens, frozen or not."""
        if self._process is None or self._process.poll() is not None:
            return False
        with suppress(psutil.NoSuchProcess):
            opened = psutil.Process(self._process.pid).net_connections("tcp4")
            return any(each.status == psutil.CONN_LISTEN for each in opened)
        return False

    # Keys and settings

    def prepare(self) -> None:
        """Make folders, host key and settings; keeps keys and inbox that are there.

        Raises:
            OSError: not possible; the message says why.
        """
        self._make_ssh_folder()
        if not self.inbox.exists():
            self.inbox.mkdir()
            (self.inbox / MARKER_NAME).touch()
        key = self.ssh_folder / "host_ed25519"
        if not key.exists():
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
        (self.ssh_folder / "authorized_keys").touch(mode=0o600)
        if os.geteuid() == 0:
            _PRIVILEGE_SEPARATION_FOLDER.mkdir(mode=0o755, exist_ok=True)
        self._write_settings()

    def authorize(self, public_key: str) -> None:
        """Let the owner of a key run rsync in the inbox, and nobody else any more."""
        self._make_ssh_folder()
        command = f"{_program('rrsync')} {shlex.quote(str(self.inbox))}"
        quoted = command.replace('"', r"\"")
        temporary = self.ssh_folder / "authorized_keys.new"
        temporary.touch(mode=0o600)
        temporary.write_text(f'restrict,command="{quoted}" {public_key.strip()}\n')
        temporary.replace(self.ssh_folder / "authorized_keys")

    def known_hosts_line(self) -> str:
        """Return by which line of known_hosts a client knows it; ``prepare`` comes first."""
        kind, key, *_ = (self.ssh_folder / "host_ed25519.pub").read_text().split()
        return f"[{self.host}]:{self.port} {kind} {key}"

    def _make_ssh_folder(self) -> None:
        self.ssh_folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _write_settings(self) -> None:
        folder = str(self.ssh_folder)
        text = _SSHD_CONFIG.format(
            host=self.host,
            port=self.port,
            folder=folder,
            folder_without_tokens=folder.replace("%", "%%"),
        )
        settings = self.ssh_folder / "sshd_config"
        settings.write_text(text + _NO_PENALTIES + "\n")
        try:
            _run("sshd", "-t", "-f", str(settings))
        except OSError:
            settings.write_text(text)
            _run("sshd", "-t", "-f", str(settings))

    # Life

    def start(self) -> None:
        """Run, and return when it accepts connections; does nothing if it runs.

        Raises:
            OSError: it does not; the message has the end of its log.
        """
        self.launch()
        self.wait_until_running()

    def launch(self) -> None:
        """Run, without waiting until it accepts connections; does nothing if it runs."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            self.kill()
        with self.log_file.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own settings
                [
                    *(_program("setpriv"), "--pdeathsig", "TERM"),
                    *(_program("sshd"), "-D", "-e", "-f", str(self.ssh_folder / "sshd_config")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_running(self) -> None:
        """Return when it accepts connections after ``launch``.

        Raises:
            OSError: it does not; the message has the end of its log.
        """
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while not self.is_running:
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.kill()
                told = self.log_file.read_bytes()[self._log_start :].decode(errors="replace")
                raise OSError(f"sshd {self.host}:{self.port}: {told[-_LOG_CHARACTERS_TOLD:]}")
            time.sleep(_LOOK_SECONDS)

    def stop(self) -> None:
        """End it and everything that it started; a second call does nothing."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
            self._kill_sessions()
            self._process.terminate()
            self._process.send_signal(signal.SIGCONT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_DEADLINE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End it and everything that it started at once, as a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
            self._kill_sessions()
            self._process.kill()
            self._process.wait()
        self._process = None
        self.is_frozen = False

    def kill_sessions(self) -> None:
        """End all connections and what runs for them, as a cut link does; goes on listening."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
            self._kill_sessions()
            if not self.is_frozen:
                self._process.send_signal(signal.SIGCONT)

    def freeze(self) -> None:
        """Stand still with all connections, as in suspend; does nothing if it does not run."""
        if self._process is not None:
            self.is_frozen = True
            self._process.send_signal(signal.SIGSTOP)
            self._stop_sessions()

    def thaw(self) -> None:
        """Go on after ``freeze``."""
        if self._process is not None and self.is_frozen:
            self.is_frozen = False
            for session in self._sessions():
                _send(session, signal.SIGCONT)
            self._process.send_signal(signal.SIGCONT)

    # What runs for the connections; sshd itself stands still when these are called

    def _kill_sessions(self) -> None:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while sessions := self._stop_sessions():
            if time.monotonic() > deadline:
                raise OSError(f"sshd {self.host}:{self.port}: cannot be killed: {sessions}")
            for session in sessions:
                _send(session, signal.SIGKILL)

    def _stop_sessions(self) -> set[psutil.Process]:
        """Let them all stand still, also those that one of them starts meanwhile."""
        stopped: set[psutil.Process] = set()
        while fresh := self._sessions() - stopped:
            for session in fresh:
                _send(session, signal.SIGSTOP)
            stopped |= fresh
        return stopped

    def _sessions(self) -> set[psutil.Process]:
        """Return what descends from sshd, and what did so until its parent ended.

        sshd tells whom it serves in SSH_CONNECTION: the client's address and port, and its own.
        """
        found: set[psutil.Process] = set()
        if self._process is not None and self._process.poll() is None:
            with suppress(psutil.NoSuchProcess):
                found.update(psutil.Process(self._process.pid).children(recursive=True))
        own = f" {self.host} {self.port}"
        for process in psutil.process_iter(["environ"]):
            if (process.info["environ"] or {}).get("SSH_CONNECTION", "").endswith(own):
                found.add(process)
        return {process for process in found if _lives(process)}


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _found(name: str) -> str | None:
    """Return where a program is; people's PATH often lacks what only root ran once."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def _program(name: str) -> str:
    path = _found(name)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed")
    return path


def _run(name: str, *arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own arguments
        [_program(name), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OSError(f"{name}: {done.stderr.strip()}")
