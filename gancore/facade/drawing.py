"""How samples are drawn: chunk by chunk, by what is requested, again where one is not near enough to its request."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gancore.errors import ConfigError
from gancore.facade.conditions import Conditions, Request
from gancore.io.notes import note
from gancore.sampling.chunks import chunks
from gancore.sampling.rejection import redraw
from gancore.training.device import new_generator
from gancore.types import Context

Accepts: TypeAlias = Callable[[Any, Tensor], Tensor]
"""Which samples, and of which numbers among all, are near enough to their request: a mask `(sample,)`."""

_MOST_GUIDANCE = 100
_TRIES = 10  # further draws of a sample that is not near enough to its request


def draw(
    recipe: Any,
    conditions: Conditions | None,
    device: torch.device,
    n: int,
    seed: int,
    request: Request,
    guidance: float,
    accepts: Accepts | None,
    options: Mapping[str, Any],
    each: Mapping[str, Callable[[Tensor], Any]] | None = None,
) -> Iterator[tuple[Any, int]]:
    """What the recipe samples, a chunk at a time, and how many of the chunk count; see `Model.draw`.

    each: options that differ from sample to sample, worked out from the samples' numbers.
    """
    if n < 0:
        raise ValueError(f"cannot draw {n} samples.")
    context = request_context(conditions, n, request)
    if guidance != 1.0:
        if not 0 <= guidance <= _MOST_GUIDANCE:
            raise ConfigError(f"guidance must be from 0 to {_MOST_GUIDANCE}; got {guidance}.")
        if context is None:
            raise ConfigError("guidance: there is no condition to be guided to; ask for one, or leave it at 1.")
        options = {**options, "guidance": guidance}
    done = missed = 0
    for number, size, keep in chunks(n):
        random = new_generator(device, seed, "sample", number)
        if context is not None:
            chosen = context[torch.arange(done, done + size).clamp_max(n - 1)].to(device)
        elif conditions is not None and not each and recipe.space.examples is not None:
            chosen = recipe.space.examples.draw(size, random).to(device)
        else:
            chosen = None
        chunk = _Chunk(recipe, random, chosen, options, each or {}, done, accepts)
        sampled, left = chunk.sample(torch.arange(size, device=device))
        missed += int((left < keep).sum())
        yield sampled, keep
        done += keep
    if missed:
        note(f"{missed:,} of {n:,} samples are not what was requested after {_TRIES} further tries.")


def request_context(conditions: Conditions | None, n: int, request: Request) -> Context | None:
    """The context of `n` samples for a request; None for an empty one."""
    if conditions is None and request:
        raise ConfigError("condition: this model was trained without conditions; give some to fit.")
    return conditions.context(n, request) if conditions is not None and request else None


class _Chunk:
    """A chunk of samples: the recipe, its randomness, the context of each, the number of the first among all."""

    def __init__(
        self,
        recipe: Any,
        random: torch.Generator,
        context: Context | None,
        options: Mapping[str, Any],
        each: Mapping[str, Callable[[Tensor], Any]],
        first: int,
        accepts: Accepts | None,
    ):
        self.recipe, self.random, self.context, self.options = recipe, random, context, options
        self.each, self.first, self.accepts = each, first, accepts

    def sample(self, rows: Tensor) -> tuple[Any, Tensor]:
        """All samples, and the rows of those that are not accepted after all tries."""
        sampled = self._drawn(rows, self.context)
        if self.accepts is None:
            return sampled, rows[:0]
        return sampled, redraw(_parts(sampled), self.accepts(sampled, self.first + rows), self._again, _TRIES)

    def _again(self, rows: Tensor) -> tuple[Any, Tensor]:
        new = self._drawn(rows, self.context[rows] if self.context is not None else None)
        assert self.accepts is not None
        return _parts(new), self.accepts(new, self.first + rows)

    def _drawn(self, rows: Tensor, context: Context | None) -> Any:
        own = {name: option(self.first + rows) for name, option in self.each.items()}
        return self.recipe.sample(len(rows), self.random, context, **self.options, **own)


def _parts(sampled: Any) -> tuple[Tensor, ...]:
    """The tensors of samples: some recipes give one, some several."""
    return (sampled,) if isinstance(sampled, Tensor) else sampled
