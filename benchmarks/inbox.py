"""How fast the inbox moves to the NAS, beside plain rsync with the same files and connection."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import ROOT, Figure, median_and_worst
from benchmarks.trial import Trial

_SEED = 8
#: So that nothing waits for a file to be left alone: what is measured is the way to the NAS.
_AT_ONCE = {"BALUPI_INBOX_QUIET_SECONDS": "0", "BALUPI_INBOX_SETTLE_SECONDS": "0"}
_LOOK_S = 0.02
_OURS = (
    "manage.py flush_inbox without waiting for files to be left alone, from its start (Python's "
    "included); real sshd, rsync and rrsync on loopback; in turn with plain rsync."
)
_PLAIN = "rsync --archive of the same folder with the same key to the same sshd and rrsync."
_SYNCED = "The same, each file written through to the NAS's disk, as BaluPi has it."


def inbox(bench: Bench) -> Iterator[Figure]:
    """Send few large files, then many small ones."""
    trial = bench.trial()
    chance = random.Random(_SEED)
    large_mb, small = bench.rounds(20, 250), bench.rounds(100, 2000)
    for name, sizes in (
        (f"2 files of {large_mb} MB", [large_mb * 1_000_000] * 2),
        (f"{small:,} files of 40 kB", [40_000] * small),
    ):
        source = bench.folder / "files"
        source.mkdir()
        for number, size in enumerate(sizes):
            (source / f"{number}.bin").write_bytes(chance.randbytes(size))
        yield from _measure(bench, trial, name, source, sum(sizes) / 1e6)
        shutil.rmtree(source)


def _measure(
    bench: Bench, trial: Trial, name: str, source: Path, size_mb: float
) -> Iterator[Figure]:
    there_s: list[float] = []
    gone_s: list[float] = []
    plain_s: list[float] = []
    synced_s: list[float] = []
    with trial.stopped("worker"):
        for number in range(bench.rounds(1, 3)):
            bench.say(f"{name}, round {number + 1}")
            for times_s, more in ((plain_s, ()), (synced_s, ("--fsync",))):
                times_s.append(_rsync(trial, source, *more))
                _empty(Path(trial.facts["nas_inbox"]))
            there, gone = _flush(trial, source)
            there_s.append(there)
            gone_s.append(gone)
            _empty(Path(trial.facts["nas_inbox"]))
    middle = {
        "inbox, all are on the NAS": (there_s, _OURS),
        "inbox, and none is here": (gone_s, _OURS),
        "plain rsync": (plain_s, _PLAIN),
        "rsync --fsync": (synced_s, _SYNCED),
    }
    for what, (times_s, how) in middle.items():
        median = median_and_worst(name, times_s, "s", how)[0].value or 0.0
        yield Figure(name, what, size_mb / median, "MB/s", how)


def _flush(trial: Trial, source: Path) -> tuple[float, float]:
    """Move copies through the inbox; the seconds until all are there, and until none is here."""
    inbox, nas = Path(trial.facts["inbox"]), Path(trial.facts["nas_inbox"])
    shutil.copytree(source, inbox, dirs_exist_ok=True)
    wanted = {path.name for path in source.iterdir()}
    environment = {**os.environ, **_AT_ONCE, "BALUPI_ENV_FILE": trial.facts["env_file"]}
    command = [*trial.facts["manage"], "flush_inbox"]
    start_s, there_s = time.monotonic(), 0.0
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            time.sleep(_LOOK_S)
            if not there_s and wanted <= {path.name for path in nas.iterdir()}:
                there_s = time.monotonic() - start_s
    gone_s = time.monotonic() - start_s
    if process.returncode or any(inbox.iterdir()):
        raise RuntimeError(f"flush_inbox ended with {process.returncode} and left files")
    return there_s or gone_s, gone_s


def _rsync(trial: Trial, source: Path, *more: str) -> float:
    keys = trial.data_dir / "ssh"
    options = {
        "BatchMode": "yes",
        "IdentityFile": keys / "id_balupi",
        "UserKnownHostsFile": keys / "known_hosts",
        "LogLevel": "ERROR",
    }
    ssh = ["ssh", "-F", "none", "-p", str(trial.facts["nas_ssh_port"])]
    ssh += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    command = ["rsync", "--archive", *more, "--rsh", " ".join(ssh)]
    start_s = time.monotonic()
    subprocess.run([*command, f"{source}/", f"{trial.facts['nas_ip']}:/"], check=True)
    return time.monotonic() - start_s


def _empty(folder: Path) -> None:
    for path in folder.glob("*.bin"):
        path.unlink()
