"""The recurrent states of a draw: worked out once for all rows that have the same history, and for no finished row."""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import leaky_relu

from gancore.types import Context
from molgan.networks.gated_cells import GatedCells
from molgan.networks.growth import Prefix

if TYPE_CHECKING:
    from molgan.networks.autoregressive import Trunk

_FEW = 0.9  # of the rows have a history of their own: sharing does not pay any more


class SharedStates:
    """States of a trunk's recurrent layers, row by row, from one atom to the next.

    Rows that begin alike and draw alike have the same state. A network reads the same first atoms again and again, so
    the first steps take few states. The inputs of atoms are sums of embeddings, and the linear layer that they enter
    by is applied to the embeddings once. Gives what `Trunk.forward` gives, up to rounding. dtype: as of `GatedCells`.
    """

    def __init__(
        self,
        trunk: "Trunk",
        sizes: Int[Tensor, "batch"],
        context: Context | None,
        prefix: Prefix | None,
        dtype: torch.dtype | None = None,
    ):
        def entered(table: Tensor) -> Tensor:
            return table @ trunk.enter.weight.T

        self._trunk = trunk
        self._kind, self._place = entered(trunk.kind.weight), entered(trunk.place.weight)
        self._bonded, self._partner = entered(trunk.bonded.weight), entered(trunk.partner.weight)
        self._site = entered(trunk.site.weight) if trunk.site is not None else None
        self._whole = self.entering = trunk.enter(trunk.whole(sizes, context))
        self._memory: list[Tensor] = []  # of each layer, a row for each history
        self._cells = GatedCells(trunk.grown, dtype)
        self._alike: Tensor | None = beginnings(sizes, context, prefix)
        self._remembered = self._alike  # which row of the memory is whose
        self._split = False

    def keep(self, rows: slice) -> None:
        """Go on with some of the rows."""
        self._whole, self.entering = self._whole[rows], self.entering[rows]
        if self._alike is None:
            self._memory = [layer[rows] for layer in self._memory]
        else:
            self._alike, self._remembered = self._alike[rows], self._remembered[rows]
            self._split = True

    def step(self) -> tuple[Float[Tensor, "history width"], Int[Tensor, "batch"] | None]:
        """The states after what enters, one for each history, and whose is which; None where each row has its own."""
        if self._alike is None:
            return self._advance(self.entering, self._memory), None
        if self._split:
            self._alike, self._split = _classes(self._alike), False
        count = int(self._alike.max()) + 1
        first = torch.zeros(count, dtype=torch.long, device=self._alike.device)
        first[self._alike] = torch.arange(len(self._alike), device=self._alike.device)  # any row of each history
        memory = [layer[self._remembered[first]] for layer in self._memory]
        states, whose = self._advance(self.entering[first], memory), self._alike
        self._remembered = whose
        if count > _FEW * len(whose):
            self._memory, self._alike = [layer[whose] for layer in self._memory], None
        return states, whose

    def drew(self, drawn: Int[Tensor, "batch number"]) -> None:
        """Rows that were alike and drew differently are so no more."""
        if self._alike is not None:
            self._alike = _classes(torch.cat((self._alike[:, None], drawn), 1))

    def bond(self, far: Int[Tensor, "batch *bond"], kinds: Int[Tensor, "batch *bond"]) -> Tensor:
        """What a bond adds to the inputs of its later atom. far: as of `growth.apart`. kinds: of the partner."""
        return self._bonded[far] + self._partner[kinds.clamp_min(0)]

    def enter(self, row: int, kinds: Int[Tensor, "batch"], bonded: Tensor, sites: Tensor | None) -> None:
        """The atom of this place enters. bonded: what its bonds add."""
        inputs = self._kind[kinds + 1] + self._place[row] + bonded + self._whole
        if self._site is not None and sites is not None:
            inputs = inputs + self._site[self._trunk.site_of(sites)]
        self.entering = inputs

    def _advance(self, entering: Tensor, memory: list[Tensor]) -> Tensor:
        """The last layer's states; those of all layers are kept."""
        hidden = leaky_relu(entering, self._trunk.slope)
        if not memory:
            memory = [torch.zeros_like(hidden) for _ in range(self._trunk.grown.num_layers)]
        self._memory = self._cells(hidden, memory)
        return self._memory[-1]


def beginnings(sizes: Tensor, context: Context | None, prefix: Prefix | None) -> Int[Tensor, "batch"]:
    """Numbers from 0 on, the same for rows that begin alike: with the same size, context and prefix."""
    parts = [sizes[:, None]]
    if context is not None:
        parts.append(context.inputs)
    if prefix is not None:
        given = [prefix.given.count[:, None], prefix.given.valence]
        parts += [prefix.atoms, prefix.orders, *given, prefix.required, prefix.linked[:, None]]
    return _classes(torch.cat([part.double() for part in parts], 1))


def _classes(rows: Tensor) -> Int[Tensor, "batch"]:
    """Numbers from 0 on, the same for equal rows."""
    return torch.unique(rows, dim=0, return_inverse=True)[1]
