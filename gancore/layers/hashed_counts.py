"""Layers of counts of hashed features: environments of atoms, n-grams of tokens."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

_ODD = 0x5851F42D4C957F2D, 0x2545F4914F6CDD1D


def mix(numbers: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
    """Hashes of integers, each from 0 to 2^31 - 1; products wrap around. The same on every machine.

    >>> mix(torch.tensor([0, 1])).tolist() == mix(torch.tensor([0, 1])).tolist()
    True
    """
    for odd in _ODD:
        numbers = (numbers + 1) * odd
        numbers = numbers ^ ((numbers >> 32) & 0xFFFFFFFF)
    return numbers & 0x7FFFFFFF


def weighted_counts(
    layer: nn.Linear, buckets: Int[Tensor, "batch place"], counted: Bool[Tensor, "batch place"]
) -> Float[Tensor, "batch out"]:
    """The layer of log(1 + how often) of every bucket, without working out the many that never occur.

    buckets: from 0 to the inputs of the layer less 1. counted: which of them count.

    >>> layer = nn.Linear(4, 1, bias=False)
    >>> _ = nn.init.ones_(layer.weight)
    >>> weighted_counts(layer, torch.tensor([[2, 2, 1]]), torch.tensor([[True, True, False]])).item()  # log 3
    1.0986123085021973
    """
    often = torch.zeros(len(buckets), layer.in_features, device=buckets.device)
    often = often.scatter_add_(1, buckets, counted.float()).gather(1, buckets)
    share = torch.where(counted, often.log1p() / often.clamp_min(1), 0.0)  # each occurrence has its part
    summed = embedding_bag(buckets, layer.weight.T, per_sample_weights=share.to(layer.weight.dtype), mode="sum")
    return summed if layer.bias is None else summed + layer.bias
