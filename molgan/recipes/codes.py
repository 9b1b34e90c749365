"""Latent codes: what a generator reads beside noise, for a critic to find out (InfoGAN, Chen et al. 2016)."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from gancore.errors import ConfigError
from gancore.training import distributed
from gancore.types import Context


class Codes:
    """A code of so many classes, 0 for none, and so many numbers in [-1, 1]."""

    def __init__(self, classes: int, numbers: int):
        self.classes, self.numbers = classes, numbers

    @property
    def groups(self) -> tuple[int, ...]:
        """How many entries of a context each part of the code takes."""
        return (*([self.classes] if self.classes else []), *[1] * self.numbers)

    @property
    def features(self) -> int:
        """How many entries there are."""
        return sum(self.groups)

    @property
    def entropy(self) -> float:
        """Of the classes, nats."""
        return math.log(self.classes) if self.classes else 0.0

    def draw(self, n: int, device: torch.device, random: torch.Generator | None = None) -> Context | None:
        """A code for each of `n` samples, of all processes together where no generator is given; None without codes."""
        if not self.features:
            return None

        def uniform(rows: int) -> Tensor:
            return torch.rand(rows, 1 + self.numbers, device=device, generator=random)

        drawn = uniform(n) if random is not None else distributed.draw_global(uniform, n)
        return self._context((drawn[:, 0] * max(1, self.classes)).long(), drawn[:, 1:] * 2 - 1)

    def requested(self, n: int, code: Any, device: torch.device, random: torch.Generator) -> Context | None:
        """The codes that a request names: a class, or a list of the class, if there are classes, and the numbers.

        A number may be None for one that is drawn. Raises ConfigError for what is no such code.
        """
        drawn = self.draw(n, device, random)
        if code is None:
            return drawn
        parts = list(code) if isinstance(code, Sequence) and not isinstance(code, str) else [code]
        if drawn is None or len(parts) > len(self.groups):
            raise ConfigError(
                f"code {code}: the model's has {len(self.groups)} parts (model.codes, model.code_numbers)."
            )
        picked, numbers = drawn.values[:, : self.classes].argmax(1) if self.classes else torch.zeros(n), drawn.values
        numbers = numbers[:, self.classes :].clone()
        if self.classes and parts[0] is not None:
            if parts[0] not in range(self.classes):
                raise ConfigError(f"code {code}: the first part is a class from 0 to {self.classes - 1}.")
            picked = torch.full((n,), int(parts[0]), device=device)
        for place, value in enumerate(parts[bool(self.classes) :]):
            if value is not None:
                if not isinstance(value, (int, float)) or not -1 <= value <= 1:
                    raise ConfigError(f"code {code}: {value} is no number from -1 to 1.")
                numbers[:, place] = value
        return self._context(picked.long(), numbers)

    def beside(self, context: Context | None, code: Context | None, conditions: int) -> Context | None:
        """What a generator of so many condition entries reads of each sample: the request, and its code.

        Unknown is what is not given; None where nothing is, and there is nothing to fill up.
        """
        if not self.features or (context is None and code is None):
            return context
        given = code if code is not None else context
        assert given is not None
        n, device = len(given), given.values.device
        code = code if code is not None else Context.unknown(n, self.features, device)
        if not conditions:
            return code
        return (context if context is not None else Context.unknown(n, conditions, device)).beside(code)

    def _context(self, picked: Tensor, numbers: Tensor) -> Context:
        values = torch.cat((one_hot(picked, self.classes).float(), numbers), 1) if self.classes else numbers
        return Context(values, torch.ones_like(values, dtype=torch.bool))
