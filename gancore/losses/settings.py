"""Settings of an adversary that the recipes of molgan and seqgan share: objective, labels, penalty, constraint, noise.

Settings that came after those of a recipe are given by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any

from annotated_types import Interval
from torch import nn

from gancore.errors import ConfigError
from gancore.layers.minibatch_discrimination import MinibatchCritic
from gancore.layers.packing import PackedCritic
from gancore.layers.spectral_norm import normalize_spectrum
from gancore.losses.adversarial import OBJECTIVES, Objective, smooth_labels
from gancore.losses.adversary import Adversary, Head, Unroll
from gancore.losses.equilibrium import Equilibrium
from gancore.losses.matching import MATCHING
from gancore.losses.panel import Panel
from gancore.losses.penalties import PENALTIES
from gancore.losses.privacy import Privacy, PrivacyConfig
from gancore.training.schedules import fade_out
from gancore.training.settings import STRICT, Count, OneOf, Positive, Rate, Share, Weight

Smoothing = Annotated[float, Interval(ge=0, lt=0.5)]
Lasting = Annotated[float, Interval(gt=0, le=1)]
Few = Annotated[int, Interval(ge=1, le=64)]
Group = Annotated[int, Interval(ge=2, le=4096)]
Foreseen = Annotated[int, Interval(ge=0, le=100)]


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

    def require_ratio(self, setting: str = "critic.rejections") -> None:
        """Raise ConfigError if the logit is no log-ratio of densities, as rejection needs (Azadi et al. 2019).

        setting: what needs it.
        """
        if self.objective not in ("relativistic_pairing", "non_saturating"):
            raise ConfigError(
                f"{setting}: a critic of objective {self.objective} gives no ratio of densities; "
                "take relativistic_pairing or non_saturating."
            )
        if self.smooths:
            raise ConfigError(
                f"{setting}: with smoothed labels the critic gives no ratio of densities: "
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
    pack: Few = field(default=1, kw_only=True)
    """Samples that the critic judges together (PacGAN, Lin et al. 2018); 1 judges each alone. Divides `batch`."""
    minibatch_kernels: Count = field(default=0, kw_only=True)
    """Ways in which the critic compares each sample with others (minibatch discrimination, Salimans et al. 2016); 0
    leaves it out."""
    minibatch_group: Group = field(default=16, kw_only=True)
    """Samples that are compared with one another. Divides `batch`."""
    critics: Few = field(default=1, kw_only=True)
    """Number of critics that the generator faces, each with weights of its own (GMAN, Durugkar et al. 2017)."""
    critics_sharpness: Weight = field(default=0.0, kw_only=True)
    """How much more the generator listens to the critics that it fails most; 0 listens to all alike."""
    adversarial: Weight = field(default=1.0, kw_only=True)
    """Weight of the objective in the generator's turn; 0 leaves matched features alone."""
    feature_matching: Weight = field(default=0.0, kw_only=True)
    """Weight of the distance of mean critic features in the generator's turn (Salimans et al. 2016)."""
    feature_mmd: Weight = field(default=0.0, kw_only=True)
    """Weight of the maximum mean discrepancy of critic features there (TextGAN, Zhang et al. 2017)."""
    unroll: Foreseen = field(default=0, kw_only=True)
    """Turns of the critic that the generator foresees (unrolled GAN, Metz et al. 2017); each costs one more turn."""
    unroll_rate: Rate = field(default=0.1, kw_only=True)
    """Rate of gradient descent in these turns."""
    equilibrium: Share = field(default=0.0, kw_only=True)
    """Ratio of the error on generated samples to that on real ones that an autoencoding critic is held at (BEGAN's
    gamma, Berthelot et al. 2017), with objective wasserstein; 0 is no such critic."""
    equilibrium_rate: Rate = field(default=0.001, kw_only=True)
    """How fast that balance is corrected (BEGAN's lambda)."""
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig, kw_only=True)
    """Differential privacy of the critic."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._refuse_bounds()
        self._refuse_company()
        self._refuse_leaks()

    def _refuse_bounds(self) -> None:
        bounded = self.penalty_weight or self.max_weight or self.spectral_norm or self.equilibrium
        if self.objective == "wasserstein" and not bounded:
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

    def _refuse_company(self) -> None:
        if self.pack > 1 and self.minibatch_kernels:
            raise ConfigError(
                "critic.pack and critic.minibatch_kernels: both show the critic several samples: set pack to 1, or "
                "minibatch_kernels to 0."
            )
        if not (self.adversarial or self.feature_matching or self.feature_mmd):
            raise ConfigError(
                "critic.adversarial: at 0 the generator learns nothing from the critic, unless critic.feature_matching "
                "or critic.feature_mmd is above 0."
            )
        if self.unroll and self.max_weight:
            raise ConfigError(
                "critic.unroll and critic.max_weight: a foreseen turn clips no weights: set one of them to 0."
            )
        if self.critics == 1 and self.critics_sharpness:
            raise ConfigError("critic.critics_sharpness is of several critics: set critic.critics above 1, or it to 0.")
        if not self.equilibrium:
            return
        if self.objective != "wasserstein":
            raise ConfigError(
                f"critic.equilibrium balances two errors, which objective {self.objective} would not compare: set "
                "critic.objective to wasserstein."
            )
        if self.pack > 1 or self.minibatch_kernels or self.critics > 1 or self.unroll:
            raise ConfigError(
                "critic.equilibrium holds the balance of one critic that reconstructs single samples: leave out "
                "critic.pack, critic.minibatch_kernels, critic.critics and critic.unroll."
            )

    def _refuse_leaks(self) -> None:
        if not self.privacy.noise:
            return
        if OBJECTIVES[self.objective].reads_real:
            raise ConfigError(
                f"critic.privacy: with objective {self.objective} the generator's own loss reads real samples without "
                "noise: set critic.objective to non_saturating, saturating, least_squares, wasserstein or hinge."
            )
        if self.penalty_weight and self.penalty != "finite_r1_r2":
            raise ConfigError(
                f"critic.privacy: penalty {self.penalty} cannot be taken example by example: set critic.penalty to "
                "finite_r1_r2, or critic.penalty_weight to 0."
            )
        together = "pack", "minibatch_kernels", "critics", "feature_matching", "feature_mmd", "unroll", "equilibrium"
        for name in together:
            if getattr(self, name) > (name in ("pack", "critics")):
                raise ConfigError(
                    f"critic.privacy and critic.{name}: the latter looks at several real samples at once, or shows "
                    "them to the generator: leave one of them out."
                )

    def require_private(self, unprotected: Mapping[str, Any]) -> None:
        """Raise ConfigError for settings of a recipe with which privacy bounds nothing (Abadi et al. 2016).

        unprotected: the values of settings by name that give the data away by another way than the critic; any that is
        not 0 or empty is refused.
        """
        for name, value in unprotected.items():
            if self.privacy.noise and value:
                raise ConfigError(
                    f"critic.privacy and {name}: the latter shows the training rows to others than the private critic: "
                    "leave one of them out."
                )

    @property
    def compares(self) -> bool:
        """Whether the verdict on a sample depends on others (Lin et al. 2018; Salimans et al. 2016)."""
        return self.pack > 1 or self.minibatch_kernels > 0

    def require_batch(self, batch: int) -> None:
        """Raise ConfigError for a batch that cannot be split into packs or groups (Lin et al. 2018)."""
        sizes = {"pack": self.pack, "minibatch_group": self.minibatch_group if self.minibatch_kernels else 1}
        for name, size in sizes.items():
            if batch % size:
                raise ConfigError(f"critic.{name}: a batch of {batch} is no multiple of {size}; choose another batch.")

    def adversary(
        self, critic: nn.Module, heads: Mapping[str, Head] = MappingProxyType({}), others: Sequence[nn.Module] = ()
    ) -> Adversary | Panel:
        """The critic, wrapped and normalised as is set, with its objective, penalty and heads.

        others: as many further critics as `critics` says (GMAN, Durugkar et al. 2017).
        """
        members = [self._adversary(one, heads) for one in (critic, *others)]
        return Panel(members, self.critics_sharpness) if others else members[0]

    def _adversary(self, critic: Any, heads: Mapping[str, Head]) -> Adversary:
        if self.minibatch_kernels:
            critic = MinibatchCritic(critic, critic.feature_width, self.minibatch_kernels, self.minibatch_group)
        if self.pack > 1:
            critic = PackedCritic(critic, critic.feature_width, self.pack)
        if self.spectral_norm:
            normalize_spectrum(critic)
        weighted = {"penalty": (PENALTIES[self.penalty], self.penalty_weight)} if self.penalty_weight else {}
        matching = {name: (function, getattr(self, name)) for name, function in MATCHING.items() if getattr(self, name)}
        return Adversary(
            *(critic, self.game, weighted, self.penalty_every, heads, self.every),
            pack=self.pack,
            matching=matching,
            adversarial=self.adversarial,
            unroll=Unroll(self.unroll, self.unroll_rate),
            balance=Equilibrium(self.equilibrium, self.equilibrium_rate) if self.equilibrium else None,
            privacy=Privacy(self.privacy) if self.privacy.noise else None,
        )

    @property
    def turns(self) -> dict[str, Any]:
        """How often the critic plays, and what holds its weights, as a `Player` takes it."""
        return {"repeat": self.steps, "every": self.every, "max_weight": self.max_weight}

    def noise_of(self, steps: int, start: int = 0) -> Callable[[int], float]:
        """The level of instance noise at a step of a game of so many (Sønderby et al. 2017)."""
        return fade_out(self.noise, round(self.noise_until * steps), start)
