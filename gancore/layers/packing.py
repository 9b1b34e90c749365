"""Packing: a critic that judges several samples together (PacGAN, Lin et al. 2018)."""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gancore.errors import ConfigError
from gancore.types import Batch, Context, CriticOutput, Sample


class PackedCritic(nn.Module):
    """Judges packs of samples: one logit a pack (PacGAN, Lin et al. 2018).

    The critic reads each sample of a pack by the same weights; a hidden layer reads the features of all of them. The
    logit is its output and the mean of the critic's own logits. Parts of a sample are `(pack, member, ...)`, a context
    `(pack, member * feature)`. critic: one that gives one logit and features `(batch, feature)` a sample.
    """

    def __init__(self, critic: nn.Module, features: int, pack: int):
        super().__init__()
        self.critic, self.pack, self.feature_width = critic, pack, features * pack
        self.hidden, self.out = nn.Linear(features * pack, features), nn.Linear(features, 1)

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """Logits `(pack,)`, features `(pack, member * feature)`; heads are `(pack, member, ...)`."""
        members = tuple(part.flatten(0, 1) for part in sample)
        if context is None:
            output: CriticOutput = self.critic(members)
        else:
            values, known = (part.reshape(len(members[0]), -1) for part in (context.values, context.known))
            output = self.critic(members, Context(values, known))
        assert output.features is not None
        features = output.features.unflatten(0, (-1, self.pack)).flatten(1)
        own = output.logits.unflatten(0, (-1, self.pack)).mean(1)
        logits = own + self.out(leaky_relu(self.hidden(features), 0.2)).squeeze(1)
        heads = {name: head.unflatten(0, (-1, self.pack)) for name, head in output.heads.items()}
        return CriticOutput(logits, features, heads)


def packed(batch: Batch, pack: int) -> Batch:
    """A batch of packs of `pack` consecutive rows, as `PackedCritic` reads them (PacGAN, Lin et al. 2018).

    Raises ConfigError for a batch that is no multiple of the pack.

    >>> packed(Batch((torch.eye(4),)), 2).sample[0].shape
    torch.Size([2, 2, 4])
    """
    if pack == 1:
        return batch
    if len(batch) % pack:
        raise ConfigError(f"critic.pack: {len(batch)} rows are no multiple of {pack}; choose another batch.")
    sample = tuple(part.unflatten(0, (-1, pack)) for part in batch.sample)
    return Batch(sample, _packed(batch.context, pack), geometry=batch.geometry)


def beside_the_next(batch: Batch, pack: int) -> Batch:
    """A pack for each row: the row and those that follow it, past the end the first ones (after Lin et al. 2018).

    >>> beside_the_next(Batch((torch.eye(3),)), 2).sample[0].argmax(-1).tolist()
    [[0, 1], [1, 2], [2, 0]]
    """
    rows = torch.arange(len(batch), device=batch.sample[0].device)
    index = (rows[:, None] + torch.arange(pack, device=rows.device)) % len(batch)
    context = batch.context[index.flatten()] if batch.context is not None else None
    return replace(Batch(tuple(part[index] for part in batch.sample)), context=_packed(context, pack))


def spread(output: CriticOutput, pack: int) -> CriticOutput:
    """What was said of packs as what is said of each row: its pack's logit and features, its own heads."""

    def each(part: Tensor) -> Tensor:
        return part.repeat_interleave(pack, 0)

    features = each(output.features) if output.features is not None else None
    return CriticOutput(
        each(output.logits), features, {name: head.flatten(0, 1) for name, head in output.heads.items()}
    )


def _packed(context: Context | None, pack: int) -> Context | None:
    if context is None:
        return None
    values, known = (part.reshape(-1, pack * context.features) for part in (context.values, context.known))
    return Context(values, known)
