"""A critic with its objective, its slope penalty and its heads: the losses of critic and generator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancore.losses.adversarial import Objective
from gancore.losses.penalties import Penalty, allowed_moves
from gancore.losses.reduction import sum_steps
from gancore.training import distributed
from gancore.types import Batch, Context, CriticOutput, Sample, as_batch


class Head(NamedTuple):
    """What a further output of the critic learns, and what the generator owes it (AC-GAN, Odena et al. 2017).

    loss: (output of the head, batch) -> `(batch,)`; see `gancore.losses.auxiliary`.
    critic, generator: weights of the loss in their turns; 0 leaves it out, and below 0 a player seeks a large loss.
    on_real, on_fake: on which samples the critic pays.
    """

    loss: Callable[[Tensor, Batch], Tensor]
    critic: float = 1.0
    generator: float = 1.0
    on_real: bool = True
    on_fake: bool = False


def no_noise(step: int) -> float:
    """The level of instance noise where there is none (Sønderby et al. 2017): 0 at every step."""
    return 0.0


@dataclass
class Adversary:
    """A critic with its objective and penalties (Goodfellow et al. 2014); gives both players their losses, by name.

    Losses are one value a sample, `(batch,)`, but for heads that learn from other rows. Of step logits, a sample's
    value is the sum over the steps that count in both the real and the fake sample, scaled so that the batch mean
    is the mean over all counted steps (`reduction.sum_steps`). A bare sample stands for a batch without context.

    critic: module, (sample, context) -> CriticOutput; a context is handed on only where there is one.
    objective: pair of functions of (real, fake) logits.
    penalties: by name, (function, weight): added to the critic's loss with that weight.
    penalty_every: pay on every k-th call only, with k-fold weight (lazy regularisation, Karras et al. 2020).
    heads: by the name of the critic's output.
    every: the critic plays on every k-th step only, so that its calls are counted in these.
    noise: standard deviation, at a step, of the normal noise that real and fake samples get in both players' losses
        (instance noise, Sønderby et al. 2017). On the simplex it keeps the sum of each row, and padding stays.
    """

    critic: nn.Module
    objective: Objective
    penalties: Mapping[str, tuple[Penalty, float]]
    penalty_every: int = 1
    heads: Mapping[str, Head] = field(default_factory=dict)
    every: int = 1
    noise: Callable[[int], float] = no_noise

    def output(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """All that the critic says."""
        return self.critic(sample) if context is None else self.critic(sample, context)

    def logits(self, sample: Sample, context: Context | None = None) -> Tensor:
        """One logit a sample, `(batch,)`; of step logits, their mean over the steps that count."""
        output = self.output(sample, context)
        logits = output.logits.float()
        if logits.ndim == 1:
            return logits
        mask = torch.ones_like(logits) if output.mask is None else output.mask.float()
        return (logits * mask).sum(1) / mask.sum(1).clamp_min(1)

    def critic_losses(self, real: Batch | Sample, fake: Batch | Sample, step: int = 0) -> dict[str, Tensor]:
        """Losses of the critic's turn; nothing flows back into whatever made `fake`. Penalties are in full precision.

        Heads that learn from real samples learn from `real.labelled` where there is one.
        Shown beside them: `accuracy`, the share of pairs (of pairs of steps) in which the real one has the larger
        logit. Raises ValueError when one of the two has a context and the other has none.
        """
        real, fake = as_batch(real), as_batch(fake)
        fake = replace(fake, sample=tuple(part.detach() for part in fake.sample))
        real, fake = self.noised(real, step), self.noised(fake, step)
        on_real, on_fake = self.judge(real, fake)
        losses = {"adversarial": _pairs(self.objective.critic, on_real, on_fake, self.objective.pooled)}
        losses["_accuracy"] = _pairs(lambda one, other: (one > other).float(), on_real, on_fake)
        taught, lesson = on_real, real
        if self.heads and real.labelled is not None:
            lesson = real.labelled
            taught = self.output(lesson.sample, lesson.context)
        for name, head in self.heads.items():
            sides = [(taught, lesson)] * head.on_real + [(on_fake, fake)] * head.on_fake
            if head.critic and sides:
                each = [head.loss(side.heads[name], batch) for side, batch in sides]
                if len({len(one) for one in each}) > 1:
                    each = [one.mean() for one in each]
                losses[name] = torch.stack(each).sum(0) * head.critic
        if step // self.every % self.penalty_every == 0:
            with torch.autocast(on_real.logits.device.type, enabled=False):
                for name, (penalty, weight) in self.penalties.items():
                    losses[name] = penalty(self.logits, real, fake) * weight * self.penalty_every
        return losses

    def generator_losses(self, real: Batch | Sample, fake: Batch | Sample, step: int = 0) -> dict[str, Tensor]:
        """Losses of the generator's turn, differentiable in `fake`. Raises as `critic_losses` does."""
        real, fake = (self.noised(as_batch(batch), step) for batch in (real, fake))
        on_real, on_fake = self.judge(real, fake)
        on_real = on_real._replace(logits=on_real.logits.detach())
        losses = {"adversarial": _pairs(self.objective.generator, on_real, on_fake, self.objective.pooled)}
        for name, head in self.heads.items():
            if head.generator:
                losses[name] = head.loss(on_fake.heads[name], fake) * head.generator
        return losses

    def head_costs(self, output: CriticOutput, fake: Batch) -> Tensor:
        """What the generator owes the heads for each fake, `(batch,)`: for rewards that no gradient flows through."""
        total = torch.zeros(len(fake), device=output.logits.device)
        for name, head in self.heads.items():
            total = total + head.generator * head.loss(output.heads[name], fake)
        return total

    def noised(self, batch: Batch, step: int) -> Batch:
        """The batch, and what is labelled in it, with the noise of a step; without noise as it is."""
        level = self.noise(step)
        if not level:
            return batch
        moves = tuple(distributed.normal_like(part) for part in batch.sample)
        moves = allowed_moves(moves, batch.sample, batch.geometry)
        sample = tuple(part + level * move for part, move in zip(batch.sample, moves, strict=True))
        labelled = self.noised(batch.labelled, step) if batch.labelled is not None else None
        return replace(batch, sample=sample, labelled=labelled)

    def judge(self, real: Batch | Sample, fake: Batch | Sample) -> tuple[CriticOutput, CriticOutput]:
        """What the critic says of both halves, in one call: a critic must not normalise over its batch."""
        real, fake = as_batch(real), as_batch(fake)
        both = tuple(torch.cat(pair) for pair in zip(real.sample, fake.sample, strict=True))
        return self.output(both, _joined_contexts(real, fake)).split(len(real))


def _joined_contexts(real: Batch, fake: Batch) -> Context | None:
    """The contexts of both, one after the other. Raises ValueError when only one of them has a context."""
    if real.context is None and fake.context is None:
        return None
    if real.context is None or fake.context is None:
        raise ValueError("of the real and the fake batch one has a context and the other has none.")
    return Context.cat([real.context, fake.context])


def _pairs(
    function: Callable[[Tensor, Tensor], Tensor], real: CriticOutput, fake: CriticOutput, pooled: bool = False
) -> Tensor:
    """A function of paired logits as one value a sample. pooled: it is to see the steps that count alone."""
    of_real, of_fake = real.logits.float(), fake.logits.float()
    if of_real.ndim == 1:
        return function(of_real, of_fake)
    mask = torch.ones_like(of_real, dtype=torch.bool)
    for output in (real, fake):
        mask = mask if output.mask is None else mask & output.mask
    if pooled:
        each = torch.zeros_like(of_real).masked_scatter(mask, function(of_real[mask], of_fake[mask]))
    else:
        each = function(of_real.flatten(), of_fake.flatten()).view_as(of_real)
    return sum_steps(each, mask)
