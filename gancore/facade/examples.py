"""Contexts of training rows that a model keeps: they stand in where there is no request, and give sizes near one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from gancore.types import Context

_MOST = 8192  # rows that are kept
_NEAREST, _WIDTH = 1024, 0.1  # rows; standard deviations


def picked_rows(rows: int, seed: int) -> Int[Tensor, "row"]:
    """Which of so many training rows a model keeps: at most 8,192, at random by the seed."""
    return torch.from_numpy(np.random.default_rng(seed).permutation(rows)[:_MOST])


@dataclass(frozen=True)
class Examples:
    """Some training rows: their contexts, and their sizes where samples have one.

    groups: how many entries each condition takes. sizes: `(row,)` int64; zeros where there are none.
    """

    context: Context
    groups: tuple[int, ...]
    sizes: Int[Tensor, "row"]

    @classmethod
    def of(cls, context: Context, groups: tuple[int, ...], seed: int, sizes: Tensor | None = None) -> "Examples":
        """At most 8,192 rows, at random by the seed. The values are rounded to 16 bits, as they are stored."""
        picked = picked_rows(len(context), seed)
        kept = context[picked]
        sizes = torch.zeros(len(picked), dtype=torch.long) if sizes is None else sizes[picked]
        return cls(Context(kept.values.half().float(), kept.known), groups, sizes)

    def draw(self, n: int, random: torch.Generator) -> Context:
        """Contexts as frequent as in training."""
        rows = torch.randint(len(self.context), (n,), generator=random, device=random.device)
        return self.context[rows.cpu()]

    def rows_near(self, context: Context, random: torch.Generator) -> Int[Tensor, "batch"]:
        """A training row near the request for each row of a context; nearer ones are likelier.

        Of the 1,024 nearest rows one is drawn, by a Gaussian kernel that is a tenth of a standard deviation wide beyond
        the nearest of all. Where nothing is requested it is any of the nearest, so draw others there.
        """
        requests = torch.cat((context.inputs, context.known.float()), 1).cpu()
        distinct, which = requests.unique(dim=0, return_inverse=True)
        values, known = distinct[:, : context.features], distinct[:, -context.features :]
        distances, nearest = self._distances(values, known).topk(min(_NEAREST, len(self.context)), largest=False)
        weights = ((distances[:, :1] - distances) / (2 * _WIDTH**2)).exp()
        pick = torch.multinomial(weights[which].to(random.device), 1, generator=random).squeeze(1).cpu()
        return nearest[which, pick]

    def sizes_near(self, context: Context, random: torch.Generator) -> Int[Tensor, "batch"]:
        """A size for each row of a context: that of a training row near the request."""
        return self.sizes[self.rows_near(context, random)]

    def _distances(self, values: Tensor, known: Tensor) -> Tensor:
        """Sum of squared differences `(request, row)` over requested entries; an entry unknown in a row counts as 1."""
        row_values, row_known = self.context.inputs.chunk(2, 1)
        square = (known * values.square()) @ row_known.T - 2 * (known * values) @ (row_known * row_values).T
        return square + known @ (row_known * row_values.square()).T + known @ (1 - row_known).T

    def state(self) -> dict[str, Tensor]:
        """As tensors."""
        values, known = self.context.values.half(), self.context.known
        return {"examples/values": values, "examples/known": known, "examples/sizes": self.sizes.to(torch.int16)}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], groups: tuple[int, ...]) -> "Examples | None":
        """Back from `state`; None for a model without conditions. Raises KeyError where some are missing."""
        if not groups:
            return None
        values, known, sizes = (tensors[f"examples/{name}"].cpu() for name in ("values", "known", "sizes"))
        return cls(Context(values.float(), known), groups, sizes.long())


@dataclass(frozen=True)
class ConditionalSpace:
    """A space that keeps examples of contexts; None for a model without conditions."""

    examples: Examples | None = field(default=None, kw_only=True)

    @property
    def groups(self) -> tuple[int, ...]:
        """How many entries of a context each condition takes."""
        return self.examples.groups if self.examples is not None else ()

    @property
    def context_features(self) -> int:
        """How many entries a context has."""
        return sum(self.groups)

    def _state(self) -> tuple[dict[str, Tensor], dict[str, list[int]]]:
        """The examples as tensors and values of a checkpoint."""
        return (self.examples.state() if self.examples is not None else {}), {"groups": list(self.groups)}

    @staticmethod
    def _restored(tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> Examples | None:
        """Back from `_state`."""
        return Examples.restore(tensors, tuple(values.get("groups", ())))
