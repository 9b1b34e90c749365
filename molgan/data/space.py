"""What generated graphs are made of."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from gancore.facade.examples import ConditionalSpace
from gancore.runs.checkpoint import State
from gancore.types import Context
from molgan.chemistry import Vocabulary


@dataclass(frozen=True)
class GraphSpace(ConditionalSpace):
    """The atom types and the sizes of a model's graphs.

    sizes: how many training molecules have 0, 1, 2, ... heavy atoms, `(max_atoms + 1,)`.
    """

    vocabulary: Vocabulary
    sizes: Tensor

    def present(
        self, n: int, random: torch.Generator, device: torch.device, context: Context | None = None
    ) -> Bool[Tensor, "batch node"]:
        """Which places hold an atom, for `n` graphs of sizes as frequent as in training, or as near what is asked."""
        places = torch.arange(self.vocabulary.max_atoms, device=device)
        sizes = torch.multinomial(self.sizes.to(device, torch.float), n, True, generator=random)
        if context is not None and self.examples is not None:
            near = self.examples.sizes_near(context, random).to(device)
            sizes = torch.where(context.known.any(1), near, sizes)
        return places < sizes[:, None]

    def state(self) -> State:
        """The tensors and values of a checkpoint."""
        tensors, values = self._state()
        return {"sizes": self.sizes} | tensors, {"vocabulary": asdict(self.vocabulary)} | values

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], values: dict[str, Any]) -> "GraphSpace":
        """Back from `state`. Raises TypeError or KeyError for what never was one."""
        examples = cls._restored(tensors, values)
        return cls(Vocabulary.revive(values["vocabulary"]), tensors["sizes"].cpu(), examples=examples)
