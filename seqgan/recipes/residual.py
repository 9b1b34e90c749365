"""A residual energy, distilled: a critic of likelihoods reweights a mixture of generators; one generator learns that.

The critic is a logistic regression on what several language models say of a sequence: the mixture's members, and one
that reads backwards and was never drawn from. It sees what critics trained from scratch on tokens do not see (Deng et
al. 2020 reweight a language model so). Drawing from the mixture and weighting each draw by the odds D / (1 - D) is
MaliGAN's estimator (Che et al. 2017); here the mixture's own conditional distribution is its control variate.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated

import torch
from annotated_types import Interval
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Optimizer

from gancore.errors import ConfigError
from gancore.facade.recipe import Capability
from gancore.losses.reduction import sum_steps
from gancore.training import distributed
from gancore.training.device import adam, derive_seed
from gancore.training.lbfgs import minimize
from gancore.training.loop import Callback, Player
from gancore.training.run import Phase
from gancore.training.schedules import cosine_rate
from gancore.training.settings import STRICT, Positive, Rate
from gancore.types import Batch
from seqgan.data.corpus import Corpus, batches
from seqgan.data.lines import Lines
from seqgan.data.space import TextSpace
from seqgan.networks.decoding import sample
from seqgan.networks.generator import Mixture, at_rest, without_dropout
from seqgan.networks.likelihood import by_rows
from seqgan.recipes.config import GameConfig
from seqgan.recipes.mle import MaximumLikelihood
from seqgan.recipes.sequences import SequenceRecipe
from seqgan.text.alphabet import Ids


class Odds(nn.Module):
    """The critic: log-odds that a sequence is real, affine in its log-likelihoods and its length."""

    slope: Tensor
    centre: Tensor
    scale: Tensor
    log_mean: Tensor

    def __init__(self, features: int):
        super().__init__()
        self.register_buffer("slope", torch.zeros(features + 1))  # the last one is the constant
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.register_buffer("log_mean", torch.zeros(()))

    def fit(self, real: Float[Tensor, "real feature"], fake: Float[Tensor, "fake feature"]) -> None:
        """Tell real from fake, both counting the same; afterwards the odds have mean 1 on `fake`."""
        both = torch.cat((real, fake))
        self.centre.copy_(both.mean(0))
        self.scale.copy_(both.std(0).clamp_min(1e-6))

        def loss(slope: Tensor) -> Tensor:
            of_real, of_fake = self._logits(real, slope), self._logits(fake, slope)
            return softplus(-of_real).mean() + softplus(of_fake).mean() + 1e-3 * slope[:-1].square().sum()

        self.slope.copy_(minimize(loss, torch.zeros_like(self.slope)))
        self.log_mean.copy_(self._logits(fake, self.slope).exp().mean().log())

    def weights(self, features: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch"]:
        """D / (1 - D) of each sequence, over its mean on the fakes it was fitted to."""
        return (self._logits(features, self.slope) - self.log_mean).exp()

    def _logits(self, features: Tensor, slope: Tensor) -> Tensor:
        return (features - self.centre) / self.scale @ slope[:-1] + slope[-1]


@dataclass(frozen=True)
class MixtureConfig:
    """The mixture, and what its critic may say."""

    __pydantic_config__ = STRICT
    members: Annotated[int, Interval(ge=1, le=16)] = 2
    """Generators of the mixture that is sampled and distilled, each trained by maximum likelihood."""
    critic: bool = True
    """Whether a critic reweights the mixture; without it the mixture alone is distilled."""
    clip: Rate = 10.0
    """Largest weight of a sequence, of mean 1."""
    calibration: Positive = 4000
    """Sequences drawn to fit the critic and to scale its weights."""


@dataclass(frozen=True)
class ResidualConfig(GameConfig):
    """Recipe residual: a mixture of generators, reweighted by a critic and distilled into one."""

    recipe: str = "residual"
    """residual."""
    residual: MixtureConfig = field(default_factory=MixtureConfig)
    """The reweighted mixture."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.likelihood.epochs:
            raise ConfigError("recipe residual trains its generators itself: set likelihood.epochs above 0.")
        if self.residual.critic and not self.data.valid:
            raise ConfigError("residual.critic is fitted to lines not trained on: set data.valid above 0.")


class Residual(SequenceRecipe):
    """Recipe residual: a mixture, its critic, the generator distilled from them, and the optimisers and training step.

    A checkpoint holds `modules` and `optimizers`.
    """

    config_class = ResidualConfig
    capabilities: frozenset[Capability] = frozenset({"log_prob"})

    def __init__(self, config: ResidualConfig, space: TextSpace, device: torch.device):
        self.config, self.space, self.device = config, space, device
        self.alphabet, self.length = space.alphabet, space.length
        self.models = {
            name: MaximumLikelihood(replace(config, seed=derive_seed(config.seed, name) >> 2), space, device)
            for name in (
                *(f"member{number}" for number in range(config.residual.members)),
                *(("backward",) if config.residual.critic else ()),
            )
        }
        first = self.models["member0"]
        self.generator, self.averaged = first.generator, first.averaged
        members = [model.averaged.average for name, model in self.models.items() if name.startswith("member")]
        self.teacher = Mixture([copy.deepcopy(member) for member in members])  # pyright: ignore
        self.critic = Odds(len(self.models) + 1).to(device)
        self.modules: dict[str, nn.Module] = {"teacher": self.teacher, "critic": self.critic}
        for prefix, model in self._prefixed():
            self.modules |= {f"{prefix}{part}": module for part, module in model.modules.items()}

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made on first use: sampling needs none, and importing them takes a second or two."""
        optimizers = {
            f"{prefix}{part}": optimizer
            for prefix, model in self._prefixed()
            for part, optimizer in model.optimizers.items()
        }
        return optimizers | {"generator": adam(self.generator.parameters(), self.config.lr)}

    def _prefixed(self) -> Iterator[tuple[str, MaximumLikelihood]]:
        """Each model, and the prefix of the names of its modules: empty for the first model."""
        for name, model in self.models.items():
            yield ("" if model is self.models["member0"] else f"{name}."), model

    # The training step ------------------------------------------------------------------------

    def turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Learn from draws of the mixture: its own distribution of every token, and the draws by their weights.

        The expectation is the cross-entropy under the reweighted mixture.
        """
        with at_rest(*self.modules.values()):
            ids = sample(self.teacher, self.config.batch, self.length, device=self.device)
            ids = self.alphabet.trim(distributed.shard(ids))
            states = self.teacher.features(ids)
            weights = self.weights(ids)
        mask = self.alphabet.mask(ids)
        with without_dropout(self.generator):
            features = self.generator.features(ids)

        def terms(features: Tensor, states: Tensor, tokens: Tensor) -> Tensor:
            with torch.no_grad():
                teacher_log_prob = self.teacher.read(states)
            log_prob = self.generator.read(features).log_softmax(-1)
            soft = -(teacher_log_prob.exp() * log_prob).sum(-1)
            return torch.stack((soft, -log_prob.gather(1, tokens[:, None]).squeeze(1)), -1)

        soft, hard = by_rows(terms, self.alphabet.size * len(self.models), features, states, ids).unbind(-1)
        loss = sum_steps(soft + (weights - 1)[:, None] * hard, mask)
        effective = weights.sum().square() / weights.square().sum() / len(weights)
        return {"distilled": loss.mean(), "_effective": effective}  # of draws, not of the rows of the batch

    # Parts of the step ------------------------------------------------------------------------

    def features(self, ids: Ids) -> Float[Tensor, "batch feature"]:
        """Log-likelihood of each sequence under every model, and its length."""
        columns = []
        for name, model in self.models.items():
            generator = model.averaged.average
            if name == "member0":  # whose average moves while the mixture is distilled
                generator = self.teacher.members[0]
            columns.append(generator.log_prob(self.reverse(ids) if name == "backward" else ids).sum(1))  # pyright: ignore
        return torch.stack([*columns, self.alphabet.mask(ids).sum(1).float()], 1)

    def weights(self, ids: Ids) -> Float[Tensor, "batch"]:
        """How much likelier than under the mixture a sequence should be, at most `clip`."""
        if not self.config.residual.critic:
            return torch.ones(len(ids), device=self.device)
        return self.critic.weights(self.features(ids)).clamp_max(self.config.residual.clip)

    def reverse(self, ids: Ids) -> Ids:
        """Every sequence backwards; its end token stays last."""
        mask = self.alphabet.mask(ids)
        if self.alphabet.end is not None:
            mask = mask & (ids != self.alphabet.end)
        places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        last = mask.sum(1, keepdim=True) - 1
        return ids.gather(1, torch.where(mask, last - places, places))

    # The phases -------------------------------------------------------------------------------

    def phases(self, corpus: Corpus) -> list[Phase]:
        """Maximum likelihood of every model; then the critic is fitted and the reweighted mixture distilled."""
        config, phases = self.config, []
        for name, model in self.models.items():
            for phase in model.phases(self._reversed(corpus) if name == "backward" else corpus):
                start = phases[-1].steps.stop if phases else 0
                phases.append(shifted(phase, start, name))
        start = phases[-1].steps.stop if phases else 0
        stream = batches(corpus.train, config.batch, derive_seed(config.seed, "distil"), self.device)

        rate = cosine_rate(config.lr, config.steps, start, floor=0.02)
        optimizer = self.optimizers["generator"]
        player = Player("generator", self.generator, optimizer, self.turn, max_norm=config.max_norm, rate=rate)
        steps = range(start, start + config.steps)
        follow: list[Callback] = [self.models["member0"].follow]

        def enter() -> None:
            self.take_over(corpus.validation)

        return [*phases, Phase("distil", [player], stream, steps, follow, enter)]

    def _reversed(self, corpus: Corpus) -> Corpus:
        """The same lines backwards."""
        train, valid, test = corpus.parts
        backwards = train.changed(self.reverse) if isinstance(train, Lines) else self.reverse(train)
        return Corpus(corpus.alphabet, backwards, self.reverse(valid), self.reverse(test))

    def take_over(self, held_out: Ids) -> None:
        """Freeze the mixture, fit the critic on real sequences that trained nothing, start from the first member."""
        models = list(self.models.values())
        models[0].take_over()
        for member, model in zip(self.teacher.members, models, strict=False):
            member.load_state_dict(model.averaged.average.state_dict())
        if not self.config.residual.critic:
            return
        with at_rest(*self.modules.values()):
            drawn = sample(self.teacher, self.config.residual.calibration, self.length, device=self.device)
            real, fake = (
                torch.cat([self.features(part) for part in ids.to(self.device).split(256)]) for ids in (held_out, drawn)
            )
            self.critic.fit(real, fake)


def shifted(phase: Phase, start: int, name: str) -> Phase:
    """The phase, `start` steps later and under another name; its callbacks and rates still count from 0."""

    def shifted_rate(player: Player) -> Player:
        rate = player.rate
        return replace(player, rate=(lambda step: rate(step - start)) if rate is not None else None)

    callbacks = phase.callbacks
    return replace(
        phase,
        name=name,
        players=[shifted_rate(player) for player in phase.players],
        steps=range(phase.steps.start + start, phase.steps.stop + start),
        callbacks=[lambda step, logs, call=call: call(step - start, logs) for call in callbacks],
    )
