"""Rejection sampling: draws that a critic doubts, or that miss their request, are made anew."""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

_FEW = 256  # draws that take hardly less time than so many
_LEAST = 64  # draws that are made at a time, where so many are still allowed


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
    kinds: Int[Tensor, "draw"] | None = None,
) -> None:
    """Have draws made anew, in place, until the critic is content, or `rejections` times (Azadi et al. 2019).

    draws: tensors whose rows are the draws, one beside the other. logits: the critic's of all of them; exp(logit) is
    the ratio of the data's density to the generator's, scaled here to mean 1. A draw is kept with a probability in
    proportion to it, for certain from `ceiling` on. again: new rows for those of the given numbers, and their logits.
    kinds: draws of which the same is asked have the same number, and a new one may stand for any of them, so that as
    many are made as are needed; then `rejections` is their mean. Without, the same is asked of all.

    >>> draws, logits = torch.tensor([0, 1, 2]), torch.tensor([-9.0, 1.0, 1.0])
    >>> replace_rejected([draws], logits, lambda rows: ([rows + 10], torch.ones(len(rows))), rejections=20, ceiling=1.0)
    >>> draws
    tensor([10,  1,  2])
    """
    mean = logits.logsumexp(0) - math.log(len(logits))  # of the ratio

    def accepted(found: Tensor) -> Tensor:
        return torch.rand(found.shape, generator=random, device=found.device) * ceiling <= (found - mean).exp()

    kept = accepted(logits)
    left = (~kept).nonzero().squeeze(1)
    kinds = torch.zeros_like(left) if kinds is None else kinds.unique(return_inverse=True)[1][left]
    left, kinds = left[kinds.argsort(stable=True)], kinds.sort(stable=True).values
    made, taken = len(logits), int(kept.sum())
    budget = rejections * kinds.bincount()
    while len(left):
        waiting = kinds.bincount(minlength=len(budget))
        again_each = min(made / max(taken, 1), rejections + 1) - 1
        wanted = waiting + (waiting - 1).clamp_min(0) * again_each
        wanted = torch.minimum((wanted * max(1.0, _LEAST / float(wanted.sum()))).ceil().long(), budget)
        rows, of_kind = _repeated(left, kinds, waiting, wanted)
        if not len(rows):
            return
        new, found = again(rows)
        content = accepted(found)
        budget, made, taken = budget - wanted, made + len(rows), taken + int(content.sum())
        # The first that are accepted stand for the first that wait, kind by kind.
        place = (_rank(of_kind[content], len(budget)) < waiting[of_kind[content]]).nonzero().squeeze(1)
        filled = _rank(kinds, len(budget)) < of_kind[content].bincount(minlength=len(budget))[kinds]
        source = content.nonzero().squeeze(1)[place]
        for part, fresh in zip(draws, new, strict=True):
            part[left[filled]] = fresh[source]
        left, kinds = left[~filled], kinds[~filled]


def _rank(kinds: Int[Tensor, "row"], count: int) -> Int[Tensor, "row"]:
    """The how manieth of its kind each row is, from 0; kinds do not fall."""
    ends = kinds.bincount(minlength=count).cumsum(0)
    starts = torch.cat((ends.new_zeros(1), ends[:-1]))
    return torch.arange(len(kinds), device=kinds.device) - starts[kinds]


def _repeated(rows: Tensor, kinds: Tensor, waiting: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Rows over and over, so many of each kind as are wanted, and their kinds. waiting: rows of each kind."""
    each, more = wanted // waiting.clamp_min(1), wanted % waiting.clamp_min(1)
    times = each[kinds] + (_rank(kinds, len(waiting)) < more[kinds])
    return rows.repeat_interleave(times), kinds.repeat_interleave(times)
