"""Minibatch discrimination: a critic that sees how alike samples are (Salimans et al. 2016)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gancore.errors import ConfigError
from gancore.types import Context, CriticOutput, Sample


class MinibatchDiscrimination(nn.Module):
    """How near each sample is to the others of its group, in several learnt ways (Salimans et al. 2016).

    kernels: number of ways. width: numbers that each way compares. group: samples, consecutive in the batch, that are
    compared. The last group of a batch may be smaller; of a sample alone every similarity is 0.

    >>> layer = MinibatchDiscrimination(3, kernels=2, width=4, group=2)
    >>> layer(torch.tensor([[1.0, 2.0, 3.0]]).expand(4, -1)).tolist()  # four times the same
    [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """

    def __init__(self, features: int, kernels: int, width: int = 8, group: int = 16):
        super().__init__()
        self.kernels, self.group = kernels, group
        self.compared = nn.Linear(features, kernels * width, bias=False)

    def forward(self, features: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch kernel"]:
        """Means of exp(-distance) to the others of the group, in [0, 1]."""
        each = self.compared(features.float()).unflatten(1, (self.kernels, -1))
        return torch.cat([_similarity(part) for part in each.split(self.group)])


def _similarity(each: Float[Tensor, "batch kernel width"]) -> Float[Tensor, "batch kernel"]:
    near = (-(each[:, None] - each[None]).abs().sum(-1)).exp()
    return (near.sum(1) - 1) / max(1, len(each) - 1)


class MinibatchCritic(nn.Module):
    """A critic whose last layer also reads how alike the samples of a group are (Salimans et al. 2016).

    critic: one that gives one logit and features `(batch, feature)` a sample. Raises ConfigError for a batch in
    training that is no multiple of the group: real and generated samples would be compared.
    """

    def __init__(self, critic: nn.Module, features: int, kernels: int, group: int):
        super().__init__()
        self.critic, self.alike = critic, MinibatchDiscrimination(features, kernels, group=group)
        self.out = nn.Linear(kernels, 1)
        self.feature_width = features + kernels

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """Logits and features, the similarities included; heads are the critic's."""
        rows, group = len(sample[0]), self.alike.group
        if self.training and rows % group:
            raise ConfigError(f"critic.minibatch_group: {rows} rows are no multiple of {group}; choose another batch.")
        output: CriticOutput = self.critic(sample) if context is None else self.critic(sample, context)
        assert output.features is not None
        alike = self.alike(output.features)
        logits = output.logits + self.out(alike).squeeze(1)
        return output._replace(logits=logits, features=torch.cat((output.features, alike.to(output.features.dtype)), 1))
