"""Log-probabilities of tokens under a linear head, fused: a few rows at a time, so no logits leave the cache."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import Function
from torch.utils.checkpoint import checkpoint

_ROWS = 128
LARGEST = 1 << 25
"""Logits that are in memory at once, 128 MB of them, where there is a way to do with fewer than all."""


class _TokenLogProb(Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
        result, totals = torch.empty_like(features[:, 0]), torch.empty_like(features[:, 0])
        parts = (part.split(_ROWS) for part in (features, targets, result, totals))
        for some, wanted, out, total in zip(*parts, strict=True):
            logits = torch.addmm(bias, some, weight.T)
            at_target = logits.gather(1, wanted[:, None]).squeeze(1)
            largest = logits.amax(1, keepdim=True)
            total.copy_(logits.sub_(largest).exp_().sum(1).log_().add_(largest.squeeze(1)))
            torch.sub(at_target, total, out=out)
        ctx.save_for_backward(features, weight, bias, targets, totals)
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        features, weight, bias, targets, totals = ctx.saved_tensors
        for_features, for_weight, for_bias = (torch.zeros_like(part) for part in (features, weight, bias))
        parts = (part.split(_ROWS) for part in (features, targets, totals, grads[0], for_features))
        for some, wanted, total, grad, out in zip(*parts, strict=True):
            slope = torch.addmm(bias, some, weight.T).sub_(total[:, None]).exp_().mul_(-grad[:, None])
            slope.scatter_add_(1, wanted[:, None], grad[:, None])
            torch.mm(slope, weight, out=out)
            for_weight.addmm_(slope.T, some)
            for_bias += slope.sum(0)
        return for_features, for_weight, for_bias, None


def token_log_prob(
    features: Float[Tensor, "*row width"],
    weight: Float[Tensor, "token width"],
    bias: Float[Tensor, "token"],
    targets: Int[Tensor, "*row"],
) -> Float[Tensor, "*row"]:
    """`log_softmax(features @ weight.T + bias)` at `targets`, in nats, with first derivatives.

    The logits are made twice, once for each way, and never kept: that costs less than to write and read them.
    """
    flat = _TokenLogProb.apply(features.reshape(-1, features.shape[-1]), weight, bias, targets.reshape(-1))
    return flat.view(targets.shape)  # pyright: ignore


def by_rows(function: Callable[..., Tensor], tokens: int, *parts: Tensor) -> Tensor:
    """`function(*parts)`, which has logits of `tokens` for each row on its way; gives `(*row, ...)`.

    parts: `(batch, step, ...)`; the function gets and gives `(row, ...)`, batch and step in one. Where all the logits
    would be more than `LARGEST`, it gets some rows at a time, and the way back computes theirs once more instead of
    keeping them (Chen et al. 2016).

    >>> by_rows(lambda x: x.softmax(-1).amax(-1), 4, torch.zeros(2, 3, 4)).shape
    torch.Size([2, 3])
    """
    flat = [part.flatten(0, 1) for part in parts]
    if len(flat[0]) * tokens > LARGEST:
        size = max(1, LARGEST // 16 // tokens)  # a few tensors of this size are alive at a time
        call = partial(checkpoint, function, use_reentrant=False, preserve_rng_state=False)
        split = zip(*(part.split(size) for part in flat), strict=True)
        made = torch.cat([call(*some) if torch.is_grad_enabled() else function(*some) for some in split])
    else:
        made = function(*flat)
    return made.unflatten(0, parts[0].shape[:2])
