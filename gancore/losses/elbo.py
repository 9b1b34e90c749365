"""Further terms of a loss, each one value a batch element."""

from jaxtyping import Float
from torch import Tensor

from gancore.types import Sample


def reconstruction(logits: Sample, target: Sample) -> Float[Tensor, "batch"]:
    """Negative log-likelihood in nats of the one-hot `target` under `logits`; padding rows (all zero) count nothing.

    The first term of the evidence bound (Kingma and Welling 2014).

    >>> import torch
    >>> reconstruction((torch.zeros(1, 2, 4),), (torch.eye(4)[None, :2],)).exp().round().tolist()
    [16.0]
    """
    parts = [-(t * part.log_softmax(-1)).flatten(1).sum(1) for part, t in zip(logits, target, strict=True)]
    return sum(parts[1:], parts[0])


def gaussian_kl(mean: Float[Tensor, "batch latent"], log_var: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch"]:
    """KL(N(mean, exp(log_var)) || N(0, 1)) in nats (Kingma and Welling 2014).

    >>> import torch
    >>> gaussian_kl(torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2)).tolist()
    [2.5]
    """
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(1)
