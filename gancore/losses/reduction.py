"""From steps to samples: losses stay one value a sample until a player reduces them."""

from jaxtyping import Bool, Float
from torch import Tensor

from gancore.training import distributed


def sum_steps(values: Float[Tensor, "batch step"], mask: Bool[Tensor, "batch step"]) -> Float[Tensor, "batch"]:
    """One value a sample whose batch mean is the mean over all counted steps, of all processes.

    Each is the sum over the sample's steps, over the mean number of steps of a sample: a longer sample counts more, as
    it does in a mean over tokens.

    >>> import torch
    >>> sum_steps(torch.tensor([[1.0, 2.0], [6.0, 9.0]]), torch.tensor([[True, True], [True, False]]))
    tensor([2., 4.])
    """
    return (values * mask).sum(1) / (distributed.mean_denominator(mask.sum()) / len(mask))
