"""What all recipes of sequences do alike: sampling, and the log-probability of a sequence."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gancore.rewards.shaping import RewardShaping
from gancore.sampling.rejection import replace_rejected
from gancore.training.ema import EMA
from gancore.types import Context, Sample
from seqgan.data.space import TextSpace
from seqgan.networks.decoding import Decoding, sample
from seqgan.networks.generator import Generator, at_rest
from seqgan.text.alphabet import Ids


@dataclass(frozen=True)
class Asked:
    """How sequences are asked for: the decoding, the most steps, the ids that each begins with, raw draws."""

    decoding: Decoding = field(default_factory=Decoding)
    steps: int | None = None
    begun: list[int] = field(default_factory=list)
    rule: Any = None
    raw: bool = False


class SequenceRecipe:
    """A generator that writes token by token, sampled from its average."""

    space: TextSpace
    device: torch.device
    generator: Generator
    averaged: EMA[Generator]
    modules: dict[str, nn.Module]
    shaping: RewardShaping | None = None
    judges: tuple[str, ...] = ()

    def sample(
        self, n: int, random: torch.Generator, context: Context | None = None, asked: Asked | None = None
    ) -> Ids:
        """`n` sequences of the averaged generator, `(n, step)`."""
        asked = asked or Asked()
        steps = asked.steps or self.space.length
        with at_rest(self.averaged.average):
            return sample(
                *(self.averaged.average, n, steps, random, asked.decoding, asked.begun, self.device, asked.rule)
            )

    def redraw_rejected(
        self, ids: Ids, critic: nn.Module, again: Callable[[int], Ids], rejections: int, ceiling: float, random: Any
    ) -> None:
        """Have sequences that the critic rejects drawn again, in place; `again(n)` draws n of them."""

        def redraw(rows: Tensor) -> tuple[list[Ids], Tensor]:
            new = again(len(rows))
            return [new], logits_of(new)

        def logits_of(some: Ids) -> Tensor:
            whole = nn.functional.pad(some, (0, self.space.length - some.shape[1]), value=self.space.alphabet.pad)
            return torch.cat([critic((part,)).logits.float() for part in whole.split(256)])

        with at_rest(critic):
            replace_rejected([ids], logits_of(ids), redraw, rejections, ceiling, random)

    def log_prob(self, sample: Sample, context: Context | None = None) -> Float[Tensor, "batch"]:
        """Log-probability in nats of whole sequences under the averaged generator."""
        with at_rest(self.averaged.average):
            return self.averaged.average.log_prob(sample[0]).sum(1)
