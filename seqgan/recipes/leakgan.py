"""LeakGAN's leak (Guo et al. 2018), in a plain form: recipe seqgan with a generator that is told what its critic sees.

The manager learns goals that lead where the critic finds prefixes good; the worker is paid for following them. As in
the paper: goals as directions in the critic's features, their sum over the last places, the intrinsic reward, separate
gradients of manager and worker, and a critic that learns beside the likelihood. Other than in the paper: the critic is
recurrent, so features of prefixes need no second pass, and its verdict on a prefix stands in for rollouts; the worker's
features are scaled by the goals instead of a matrix for each token; no rescaling of rewards by rank, no change of
temperature, and no likelihood epochs between adversarial ones (`policy.likelihood` keeps the likelihood in every step).
"""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from torch import Tensor

from gancore.errors import ConfigError
from gancore.training.run import Phase
from gancore.training.settings import STRICT, Count, Positive, Share
from gancore.types import Batch
from seqgan.data.corpus import Corpus
from seqgan.networks.generator import at_rest
from seqgan.networks.leaky import LeakyGenerator
from seqgan.recipes.mle import MaximumLikelihood
from seqgan.recipes.reinforce import PolicyConfig, Values
from seqgan.recipes.seqgan import PolicyGradientGAN
from seqgan.recipes.seqgan_config import SeqGANConfig, SeqGANCriticConfig
from seqgan.text.alphabet import Ids


@dataclass(frozen=True)
class LeakConfig:
    """Manager and worker."""

    __pydantic_config__ = STRICT
    goal: Positive = 16
    """Width that the sum of the last goals is embedded in before it scales the worker's features."""
    horizon: Positive = 4
    """Tokens that a goal looks ahead, and places whose goals are summed (c of the paper)."""
    intrinsic: Share = 1.0
    """Share of the worker's reward that is for following the goals; the rest is what the critic says (paper: 1)."""


@dataclass(frozen=True)
class LeakGANCriticConfig(SeqGANCriticConfig):
    """The critic, its training, and its use in sampling."""

    kind: Literal["recurrent"] = "recurrent"
    """A recurrent network that judges every prefix: its states are the features that leak."""
    pretrain: Count = 0
    """Steps of the critic alone before the first of the generator; it learns beside the likelihood already."""


@dataclass(frozen=True)
class LeakGANPolicyConfig(PolicyConfig):
    """The policy gradient."""

    reward: Literal["dense", "returns"] = "dense"
    """What the manager, and the worker by its share, is paid: what the critic says of every prefix, or discounted sums
    of it."""


@dataclass(frozen=True)
class LeakGANConfig(SeqGANConfig):
    """Recipe leakgan: maximum likelihood beside a critic whose features are leaked, then REINFORCE."""

    recipe: str = "leakgan"
    """leakgan."""
    critic: LeakGANCriticConfig = field(default_factory=LeakGANCriticConfig)
    """The critic, which learns from the first step on."""
    policy: LeakGANPolicyConfig = field(default_factory=LeakGANPolicyConfig)
    """The policy gradient."""
    leak: LeakConfig = field(default_factory=LeakConfig)
    """Manager and worker."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.critic.held_out:
            raise ConfigError(
                "critic.held_out: in recipe leakgan the critic learns beside the likelihood, from the same lines: set "
                "it to 0."
            )


class LeakyLikelihood(MaximumLikelihood):
    """Maximum likelihood of the worker, while the manager learns where real sequences go."""

    generator: LeakyGenerator  # pyright: ignore

    def turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """The worker's negative log-likelihood, and the manager's loss on real sequences."""
        return super().turn(real, step) | {"manager": self.generator.manager_loss(self.alphabet.trim(real.sample[0]))}


class LeakGAN(PolicyGradientGAN):
    """Recipe leakgan: recipe seqgan with a leaky generator, its pre-training and its rewards."""

    config_class = LeakGANConfig
    config: LeakGANConfig
    generator: LeakyGenerator  # pyright: ignore

    def made_pretraining(self) -> MaximumLikelihood:
        """Maximum likelihood of the leaky generator."""
        leak = {"critic": self.config.critic, "goal": self.config.leak.goal, "horizon": self.config.leak.horizon}
        return LeakyLikelihood(self.config, self.space, self.device, partial(LeakyGenerator, **leak))

    def advantage(self, ids: Ids, values: Values, given: Tensor | None = None) -> Values:
        """What each token is worth to the worker, less its baseline: the intrinsic reward, and the critic's."""
        share = self.config.leak.intrinsic
        with at_rest(self.generator):
            mixed = share * self.generator.intrinsic(ids) + (1 - share) * values
        return super().advantage(ids, mixed, given)

    def further_terms(self, ids: Ids, values: Values) -> dict[str, Tensor]:
        """The manager's loss on the draws."""
        return {"manager": self.generator.manager_loss(ids, values).mean()}

    def phases(self, corpus: Corpus) -> list[Phase]:
        """Maximum likelihood beside the critic; the critic alone; both alternately. The leak follows the critic."""
        phases = super().phases(corpus)
        for phase in phases:
            if phase.name == "likelihood":
                (alone,) = phases[1].players
                phase.players.append(replace(alone, repeat=min(1, self.config.critic.steps)))
            phase.callbacks.append(lambda step, logs: self.generator.reader.take(self.critic))
        return phases
