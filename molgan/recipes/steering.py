"""What stands between an RDKit score and a recipe's reward, from its configuration."""

from gancore.steering import Curriculum, DiversityFilter, Replay, Steering
from molgan.config import Config
from molgan.diversity import KEYS
from molgan.scoring import Scorer


def steering(config: Config) -> Steering:
    """Stages, filter and memory as `config.reward` has them."""
    reward = config.reward
    stages = [(stage.score, stage.goal) for stage in reward.stages]
    curriculum = Curriculum([(Scorer(score), goal) for score, goal in (*stages, (reward.score, 1.0))])
    same = reward.diversity
    filtered = DiversityFilter(KEYS[same.by](same.nearness), same.bucket, same.least) if same.by else None
    return Steering(curriculum, filtered, Replay(reward.replay.size) if reward.replay.size else None)
