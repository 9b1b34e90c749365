"""Orthogonal regularisation of a generator's weights (Brock et al. 2019)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def orthogonal(module: nn.Module) -> Float[Tensor, ""]:
    """How far the rows of a module's weight matrices are from orthogonal: sum of squared products of different rows.

    The norms of rows are free, which is what truncated noise needs (Brock et al. 2019, eq. 3). At least 0.

    >>> layer = nn.Linear(2, 2, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[3.0, 0.0], [0.0, 2.0]]))
    >>> orthogonal(layer).item()
    0.0
    """
    total = torch.zeros((), device=next(module.parameters()).device)
    for weight in module.parameters():
        if weight.ndim == 2:
            rows = weight if len(weight) <= weight.shape[1] else weight.T
            products = rows @ rows.T
            total = total + (products - products.diagonal().diag()).square().sum()
    return total
