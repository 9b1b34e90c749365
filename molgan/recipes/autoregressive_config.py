"""Settings of the autoregressive graph GAN."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Interval

from gancore.errors import ConfigError
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.settings import ObjectiveConfig
from gancore.training.settings import STRICT, Count, OneOf, Part, Positive, Rate, Share, Weight
from molgan.recipes.config import GameConfig, PolicyRewardConfig, PretrainConfig


@dataclass(frozen=True)
class AutoregressiveModelConfig:
    """Sizes of the networks."""

    __pydantic_config__ = STRICT
    recurrent: Positive = 384
    """Width of the network over atoms."""
    recurrent_layers: Annotated[int, Interval(ge=1, le=16)] = 1
    """Its layers."""
    pair: Positive = 64
    """Width of what an atom is pointed to by; what points has twice that."""
    dropout: Part = 0.1
    """Share of the outputs of the network over atoms that is dropped while training."""
    fingerprint: Positive = 8192
    """Buckets of the fingerprint that the critic reads: counts of the environments of atoms."""
    fingerprint_width: Positive = 64
    """Hidden width of the critic."""
    fragments: Share = 0.0
    """Share of the molecules in training that begin with fragments: some of their atoms, in one piece or several, as if
    they were given. Above 0, sampling can go on from fragments."""
    random_order: Share = 0.0
    """Share of the molecules in training whose atoms come in a random order along the bonds. The others have the order
    of canonical SMILES."""
    ring_fingerprint: Count = 0
    """Buckets of a second fingerprint: counts of atoms by the sizes of their rings and by whether they are bridgeheads
    (`molgan/networks/ring_features.py`); 0 leaves rings out. `--start` can add it to a model without."""


@dataclass(frozen=True)
class AutoregressiveCriticConfig(ObjectiveConfig):
    """The critic of fingerprints, which has no gradient into the generator, and how sampling asks it."""

    objective: Annotated[str, OneOf(OBJECTIVES, without=["wasserstein", "saturating"])] = "relativistic_pairing"
    """Adversarial objective, of the critic alone: the policy gradient takes the logit as reward."""
    steps: Positive = 1
    """Turns of the critic for each turn of the generator."""
    lr: Weight = 1e-3
    """Learning rate of the critic; 0 takes the generator's."""
    betas: tuple[Share, Share] = (0.0, 0.99)
    """Adam's two decay rates."""
    weight_decay: Weight = 0.0
    """Decoupled weight decay (AdamW)."""
    conditioning: Literal["projection", "concatenation"] = "projection"
    """How it is conditioned on the request of a sample."""
    pretrain: Count = 0
    """Steps of the critic alone, between the likelihood and the adversarial phase."""
    rings_only: bool = False
    """The critic learns only its ring features (`model.ring_fingerprint`) and conditions. Its other
    weights stay those of the model that training starts from."""
    rejections: Count = 0
    """How often `sample` at most replaces a sample that the critic rejects (Azadi et al. 2019), unless the generator
    was trained on a score, which the critic knows nothing of; 0 leaves the critic out."""
    ceiling: Annotated[float, Ge(1)] = 2.0
    """Ratio of the data's density to the generator's from which on a sample is never rejected. A higher one takes more
    of the difference away, and more rejections."""


@dataclass(frozen=True)
class AutoregressiveConfig(GameConfig):
    """Recipe autoregressive: atoms and bonds one after the other."""

    RENAMED: ClassVar[Mapping[str, str]] = {
        **GameConfig.RENAMED,
        "model.environments": "model.fingerprint",
        "model.environment_width": "model.fingerprint_width",
        "model.ring_environments": "model.ring_fingerprint",
    }

    recipe: str = "autoregressive"
    """autoregressive."""
    temperature: Rate = 1.0
    """Temperature of the samples that `sample` makes."""
    model: AutoregressiveModelConfig = field(default_factory=AutoregressiveModelConfig)
    """The networks."""
    pretrain: PretrainConfig = field(default_factory=PretrainConfig)
    """Maximum likelihood."""
    critic: AutoregressiveCriticConfig = field(default_factory=AutoregressiveCriticConfig)
    """The adversary."""
    reward: PolicyRewardConfig = field(default_factory=PolicyRewardConfig)
    """The reinforcement."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model.fragments + self.model.random_order > 1:
            raise ConfigError("model.fragments and model.random_order: shares of the same molecules, 1 at most in all.")
        if self.critic.rings_only and not self.model.ring_fingerprint:
            raise ConfigError("critic.rings_only needs rings to learn of: set model.ring_fingerprint above 0.")
        if self.critic.rejections:
            self.critic.require_ratio()
        if self.steps and not self.bound and not self.reward.active:
            raise ConfigError("the game has nothing to learn from: set bound or a reward above 0.")
        least = max(2, self.reward.draws)
        if self.steps and self.reward.active and self.batch < least:
            raise ConfigError(f"a step's samples are compared with one another: set batch to {least} or more.")

    @property
    def rejects(self) -> bool:
        """Whether `sample` draws again what the critic rejects."""
        return self.critic.rejections > 0 and not self.reward.steers
