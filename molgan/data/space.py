"""The space of generated graphs: atom types and sizes."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from gancore.facade.examples import ConditionalSpace
from gancore.runs.checkpoint import State
from gancore.types import Context
from molgan.chemistry import Vocabulary


@dataclass(frozen=True)
class GraphSpace(ConditionalSpace):
    """The atom types and the sizes of a model's graphs.

    sizes: how many training molecules have 0, 1, 2, ... heavy atoms, `(max_atoms + 1,)`.
    exemplars: atoms and bond orders of some training molecules, of a generator whose noise comes from their codes; the
    examples, where there are some, are of the same molecules.
    """

    vocabulary: Vocabulary
    sizes: Tensor
    exemplars: tuple[Tensor, Tensor] | None = None

    def present(
        self,
        n: int,
        random: torch.Generator,
        device: torch.device,
        context: Context | None = None,
        bounds: tuple[Tensor, Tensor] | None = None,
    ) -> Bool[Tensor, "batch node"]:
        """Which places hold an atom, for `n` graphs of sizes as frequent as in training, or as near what is asked.

        bounds: the least and the most atoms of each graph; sizes between them that training lacks are equally likely.
        """
        places = torch.arange(self.vocabulary.max_atoms, device=device)
        if bounds is None:
            sizes = torch.multinomial(self.sizes.to(device, torch.float), n, True, generator=random)
        else:
            sizes = self._sizes_within(*bounds, random)
        if context is not None and self.examples is not None:
            near = self.examples.sizes_near(context, random).to(device)
            fits = context.known.any(1) if bounds is None else _between(near, *bounds) & context.known.any(1)
            sizes = torch.where(fits, near, sizes)
        return places < sizes[:, None]

    def _sizes_within(self, least: Tensor, most: Tensor, random: torch.Generator) -> Int[Tensor, "batch"]:
        sizes = torch.arange(len(self.sizes), device=least.device)
        within = _between(sizes, least[:, None], most[:, None])
        frequent = within * self.sizes.to(least.device, torch.float)
        weights = torch.where(frequent.sum(1, keepdim=True) > 0, frequent, within.float())
        return torch.multinomial(weights, 1, generator=random).squeeze(1)

    def exemplar_rows(self, n: int, random: torch.Generator, context: Context | None = None) -> Int[Tensor, "batch"]:
        """An exemplar for each of `n` graphs: any, or one near the request."""
        assert self.exemplars is not None
        rows = torch.randint(len(self.exemplars[0]), (n,), generator=random, device=random.device).cpu()
        if context is not None and self.examples is not None:
            rows = torch.where(context.known.any(1).cpu(), self.examples.rows_near(context, random), rows)
        return rows

    def state(self) -> State:
        """The tensors and values of a checkpoint."""
        tensors, values = self._state()
        if self.exemplars is not None:
            tensors |= {"exemplars/atoms": self.exemplars[0], "exemplars/orders": self.exemplars[1]}
        return {"sizes": self.sizes} | tensors, {"vocabulary": asdict(self.vocabulary)} | values

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], values: dict[str, Any]) -> "GraphSpace":
        """Back from `state`. Raises TypeError or KeyError for what never was one."""
        examples, exemplars = cls._restored(tensors, values), None
        if "exemplars/atoms" in tensors:
            exemplars = tensors["exemplars/atoms"].cpu(), tensors["exemplars/orders"].cpu()
        return cls(Vocabulary.revive(values["vocabulary"]), tensors["sizes"].cpu(), exemplars, examples=examples)


def _between(sizes: Tensor, least: Tensor, most: Tensor) -> Tensor:
    return (sizes >= least) & (sizes <= most)
