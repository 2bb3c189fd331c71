"""The same seed, the same faults; each comes, and never two at one place."""

from __future__ import annotations

import itertools

from tests.faults.plan import FAULTS, PLUGS, Episode, episodes


def first(count: int, seed: int) -> list[Episode]:
    return list(itertools.islice(episodes(seed), count))


def test_the_same_seed_brings_the_same_faults() -> None:
    assert first(50, seed=8) == first(50, seed=8)
    assert first(50, seed=8) != first(50, seed=9)


def test_no_fault_comes_a_third_time_before_each_has_come() -> None:
    names = [one.name for episode in first(40, seed=8) for one in episode.faults]
    third = next(number for number, name in enumerate(names) if names[:number].count(name) == 2)
    assert set(names[:third]) == set(FAULTS)


def test_one_to_three_faults_come_at_once_and_never_two_at_one_place() -> None:
    played = first(300, seed=8)
    for episode in played:
        places = [FAULTS[one.name] for one in episode.faults]
        places += ["nas"] * bool(episode.leaves or episode.returns)
        assert 1 <= len(episode.faults) <= 3
        assert len(places) == len(set(places))
    assert {one.plug for episode in played for one in episode.faults} == {"", *PLUGS}


def test_the_nas_sleeps_only_until_the_next_episode() -> None:
    is_awake = True
    for episode in first(300, seed=8):
        assert bool(episode.returns) == (not is_awake)
        assert not (episode.leaves and episode.returns)
        is_awake = not episode.leaves
