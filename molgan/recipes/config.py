"""What the configurations of all molecule recipes share; each recipe's file adds its own settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import BeforeValidator

from gancore.io import config as toml
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.settings import RelaxedCriticConfig
from gancore.runs.config import RunConfig
from gancore.training.settings import STRICT, Count, OneOf, Part, Positive, Rate, ReplayConfig, Share, Weight
from molgan.data.settings import DataConfig
from molgan.scoring.benchmarks import load_score
from molgan.scoring.definition import ScoreConfig

Widths = Annotated[tuple[Positive, ...], Len(1, 16)]


def _score(given: Any) -> Any:
    if isinstance(given, str):
        return load_score(given)
    return toml.from_dict(ScoreConfig, given, "reward.score") if isinstance(given, dict) else given


NamedScore = Annotated[ScoreConfig, BeforeValidator(_score)]


@dataclass(frozen=True)
class Config(RunConfig):
    """Everything a run depends on beside its data: the settings of the recipe that `recipe` names.

    Raises ConfigError for settings that do not go together.

    >>> Config(recipe="one_shot", steps=600) == Config.load("default", ["steps=600"])
    True
    """

    PACKAGE: ClassVar[str] = "molgan"
    OLD_RECIPES: ClassVar[Mapping[str, str]] = {"growing": "autoregressive"}

    data: DataConfig = field(default_factory=DataConfig)
    """The training file."""


@dataclass(frozen=True)
class GameConfig(Config):
    """What both recipes have that play a game after pre-training and sample from an averaged generator."""

    steps: Count = 2500
    """Adversarial steps, after pre-training."""
    batch: Positive = 128
    """Molecules a turn."""
    lr: Rate = 5e-4
    """Learning rate of the generator, and of a critic that has none of its own."""
    lr_floor: Share = 0.2
    """Share of the learning rates that is left at the end of a half-cosine decay over the adversarial steps."""
    betas: tuple[Share, Share] = (0.0, 0.99)
    """Adam's two decay rates in the adversarial phase."""
    weight_decay: Weight = 0.0
    """Decoupled weight decay (AdamW) in the adversarial phase."""
    bound: Weight = 0.03
    """Weight of the evidence bound (of the likelihood, which is its own) kept in the adversarial phase."""
    average: Part = 0.999
    """Decay of the averaged generator, the one that is sampled from."""
    hide_all: Part = 0.1
    """Share of the molecules whose conditions are all hidden in training. Guidance needs some."""
    hide_some: Part = 0.2
    """Share of the others of which each condition is hidden with probability 1/2, so that a request may name some of
    them alone."""


@dataclass(frozen=True)
class PretrainConfig:
    """The first phase, without an adversary: the evidence bound of an autoencoder, or the likelihood."""

    __pydantic_config__ = STRICT
    steps: Count = 5000
    """Steps of the phase; 0 leaves it out."""
    batch: Positive = 256
    """Molecules a step."""
    lr: Rate = 1e-3
    """Learning rate at the start. It falls over the phase."""
    betas: tuple[Share, Share] = (0.9, 0.99)
    """Adam's two decay rates."""
    weight_decay: Weight = 0.0
    """Decoupled weight decay (AdamW)."""


@dataclass(frozen=True)
class StageConfig:
    """A stage of a curriculum."""

    __pydantic_config__ = STRICT
    score: NamedScore
    """What counts while it lasts: a table, a name, or a file."""
    goal: Share
    """It is over when the mean score of a turn's samples, invalid ones at 0, has reached this three times in a row."""


@dataclass(frozen=True)
class DiversityConfig:
    """A filter that ends the reward for more of the same (Blaschke et al. 2020)."""

    __pydantic_config__ = STRICT
    by: Literal["", "identity", "scaffold", "similarity"] = ""
    """What is the same: the molecule, its Bemis-Murcko scaffold, a similar one. Empty leaves the filter out."""
    bucket: Positive = 25
    """How many of the same are rewarded."""
    least: Share = 0.4
    """Samples that score less are let through and not counted."""
    nearness: Share = 0.6
    """similarity: Tanimoto similarity (ECFP4) from which on molecules are the same."""


@dataclass(frozen=True)
class RewardConfig:
    """Reinforcement by a score of RDKit properties."""

    __pydantic_config__ = STRICT
    weight: Weight = 0.0
    """Weight of the score of valid molecules; 0 leaves RDKit out."""
    score: NamedScore = field(default_factory=ScoreConfig)
    """That score: a table, or the name of one (`molgan.scoring.benchmarks.SCORES`), or of a file."""
    cache: str = ""
    """A file that keeps what `score` measured, for a resumed run and for others. Empty keeps nothing."""
    budget: Count = 0
    """Distinct molecules that `score` may measure, those of the cache included; 0 for any number."""
    when_spent: Literal["stop", "go_on"] = "stop"
    """What follows when the budget of the reward is spent, or that of one given to `fit`: training stops after that
    step, or goes on with a score of 0 for every new molecule."""
    start: Share = 0.0
    """Share of the adversarial steps after which the rewards begin."""

    @property
    def active(self) -> bool:
        """Whether there is any reward."""
        return self.steers

    @property
    def steers(self) -> bool:
        """Whether there is a reward that pulls away from the data."""
        return self.weight > 0


@dataclass(frozen=True)
class PolicyRewardConfig(RewardConfig):
    """Reinforcement by policy gradient: on the score, and on the critic's logit."""

    critic: Weight = 1.0
    """Weight of the policy gradient on the critic's logit. It is unbiased; a pathwise gradient is not."""
    request: Weight = 0.0
    """Weight of the policy gradient on how near a sample comes to the conditions requested of it. It takes conditions
    that can be computed from a molecule: properties, scores, functions."""
    request_width: Rate = 0.5
    """Distance, in standard deviations and summed over the conditions, at which that reward has fallen to 0.37."""
    draws: Positive = 1
    """Samples for each request, whose rewards are compared with one another; 1 compares all samples of a step."""
    every: Positive = 1
    """The rewards are taken every so many generator turns."""
    stages: tuple[StageConfig, ...] = ()
    """Easier scores that come before `score`."""
    diversity: DiversityConfig = field(default_factory=DiversityConfig)
    """The filter on the score."""
    replay: ReplayConfig = field(default_factory=ReplayConfig)
    """The memory of molecules that scored best."""

    @property
    def active(self) -> bool:
        """Whether there is any reward."""
        return self.critic > 0 or self.request > 0 or self.steers

    @property
    def reads_strings(self) -> bool:
        """Whether a reward is worked out from SMILES."""
        return self.weight > 0 or self.request > 0


@dataclass(frozen=True)
class CriticConfig(RelaxedCriticConfig):
    """A critic of relaxed graphs, and how it trains."""

    objective: Annotated[str, OneOf(OBJECTIVES)] = "relativistic_pairing"
    """Adversarial objective."""
    lr: Weight = field(default=0.0, kw_only=True)
    """Learning rate of the critic (two time scales, Heusel et al. 2017); 0 takes the generator's."""
