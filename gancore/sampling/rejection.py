"""Discriminator rejection sampling: draws that a critic doubts are made anew."""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

_FEW = 256  # draws that take hardly less time than so many


def replace_rejected(
    draws: Sequence[Tensor],
    logits: Float[Tensor, "draw"],
    again: Callable[[Int[Tensor, "new"]], tuple[Sequence[Tensor], Float[Tensor, "new"]]],
    rejections: int,
    ceiling: float,
    random: Generator | None = None,
) -> None:
    """Have draws made anew, in place, until the critic is content, or `rejections` times (Azadi et al. 2019).

    draws: tensors whose rows are the draws, one beside the other. logits: the critic's of all of them; exp(logit) is
    the ratio of the data's density to the generator's, scaled here to mean 1. A draw is kept with a probability in
    proportion to it, for certain from `ceiling` on. again: new rows for those of the given numbers, and their logits;
    where few are left to be made, several for each at a time, of which the first that is accepted is taken.

    >>> draws, logits = torch.tensor([0, 1, 2]), torch.tensor([-9.0, 1.0, 1.0])
    >>> replace_rejected([draws], logits, lambda rows: ([rows + 10], torch.ones(len(rows))), rejections=20, ceiling=1.0)
    >>> draws
    tensor([10,  1,  2])
    """
    mean = logits.logsumexp(0) - math.log(len(logits))  # of the ratio

    def accepted(found: Tensor) -> Tensor:
        return torch.rand(found.shape, generator=random, device=found.device) * ceiling <= (found - mean).exp()

    doubted = (~accepted(logits)).nonzero().squeeze(1)
    while rejections and len(doubted):
        times = min(rejections, max(1, _FEW // len(doubted)))
        made, found = again(doubted.repeat_interleave(times))
        content = accepted(found.view(-1, times))
        settled = content.any(1)
        taken = torch.where(settled, content.int().argmax(1), times - 1)
        taken = taken + times * torch.arange(len(doubted), device=taken.device)
        for rows, new in zip(draws, made, strict=True):
            rows[doubted] = new[taken]
        doubted, rejections = doubted[~settled], rejections - times
