"""The NAS's name follows the NAS; a file and so a trial of its own, as it takes minutes of waiting."""

from __future__ import annotations

import pytest

import benchmarks.trial
from benchmarks import follow
from tests.conftest import Trial

pytestmark = [
    pytest.mark.household,
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("home_in_order"),
]


@pytest.mark.parametrize("story", follow.STORIES, ids=lambda story: story.name)
def test_the_name_follows_the_nas(trial: Trial, story: follow.Story) -> None:
    seconds, names = follow.measure(story, benchmarks.trial.Trial(trial.data_dir), rounds=1, seed=8)
    assert max(seconds["gone"]) <= story.gone_limit_s
    assert max(seconds["back"]) <= story.back_limit_s
    assert set(names.kinds) == {"1 address"}
