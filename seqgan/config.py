"""Configuration of a sequence GAN: frozen dataclasses, one docstring a field, written as TOML."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Interval

from gancore.errors import ConfigError
from gancore.io import config as toml
from gancore.training.settings import (
    STRICT,
    CheckpointConfig,
    Count,
    Part,
    Positive,
    Rate,
    RecoveryConfig,
    ReplayConfig,
    Seed,
    Share,
    WatchConfig,
    Weight,
    refuse_no_ratio,
)

LONGEST = 4096
"""Most tokens of a line."""
_BYTES = 260  # tokens of a vocabulary of byte pairs that has none: bytes and the special ones
Layers = Annotated[int, Interval(ge=1, le=64)]


@dataclass(frozen=True)
class DataConfig:
    """How lines become tokens, and what is kept of the training file."""

    __pydantic_config__ = STRICT
    tokens: Literal["word", "char", "bpe", "smiles", "selfies"] = "word"
    """Words (by white space), characters, byte pairs, SMILES tokens, or SELFIES symbols of SMILES."""
    min_count: Positive = 1
    """A token seen less often in the training part is the unknown token; a byte pair is not made one."""
    max_size: Count = 0
    """At most so many tokens, the commonest; 0 keeps all. Of byte pairs 0 is 1,000, the 256 bytes among them."""
    lower: bool = False
    """Whether lines are put in lower case."""
    max_length: Annotated[int, Interval(ge=1, le=LONGEST)] = 100
    """Lines of more tokens are rejected."""
    valid: Part = 0.05
    """Share of the lines kept from training, to stop on."""
    test: Part = 0.05
    """Share of the lines kept from training, to judge by."""
    sample: Count = 0
    """Lines of a larger file that are read, at random by the seed; 0 reads all."""
    column: str = ""
    """Column of a table or a frame that is read; empty takes one named text, sentence, line or smiles."""

    def __post_init__(self) -> None:
        if self.tokens == "bpe" and 0 < self.max_size <= _BYTES:
            raise ConfigError(f"data: byte pairs come on top of {_BYTES} tokens: set max_size above that, or to 0.")


@dataclass(frozen=True)
class GeneratorConfig:
    """The generator's network."""

    __pydantic_config__ = STRICT
    kind: Literal["lstm", "transformer", "memory"] = "lstm"
    """LSTM, transformer, or relational memory."""
    embedding: Positive = 64
    """Width of the token embedding."""
    width: Positive = 128
    """Width of the hidden state (of the memory: slots x heads x head size)."""
    layers: Layers = 1
    """Layers of an LSTM or a transformer."""
    heads: Positive = 4
    """Attention heads of a transformer or a relational memory."""
    slots: Positive = 1
    """Slots of a relational memory."""
    embedding_dropout: Part = 0.0
    """Dropout on the embedded tokens."""
    dropout: Part = 0.0
    """Dropout between layers and before the head."""

    def __post_init__(self) -> None:
        if self.kind == "transformer" and self.width % self.heads:
            raise ConfigError(f"model: width {self.width} is not a multiple of heads {self.heads}.")
        if self.kind == "memory" and self.width % (self.slots * self.heads):
            raise ConfigError(
                f"model: width {self.width} is not a multiple of slots x heads, {self.slots * self.heads}."
            )


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
    patience: Count = 3
    """Stop when the validation likelihood has not improved for so many epochs, and keep the best; 0 never stops."""
    max_norm: Weight = 5.0
    """Norm above which gradients are scaled down; 0 never scales."""


@dataclass(frozen=True)
class CriticConfig:
    """The critic of the adversarial recipes, and how it trains."""

    __pydantic_config__ = STRICT
    kind: Literal["textcnn", "recurrent", "multi"] = "textcnn"
    """TextCNN with highway, a recurrent network that judges every prefix, or RelGAN's multi-embedding CNN."""
    embedding: Positive = 64
    """Width of the token embedding."""
    width: Positive = 128
    """Width of the recurrent critic's state."""
    filters: Rate = 1.0
    """Factor on the number of filters of a convolutional critic; 1 is the papers'."""
    representations: Positive = 64
    """Embedded representations of the multi-embedding critic; divides `embedding`."""
    dropout: Part = 0.25
    """Dropout while the critic trains."""
    lr: Rate = 1e-4
    """Learning rate of Adam."""
    decay: Weight = 0.2
    """Weight of half the squared norm of the output layer in the loss (SeqGAN's code)."""
    objective: Literal["relativistic_pairing", "non_saturating", "wasserstein", "hinge"] = "non_saturating"
    """Adversarial objective; a policy gradient takes the logit's sigmoid as reward."""
    penalty_weight: Weight = 0.0
    """Weight of the finite-difference slope penalty (R1 and R2); recipe gumbel only."""
    bf16: bool = False
    """Recipe seqgan: whether the critic computes in bfloat16, which is faster where the processor has it."""
    pretrain: Count = 500
    """Steps of the critic before the first of the generator; without any such step, only for `rejections`."""
    steps: Positive = 5
    """Steps of the critic between two of the generator."""
    pool: Positive = 1000
    """Recipe seqgan: generated sequences drawn at a time to train on."""
    reuse: Positive = 3
    """Recipe seqgan: passes over them before new ones are drawn."""
    rejections: Count = 0
    """Recipe seqgan: how often `sample` at most replaces a draw that the critic rejects (Azadi et al. 2019), unless the
    generator was steered by a reward, which the critic knows nothing of; 0 leaves the critic out."""
    ceiling: Annotated[float, Ge(1)] = 2.0
    """Recipe seqgan: ratio of the data's density to the generator's from which on a draw is never rejected. A higher
    one takes more of the difference away, and more rejections."""

    def __post_init__(self) -> None:
        if self.kind == "multi" and self.embedding % self.representations:
            raise ConfigError(
                f"critic: embedding {self.embedding} is not a multiple of representations {self.representations}."
            )


@dataclass(frozen=True)
class PolicyConfig:
    """Recipe seqgan: the policy gradient."""

    __pydantic_config__ = STRICT
    reward: Literal["rollout", "dense", "constant"] = "rollout"
    """Monte-Carlo rollouts judged by the critic; a critic that judges every prefix; or .5 everywhere, a control."""
    rollouts: Positive = 16
    """Completions of every prefix."""
    update_rate: Share = 0.8
    """Share of its parameters that the rollout policy keeps a step; the rest comes from the generator."""
    baseline: Literal["none", "moving", "leave_one_out"] = "leave_one_out"
    """Taken from the reward: nothing, its moving average at each place, or the mean of the batch's other sequences."""
    likelihood: Weight = 0.0
    """Weight of maximum likelihood on real sequences, kept in the loss."""
    kl: Weight = 0.0
    """Weight of the KL divergence from the pre-trained generator, per token, on the generator's own draws."""


@dataclass(frozen=True)
class RelaxConfig:
    """Recipe gumbel: the relaxed draw."""

    __pydantic_config__ = STRICT
    estimator: Literal["gumbel_softmax", "straight_through"] = "gumbel_softmax"
    """Whether the critic sees relaxed rows, or hard ones with the relaxed rows' gradient."""
    sharpness: Annotated[float, Ge(1)] = 100.0
    """Inverse temperature of the draw at the end; it grows exponentially from 1 (RelGAN's beta)."""
    likelihood: Weight = 0.0
    """Weight of maximum likelihood on real sequences, kept in the loss."""


@dataclass(frozen=True)
class ResidualConfig:
    """Recipe residual: the mixture, and what its critic may say."""

    __pydantic_config__ = STRICT
    members: Annotated[int, Interval(ge=1, le=16)] = 2
    """Generators of the mixture that is drawn from and distilled, each trained by maximum likelihood."""
    critic: bool = True
    """Whether a critic reweights the mixture; without it the mixture alone is distilled."""
    clip: Rate = 10.0
    """Largest weight of a sequence, of mean 1."""
    calibration: Positive = 4000
    """Sequences drawn to fit the critic and to scale its weights."""


@dataclass(frozen=True)
class DiversityConfig:
    """A filter that ends the external reward for more of the same (Blaschke et al. 2020)."""

    __pydantic_config__ = STRICT
    by: str = ""
    """What is the same: "module:name" of a function of strings, for instance molgan.scoring.diversity:scaffold, or of a
    class that makes one; identity for the string itself; empty leaves the filter out."""
    bucket: Positive = 25
    """How many of the same are rewarded."""
    least: Share = 0.4
    """Strings that score less are let through and not counted."""


@dataclass(frozen=True)
class RewardConfig:
    """An external reward of whole strings, mixed in as in ORGAN (Guimaraes et al. 2017)."""

    __pydantic_config__ = STRICT
    weight: Share = 0.0
    """lambda: the reward is lambda x external + (1 - lambda) x critic; recipe seqgan only."""
    function: str = ""
    """"module:name" of a `gancore.types.Reward`, or of a class that makes one."""
    argument: str = ""
    """What such a class is called with; nothing if empty."""
    diversity: DiversityConfig = field(default_factory=DiversityConfig)
    """The filter on it."""
    replay: ReplayConfig = field(default_factory=ReplayConfig)
    """The memory of strings that scored best."""
    when_spent: Literal["stop", "go_on"] = "stop"
    """What follows when a reward with a budget has spent it (it has `budget` and `spent`, as
    `molgan.scoring.Scorer` does): training stops after that step, or goes on with what the reward then gives,
    0 for NaN."""


@dataclass(frozen=True)
class Config:
    """Everything a run depends on beside its data. Raises ConfigError for settings that do not go together.

    >>> Config(steps=600) == Config.load("grammar", ["steps=600"])
    False
    """

    __pydantic_config__ = STRICT
    recipe: Literal["mle", "seqgan", "gumbel", "residual"] = "seqgan"
    """Maximum likelihood alone; followed by REINFORCE or by the pathwise gradient; a reweighted mixture, distilled."""
    steps: Count = 200
    """Steps of the generator in the adversarial phase."""
    batch: Positive = 64
    """Sequences a turn of the adversarial phase."""
    lr: Rate = 1e-3
    """Learning rate of the generator in the adversarial phase."""
    max_norm: Weight = 5.0
    """Gradient norm of the generator above which it is scaled down; 0 never scales."""
    average: Part = 0.0
    """Decay of the averaged generator, the one that is sampled from; 0 takes the last one as it is."""
    seed: Seed = 0
    """Seed of everything random."""
    device: str = "auto"
    """auto, cpu or cuda."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What networks compute in while they train; penalties and logits of tokens stay in float32."""
    log_every: Positive = 20
    """Steps between lines of metrics.jsonl."""
    monitor_every: Positive = 50
    """Adversarial steps between checks of the validation likelihood and of 500 samples."""
    tensorboard: bool = False
    """Whether figures and samples go to TensorBoard as well, in the run folder; needs its package."""
    data: DataConfig = field(default_factory=DataConfig)
    """The training file."""
    model: GeneratorConfig = field(default_factory=GeneratorConfig)
    """The generator."""
    likelihood: LikelihoodConfig = field(default_factory=LikelihoodConfig)
    """Maximum likelihood."""
    critic: CriticConfig = field(default_factory=CriticConfig)
    """The critic."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    """The policy gradient."""
    relax: RelaxConfig = field(default_factory=RelaxConfig)
    """The relaxed draw."""
    residual: ResidualConfig = field(default_factory=ResidualConfig)
    """The reweighted mixture."""
    reward: RewardConfig = field(default_factory=RewardConfig)
    """The external reward."""
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    """The checkpoints."""
    recovery: RecoveryConfig = field(default_factory=RecoveryConfig)
    """What follows a divergence."""
    watch: tuple[WatchConfig, ...] = (WatchConfig("sample/recall", below=0.05),)
    """Rules on figures of the log."""

    def __post_init__(self) -> None:
        adversarial = self.recipe in ("seqgan", "gumbel")
        if adversarial and self.critic.objective == "wasserstein" and not self.critic.penalty_weight:
            raise ConfigError(
                "objective wasserstein needs a slope penalty: set critic.penalty_weight above 0, with recipe gumbel."
            )
        judged = self.recipe == "seqgan" and self.steps and self.policy.reward != "constant"
        if judged and self.critic.objective == "relativistic_pairing":
            raise ConfigError(
                "recipe seqgan pays the sigmoid of the critic's logit, which relativistic_pairing leaves open to a "
                "constant: set critic.objective to non_saturating or hinge."
            )
        if self.recipe == "residual":
            if not self.likelihood.epochs:
                raise ConfigError("recipe residual trains its generators itself: set likelihood.epochs above 0.")
            if self.residual.critic and not self.data.valid:
                raise ConfigError("residual.critic is fitted to lines not trained on: set data.valid above 0.")
        if self.recipe == "gumbel" and self.critic.kind == "recurrent":
            raise ConfigError("recipe gumbel judges whole sequences: set critic.kind to multi or textcnn.")
        if self.recipe != "seqgan" and self.reward.weight:
            raise ConfigError(f"recipe {self.recipe} takes no external reward: set recipe=seqgan.")
        if self.recipe == "seqgan" and (self.policy.reward == "dense") != (self.critic.kind == "recurrent"):
            raise ConfigError("policy.reward=dense and critic.kind=recurrent go together: set both or neither.")
        if self.critic.rejections:
            if self.recipe != "seqgan":
                raise ConfigError("critic.rejections is for recipe seqgan; leave it out.")
            if self.policy.reward == "constant":
                raise ConfigError("policy.reward=constant trains no critic that draws could be shown to.")
            if self.critic.kind == "recurrent":
                raise ConfigError(
                    "critic.rejections: a critic of prefixes says nothing of their lengths: set critic.kind to textcnn."
                )
            refuse_no_ratio(self.critic.objective)
        if self.recipe != "gumbel" and self.critic.penalty_weight:
            raise ConfigError(
                "critic.penalty_weight needs a differentiable draw: set recipe=gumbel, or the weight to 0."
            )

    @property
    def judges(self) -> tuple[str, ...]:
        """The modules that sampling needs beside the averaged generator: the critic, where it rejects draws."""
        return ("critic",) if self.critic.rejections and not self.reward.weight else ()

    @property
    def needs_lines(self) -> str:
        """What learns from lines, as a clause, and how to leave it out; empty where nothing does."""
        if self.recipe != "seqgan":
            return f"recipe {self.recipe} learns from lines: give some, or tune with recipe=seqgan"
        if self.likelihood.epochs:
            return "the likelihood learns from lines: give some, or set likelihood.epochs to 0"
        if self.policy.likelihood:
            return "policy.likelihood is that of lines: give some, or set it to 0"
        if self.policy.reward != "constant" and self.reward.weight < 1:
            return "the critic learns from lines: give some, or set reward.weight to 1, which leaves it out"
        return ""

    @classmethod
    def load(cls, name: str | Path, overrides: Iterable[str] = ()) -> "Config":
        """A bundled configuration by name or a TOML file by path, with "key=value" overrides.

        Raises ConfigError with one sentence for a missing file, an unknown key or a wrong value.

        >>> Config.load("small", ["steps=600", "reward.weight=0.5"]).reward.weight
        0.5
        """
        return toml.load_named(cls, "seqgan", name, overrides)

    @classmethod
    def revive(cls, values: dict[str, Any], where: Path, device: str | None = None) -> "Config":
        """Back from a checkpoint's values, on another device if one is given. Raises ConfigError as `load` does.

        >>> Config.revive({"steps": 7}, Path("a checkpoint"), device="cpu").steps
        7
        """
        return toml.from_dict(cls, values | ({"device": device} if device else {}), str(where))

    def dump(self) -> str:
        """The configuration as TOML, every field.

        >>> "seed = 5" in Config(seed=5).dump().splitlines()
        True
        """
        return toml.dump(self)
