"""Settings of an adversary that the recipes of molgan and seqgan share: objective, labels, penalty, constraint, noise.

Settings that came after those of a recipe are given by name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any

from annotated_types import Interval
from torch import nn

from gancore.errors import ConfigError
from gancore.layers.spectral_norm import normalize_spectrum
from gancore.losses.adversarial import OBJECTIVES, Objective, smooth_labels
from gancore.losses.adversary import Adversary, Head
from gancore.losses.penalties import PENALTIES
from gancore.training.schedules import fade_out
from gancore.training.settings import STRICT, OneOf, Positive, Weight

Smoothing = Annotated[float, Interval(ge=0, lt=0.5)]
Lasting = Annotated[float, Interval(gt=0, le=1)]


@dataclass(frozen=True)
class ObjectiveConfig:
    """What a critic learns (Goodfellow et al. 2014). Raises ConfigError for labels of an objective that has none."""

    __pydantic_config__ = STRICT
    objective: Annotated[str, OneOf(OBJECTIVES)] = "non_saturating"
    """Adversarial objective."""
    smooth_real: Smoothing = field(default=0.0, kw_only=True)
    """Taken from the label of real samples, which then is 1 less this (one-sided label smoothing, Salimans et al.
    2016). For objectives with labels: non_saturating, saturating, least_squares, relativistic_average."""
    smooth_fake: Smoothing = field(default=0.0, kw_only=True)
    """Label of generated samples. Above 0, with `smooth_real`, labels are smoothed on both sides."""

    def __post_init__(self) -> None:
        if self.smooths and self._objective.labelled is None:
            raise ConfigError(
                f"critic.smooth_real and critic.smooth_fake: objective {self.objective} has no labels of samples: "
                "set both to 0."
            )

    @property
    def smooths(self) -> bool:
        """Whether labels are smoothed."""
        return self.smooth_real > 0 or self.smooth_fake > 0

    def require_ratio(self) -> None:
        """Raise ConfigError if the logit is no log-ratio of densities, as rejection needs (Azadi et al. 2019)."""
        if self.objective not in ("relativistic_pairing", "non_saturating"):
            raise ConfigError(
                f"critic.rejections: a critic of objective {self.objective} gives no ratio of densities; "
                "take relativistic_pairing or non_saturating."
            )
        if self.smooths:
            raise ConfigError(
                "critic.rejections: with smoothed labels the critic gives no ratio of densities: "
                "set critic.smooth_real and critic.smooth_fake to 0."
            )

    @property
    def _objective(self) -> Objective:
        return OBJECTIVES[self.objective]

    @property
    def game(self) -> Objective:
        """The objective with its labels (Goodfellow et al. 2014; Salimans et al. 2016)."""
        return smooth_labels(self._objective, self.smooth_real, self.smooth_fake)


@dataclass(frozen=True)
class RelaxedCriticConfig(ObjectiveConfig):
    """A critic whose gradient flows into the generator, and what holds it back (Arjovsky and Bottou 2017).

    Raises ConfigError for settings with which nothing is learnt, or of which one undoes another.
    """

    penalty: Annotated[str, OneOf(PENALTIES)] = "finite_r1_r2"
    """Slope penalty."""
    penalty_weight: Weight = 0.02
    """Its weight; 0 leaves it out. For r1 and r2 this is half of the gamma of the papers; wgan_gp and dragan want
    10."""
    penalty_every: Positive = 4
    """The penalty is taken in every so many turns of the critic, with that much more weight."""
    steps: Positive = 1
    """Turns of the critic for each turn of the generator."""
    spectral_norm: bool = field(default=False, kw_only=True)
    """Divide each weight matrix of the critic by its largest singular value (Miyato et al. 2018)."""
    max_weight: Weight = field(default=0.0, kw_only=True)
    """Clip the critic's weights to this size after each of its turns (Arjovsky et al. 2017, who take 0.01); 0 does
    not."""
    noise: Weight = field(default=0.0, kw_only=True)
    """Standard deviation of normal noise on real and generated samples at the start of the adversarial phase (Sønderby
    et al. 2017). It falls linearly to 0."""
    noise_until: Lasting = field(default=1.0, kw_only=True)
    """Share of the adversarial steps after which that noise is 0."""
    every: Positive = field(default=1, kw_only=True)
    """The critic plays in every so many steps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.objective == "wasserstein" and not (self.penalty_weight or self.max_weight or self.spectral_norm):
            raise ConfigError(
                "objective wasserstein needs a slope penalty, clipped weights or a spectral norm: set "
                "critic.penalty_weight or critic.max_weight above 0, or critic.spectral_norm to true."
            )
        if self.max_weight and self.penalty_weight:
            raise ConfigError(
                "critic.max_weight and critic.penalty_weight: clipped weights cannot reach the slopes that a penalty "
                "asks for: set one of them to 0."
            )
        if self.max_weight and self.spectral_norm:
            raise ConfigError(
                "critic.max_weight and critic.spectral_norm: the size of a weight does not count where it is "
                "normalised: set max_weight to 0."
            )
        if self.every > 1 and self.steps > 1:
            raise ConfigError(
                "critic.every and critic.steps: one plays the critic less, one more: set one of them to 1."
            )

    def adversary(self, critic: nn.Module, heads: Mapping[str, Head] = MappingProxyType({})) -> Adversary:
        """The critic, normalised in place where that is set, with its objective, penalty and heads."""
        if self.spectral_norm:
            normalize_spectrum(critic)
        weighted = {"penalty": (PENALTIES[self.penalty], self.penalty_weight)} if self.penalty_weight else {}
        return Adversary(critic, self.game, weighted, self.penalty_every, heads, self.every)

    @property
    def turns(self) -> dict[str, Any]:
        """How often the critic plays, and what holds its weights, as a `Player` takes it."""
        return {"repeat": self.steps, "every": self.every, "max_weight": self.max_weight}

    def noise_of(self, steps: int, start: int = 0) -> Callable[[int], float]:
        """The level of instance noise at a step of a game of so many (Sønderby et al. 2017)."""
        return fade_out(self.noise, round(self.noise_until * steps), start)
