"""Whatever dies while the inbox is moved: every file is here or on the NAS, whole, and arrives once.

``pytest tests/test_inbox_faults.py --fault-rounds 100`` is the long version; ``--fault-seed`` repeats one.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.inbox_site import InboxSite, descendants, random_path, running_site

pytestmark = [pytest.mark.household, pytest.mark.enable_socket]

#: Small files, and one that takes a while on its own.
_FILES, _SMALL_BYTES, _LARGE_BYTES = 12, 200_000, 12_000_000
_FULL_DISK_BYTES = 24 * 1024 * 1024
#: So often a fault is played until it meets a run that is not over yet.
_ATTEMPTS = 5


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--fault-rounds"))


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    seed = request.config.getoption("--fault-seed") or random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    return random.Random(int(seed))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[InboxSite]:
    with running_site(tmp_path) as running:
        yield running


def kill_worker(_site: InboxSite, flusher: subprocess.Popen[str]) -> None:
    flusher.kill()


def kill_rsync(_site: InboxSite, flusher: subprocess.Popen[str]) -> None:
    _kill_one("rsync", flusher)


def kill_ssh(_site: InboxSite, flusher: subprocess.Popen[str]) -> None:
    _kill_one("ssh", flusher)


def kill_nas(site: InboxSite, _flusher: subprocess.Popen[str]) -> None:
    site.ssh.kill()


def cut_link(site: InboxSite, _flusher: subprocess.Popen[str]) -> None:
    site.ssh.kill_sessions()


def test_kill_9_at_random_moments_loses_nothing(
    site: InboxSite, chance: random.Random, rounds: int
) -> None:
    faults = [kill_worker, kill_rsync, kill_ssh, kill_nas]
    hits = _play(site, chance, [faults[number % len(faults)] for number in range(rounds)])
    _report(hits, rounds, site)
    assert hits["in mid-run"] == rounds, f"the faults came too late: {hits}"


def test_a_cut_link_loses_nothing(site: InboxSite, chance: random.Random, rounds: int) -> None:
    hits = _play(site, chance, [cut_link] * rounds)
    _report(hits, rounds, site)
    assert hits["in mid-run"] == rounds, f"the faults came too late: {hits}"


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk for the NAS has to be mounted")
def test_a_full_nas_loses_nothing_and_counts_against_no_file(
    tmp_path: Path, chance: random.Random, rounds: int
) -> None:
    nas = tmp_path / "nas"
    nas.mkdir()
    subprocess.run(  # noqa: S603
        ["mount", "-t", "tmpfs", "-o", f"size={_FULL_DISK_BYTES}", "tmpfs", str(nas)],  # noqa: S607
        check=True,
    )
    try:
        with running_site(tmp_path, nas=nas) as site:
            for _ in range(rounds):
                _fill_and_flush(site, chance)
            _report(Counter({"full": rounds}), rounds, site)
    finally:
        subprocess.run(["umount", "-l", str(nas)], check=True)  # noqa: S603, S607


def _fill_and_flush(site: InboxSite, chance: random.Random) -> None:
    """Flush to a disk that fills up at a random byte, then make room and flush again."""
    ballast = site.ssh.inbox.parent / "ballast"
    _put_files(site, chance)
    ballast.touch()
    free = shutil.disk_usage(ballast).free
    with ballast.open("wb") as file:
        file.write(b"\0" * max(free - chance.randrange(1, _LARGE_BYTES), 0))
    said = site.flush()
    assert "full" in said, said
    site.require_nothing_lost()
    both = set(site.here()) & set(site.there())
    assert not both, "what arrived before the disk was full must not wait for room"
    ballast.unlink()
    site.flush_until_empty()
    site.require_all_there_once()
    with site.database() as database:
        worst = database.execute("SELECT max(attempts) FROM handshake_inboxfile").fetchone()[0]
    database.close()
    assert worst == 0
    for path in site.there():  # make room for the next round
        os.unlink(os.path.join(os.fsencode(site.ssh.inbox), path))
    site.put_here.clear()


Fault = Callable[[InboxSite, subprocess.Popen[str]], None]


def _play(site: InboxSite, chance: random.Random, faults: list[Fault]) -> Counter[str]:
    """Play the faults, each at a random moment of a run of its own; then let everything arrive."""
    hits: Counter[str] = Counter()
    _put_files(site, chance)
    longest_s = _undisturbed(site)
    for fault in faults:
        for _attempt in range(_ATTEMPTS):
            hits[fault.__name__] += 1
            if _hits_a_run(site, chance, fault, longest_s):
                hits["in mid-run"] += 1
                break
            longest_s *= 0.7  # runs are faster now than the first one was
    site.flush_until_empty()
    site.require_all_there_once()
    return hits


def _hits_a_run(site: InboxSite, chance: random.Random, fault: Fault, longest_s: float) -> bool:
    """Start a run and play the fault within ``longest_s``; False where the run had ended by then."""
    _put_files(site, chance)
    with site.start_flush() as flusher:
        _wait_for_transfer(flusher)
        try:
            flusher.wait(chance.uniform(0, longest_s))
            is_running = False
        except subprocess.TimeoutExpired:
            is_running = True
        fault(site, flusher)
        site.require_nothing_lost()  # at once, before anything recovers
        flusher.communicate(timeout=120)
    site.require_nothing_lost()
    site.ssh.start()  # where the fault was its end
    return is_running


def _undisturbed(site: InboxSite) -> float:
    """Return how long a run takes from its first rsync to its end, in seconds."""
    with site.start_flush() as flusher:
        _wait_for_transfer(flusher)
        start_s = time.monotonic()
        said = flusher.communicate(timeout=120)[0]
    assert flusher.returncode == 0, said
    return time.monotonic() - start_s


def _wait_for_transfer(flusher: subprocess.Popen[str]) -> None:
    """Return when the first rsync runs, or the run has ended without one."""
    while flusher.poll() is None and not descendants(flusher.pid, "rsync"):
        os.sched_yield()


def _kill_one(name: str, flusher: subprocess.Popen[str]) -> None:
    for process in descendants(flusher.pid, name)[:1]:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            return


def _put_files(site: InboxSite, chance: random.Random) -> None:
    for _ in range(_FILES):
        size = chance.choice((1, 1000, chance.randrange(1, _SMALL_BYTES)))
        site.put(random_path(chance), chance.randbytes(size) + chance.randbytes(16))
    site.put(random_path(chance), chance.randbytes(_LARGE_BYTES))
    # A name that is taken on the NAS, and not one that waits here: that would be a new version of it.
    taken = sorted(set(site.there()) - set(site.here()))
    if taken and chance.random() < 0.5:
        site.put(chance.choice(taken), chance.randbytes(5000))


def _report(hits: Counter[str], rounds: int, site: InboxSite) -> None:
    with site.database() as database:
        runs = database.execute(
            "SELECT count(*), sum(files_moved) FROM handshake_inboxrun"
        ).fetchone()
    database.close()
    print(
        f"{rounds} rounds: {dict(hits)}; {len(site.put_here)} files, runs and files moved: {runs}"
    )
