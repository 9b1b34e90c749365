"""Relative ranks of samples among others, by how near their features are to those of a reference (RankGAN)."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize


def rank_scores(
    features: Float[Tensor, "batch feature"],
    reference: Float[Tensor, "reference feature"],
    comparison: Float[Tensor, "comparison feature"],
    sharpness: float = 1.0,
) -> Float[Tensor, "batch"]:
    """How each sample ranks among the comparison, in (0, 1), mean over the reference (RankGAN, Lin et al. 2017).

    Beside one row u of the reference, a sample s competes with all rows of the comparison by a softmax of
    `sharpness` x cosine(., u); its share is its score. A sample like all others has 1 / (comparison + 1).

    >>> import torch
    >>> same = torch.ones(3, 2)
    >>> rank_scores(torch.ones(1, 2), same, same).tolist()
    [0.25]
    """
    unit = normalize(reference.float(), dim=1)
    own = sharpness * normalize(features.float(), dim=1) @ unit.T
    others = sharpness * normalize(comparison.float(), dim=1) @ unit.T
    return (own - others.logsumexp(0)).sigmoid().mean(1)  # exp(own) / (exp(own) + sum of exp(others))
