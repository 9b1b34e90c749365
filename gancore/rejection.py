"""Discriminator rejection sampling: draws that a critic doubts are made anew."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor


def replace_rejected(
    logits: Float[Tensor, "draw"],
    again: Callable[[Int[Tensor, "doubted"]], Float[Tensor, "doubted"]],
    rejections: int,
    ceiling: float,
    random: Generator | None = None,
) -> None:
    """Have draws made anew until the critic is content, or `rejections` times (Azadi et al. 2019).

    logits: the critic's of all draws; exp(logit) is the ratio of the data's density to the generator's, scaled here to
    mean 1. A draw is kept with a probability in proportion to it, for certain from `ceiling` on. again: makes those of
    the given numbers anew, in place, and gives their logits.

    >>> logits = torch.tensor([-9.0, 1.0, 1.0])
    >>> replace_rejected(logits, lambda doubted: torch.ones(len(doubted)), rejections=20, ceiling=1.0)
    >>> logits
    tensor([1., 1., 1.])
    """
    mean = logits.logsumexp(0) - math.log(len(logits))  # of the ratio
    doubted = torch.arange(len(logits), device=logits.device)
    for _ in range(rejections):
        chance = torch.rand(len(doubted), generator=random, device=logits.device)
        doubted = doubted[chance * ceiling > (logits[doubted] - mean).exp()]
        if not len(doubted):
            return
        logits[doubted] = again(doubted)
