"""Configuration of a molecule GAN: frozen dataclasses, one docstring a field, written as TOML."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Interval, Len
from pydantic import BeforeValidator

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
from molgan import chemistry
from molgan.scoring.benchmarks import load_score
from molgan.scoring.definition import ScoreConfig

Widths = Annotated[tuple[Positive, ...], Len(1, 16)]


def _score(given: Any) -> Any:
    if isinstance(given, str):
        return load_score(given)
    return toml.from_dict(ScoreConfig, given, "reward.score") if isinstance(given, dict) else given


NamedScore = Annotated[ScoreConfig, BeforeValidator(_score)]


@dataclass(frozen=True)
class DataConfig:
    """What is kept of the training file."""

    __pydantic_config__ = STRICT
    sample: Count = 0
    """Rows of a larger file that are read, at random by the seed; 0 reads all."""
    max_atoms: Annotated[int, Interval(ge=2, le=chemistry.MOST_ATOMS)] = chemistry.MOST_ATOMS
    """Molecules with more heavy atoms are rejected; networks are built for the largest that is kept."""
    min_atom_share: Share = 0.0
    """An atom type in a smaller share of the molecules is dropped, together with those molecules."""
    fragments: Literal["reject", "largest"] = "reject"
    """What is done with salts and mixtures: rejected, or kept as their largest fragment."""
    standardize: bool = False
    """Whether metals are disconnected, groups normalised and charges neutralised first (`rdMolStandardize`)."""
    hold_out: Part = 0.0
    """Share of the molecules, at random by the seed, that is not trained on: a run folder has them in held_out.smi. A
    `MoleculeDataset` is trained on whole."""
    column: str = ""
    """Column of a table or a frame with the SMILES; empty takes one with a known name, such as canonical_smiles."""

    @property
    def limits(self) -> dict[str, Any]:
        """What makes a `MoleculeDataset` of what a user holds."""
        given = asdict(self)
        del given["hold_out"]
        return given


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the networks."""

    __pydantic_config__ = STRICT
    noise: Positive = 64
    """Width of the generator's Gaussian input."""
    generator: Widths = (256, 512, 512)
    """Hidden widths of the generator."""
    critic: Widths = (512, 512, 256)
    """Hidden widths of the order-aware critic. growing has another: it counts what surrounds each atom."""
    encoder: Widths = (512, 256)
    """Hidden widths of the encoder, used while there is an evidence bound."""
    relational_layers: Annotated[int, Interval(ge=0, le=64)] = 0
    """Layers of a second, permutation-invariant critic; 0 leaves it out."""
    relational_width: Positive = 64
    """Width of those layers."""
    recurrent: Positive = 384
    """growing: width of the recurrent network over atoms."""
    recurrent_layers: Annotated[int, Interval(ge=1, le=16)] = 1
    """growing: its layers."""
    pair: Positive = 64
    """growing: width of what an atom is pointed to by; what points has twice that."""
    dropout: Part = 0.1
    """growing: share of the recurrent network's outputs that is dropped while training."""
    environments: Positive = 8192
    """growing: buckets into which the critic counts the environments of atoms."""
    environment_width: Positive = 64
    """growing: hidden width of the critic."""
    ring_environments: Count = 0
    """growing: buckets into which the critic counts atoms by the sizes of their rings and by whether they are
    bridgeheads (`molgan/networks/ring_features.py`); 0 leaves rings out. `--start` can add them to a model without."""


@dataclass(frozen=True)
class PretrainConfig:
    """The first phase: the generator as the decoder of a variational autoencoder, without an adversary."""

    __pydantic_config__ = STRICT
    steps: Count = 5000
    """Steps of the phase; 0 leaves it out."""
    batch: Positive = 256
    """Molecules a step."""
    lr: Rate = 1e-3
    """Learning rate at the start; falls to a tenth by the end."""
    kl_start: Share = 0.1
    """Weight of the KL term at the start; grows linearly to 1 by the middle of the phase."""


@dataclass(frozen=True)
class CriticConfig:
    """The game and the slope the critic pays for."""

    __pydantic_config__ = STRICT
    objective: Literal["relativistic_pairing", "non_saturating", "wasserstein", "hinge"] = "relativistic_pairing"
    """Adversarial objective."""
    penalty: Literal["finite_r1_r2", "r1_r2", "r1", "r2", "wgan_gp"] = "finite_r1_r2"
    """Slope penalty. growing has none: its critic reads atoms by index."""
    penalty_weight: Weight = 0.02
    """Its weight. For r1 and r2 this is half of the gamma of the papers; wgan_gp wants 10."""
    penalty_every: Positive = 4
    """The penalty is taken every so many steps, with that much more weight."""
    steps: Positive = 1
    """Turns of the critic for each turn of the generator."""
    lr: Rate = 1e-3
    """growing: learning rate of the critic; elsewhere that of the game, `lr`."""
    pretrain: Count = 0
    """growing: turns of the critic alone, between the likelihood and the game."""
    rings_only: bool = False
    """growing: the critic learns nothing but what to make of rings (`model.ring_environments`); its other weights stay
    those of the model that training starts from."""
    rejections: Count = 0
    """growing: how often `sample` at most replaces a draw that the critic rejects (Azadi et al. 2019), unless the
    generator was steered by a reward, which the critic knows nothing of; 0 leaves the critic out."""
    ceiling: Annotated[float, Ge(1)] = 2.0
    """growing: ratio of the data's density to the generator's from which on a draw is never rejected. A higher one
    takes more of the difference away, and more rejections."""


@dataclass(frozen=True)
class StageConfig:
    """A stage of a curriculum."""

    __pydantic_config__ = STRICT
    score: NamedScore
    """What counts while it lasts: a table, a name, or a file."""
    goal: Share
    """It is over when the mean score of a turn's draws, invalid ones at 0, has reached this three times in a row."""


@dataclass(frozen=True)
class DiversityConfig:
    """A filter that ends the reward for more of the same (Blaschke et al. 2020)."""

    __pydantic_config__ = STRICT
    by: Literal["", "identity", "scaffold", "similarity"] = ""
    """What is the same: the molecule, its Bemis-Murcko scaffold, a similar one; empty leaves the filter out."""
    bucket: Positive = 25
    """How many of the same are rewarded."""
    least: Share = 0.4
    """Draws that score less are let through and not counted."""
    nearness: Share = 0.6
    """similarity: Tanimoto similarity (ECFP4) from which on molecules are the same."""


@dataclass(frozen=True)
class RewardConfig:
    """Reinforcement: what the generator is rewarded for beside fooling the critic."""

    __pydantic_config__ = STRICT
    critic: Weight = 1.0
    """Weight of the policy gradient on the critic's logit: unbiased, beside the pathwise gradient, which is not."""
    validity: Weight = 0.0
    """one_shot: weight of the policy gradient on strict validity, computed without RDKit."""
    weight: Weight = 0.0
    """Weight (lambda) of the policy gradient on the RDKit score of valid molecules; 0 leaves RDKit out."""
    score: NamedScore = field(default_factory=ScoreConfig)
    """That score: a table, or the name of one (`molgan.scoring.benchmarks.SCORES`), or of a file."""
    stages: tuple[StageConfig, ...] = ()
    """Easier scores that come before that one."""
    diversity: DiversityConfig = field(default_factory=DiversityConfig)
    """The filter on that score."""
    replay: ReplayConfig = field(default_factory=ReplayConfig)
    """The memory of molecules that scored best."""
    cache: str = ""
    """A file that keeps what `score` measured, for a resumed run and for others; empty keeps nothing."""
    budget: Count = 0
    """Distinct molecules that `score` may measure, those of the cache included; 0 for any number."""
    when_spent: Literal["stop", "go_on"] = "stop"
    """What follows when the budget of the reward is spent, or that of one given to `fit`: training stops after that
    step, or goes on with a score of 0 for every new molecule."""
    kl: Weight = 0.02
    """one_shot: weight of the KL divergence that holds the generator near its average while validity or the score is
    rewarded; growing has `bound`."""
    draws: Annotated[int, Ge(2)] = 4
    """one_shot: graphs drawn for each noise; each one's baseline is the mean reward of the others."""
    share: Annotated[float, Interval(gt=0, le=1)] = 0.25
    """one_shot: noises a turn, as a share of the batch."""
    every: Positive = 1
    """The rewards are taken every so many generator turns."""
    start: Share = 0.0
    """Share of the adversarial steps after which the rewards begin."""
    overlap: bool = False
    """Have another process score a turn's draws while the next turn trains. The rewards of a turn are then those of the
    draws of the turn before; their log-probabilities are the present ones."""

    @property
    def active(self) -> bool:
        """Whether there is any reward."""
        return self.critic > 0 or self.steers

    @property
    def steers(self) -> bool:
        """Whether there is a reward that pulls away from the data."""
        return max(self.validity, self.weight) > 0


@dataclass(frozen=True)
class Config:
    """Everything a run depends on beside its data. Raises ConfigError for settings that do not go together.

    >>> Config(steps=600) == Config.load("default", ["steps=600"])
    True
    """

    __pydantic_config__ = STRICT
    recipe: Literal["one_shot", "growing", "molgan"] = "one_shot"
    """How training goes. one_shot: all atoms and bonds at once (`molgan/recipes/one_shot.py`). growing: one after the
    other, the first phase by likelihood, which is also what `bound` weighs (`growing.py`). molgan: as published
    (`molgan.py`), without pre-training and, of the rewards, with score, weight (at most 1) and start alone."""
    steps: Count = 2500
    """Adversarial steps, after pre-training."""
    batch: Positive = 128
    """Molecules a turn."""
    lr: Rate = 5e-4
    """Learning rate of generator and critic."""
    lr_floor: Share = 0.2
    """Share of the learning rate that is left at the end of a half-cosine decay over the adversarial steps."""
    seed: Seed = 0
    """Seed of everything random."""
    device: str = "auto"
    """auto, cpu or cuda."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What networks compute in while they train; penalties, draws and likelihoods stay in float32."""
    temperature: Rate = 1.0
    """Temperature of the Gumbel-Softmax relaxation; in recipe growing, of the draws that `sample` makes."""
    estimator: Literal["softmax", "gumbel_softmax", "straight_through"] = "straight_through"
    """What critic and value network see of a draw, in recipe molgan; the others know one way each."""
    bound: Weight = 0.03
    """Weight of the evidence bound kept in the adversarial phase, where there was pre-training."""
    average: Part = 0.999
    """Decay of the averaged generator, the one that is sampled from."""
    log_every: Positive = 50
    """Steps between lines of metrics.jsonl."""
    monitor_every: Positive = 500
    """Steps between samples of 500 molecules that show validity and uniqueness while training."""
    tensorboard: bool = False
    """Whether figures and samples go to TensorBoard as well, in the run folder; needs its package."""
    data: DataConfig = field(default_factory=DataConfig)
    """The training file."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """The networks."""
    pretrain: PretrainConfig = field(default_factory=PretrainConfig)
    """The autoencoder phase."""
    critic: CriticConfig = field(default_factory=CriticConfig)
    """The adversary."""
    reward: RewardConfig = field(default_factory=RewardConfig)
    """The reinforcement."""
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    """The checkpoints."""
    recovery: RecoveryConfig = field(default_factory=RecoveryConfig)
    """What follows a divergence."""
    watch: tuple[WatchConfig, ...] = (WatchConfig("sample/recall", below=0.05),)
    """Rules on figures of the log."""

    def __post_init__(self) -> None:
        if self.critic.objective == "wasserstein" and not self.critic.penalty_weight:
            raise ConfigError("objective wasserstein needs a slope penalty: set critic.penalty_weight above 0.")
        if self.recipe != "molgan" and self.estimator != "straight_through":
            raise ConfigError(f"estimator = {self.estimator!r} is for recipe molgan; leave it out.")
        if self.recipe != "one_shot" and self.reward.overlap:
            raise ConfigError(f"reward.overlap is for recipe one_shot; leave it out of recipe {self.recipe}.")
        if self.recipe != "growing" and (self.critic.pretrain or self.critic.rejections):
            raise ConfigError("critic.pretrain and critic.rejections are for recipe growing; leave them out.")
        if self.critic.rings_only and (self.recipe != "growing" or not self.model.ring_environments):
            raise ConfigError("critic.rings_only needs recipe growing and model.ring_environments above 0.")
        if self.critic.rejections:
            refuse_no_ratio(self.critic.objective)
        if self.recipe == "growing":
            self._refuse_for_growing()
        if self.recipe == "molgan" and self.pretrain.steps:
            raise ConfigError("recipe molgan has no pre-training: set pretrain.steps to 0.")
        if self.recipe == "molgan" and self.reward.weight > 1:
            raise ConfigError("reward.weight is a share of the generator's loss in recipe molgan: give 0 to 1.")

    def _refuse_for_growing(self) -> None:
        if self.critic.objective == "wasserstein":
            raise ConfigError("recipe growing has no slope penalty, which objective wasserstein needs; take another.")
        if self.reward.validity:
            raise ConfigError("every draw of recipe growing is valid: leave reward.validity out.")
        if self.steps and not self.bound and not self.reward.active:
            raise ConfigError("the game of recipe growing has nothing to learn from: set bound or a reward above 0.")
        if self.steps and self.reward.active and self.batch < 2:
            raise ConfigError("recipe growing compares the draws of a turn with one another: set batch to 2 or more.")

    @property
    def rejects(self) -> bool:
        """Whether `sample` draws again what the critic rejects."""
        return self.critic.rejections > 0 and not self.reward.steers

    @property
    def judges(self) -> tuple[str, ...]:
        """The modules that sampling needs beside the averaged generator."""
        return ("critic",) if self.rejects else ()

    @classmethod
    def load(cls, name: str | Path, overrides: Iterable[str] = ()) -> "Config":
        """A bundled configuration by name or a TOML file by path, with "key=value" overrides.

        Raises ConfigError with one sentence for a missing file, an unknown key or a wrong value.

        >>> Config.load("qm9", ["steps=600", "reward.weight=0.5"]).reward.weight
        0.5
        """
        return toml.load_named(cls, "molgan", name, overrides)

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
