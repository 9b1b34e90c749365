"""Minima of smooth convex functions of one tensor."""

from collections.abc import Callable

import torch
from torch import Tensor


def minimize(loss: Callable[[Tensor], Tensor], start: Tensor, iterations: int = 100) -> Tensor:
    """Where `loss` is least, by L-BFGS with a strong Wolfe line search (Liu and Nocedal 1989).

    >>> minimize(lambda x: (x - 3).square().sum(), torch.zeros(2)).round(decimals=3)
    tensor([3., 3.])
    """
    place = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([place], max_iter=iterations, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        with torch.enable_grad():
            value = loss(place)
        value.backward()
        return value

    optimizer.step(closure)  # pyright: ignore
    return place.detach()
