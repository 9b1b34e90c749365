"""A critic that is an autoencoder: what it cannot reconstruct is not real (BEGAN, Berthelot et al. 2017)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gancore.layers.conditioning import context_inputs
from gancore.types import Context, CriticOutput, Sample


class AutoencodingCritic(nn.Module):
    """Encodes and decodes a discrete sample; its logit is minus the error (after BEGAN, Berthelot et al. 2017).

    The error of a row is half the absolute difference to its reconstruction, a distribution: their total variation
    distance. That of a sample is the mean over its rows, in [0, 1]; padding does not count. sizes: rows and categories
    of each part of a sample. hidden: widths of the encoder; the decoder's are the same, reversed. code: width between
    them. embedding: width of an embedded row. context_features: of a context, which the decoder reads.

    >>> critic = AutoencodingCritic([(3, 4)], hidden=(8,), code=2)
    >>> logits = critic((torch.eye(4)[None, :3],)).logits
    >>> bool(-1 <= logits <= 0)
    True
    """

    def __init__(
        self,
        sizes: Sequence[tuple[int, int]],
        hidden: Sequence[int],
        code: int,
        embedding: int = 16,
        context_features: int = 0,
    ):
        super().__init__()
        self.places, self.context_features, self.feature_width = [rows for rows, _ in sizes], context_features, code
        self.embed = nn.ModuleList(nn.Linear(categories, embedding) for _, categories in sizes)
        self.read = nn.ModuleList(nn.Linear(embedding, categories) for _, categories in sizes)
        self.embedding, flat = embedding, sum(self.places) * embedding
        self.encoder = nn.ModuleList(nn.Linear(*pair) for pair in pairwise((flat, *hidden, code)))
        widths = (code + 2 * context_features, *reversed(hidden), flat)
        self.decoder = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """Logits in [-1, 0], and the code as features, of one-hot or relaxed rows; padding rows are zeros."""
        occupied = [part.sum(-1) for part in sample]
        embedded = [
            leaky_relu(layer(part), 0.2) * mask[..., None]
            for layer, part, mask in zip(self.embed, sample, occupied, strict=True)
        ]
        code = _through(self.encoder, torch.cat(embedded, 1).flatten(1))
        asked = context_inputs(context, self.context_features, code)
        rows = leaky_relu(_through(self.decoder, torch.cat((code, asked), 1)), 0.2)
        each = rows.unflatten(1, (-1, self.embedding)).split(self.places, 1)
        made = [layer(part).float().softmax(-1) for layer, part in zip(self.read, each, strict=True)]
        errors = [_distance(part, other) for part, other in zip(sample, made, strict=True)]
        error = torch.cat([part * mask for part, mask in zip(errors, occupied, strict=True)], 1).sum(1)
        return CriticOutput(-error / torch.cat(occupied, 1).sum(1).clamp_min(1), code)


def _through(layers: nn.ModuleList, hidden: Tensor) -> Tensor:
    """Linear layers with LeakyReLU between them."""
    for place, layer in enumerate(layers):
        hidden = layer(leaky_relu(hidden, 0.2) if place else hidden)
    return hidden


def _distance(one: Float[Tensor, "batch row category"], other: Tensor) -> Float[Tensor, "batch row"]:
    return (one - other).abs().sum(-1) / 2
