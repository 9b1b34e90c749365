"""Batches of token sequences: what the special tokens are, where a sequence ends."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

Ids = Int[Tensor, "batch step"]


@dataclass(frozen=True)
class Alphabet:
    """What a network must know of a vocabulary.

    size: tokens, the special ones among them. begin: what a sequence is conditioned on at its start. end: what
    closes a sequence, or None where all have one length. pad: what follows it. unknown: stands for tokens that the
    vocabulary lacks.
    """

    size: int
    begin: int
    end: int | None = None
    pad: int | None = None
    unknown: int | None = None

    @property
    def closed(self) -> tuple[int, ...]:
        """Tokens that no sequence holds: padding and the begin token, unless it is an ordinary one (no `end`)."""
        return () if self.end is None else tuple(token for token in (self.pad, self.begin) if token is not None)

    def mask(self, ids: Ids) -> Bool[Tensor, "batch step"]:
        """Where the sequences are, their end tokens included.

        >>> Alphabet(size=5, begin=1, end=2, pad=0).mask(torch.tensor([[4, 2, 0], [4, 4, 4]])).tolist()
        [[True, True, False], [True, True, True]]
        """
        return torch.ones_like(ids, dtype=torch.bool) if self.pad is None else ids != self.pad

    def trim(self, ids: Ids) -> Int[Tensor, "batch kept"]:
        """The batch without the columns that only hold padding; at least one column stays."""
        if self.pad is None:
            return ids
        return ids[:, : max(1, int(self.mask(ids).sum(1).max()))]
