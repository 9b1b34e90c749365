"""Shared by all recipes of sequences: sampling, and the log-probability of a sequence."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.layers.conditioning import hide_conditions
from gancore.rewards.requests import Labeller
from gancore.rewards.shaping import RewardShaping
from gancore.sampling.rejection import replace_rejected
from gancore.training.device import adam
from gancore.training.ema import EMA
from gancore.types import Batch, Context, Sample
from seqgan.data.corpus import pad
from seqgan.data.space import TextSpace
from seqgan.networks.decoding import Decoding, sample
from seqgan.networks.generator import Generator, Guided, at_rest
from seqgan.text.alphabet import Ids
from seqgan.text.vocabulary import TokenError, Vocabulary

CHUNK = 256
"""Sequences that a critic reads at a time."""


@dataclass(frozen=True)
class SampleOptions:
    """How sequences are sampled.

    decoding: temperature and filters. steps: the most tokens; None for the length of the space. prefix: ids that each
    sequence begins with, or a tensor with those of each, as `decoding.sample` takes it. rule: which tokens may follow,
    of byte pairs. raw: leave out the critic's rejections. ceiling: in place of `critic.ceiling`, at least 1.
    """

    decoding: Decoding = field(default_factory=Decoding)
    steps: int | None = None
    prefix: list[int] | Tensor = field(default_factory=list)
    rule: Any = None
    raw: bool = False
    ceiling: float | None = None


class SequenceRecipe:
    """A generator that writes token by token, sampled from its average."""

    config: Any
    space: TextSpace
    device: torch.device
    generator: Generator
    averaged: EMA[Generator]
    modules: dict[str, nn.Module]
    vocabulary: Vocabulary | None = None
    shaping: RewardShaping | None = None
    labeller: Labeller | None = None
    sampling_modules: tuple[str, ...] = ()

    def sample(
        self,
        n: int,
        random: torch.Generator,
        context: Context | None = None,
        options: SampleOptions | None = None,
        guidance: float = 1.0,
    ) -> Ids:
        """`n` sequences of the averaged generator, `(n, step)`."""
        options, average = options or SampleOptions(), self.averaged.average
        steps = options.steps or self.space.length
        stepper = Guided(average, guidance) if context is not None and guidance != 1.0 else average
        with at_rest(average):
            return sample(
                *(stepper, n, steps, random, options.decoding, options.prefix, self.device, options.rule, context)
            )

    def hide_conditions(self, real: Batch) -> Batch:
        """The batch with some of its conditions hidden, so that a request may leave some out."""
        return hide_conditions(real, self.space.groups, self.config.hide_all, self.config.hide_some)

    def score(self, ids: Ids) -> tuple[list[str], np.ndarray]:
        """The strings and their external reward in [0, 1], 0 where there is none. It changes nothing."""
        assert self.shaping is not None
        assert self.vocabulary is not None
        strings = [self.vocabulary.decode(row) for row in ids.tolist()]
        return strings, self.shaping.score(strings)

    def best_so_far(self) -> Ids:
        """Ids of some of the best strings so far, without those that were cut off at the greatest length."""
        lines = []
        for text in self.shaping.best(self.config.reward.replay.batch) if self.shaping is not None else []:
            assert self.vocabulary is not None
            with contextlib.suppress(TokenError):
                lines.append(self.vocabulary.encode(text))
        ids = pad([line for line in lines if len(line) < self.space.length], self.space.length)
        return self.space.alphabet.trim(ids.to(self.device)) if len(ids) else ids

    def redraw_rejected(
        self,
        ids: Ids,
        critic: nn.Module,
        draw: Callable[[int, Context | None], Ids],
        settings: Any,
        random: torch.Generator,
        context: Context | None = None,
        slope: float = 1.0,
    ) -> None:
        """Replace, in place, sequences that the critic rejects; `draw(n, context)` draws n new ones.

        slope: on the critic's logits.
        """

        def redraw(rows: Tensor) -> tuple[list[Ids], Tensor]:
            their_context = context[rows] if context is not None else None
            new = draw(len(rows), their_context)
            return [new], logits_of(new, their_context)

        def logits_of(ids: Ids, context: Context | None) -> Tensor:
            padded = nn.functional.pad(ids, (0, self.space.length - ids.shape[1]), value=self.space.alphabet.pad)
            logits = []
            for start in range(0, len(padded), CHUNK):
                rows = slice(start, start + CHUNK)
                inputs = ((padded[rows],),) if context is None else ((padded[rows],), context[rows])
                logits.append(critic(*inputs).logits.float() * slope)
            return torch.cat(logits)

        with at_rest(critic):
            logits = logits_of(ids, context)
            asked = context.kinds if context is not None else None
            replace_rejected([ids], logits, redraw, settings.rejections, settings.ceiling, random, asked)

    def log_prob(self, sample: Sample, context: Context | None = None) -> Float[Tensor, "batch"]:
        """Log-probability in nats of whole sequences under the averaged generator."""
        with at_rest(self.averaged.average):
            return self.log_prob_of(self.averaged.average, sample, context)

    def log_prob_of(self, network: Generator, sample: Sample, context: Context | None = None) -> Float[Tensor, "batch"]:
        """`log_prob` under a generator of this recipe, with gradients."""
        return network.log_prob(sample[0], context=context).sum(1)

    def is_spelled(self, sample: Sample) -> Tensor:
        """Whether each sequence has known tokens alone, which makes its log-probability that of the string."""
        unknown = self.space.alphabet.unknown
        return torch.ones(len(sample[0]), dtype=torch.bool) if unknown is None else (sample[0] != unknown).all(1)


class AdversarialRecipe(SequenceRecipe):
    """Maximum likelihood, `pretraining`, and after it a generator against the critic of an `adversary`."""

    pretraining: Any
    adversary: Any

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made on first use: sampling needs none, and importing them takes a second or two."""
        config, judge = self.config, self.config.critic
        return self.pretraining.optimizers | {
            "generator": adam(self.generator.parameters(), config.lr, config.betas, config.weight_decay),
            "critic": adam(self.adversary.critic.parameters(), judge.lr, judge.betas, judge.weight_decay),
        }
