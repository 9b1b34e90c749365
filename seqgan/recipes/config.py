"""What the configurations of all sequence recipes share; each recipe's file adds its own settings."""

from dataclasses import dataclass, field
from typing import ClassVar

from gancore.losses.settings import ObjectiveConfig
from gancore.runs.config import RunConfig
from gancore.training.settings import STRICT, Count, Part, Positive, Rate, Share, Weight
from seqgan.data.settings import DataConfig
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.critics import CriticConfig


@dataclass(frozen=True)
class LikelihoodConfig:
    """Maximum likelihood: the whole training of recipe mle, the pre-training of the others."""

    __pydantic_config__ = STRICT
    epochs: Count = 60
    """Passes over the training part, at most."""
    batch: Positive = 64
    """Sequences a step."""
    lr: Rate = 3e-3
    """Learning rate of Adam."""
    lr_floor: Share = 1.0
    """Share of the learning rate left at the end of a half-cosine decay over all epochs; 1 keeps it."""
    betas: tuple[Share, Share] = (0.9, 0.999)
    """Adam's two decay rates."""
    weight_decay: Weight = 0.0
    """Decoupled weight decay (AdamW)."""
    patience: Count = 3
    """Stop when the validation likelihood has not improved for so many epochs, and keep the best; 0 never stops."""
    max_norm: Weight = 5.0
    """Norm above which gradients are scaled down; 0 never scales."""


@dataclass(frozen=True)
class Config(RunConfig):
    """Everything a run depends on beside its data: the settings of the recipe that `recipe` names.

    Raises ConfigError for settings that do not go together.

    >>> Config(recipe="seqgan", steps=600) == Config.load("grammar", ["steps=600"])
    False
    """

    PACKAGE: ClassVar[str] = "seqgan"
    _starts_anew: ClassVar[bool] = False  # every recipe can begin with a generator of any other

    log_every: Positive = 20
    """Steps between lines of metrics.jsonl."""
    monitor_every: Positive = 50
    """Adversarial steps between checks of the validation likelihood and of 500 samples."""
    data: DataConfig = field(default_factory=DataConfig)
    """The training file."""
    model: GeneratorConfig = field(default_factory=GeneratorConfig)
    """The generator."""
    likelihood: LikelihoodConfig = field(default_factory=LikelihoodConfig)
    """Maximum likelihood."""
    hide_all: Part = 0.1
    """Share of the lines whose conditions are all hidden in training. Guidance needs some."""
    hide_some: Part = 0.2
    """Share of the others of which each condition is hidden with probability 1/2, so that a request may name some of
    them alone."""

    @property
    def needs_lines(self) -> str:
        """What learns from lines, as a clause, and how to leave it out; empty where nothing does."""
        return f"recipe {self.recipe} learns from lines: give some, or tune with recipe=seqgan"


@dataclass(frozen=True)
class GameConfig(Config):
    """The settings of every recipe that trains on after maximum likelihood."""

    steps: Count = 200
    """Steps of the generator after maximum likelihood."""
    batch: Positive = 64
    """Sequences in each of these steps."""
    lr: Rate = 1e-3
    """Learning rate of the generator in these steps."""
    betas: tuple[Share, Share] = (0.9, 0.999)
    """Adam's two decay rates."""
    weight_decay: Weight = 0.0
    """Decoupled weight decay (AdamW)."""
    max_norm: Weight = 5.0
    """Gradient norm of the generator above which it is scaled down; 0 never scales."""
    average: Part = 0.0
    """Decay of the averaged generator, the one that is sampled from; 0 takes the last one as it is."""


@dataclass(frozen=True)
class GameCriticConfig(ObjectiveConfig, CriticConfig):
    """The critic of an adversarial recipe, and how it trains."""

    lr: Rate = 1e-4
    """Learning rate of Adam."""
    betas: tuple[Share, Share] = (0.9, 0.999)
    """Adam's two decay rates."""
    weight_decay: Weight = 0.0
    """Decoupled weight decay (AdamW)."""
    condition_weight: Weight = 1.0
    """Weight of the losses of the heads of `conditioning`, for critic and generator."""
    labelled: Count = 64
    """Lines with a known condition that these heads learn from in each step, where less than half of the lines have
    one; 0 leaves it at those of the batch. At most `batch`."""
    pretrain: Count = 500
    """Steps of the critic before the first of the generator."""
    steps: Positive = 5
    """Steps of the critic between two of the generator."""

    def __post_init__(self) -> None:
        CriticConfig.__post_init__(self)
        super().__post_init__()
