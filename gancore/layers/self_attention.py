"""Self-attention between the places of a sample, with a gate that begins closed (SAGAN, Zhang et al. 2019)."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Adds to each place what it attends to: x + gate * attended (SAGAN, Zhang et al. 2019).

    Queries and keys are an eighth as wide as the places. The gate is one learnt number that begins at 0, so that a
    network begins without attention. It is written as products, because penalties need double backward. width: of a
    place, at least 1.

    >>> layer, x = SelfAttention(8), torch.randn(2, 5, 8)
    >>> torch.equal(layer(x), x)
    True
    """

    def __init__(self, width: int):
        super().__init__()
        narrow = max(1, width // 8)
        self.query, self.key = nn.Linear(width, narrow), nn.Linear(width, narrow)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(
        self, x: Float[Tensor, "batch place width"], present: Bool[Tensor, "batch place"] | None = None
    ) -> Float[Tensor, "batch place width"]:
        """present: places that are attended to; all if not given. A sample without any keeps what it has."""
        scores = self.query(x) @ self.key(x).transpose(1, 2)
        if present is not None:
            scores = scores.masked_fill(~present[:, None], torch.finfo(scores.dtype).min)
        attended = scores.softmax(-1) @ self.value(x)
        return x + self.gate * self.out(attended)
