"""How near samples come to what is requested of them: a reward of conditional generators."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from gancore.types import Context

Labeller: TypeAlias = Callable[[Sequence[str]], Context]
"""What each string is, by the conditions that can be computed from it; the others are unknown."""


def request_score(obtained: Context, requested: Context, width: float) -> Float[Tensor, "batch"]:
    """exp(-distance / width), in [0, 1]: 1 for a sample that is all that was requested of it.

    The distance is the sum of the absolute differences, in standard deviations, over what is known of both; another
    class than the requested one counts 2. Where nothing is known of both it is 0, so compare samples of one request.
    width: in the same unit, above 0.

    >>> known = torch.tensor([[True, True]])
    >>> obtained, requested = (Context(torch.tensor([[value, 1.0]]), known) for value in (0.5, 0.0))
    >>> round(request_score(obtained, requested, 0.5).item(), 4)
    0.3679
    """
    both = obtained.known & requested.known
    apart = torch.where(both, (obtained.values - requested.values).abs(), 0.0).sum(1)
    return (-apart / width).exp()
