"""Rejection sampling: draws that a critic doubts, or that miss their request, are made anew."""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

_FEW = 256  # draws that take hardly less time than so many


def redraw(
    draws: Sequence[Tensor],
    accepted: Bool[Tensor, "draw"],
    again: Callable[[Int[Tensor, "new"]], tuple[Sequence[Tensor], Bool[Tensor, "new"]]],
    tries: int,
) -> Int[Tensor, "left"]:
    """Have draws made anew, in place, until they are accepted, or `tries` times; gives the numbers of those left.

    draws: tensors whose rows are the draws, one beside the other. again: new rows for those of the given numbers, and
    which are accepted; where few are left to be made, several for each at a time, of which the first that is accepted
    is taken.

    >>> draws = torch.tensor([0, 1, 2])
    >>> redraw([draws], draws > 0, lambda rows: ([rows + 10], rows == rows), tries=1), draws
    (tensor([], dtype=torch.int64), tensor([10,  1,  2]))
    """
    left = (~accepted).nonzero().squeeze(1)
    while tries and len(left):
        times = min(tries, max(1, _FEW // len(left)))
        made, content = again(left.repeat_interleave(times))
        content = content.view(-1, times)
        settled = content.any(1)
        taken = torch.where(settled, content.int().argmax(1), times - 1)
        taken = taken + times * torch.arange(len(left), device=taken.device)
        for rows, new in zip(draws, made, strict=True):
            rows[left] = new[taken]
        left, tries = left[~settled], tries - times
    return left


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
    proportion to it, for certain from `ceiling` on. again: new rows for those of the given numbers, and their logits.

    >>> draws, logits = torch.tensor([0, 1, 2]), torch.tensor([-9.0, 1.0, 1.0])
    >>> replace_rejected([draws], logits, lambda rows: ([rows + 10], torch.ones(len(rows))), rejections=20, ceiling=1.0)
    >>> draws
    tensor([10,  1,  2])
    """
    mean = logits.logsumexp(0) - math.log(len(logits))  # of the ratio

    def accepted(found: Tensor) -> Tensor:
        return torch.rand(found.shape, generator=random, device=found.device) * ceiling <= (found - mean).exp()

    def new(rows: Tensor) -> tuple[Sequence[Tensor], Tensor]:
        made, found = again(rows)
        return made, accepted(found)

    redraw(draws, accepted(logits), new, rejections)
