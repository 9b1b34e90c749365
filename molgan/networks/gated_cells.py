"""The layers of a GRU for one step of many rows: a draw's inner loop, without gradients."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

_AT_ONCE = 384  # rows whose gates stay in a processor's cache


class GatedCells:
    """What `torch.gru_cell` gives, layer by layer, up to rounding.

    Its sums are made in place in memory that is used again, some hundred rows at a time, so that gates are read from
    the cache. dtype: of the weights and of what they are multiplied by; the states stay as they are.

    >>> grown = nn.GRU(4, 4, num_layers=2)
    >>> cells, inputs, states = GatedCells(grown), torch.randn(3, 4), [torch.randn(3, 4) for _ in range(2)]
    >>> with torch.no_grad():
    ...     expected = grown(inputs[None], torch.stack(states))[0][0]
    >>> torch.allclose(cells(inputs, states)[-1], expected, atol=1e-6)
    True
    """

    def __init__(self, grown: nn.GRU, dtype: torch.dtype | None = None):
        self.width = grown.hidden_size
        self.dtype: torch.dtype = dtype or next(grown.parameters()).dtype
        self._layers = [tuple(part.detach().to(self.dtype) for part in layer) for layer in grown.all_weights]

    @torch.no_grad()
    def __call__(self, inputs: Float[Tensor, "row width"], states: list[Tensor]) -> list[Float[Tensor, "row width"]]:
        """The new state of each layer. states: those before."""
        made = [torch.empty_like(state) for state in states]
        step = _AT_ONCE if inputs.device.type == "cpu" else max(1, len(inputs))
        for start in range(0, len(inputs), step):
            rows = slice(start, start + step)
            hidden = inputs[rows]
            for layer, before, after in zip(self._layers, states, made, strict=True):
                hidden = self._cell(layer, hidden, before[rows], after[rows])
        return made

    def _cell(self, layer: tuple[Tensor, ...], hidden: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """One layer; the states are written to `after`."""
        width, dtype = self.width, self.dtype
        of_input, of_state, input_bias, state_bias = layer
        told = torch.addmm(input_bias, hidden.to(dtype), of_input.T).to(before.dtype)
        kept = torch.addmm(state_bias, before.to(dtype), of_state.T).to(before.dtype)
        gates = told[:, : 2 * width].add_(kept[:, : 2 * width]).sigmoid_()
        fresh = told[:, 2 * width :].addcmul_(gates[:, :width], kept[:, 2 * width :]).tanh_()
        return torch.lerp(fresh, before, gates[:, width:], out=after)
