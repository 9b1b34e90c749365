"""What generated graphs are made of."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from gancore.runs.checkpoint import State
from molgan.chemistry import Vocabulary


@dataclass(frozen=True)
class GraphSpace:
    """The atom types and the sizes of a model's graphs.

    sizes: how many training molecules have 0, 1, 2, ... heavy atoms, `(max_atoms + 1,)`. conditions: how many values
    samples can be asked for.
    """

    vocabulary: Vocabulary
    sizes: Tensor
    conditions: int = 0

    def present(self, n: int, random: torch.Generator, device: torch.device) -> Bool[Tensor, "batch node"]:
        """Which places hold an atom, for `n` graphs of sizes as frequent as in training."""
        places = torch.arange(self.vocabulary.max_atoms, device=device)
        sizes = torch.multinomial(self.sizes.to(device, torch.float), n, True, generator=random)
        return places < sizes[:, None]

    def state(self) -> State:
        """The tensors and values of a checkpoint."""
        return {"sizes": self.sizes}, {"vocabulary": asdict(self.vocabulary)}

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], values: dict[str, Any]) -> "GraphSpace":
        """Back from `state`. Raises TypeError or KeyError for what never was one."""
        conditions = len(values.get("conditions", {}).get("names", ()))
        return cls(Vocabulary.revive(values["vocabulary"]), tensors["sizes"].cpu(), conditions)
