"""From a configuration, or somebody's reward, to the reward that a recipe learns from."""

from gancore.errors import ConfigError
from gancore.rewards.curriculum import Curriculum
from gancore.rewards.diversity_filter import DiversityFilter
from gancore.rewards.replay import Replay
from gancore.rewards.shaping import RewardShaping
from gancore.types import Reward
from molgan.recipes.config import PolicyRewardConfig, RewardConfig
from molgan.scoring.diversity import KEYS
from molgan.scoring.scorer import Scorer


def refuse_reward(reward: RewardConfig, own: Reward | None) -> None:
    """Raise ConfigError for a reward of somebody's own that the configuration has no use for."""
    if own is None:
        return
    if not reward.weight:
        raise ConfigError("a reward was given, but reward.weight is 0: set it above 0, for instance to 0.5.")
    if reward.budget or reward.cache:
        raise ConfigError("reward.budget and reward.cache are of reward.score; a reward given to fit has its own.")


def reward_shaping(reward: RewardConfig, own: Reward | None = None) -> RewardShaping:
    """The score with the stages, the filter and the memory that its configuration has.

    own: takes the place of `reward.score`. Raises ConfigError where the score or it cannot be used.
    """
    refuse_reward(reward, own)
    cache = (reward.cache or None) if reward.weight else None
    last = own or Scorer(reward.score, cache=cache, budget=reward.budget)
    if not isinstance(reward, PolicyRewardConfig):
        return RewardShaping(last, blanks=False, when_spent=reward.when_spent)
    stages = [(Scorer(stage.score, cache=cache), stage.goal) for stage in reward.stages]
    same = reward.diversity
    diversity = DiversityFilter(KEYS[same.by](same.nearness), same.bucket, same.least) if same.by else None
    replay = Replay(reward.replay.size) if reward.replay.size else None
    return RewardShaping(Curriculum([*stages, (last, 1.0)]), diversity, replay, False, reward.when_spent)
