"""Maximum likelihood: the generator learns to predict the next token. Pre-training of all other recipes."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.facade.recipe import Capability
from gancore.training.batching import Shuffled, Streams
from gancore.training.device import adam, derive_seed
from gancore.training.ema import EMA
from gancore.training.loop import Callback, Losses, Player
from gancore.training.run import Phase
from gancore.training.schedules import cosine_rate
from gancore.types import Batch
from seqgan.data.corpus import Corpus, batches
from seqgan.data.space import TextSpace
from seqgan.networks.generator import Generator, nll, token_nll
from seqgan.recipes.config import Config
from seqgan.recipes.sequences import SequenceRecipe


class Best(nn.Module):
    """The state of early stopping: the lowest loss so far, and the number of checks since."""

    loss: Tensor
    waited: Tensor

    def __init__(self):
        super().__init__()
        self.register_buffer("loss", torch.tensor(math.inf, dtype=torch.double))
        self.register_buffer("waited", torch.zeros((), dtype=torch.long))

    def improves(self, loss: float) -> bool:
        """Record a loss. Whether it is the lowest so far."""
        better = loss < float(self.loss)
        self.loss.fill_(min(loss, float(self.loss)))
        self.waited.fill_(0 if better else int(self.waited) + 1)
        return better


def likelihood_phase(
    recipe: Any, stream: Shuffled, turn: Callable[[Any, int], dict[str, Tensor]], validation: Callable[[], float]
) -> list[Phase]:
    """Maximum likelihood of a recipe by its settings `likelihood`; none where these ask for no epoch.

    It ends when `validation`, nats a token, no longer improves. The best generator becomes the average.
    """
    settings = recipe.config.likelihood
    epoch = -(-stream.rows // stream.size)
    steps = settings.epochs * epoch
    rate = cosine_rate(settings.lr, steps, floor=settings.lr_floor)

    def end_of_epoch(step: int, logs: dict[str, float]) -> str:
        if (step + 1) % epoch:
            return ""
        logs["valid/nll"] = validation()
        if recipe.best.improves(logs["valid/nll"]) or not settings.patience:
            recipe.averaged.average.load_state_dict(recipe.generator.state_dict())
        stop = settings.patience and int(recipe.best.waited) >= settings.patience
        return f"valid/nll was no better for {settings.patience} epochs (likelihood.patience)" if stop else ""

    optimizer = recipe.optimizers["likelihood"]
    player = Player("likelihood", recipe.generator, optimizer, turn, max_norm=settings.max_norm, rate=rate)
    return [Phase("likelihood", [player], stream, range(steps), [end_of_epoch])] if steps else []


def on_stream(losses: Losses, name: str) -> Losses:
    """The losses of a player that learns from one of several streams."""
    return lambda streams, step: losses(streams[name], step)


@dataclass(frozen=True)
class MaximumLikelihoodConfig(Config):
    """Recipe mle: maximum likelihood alone."""

    recipe: str = "mle"
    """mle."""


class MaximumLikelihood(SequenceRecipe):
    """Recipe mle: a generator, its average, the optimiser and the likelihood step.

    A checkpoint holds `modules` and `optimizers`. averaged: holds the generator that is sampled from. make: gives the
    generator, from what `Generator` takes.
    """

    config_class = MaximumLikelihoodConfig
    capabilities: frozenset[Capability] = frozenset({"context", "log_prob"})

    def __init__(
        self, config: Config, space: TextSpace, device: torch.device, make: Callable[..., Generator] = Generator
    ):
        self.config, self.space, self.device = config, space, device
        self.alphabet, self.length = space.alphabet, space.length
        self.generator = make(space.alphabet, config.model, space.length, space.context_features).to(device)
        self.averaged = EMA(self.generator, getattr(config, "average", 0.0))
        self.best = Best().to(device)
        self.modules: dict[str, nn.Module] = {
            "generator": self.generator,
            "averaged": self.averaged,
            "best": self.best,
        }

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made on first use: sampling needs none, and importing them takes a second or two."""
        settings = self.config.likelihood
        weights = self.generator.parameters()
        return {"likelihood": adam(weights, settings.lr, settings.betas, settings.weight_decay)}

    def turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Negative log-likelihood of the batch, whose mean is that over its tokens."""
        real = self.hide_conditions(real)
        return {"nll": token_nll(self.generator, self.alphabet.trim(real.sample[0]), real.context)}

    def phases(self, corpus: Corpus) -> list[Phase]:
        """One phase, which ends when the validation likelihood no longer improves."""
        config = self.config
        stream = batches(corpus.train, config.likelihood.batch, config.seed, self.device, corpus.context)

        def validation() -> float:
            return nll(self.generator, corpus.validation, context=corpus.validation_context)

        return likelihood_phase(self, stream, self.turn, validation)

    def adversarial_phases(
        self,
        corpus: Corpus,
        critic: Player,
        generator: Player,
        enter: Callable[[], None],
        sampling_needs_critic: bool = False,
        judged: Corpus | None = None,
    ) -> list[Phase]:
        """The three phases of an adversarial recipe: maximum likelihood, the critic alone, both alternately.

        In the last, a step of the generator comes first, then `repeat` steps of the critic, which may be 0.
        sampling_needs_critic: the critic then trains even without adversarial steps. judged: the lines of the critic,
        where these are others.
        """
        config: Any = self.config  # of an adversarial recipe
        phases = self.phases(corpus)
        start = phases[-1].steps.stop if phases else 0
        middle = start + (config.critic.pretrain if critic.repeat and (config.steps or sampling_needs_critic) else 0)
        alone = replace(critic, repeat=1, every=1)
        for name, players, steps in (
            ("critic", [alone], range(start, middle)),
            ("adversarial", [generator, critic], range(middle, middle + config.steps)),
        ):
            labelled = config.critic.labelled if config.critic.conditioning in ("auxiliary", "twin") else 0
            seed = derive_seed(config.seed, name)
            lines = judged if judged is not None and name == "critic" else corpus
            stream: Any = batches(lines.train, config.batch, seed, self.device, lines.context, labelled=labelled)
            if judged is not None and name == "adversarial":
                seed = derive_seed(config.seed, name, "critic")
                others = batches(judged.train, config.batch, seed, self.device, judged.context, labelled=labelled)
                stream = Streams(generator=stream, critic=others)
                players = [replace(player, losses=on_stream(player.losses, player.name)) for player in players]
            follow: list[Callback] = [self.follow] if name == "adversarial" else []
            phases.append(Phase(name, players, stream, steps, callbacks=follow, enter=enter))
        return phases

    def take_over(self) -> None:
        """Go on from the best generator of this phase."""
        if self.config.likelihood.epochs:
            self.generator.load_state_dict(self.averaged.average.state_dict())
        else:
            self.averaged.average.load_state_dict(self.generator.state_dict())

    def follow(self, step: int, logs: dict[str, float]) -> None:
        """Move the average towards the generator."""
        self.averaged.update(self.generator)
