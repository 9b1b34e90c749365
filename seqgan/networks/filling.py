"""Steppers of a translator that fills gaps: what is given is written as it is, what fills a gap is drawn.

What is written is the line with each gap opened by the mark, filled and closed by the mark. So the network goes on from
all that stands before, and knows by attention what stands behind.
"""

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from gancore.types import Context
from seqgan.networks.decoding import State, Stepper
from seqgan.networks.translator import Sources
from seqgan.text.alphabet import Ids

_OPEN, _EMPTY, _FULL = -1, -2, -3
"""What may follow in a gap: any token or the mark, any token, the mark alone. Other codes are the token itself."""


def in_gaps(targets: Ids, gap: int) -> Bool[Tensor, "batch step"]:
    """Where a written line is drawn and not given: inside its gaps, the mark that closes one included.

    >>> in_gaps(torch.tensor([[5, 9, 6, 7, 9, 2]]), gap=9).int().tolist()
    [[0, 0, 1, 1, 1, 0]]
    """
    marks = targets == gap
    return (marks.cumsum(1) - marks.long()) % 2 == 1


class Filling:
    """A stepper (`decoding.Stepper`) that writes gapped lines, of `length` tokens at most, ends and marks included.

    Every gap gets at least one token, and what is given always has room. sources: the gapped lines.
    """

    def __init__(self, stepper: Stepper, sources: Sources, gap: int, length: int):
        self.stepper, self.alphabet, self.plan, self.gap, self.length = stepper, stepper.alphabet, sources, gap, length
        marks, size = sources == gap, self.alphabet.mask(sources).sum(1, keepdim=True)
        behind = size - 1 - torch.arange(sources.shape[1], device=sources.device)
        self.need = behind + 2 * (marks.sum(1, keepdim=True) - marks.cumsum(1))  # a token and a mark for each later gap

    def start(self, n: int, context: Context | None = None) -> State:
        """The state before the first token. Its last parts: row, place in the plan, 1 in an empty gap and 2 in one that

        is not, number of the next token.
        """
        rows = torch.arange(n, device=self.plan.device)
        return (*self.stepper.start(n, context), rows, torch.full_like(rows, -1), rows * 0, rows * 0 - 1)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Features of what follows `tokens (n,)`, the last of them a code, and the new state."""
        *inner, row, place, inside, number = state
        features, moved = self.stepper.step(tokens, tuple(inner))
        opens = (inside == 0) & (place >= 0) & (self.plan[row, place.clamp_min(0)] == self.gap)
        closes = (inside > 0) & (tokens == self.gap)
        place = (place + (((inside == 0) & ~opens) | closes)).clamp_max(self.plan.shape[1] - 1)
        inside = torch.where(opens, 1, torch.where(closes, 0, 2 * inside.clamp_max(1)))
        number = number + 1
        full = number + 2 + self.need[row, place] > self.length
        free = torch.where(inside == 1, _EMPTY, torch.where(full, _FULL, _OPEN))
        code = torch.where(inside == 0, self.plan[row, place], free)
        return torch.cat((features, code[:, None].to(features.dtype)), 1), (*moved, row, place, inside, number)

    def read(self, features: Tensor) -> Tensor:
        """Logits `(n, token)` of features; -inf for what may not follow."""
        logits, code = self.stepper.read(features[:, :-1]), features[:, -1:]
        token = torch.arange(logits.shape[1], device=logits.device)
        mark = token == self.gap
        shut = (token == self.alphabet.end) | (mark & (code == _EMPTY)) | (~mark & (code == _FULL))
        return logits.masked_fill(torch.where(code >= 0, token != code, shut), -torch.inf)


class WholeLines:
    """A stepper that writes what fills nothing but a gap: whole lines, which the mark ends."""

    def __init__(self, stepper: Stepper, gap: int):
        self.stepper, self.first = stepper, stepper.alphabet.begin
        self.last: Any = stepper.alphabet.end
        self.alphabet = replace(stepper.alphabet, begin=gap, end=gap)

    def start(self, n: int, context: Context | None = None) -> State:
        """The state in which the gap is opened next."""
        state = self.stepper.start(n, context)
        return self.stepper.step(torch.full((n,), self.first, device=state[0].device), state)[1]

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Features of what follows `tokens (n,)`, and the new state."""
        return self.stepper.step(tokens, state)

    def read(self, features: Tensor) -> Tensor:
        """Logits `(n, token)` of features; the end, which the mark stands for, is shut."""
        return self.stepper.read(features).index_fill(1, torch.tensor([self.last], device=features.device), -torch.inf)
