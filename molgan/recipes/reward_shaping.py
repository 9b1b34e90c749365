"""What stands between a score, or somebody's reward, and a recipe, from its configuration."""

from gancore.errors import ConfigError
from gancore.rewards.curriculum import Curriculum
from gancore.rewards.diversity_filter import DiversityFilter
from gancore.rewards.replay import Replay
from gancore.rewards.shaping import Steering
from gancore.types import Reward
from molgan.config import Config
from molgan.scoring.diversity import KEYS
from molgan.scoring.scorer import Scorer


def refuse_reward(config: Config, given: Reward | None) -> None:
    """Raise ConfigError for a reward of somebody's own that the configuration has no use for."""
    if given is None:
        return
    if not config.reward.weight:
        raise ConfigError("a reward was given, but reward.weight is 0: set it above 0, for instance to 0.5.")
    if config.reward.budget or config.reward.cache:
        raise ConfigError("reward.budget and reward.cache are of reward.score; a reward given to fit has its own.")


def steering(config: Config, given: Reward | None = None) -> Steering:
    """Stages, filter and memory as `config.reward` has them; recipe molgan has none of those.

    given: takes the place of `reward.score`. Raises ConfigError where the score or it cannot be used.
    """
    refuse_reward(config, given)
    reward = config.reward
    cache = (reward.cache or None) if reward.weight else None
    last = given or Scorer(reward.score, cache=cache, budget=reward.budget)
    if config.recipe == "molgan":
        return Steering(last, blanks=False, when_spent=reward.when_spent)
    stages = [(Scorer(stage.score, cache=cache), stage.goal) for stage in reward.stages]
    same = reward.diversity
    filtered = DiversityFilter(KEYS[same.by](same.nearness), same.bucket, same.least) if same.by else None
    replay = Replay(reward.replay.size) if reward.replay.size else None
    return Steering(Curriculum([*stages, (last, 1.0)]), filtered, replay, False, reward.when_spent)
