"""Settings of an optimisation."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from gancore.io import config as toml
from gancore.training.settings import STRICT, Count, Positive, Rate, Seed, Share, Weight


@dataclass(frozen=True)
class SurrogateConfig:
    """What predicts scores, so that the most promising candidates are scored first."""

    __pydantic_config__ = STRICT
    kind: Literal["gaussian_process", "none"] = "gaussian_process"
    """gaussian_process with the Tanimoto kernel (Tripp et al. 2021), or none: candidates are scored as they come."""
    most: Positive = 1500
    """Scored molecules that it learns from: the best, the latest, and some others."""
    acquisition: Literal["thompson", "upper_bound"] = "thompson"
    """thompson: each molecule of a batch is the best of one draw from the process. upper_bound: mean and deviation."""
    greedy: Share = 0.0
    """thompson: share of a batch that is taken by mean and deviation instead."""
    exploration: Weight = 1.0
    """Weight of the deviation in `upper_bound`, at most; each batch has its own, between a hundredth of it and this."""


@dataclass(frozen=True)
class GeneticConfig:
    """How candidates are bred from the best molecules so far."""

    __pydantic_config__ = STRICT
    population: Positive = 100
    """Molecules that breed."""
    generations: Positive = 3
    """Generations that are bred on predicted scores before molecules are asked for."""
    children: Positive = 200
    """Children of a generation."""
    mutation: Share = 0.4
    """Share of the children that are mutated from one parent; the others are crossed of two."""
    after_crossover: Share = 0.3
    """Share of the crossed ones that are mutated, too."""
    nearness: Share = 0.6
    """Tanimoto similarity from which on two molecules of the population are too near; 0 for no limit."""
    niches: Share = 0.5
    """Share of the batches for which `nearness` holds; the others are bred from the best as they are."""
    most_atoms: Positive = 60
    """Heavy atoms of a molecule, at most."""


@dataclass(frozen=True)
class LearnerConfig:
    """A likelihood model that learns from the scores and draws candidates, beside those that are bred."""

    __pydantic_config__ = STRICT
    model: str = ""
    """A trained string or graph model, by name or folder. Empty: candidates are bred alone."""
    loss: Literal["augmented_likelihood", "trajectory_balance", "reinforce"] = "augmented_likelihood"
    """What makes good molecules likely: augmented_likelihood (Olivecrona et al. 2017), trajectory_balance (Malkin et
    al. 2022) or reinforce (Williams 1992), each on molecules that anything proposed."""
    sampled: Positive = 64
    """Draws of the model for each batch."""
    steps: Positive = 1
    """Steps of learning for each batch."""
    batch: Positive = 64
    """Scored molecules of a step: half of the best, half of the latest."""
    lr: Rate = 5e-4
    """Learning rate of Adam."""
    strength: Weight = 60.0
    """Weight of a score, scaled to [0, 1], in nats."""
    kl: Weight = 0.01
    """Weight of the divergence from the model as it was, on its own draws."""
    randomized: Share = 0.5
    """Share of the molecules spelled from a random atom (Arús-Pous et al. 2019); a graph model does not see it."""
    checkpoint: Positive = 20
    """Batches between two checkpoints of the model."""


@dataclass(frozen=True)
class RealismConfig:
    """A critic as a term: molecules that it takes for unreal are asked for later."""

    __pydantic_config__ = STRICT
    model: str = ""
    """A trained graph model with a critic, by name or folder, for instance moses. Empty leaves the term out."""
    weight: Weight = 0.5
    """Weight of the log-probability of being real, in standard deviations of the scores for a nat."""
    least: float = -6.0
    """The lowest log-probability that counts, and that of a molecule which the model cannot read."""


@dataclass(frozen=True)
class DiversityConfig:
    """A filter against more of the same: alike molecules are no longer asked for (Blaschke et al. 2020)."""

    __pydantic_config__ = STRICT
    by: Literal["", "scaffold", "similarity"] = ""
    """What is alike: molecules with the same Bemis-Murcko scaffold, or similar ones. Empty leaves the filter out."""
    bucket: Positive = 25
    """How many good ones may be alike."""
    least: float = 0.5
    """The score from which on a molecule is good and counts."""
    nearness: Share = 0.6
    """similarity: Tanimoto similarity of counted environments from which on molecules are alike."""
    batch: Literal["", "determinantal", "maxmin"] = ""
    """How a batch is made to differ: a determinantal point process (Kulesza and Taskar 2012), or MaxMin among the best.
    Empty: by `surrogate.acquisition`."""
    novelty: Weight = 0.0
    """Weight of the bonus of random network distillation, in standard deviations of the scores."""


@dataclass(frozen=True)
class OptimizeConfig:
    """Settings of `molgan.optimize`.

    >>> OptimizeConfig(budget=500).initial
    200
    """

    __pydantic_config__ = STRICT
    budget: Positive = 10_000
    """Distinct molecules that are scored."""
    batch: Positive = 20
    """Molecules that are asked for at a time."""
    initial: Positive = 200
    """Molecules of the start that are scored first."""
    at_once: Count = 0
    """Molecules that are scored between two writes to disk. 0: one of a function, as many as processes of a plug-in,
    all of a batch of other scores."""
    seed: Seed = 0
    """Seed of everything random."""
    genetic: GeneticConfig = field(default_factory=GeneticConfig)
    """Breeding."""
    surrogate: SurrogateConfig = field(default_factory=SurrogateConfig)
    """The surrogate."""
    learner: LearnerConfig = field(default_factory=LearnerConfig)
    """The likelihood model."""
    realism: RealismConfig = field(default_factory=RealismConfig)
    """The critic."""
    diversity: DiversityConfig = field(default_factory=DiversityConfig)
    """The filter against more of the same."""

    def validated(self) -> "OptimizeConfig":
        """The same, its types and ranges checked. Raises ConfigError, naming the setting.

        >>> OptimizeConfig(budget=5).validated().budget
        5
        """
        return toml.from_dict(OptimizeConfig, asdict(self), "config")


def load_settings(path: Path | None = None, overrides: Iterable[str] = ()) -> OptimizeConfig:
    """Settings of a TOML file, or the defaults, with "key=value" overrides. Raises ConfigError, naming the setting.

    >>> load_settings(overrides=["genetic.population=50"]).genetic.population
    50
    """
    return toml.checked(OptimizeConfig, toml.read(path) if path else {}, str(path or "settings"), overrides)
