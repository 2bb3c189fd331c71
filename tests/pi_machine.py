"""A disposable Pi-like machine for tests: systemd boots in a throw-away copy of a Debian root."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

#: What the copy keeps of this machine's services: nothing that is enabled here is wanted there.
_UNITS = "etc/systemd/system"
#: A machine that boots on a busy host; alone it takes 2 s.
_BOOT_S = 60
#: Where systemd looks for its processes: version 2 of control groups alone, or beside version 1.
_CONTROL_GROUPS = [Path("/sys/fs/cgroup") / name for name in ("", "unified", "systemd")]
#: Starts what follows in these control groups.
_IN_GROUPS = """for group in $MACHINE_GROUPS; do echo $$ >"$group/cgroup.procs"; done; exec "$@\""""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NoMachineError(Exception):
    """No machine can be made here; the text says why."""


class PiMachine:
    """A booted machine of its own: processes, network (only loopback) and files.

    What is written lies in memory and is gone with ``close``; a power cut keeps it.

    Attributes:
        folder: where its files are: ``root`` as seen from outside, ``console.log``.
        pid: its init, seen from outside.
    """

    def __init__(
        self, folder: Path, *, below: Path = Path("/"), binds: Mapping[Path, str] | None = None
    ) -> None:
        """Make it, without starting it.

        Args:
            folder: a new folder for it.
            below: the Debian root that it looks like; never changed.
            binds: folders of this machine it can read, and where it has them.

        Raises:
            NoMachineError: it cannot be made here.
        """
        self.folder = folder
        self.root = folder / "root"
        self.pid = 0
        self._binds = dict(binds or {})
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._groups: list[Path] = []
        if os.geteuid() != 0:
            raise NoMachineError("a machine of its own needs root")
        if shutil.which("systemd-nspawn") is None:
            raise NoMachineError("systemd-nspawn is missing (package systemd-container)")
        folder.mkdir(parents=True, exist_ok=True)
        _outside("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(folder))
        try:
            for name in ("changes", "work", "root"):
                (folder / name).mkdir()
            layers = f"lowerdir={below},upperdir={folder}/changes,workdir={folder}/work"
            _outside("mount", "-t", "overlay", "-o", layers, "overlay", str(self.root))
            self._forget_services()
            # Its systemd may find and end its own processes only, not another machine's.
            name = f"balupi-machine-{secrets.token_hex(4)}"
            self._groups = [
                place / name for place in _CONTROL_GROUPS if (place / "cgroup.procs").exists()
            ]
            for group in self._groups:
                _make_group(group)
        except BaseException:
            self.close()
            raise

    def _forget_services(self) -> None:
        units = self.root / _UNITS
        for wanted in units.glob("*.wants"):
            shutil.rmtree(wanted)
        # They write to disks or wait for a network that is not there.
        for name in ("systemd-networkd-wait-online", "systemd-udevd", "systemd-udev-trigger"):
            unit = units / f"{name}.service"
            unit.unlink(missing_ok=True)
            unit.symlink_to("/dev/null")

    def start(self) -> None:
        """Boot, and return once the system is up.

        Raises:
            NoMachineError: it does not boot; with the end of its console.
        """
        console = self.folder / "console.log"
        binds = [f"--bind-ro={outside}:{inside}" for outside, inside in self._binds.items()]
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network"]
        command += ["--resolv-conf=off", f"--directory={self.root}", *binds, "--boot"]
        with console.open("wb") as log:
            self._nspawn = subprocess.Popen(  # noqa: S603  # the tests' own words
                ["sh", "-euc", _IN_GROUPS, "-", *command],  # noqa: S607
                env=os.environ | {"MACHINE_GROUPS": " ".join(map(str, self._groups))},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        ends_s = time.monotonic() + _BOOT_S
        while not self._is_up():
            if self._nspawn.poll() is not None or time.monotonic() > ends_s:
                text = console.read_text(errors="replace")[-1500:]
                self.cut_power()
                raise NoMachineError(f"a machine does not boot here: {text}")
            time.sleep(0.1)
        # nspawn puts a file of its own there, which services with a /proc of their own do not see.
        self.run(["umount", "/proc/sys/kernel/random/boot_id"], check=False)

    def _is_up(self) -> bool:
        assert self._nspawn is not None
        children: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self._nspawn.pid).children()
        if not children:
            return False
        self.pid = children[0].pid
        said = self.run(["systemctl", "is-system-running"], check=False).stdout.strip()
        return said in {"running", "degraded"}

    def run(
        self,
        words: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float = 300,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it as root; output and errors come together as ``stdout``."""
        done = subprocess.run(  # noqa: S603  # the tests' own words
            self.command(words),
            env={"PATH": _PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(words)}:\n{done.stdout[-4000:]}"
        return done

    def command(self, words: Sequence[str]) -> list[str]:
        """Return what starts a command in it from outside."""
        spaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"]
        return ["nsenter", f"--target={self.pid}", *spaces, *words]

    def path(self, inside: str) -> Path:
        """Return a file of it as seen from outside; not below /run and /tmp, which are in its memory."""
        return self.root / inside.lstrip("/")

    def read(self, inside: str) -> str:
        """Return the text of a file in it."""
        return self.run(["cat", inside]).stdout

    def write(self, inside: str, text: str, mode: int = 0o644) -> None:
        """Write a file in it, before or after its start."""
        file = self.path(inside)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def cut_power(self) -> None:
        """End everything in it at once; ``start`` boots it again with the files it had."""
        if self._nspawn is None:
            return
        family = [self._nspawn.pid, *([self.pid] if self.pid else [])]
        for pid in reversed(family):  # with its init, the kernel ends all processes in it
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self._nspawn.wait(20)
        self._nspawn, self.pid = None, 0

    def close(self) -> None:
        """End it, and leave nothing."""
        self.cut_power()
        for place in (self.root, self.folder):
            _until(_is_unmounted, place)
        for group in self._groups:
            _until(_is_removed, group)
        shutil.rmtree(self.folder, ignore_errors=True)


def _until(is_done: Callable[[Path], bool], place: Path) -> None:
    """Try again for 5 s: what ends a moment later still holds it."""
    for _again in range(50):
        if is_done(place):
            return
        time.sleep(0.1)


def _is_unmounted(place: Path) -> bool:
    if place.is_mount():
        subprocess.run(["umount", str(place)], capture_output=True, check=False)  # noqa: S603, S607
    return not place.is_mount()


def _make_group(group: Path) -> None:
    try:
        group.mkdir()
    except OSError as error:
        raise NoMachineError(f"control groups cannot be made here: {error}") from None


def _is_removed(group: Path) -> bool:
    """Remove a control group and all below it; False: a process in it still ends."""
    folders = sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True)
    try:
        for folder in [*folders, group]:
            folder.rmdir()
    except OSError:
        return not group.exists()
    return True


def _outside(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise NoMachineError(f"{' '.join(words[:3])} does not work here: {done.stderr.strip()}")
