"""Differential privacy of a critic: clipped gradients of single examples, with noise (DP-SGD, Abadi et al. 2016).

A loss of an example is that of one pair, a real and a generated sample. The noise and the choice of the examples follow
from a secret that each run draws for itself, because a seed stands in every model card.
"""

import secrets
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import torch
from annotated_types import Interval
from torch import Tensor, nn
from torch.func import grad, vmap

from gancore.errors import ConfigError
from gancore.io.seeds import derive_seed
from gancore.training import distributed
from gancore.training.batching import PoissonSampled, Shuffled
from gancore.training.settings import STRICT, Rate, Weight
from gancore.types import Batch, Context

_LEAST_BATCH = 32  # an empty draw, which is drawn again, then has a probability below 1e-13
_TOGETHER = 32  # examples whose gradients are held at a time

LossesOf = Callable[[Mapping[str, Tensor], Batch, Batch], Mapping[str, Tensor]]
"""(weights of the critic by name, real, fake) -> losses by name, scalars or `(batch,)`."""


@dataclass(frozen=True)
class PrivacyConfig:
    """Differential privacy of the critic (DP-SGD, Abadi et al. 2016)."""

    __pydantic_config__ = STRICT
    noise: Weight = 0.0
    """Standard deviation of the noise on the sum of a batch's gradients, in units of `clip`; 0 leaves privacy out. It
    needs the extra `privacy` (Opacus)."""
    clip: Rate = 1.0
    """Norm that the gradient of one example is scaled down to."""
    delta: Annotated[float, Interval(gt=0, lt=1)] = 1e-5
    """Probability with which the bound epsilon may fail; below one over the number of training rows."""


class Privacy(nn.Module):
    """Turns the losses of a critic's turn into a private step, and accounts for it (Abadi et al. 2016).

    Its buffers go into checkpoints: `turns` that the critic took, `rows` of the data, the mean `batch`, and the
    `secret` of the run, from 0 to 2^62. Shared models are without them.
    """

    turns: Tensor
    rows: Tensor
    batch: Tensor
    secret: Tensor

    def __init__(self, config: PrivacyConfig):
        super().__init__()
        self.config = config
        values = {"turns": 0, "rows": 0, "batch": 0, "secret": secrets.randbits(62)}
        for name, value in values.items():
            self.register_buffer(name, torch.tensor(value))

    def cover(self, rows: int, batch: int) -> None:
        """Account for so many rows of data, of which a turn takes `batch` on average (Mironov et al. 2019).

        Raises ConfigError for a delta, a batch or processes with which epsilon says nothing.
        """
        accountant()
        if self.config.delta * rows >= 1:
            raise ConfigError(
                f"critic.privacy.delta: {self.config.delta:g} is no less than one over the {rows:,} training rows, so "
                f"it would allow to publish one of them: set it below {1 / rows:.2g}."
            )
        if not _LEAST_BATCH <= batch <= rows:
            raise ConfigError(
                f"critic.privacy: examples are drawn at random, {batch} of {rows:,} on average: set batch to "
                f"{_LEAST_BATCH} or more, and at most to the number of rows."
            )
        if distributed.processes() > 1:
            raise ConfigError("critic.privacy adds its noise in one process: train with one, or set its noise to 0.")
        self.rows.fill_(rows)
        self.batch.fill_(batch)

    def covered(self, stream: Shuffled) -> PoissonSampled:
        """The rows of a stream as private turns take them: each at random by itself, by the secret. See `cover`."""
        self.cover(stream.rows, stream.size)
        return PoissonSampled.like(stream, lambda: derive_seed(int(self.secret), "examples"))

    @property
    def sentence(self) -> str:
        """What a log and a model card say of it (Abadi et al. 2016)."""
        bound = f"epsilon {self.epsilon:.3g} at delta {self.config.delta:g}"
        return f"Differential privacy of the critic: {bound}, {int(self.turns):,} turns."

    @property
    def epsilon(self) -> float:
        """What the turns so far have cost, at `delta`: for one example more or less in the data (Mironov 2017)."""
        if not int(self.turns):
            return 0.0
        rate = int(self.batch) / int(self.rows)
        return spent(self.config.noise, rate, int(self.turns), self.config.delta)

    def losses(self, losses_of: LossesOf, critic: nn.Module, real: Batch, fake: Batch) -> dict[str, Tensor]:
        """Losses with the values of `losses_of` and the gradient of a private step in the critic's weights.

        Raises ConfigError for weighted rows, of which each would change what the others count.
        """
        if real.weight is not None or real.labelled is not None:
            raise ConfigError(
                "critic.privacy: rows with weights or labels of their own are not covered; leave them out."
            )
        weights = {name: part for name, part in critic.named_parameters() if part.requires_grad}
        summed, values = summed_gradients(losses_of, weights, real, fake, self.config.clip)
        random = torch.Generator(device=next(iter(weights.values())).device)
        random.manual_seed(derive_seed(int(self.secret), "noise", int(self.turns)))
        slope = torch.zeros((), device=self.turns.device)
        for name, weight in weights.items():
            noise = torch.empty_like(weight).normal_(generator=random) * (self.config.noise * self.config.clip)
            slope = slope + (weight * (summed[name] + noise) / int(self.batch)).sum()
        self.turns += 1
        first, *others = (name for name in values if not name.startswith("_"))
        losses = {first: values[first] + slope - slope.detach()}
        losses |= {f"_{name}": values[name] for name in others}
        losses |= {name: value for name, value in values.items() if name.startswith("_")}
        return losses | {"_epsilon": torch.tensor(self.epsilon, device=self.turns.device)}


def summed_gradients(
    losses_of: LossesOf, weights: Mapping[str, Tensor], real: Batch, fake: Batch, clip: float
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The sum over pairs of the gradients, each scaled down to the norm `clip`; and the mean losses by name.

    A loss whose name starts with "_" has no part in the gradient.
    """
    still = {name: part.detach() for name, part in weights.items()}

    def loss(moving: Mapping[str, Tensor], one: dict[str, Any], other: dict[str, Any]) -> Any:
        losses = losses_of(moving, _batch(one, real), _batch(other, fake))
        values = {name: part.mean() for name, part in losses.items()}
        total = torch.stack([part for name, part in values.items() if not name.startswith("_")]).sum()
        return total, {name: part.detach() for name, part in values.items()}

    each_of = vmap(grad(loss, has_aux=True), in_dims=(None, 0, 0), randomness="different")
    summed = {name: torch.zeros_like(part) for name, part in still.items()}
    values: dict[str, list[Tensor]] = {}
    for rows in torch.arange(len(real), device=real.sample[0].device).split(_TOGETHER):
        with warnings.catch_warnings():  # that torch goes through the examples of some operation one by one
            warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
            slopes, found = each_of(still, _tensors(real[rows]), _tensors(fake[rows]))
        squares = [part.reshape(len(part), -1).square().sum(1) for part in slopes.values()]
        factor = (clip / torch.stack(squares).sum(0).sqrt().clamp_min(1e-12)).clamp_max(1)
        for name, part in slopes.items():
            summed[name] += torch.tensordot(factor, part, 1)
        for name, value in found.items():
            values.setdefault(name, []).append(value)
    return summed, {name: torch.cat(parts).mean() for name, parts in values.items()}


def _tensors(batch: Batch) -> dict[str, Any]:
    """A batch as `vmap` takes it: every tensor with a row for each example."""
    asked = {"context": batch.context, "code": batch.code}
    parts = {name: (part.values, part.known) for name, part in asked.items() if part is not None}
    return {"sample": batch.sample} | parts


def _batch(one: dict[str, Any], like: Batch) -> Batch:
    """The batch of one example."""
    grown = {name: tuple(part[None] for part in parts) for name, parts in one.items()}
    context, code = (Context(*grown[name]) if name in grown else None for name in ("context", "code"))
    return Batch(grown["sample"], context, geometry=like.geometry, code=code)


def accountant() -> Any:
    """Opacus' accounting by Rényi divergence. Raises ConfigError where Opacus is missing."""
    try:
        from opacus.accountants.analysis import rdp  # takes a second to import, and few runs are private
    except ModuleNotFoundError:
        raise ConfigError("critic.privacy is accounted for by Opacus: pip install 'discretegan[privacy]'.") from None
    return rdp


_ORDERS = (*(1 + tenth / 10 for tenth in range(1, 100)), *range(11, 64), 80, 96, 128, 192, 256, 384, 512)


@cache
def _per_turn(noise: float, rate: float) -> Any:
    return accountant().compute_rdp(q=rate, noise_multiplier=noise, steps=1, orders=_ORDERS)


def spent(noise: float, rate: float, turns: int, delta: float) -> float:
    """Epsilon at `delta` of so many steps of the subsampled Gaussian mechanism (Mironov et al. 2019).

    noise: in units of the clipping norm, above 0. rate: probability with which an example is in a step, at most 1.
    Raises ConfigError where Opacus is missing.
    """
    rdp = accountant()
    with warnings.catch_warnings(action="ignore"):  # that another order may give a lower bound; this one holds
        return float(rdp.get_privacy_spent(orders=_ORDERS, rdp=_per_turn(noise, rate) * turns, delta=delta)[0])
