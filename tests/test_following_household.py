"""The NAS's name follows the NAS as fast as promised, in a trial that looks as often as a real household.

The benchmarks measure all stories again and again; here are those that differ.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import benchmarks.trial
from benchmarks import follow
from tests.conftest import Trial, running_trial

pytestmark = [
    pytest.mark.household,
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("home_in_order"),
]

#: One of each way to be noticed: nobody is there, a refusal, silence.
DIFFERENT = {"crash, woken by BaluPi", "connection refused", "hang"}


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A household with the intervals that the promise is about."""
    with running_trial(tmp_path_factory.mktemp("following") / "data") as running:
        yield running


@pytest.mark.parametrize(
    "story",
    [story for story in follow.STORIES if story.name in DIFFERENT],
    ids=lambda story: story.name,
)
def test_the_name_follows_the_nas(trial: Trial, story: follow.Story) -> None:
    seconds, names = follow.measure(story, benchmarks.trial.Trial(trial.data_dir), rounds=1, seed=8)
    assert max(seconds["gone"]) <= story.gone_limit_s
    assert max(seconds["back"]) <= story.back_limit_s
    assert set(names.kinds) == {"1 address"}
