import json

import numpy as np
import pytest
import torch

from gancore.errors import RewardError
from gancore.rewards.calls import Remembers
from gancore.rewards.curriculum import Curriculum
from gancore.rewards.diversity_filter import DiversityFilter
from gancore.rewards.replay import Replay
from gancore.rewards.shaping import RewardShaping
from gancore.types import Reward


def length(strings):
    return np.array([len(text) / 10 for text in strings])


def always(value):
    return lambda strings: np.full(len(strings), value)


def through_json(memory, fresh):
    fresh.restore(json.loads(json.dumps(memory.state())))
    return fresh


def test_a_curriculum_goes_on_when_the_goal_is_reached_in_a_row():
    scored = iter([0.6, 0.2, 0.6, 0.6])
    curriculum = Curriculum([(lambda strings: np.full(len(strings), next(scored)), 0.5), (length, 1.0)], patience=2)
    assert isinstance(curriculum, Reward)
    for _ in range(3):
        curriculum(["a"])
    assert curriculum.stage == 0, "the row was broken once"
    other = through_json(curriculum, Curriculum(curriculum.stages, patience=2))
    curriculum(["a"])
    assert (curriculum.stage, other.stage, other.reached) == (1, 0, 1)
    assert curriculum(["abc"]).tolist() == [0.3]


def test_a_full_bucket_pays_nothing_and_low_scores_are_not_counted():
    same = DiversityFilter(len, bucket=2, least=0.5)
    assert same(["aa", "bb", "cc", "d"], np.array([0.9, 0.2, 0.8, 0.7])).tolist() == [0.9, 0.2, 0.8, 0.7]
    again = through_json(same, DiversityFilter(len, bucket=2, least=0.5))
    for filtered in (same, again):
        assert filtered(["ee", "f"], np.array([0.9, 0.9])).tolist() == [0.0, 0.9]


def test_a_memory_keeps_the_best_once():
    replay = Replay(3)
    replay.add(["a", "b", "c", "b", "d", "nothing"], np.array([0.1, 0.5, 0.9, 0.6, 0.7, 0.0]))
    assert replay.best == {"c": 0.9, "d": 0.7, "b": 0.6}
    torch.manual_seed(0)
    first = replay.draw(2)
    torch.manual_seed(0)
    assert through_json(replay, Replay(3)).draw(2) == first
    assert sorted(replay.draw(9)) == ["b", "c", "d"]


def test_steering_is_its_parts():
    steering = RewardShaping(length, DiversityFilter(len, 1, 0.2), Replay(5))
    scores = steering.score(["abc", "xyz", "a"])
    assert steering.state() == RewardShaping(length, DiversityFilter(len, 1, 0.2), Replay(5)).state(), (
        "scoring changes nothing"
    )
    assert steering.weigh(["abc", "xyz", "a"], scores).tolist() == pytest.approx([0.3, 0.0, 0.1])
    assert sorted(steering.best(9)) == ["a", "abc", "xyz"]
    assert RewardShaping(always(np.nan)).score(["a"]).tolist() == [0.0]
    fresh = through_json(steering, RewardShaping(length, DiversityFilter(len, 1, 0.2), Replay(5)))
    assert fresh.state() == steering.state()
    assert isinstance(steering, Remembers)


@pytest.mark.parametrize("state", [[9, 0], ["x", 0], 3, {"stage": 1}])
def test_what_never_was_a_state_is_refused(state):
    with pytest.raises((TypeError, ValueError, KeyError)):
        Curriculum([(length, 1.0)]).restore(state)


def fails(strings):
    raise ValueError("no")


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        (lambda strings: None, "gave nothing for 2 strings"),
        (lambda strings: [0.5], r"shape \(1,\) for 2 strings"),
        (lambda strings: [0.5, 2.0], "gave 2 for 'b'; a score is from 0 to 1"),
        (lambda strings: ["good", "bad"], "failed with ValueError: could not convert"),
        (fails, "reward fails: failed with ValueError: no"),
    ],
)
def test_a_reward_that_gives_anything_but_scores_is_refused(reward, said):
    with pytest.raises(RewardError, match=said):
        RewardShaping(reward).score(["a", "b"])


def test_when_nothing_has_a_score_that_is_told_once():
    class Silent:
        def __call__(self, strings):
            return np.full(len(strings), np.nan)

        def why(self, strings):
            return f"{len(strings)} x no program"

    steering, told = RewardShaping(Silent()), []
    steering.tell = told.append
    for strings in (["", ""], ["a", ""], ["b"]):
        steering.weigh(strings, steering.score(strings))
    assert told == ["reward: none of the 1 strings of a turn has a score (1 x no program)."]
