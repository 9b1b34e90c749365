"""Settings of recipe seqgan, and which of them go together."""

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Interval

from gancore.errors import ConfigError
from gancore.losses.adversarial import OBJECTIVES
from gancore.training.settings import OneOf, Positive, Weight
from seqgan.recipes.config import GameConfig
from seqgan.recipes.external_reward import RewardConfig
from seqgan.recipes.judged_sampling import SamplingCriticConfig
from seqgan.recipes.reinforce import PolicyConfig

Sharpness = Annotated[float, Interval(gt=0, le=40)]
STEPWISE = ("dense", "returns")
"""Rewards that ask for a critic of every prefix."""


@dataclass(frozen=True)
class SeqGANCriticConfig(SamplingCriticConfig):
    """The critic, its training, and its use in sampling."""

    decay: Weight = 0.2
    """Weight of half the squared norm of the output layer in the loss (SeqGAN's code)."""
    objective: Annotated[str, OneOf(OBJECTIVES, without=["wasserstein", "saturating"])] = "non_saturating"
    """Adversarial objective, of the critic alone: the policy gradient takes the logit's sigmoid as reward."""
    bf16: bool = False
    """Whether the critic computes in bfloat16, which is faster where the processor has it."""
    references: Positive = field(default=16, kw_only=True)
    """Of `policy.reward=rank`: real lines that a sequence is compared by, and as many that it is compared with; at
    most half of `batch`."""
    sharpness: Sharpness = field(default=10.0, kw_only=True)
    """Of `policy.reward=rank`: factor on the cosines in the softmax, RankGAN's gamma."""


@dataclass(frozen=True)
class SeqGANConfig(GameConfig):
    """Recipe seqgan: maximum likelihood, then REINFORCE on the critic's reward."""

    recipe: str = "seqgan"
    """seqgan."""
    critic: SeqGANCriticConfig = field(default_factory=SeqGANCriticConfig)
    """The critic."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    """The policy gradient."""
    reward: RewardConfig = field(default_factory=RewardConfig)
    """The external reward."""

    def __post_init__(self) -> None:
        super().__post_init__()
        reward = self.policy.reward
        if (reward in STEPWISE) != (self.critic.kind == "recurrent"):
            raise ConfigError(
                "policy.reward=dense or returns and critic.kind=recurrent go together: set both or neither."
            )
        if reward == "odds":
            self.critic.require_ratio("policy.reward=odds")
        elif self.steps and reward != "constant" and self.critic.objective.startswith("relativistic"):
            raise ConfigError(
                f"recipe seqgan pays the sigmoid of the critic's logit, which {self.critic.objective} leaves open to a "
                "constant: set critic.objective to non_saturating or hinge."
            )
        if reward == "rank":
            self._require_ranks()
        if self.policy.group and self.batch % self.policy.group:
            raise ConfigError(f"batch {self.batch} is not a multiple of policy.group {self.policy.group}.")
        if reward in ("odds", "returns") and 0 < self.reward.weight < 1:
            raise ConfigError(
                f"reward.weight mixes rewards in [0, 1], which those of policy.reward={reward} are not: take dense or "
                "rollout."
            )
        self.critic.require_lines(self.data.valid)
        if self.critic.rejections:
            if reward == "constant":
                raise ConfigError("policy.reward=constant trains no critic that draws could be shown to.")
            if self.critic.kind == "recurrent":
                raise ConfigError(
                    "critic.rejections: a critic of prefixes says nothing of their lengths: set critic.kind to textcnn."
                )
            self.critic.require_ratio()

    def _require_ranks(self) -> None:
        if self.critic.objective != "non_saturating" or self.critic.smooths:
            raise ConfigError(
                "policy.reward=rank has a loss of its own for the critic: leave critic.objective, critic.smooth_real "
                "and critic.smooth_fake as they are."
            )
        if self.critic.references * 2 > self.batch:
            raise ConfigError(
                f"critic.references {self.critic.references}: they may be half of a batch of {self.batch} at most."
            )
        if not self.critic.pretrain:
            raise ConfigError("policy.reward=rank ranks among lines that the critic saw: set critic.pretrain above 0.")
        if self.critic.rejections:
            raise ConfigError("critic.rejections: a rank gives no ratio of densities: set it to 0.")

    @property
    def rejects(self) -> bool:
        """Whether `sample` draws again what the critic rejects."""
        return self.critic.rejections > 0 and not self.reward.weight

    @property
    def needs_lines(self) -> str:
        """What learns from lines, as a clause, and how to leave it out; empty where nothing does."""
        if self.likelihood.epochs:
            return "the likelihood learns from lines: give some, or set likelihood.epochs to 0"
        if self.policy.likelihood:
            return "policy.likelihood is that of lines: give some, or set it to 0"
        if self.policy.reward != "constant" and self.reward.weight < 1:
            return "the critic learns from lines: give some, or set reward.weight to 1, which leaves it out"
        return ""
