"""The whole product under faults in a random sequence: what must hold holds, all along and at the end.

``pytest -s tests/faults --fault-minutes 60`` is the long version; ``--fault-seed`` repeats one.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.household import FLUSH_INTERVAL_S, Household, now, running_household
from tests.faults.plan import episodes
from tests.faults.play import Play
from tests.faults.verdict import Verdict, counts
from tests.faults.watchers import HomeWatch, NameWatch

pytestmark = [pytest.mark.household, pytest.mark.enable_socket]

#: The short run is the same each time: of 2,000 seeds the one whose first three minutes bring most faults.
_SHORT_MINUTES, _SHORT_SEED = 3.0, 1548
#: The inbox is looked at each minute, and a destination that failed is left alone for a while.
_FILES_S = 240


@pytest.fixture
def minutes(request: pytest.FixtureRequest) -> float:
    return float(request.config.getoption("--fault-minutes"))


@pytest.fixture
def seed(request: pytest.FixtureRequest, minutes: float) -> int:
    given = request.config.getoption("--fault-seed")
    if given is not None:
        return int(given)
    return _SHORT_SEED if minutes <= _SHORT_MINUTES else random.SystemRandom().randrange(10**6)


@pytest.fixture
def household(tmp_path: Path) -> Iterator[Household]:
    with running_household(tmp_path) as running:
        yield running


def test_everything_heals_and_nothing_is_lost(
    household: Household, seed: int, minutes: float
) -> None:
    start_at = now()
    with contextlib.closing(household.stored()) as stored:
        before = counts(stored)
    play = Play(
        household,
        NameWatch(household.facts),
        HomeWatch(household.truth),
        random.Random(seed),
        before,
    )
    play.tell(f"seed {seed}, {minutes:g} minutes")
    play.names.start()
    play.watch.start()
    ends_s = time.monotonic() + minutes * 60
    for episode in episodes(seed):
        play.play(episode)
        if time.monotonic() > ends_s:
            break
    _come_to_rest(play)
    verdict = Verdict(play, start_at=start_at, end_at=now())
    print(f"seed {seed}: {verdict.figures()}")
    if verdict.problems:
        kept = _keep(household, play, verdict, seed)
        pytest.fail(
            f"seed {seed} (--fault-seed {seed} --fault-minutes {minutes:g}), all of it in {kept}:\n"
            + "\n".join(verdict.problems)
        )


def _come_to_rest(play: Play) -> None:
    """Let the files arrive and the last samples be stored, and look no more."""
    if play.home.is_stopped():
        play.home.nas("power_on")
    play.wait_for_files(_FILES_S)
    play.watch.end()
    time.sleep(2 * FLUSH_INTERVAL_S)
    play.names.end()


def _keep(household: Household, play: Play, verdict: Verdict, seed: int) -> Path:
    """Keep what tells why; return where."""
    folder = Path("build") / "faults" / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(household.trial.log, folder / "product.log")
    (folder / "story.txt").write_text("\n".join(play.story) + "\n")
    (folder / "problems.txt").write_text("\n".join([verdict.figures(), *verdict.problems]) + "\n")
    (folder / "home.json").write_text(json.dumps(household.truth(), indent=2))
    windows = {what: [vars(one) for one in found] for what, found in household.windows.items()}
    (folder / "windows.json").write_text(json.dumps(windows, indent=2))
    source = sqlite3.connect(household.database_file)
    with sqlite3.connect(folder / "balupi.sqlite3") as copy:
        source.backup(copy)
    source.close()
    copy.close()
    return folder.resolve()
