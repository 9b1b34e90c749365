"""A critic with its objective, its slope penalty and its heads: the losses of critic and generator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gancore.errors import ConfigError
from gancore.layers.packing import beside_the_next, packed, spread
from gancore.losses.adversarial import Objective
from gancore.losses.equilibrium import Equilibrium
from gancore.losses.matching import Matching
from gancore.losses.penalties import Penalty, allowed_moves
from gancore.losses.privacy import Privacy
from gancore.losses.reduction import sum_steps
from gancore.training import distributed
from gancore.training.batching import PoissonSampled, Shuffled
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


class Unroll(NamedTuple):
    """Turns of the critic that the generator foresees (unrolled GAN, Metz et al. 2017): how many, and their rate.

    They are plain gradient descent, on the batch of the generator's turn. The generator's gradient flows through them.
    """

    steps: int = 0
    rate: float = 0.1


_NOT_AHEAD = Unroll()


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
    pack: samples that the critic, a `PackedCritic`, judges together (PacGAN, Lin et al. 2018); 1 is no packing.
    matching: by name, (function of features, weight): added to the generator's loss (`gancore.losses.matching`).
    adversarial: weight of the objective in the generator's turn; 0 leaves it out.
    unroll: turns of the critic that the generator foresees.
    balance: what weighs generated samples in the critic's turn instead of the objective (BEGAN, Berthelot et al. 2017).
    privacy: what makes the critic's turns private (DP-SGD, Abadi et al. 2016). No loss may then compare several pairs.
    """

    critic: nn.Module
    objective: Objective
    penalties: Mapping[str, tuple[Penalty, float]]
    penalty_every: int = 1
    heads: Mapping[str, Head] = field(default_factory=dict)
    every: int = 1
    noise: Callable[[int], float] = no_noise
    pack: int = 1
    matching: Mapping[str, tuple[Matching, float]] = field(default_factory=dict)
    adversarial: float = 1.0
    unroll: Unroll = _NOT_AHEAD
    balance: Equilibrium | None = None
    privacy: Privacy | None = None

    @property
    def modules(self) -> dict[str, nn.Module]:
        """What has state beside the critic, by its name in checkpoints: balance (Berthelot et al. 2017), privacy."""
        beside = {"balance": self.balance, "privacy": self.privacy}
        return {name: part for name, part in beside.items() if part is not None}

    def stream(self, batches: Shuffled) -> Shuffled | PoissonSampled:
        """The batches of a game as this critic may see them: private turns take rows at random (Abadi et al. 2016)."""
        return batches if self.privacy is None else self.privacy.covered(batches)

    def output(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """All that the critic says of each sample; a critic of packs sees it beside those that follow it."""
        if self.pack == 1:
            return self._say(sample, context)
        beside = beside_the_next(Batch(sample, context), self.pack)
        output = self._say(beside.sample, beside.context)
        return output._replace(heads={name: head[:, 0] for name, head in output.heads.items()})

    def _say(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        return self.critic(sample) if context is None else self.critic(sample, context)

    def logits(self, sample: Sample, context: Context | None = None) -> Tensor:
        """One logit a sample, `(batch,)`; of step logits, their mean over the steps that count."""
        return _mean_logits(self.output(sample, context))

    def _pack_logits(self, sample: Sample, context: Context | None = None) -> Tensor:
        return _mean_logits(self._say(sample, context))

    def critic_losses(self, real: Batch | Sample, fake: Batch | Sample, step: int = 0) -> dict[str, Tensor]:
        """Losses of the critic's turn; nothing flows back into whatever made `fake`. Penalties are in full precision.

        Heads that learn from real samples learn from `real.labelled` where there is one.
        Shown beside them: `accuracy`, the share of pairs (of pairs of steps) in which the real one has the larger
        logit. Raises ValueError when one of the two has a context and the other has none.
        """
        real, fake = as_batch(real), as_batch(fake)
        fake = replace(fake, sample=tuple(part.detach() for part in fake.sample))
        real, fake = self.noised(real, step), self.noised(fake, step)
        if self.privacy is None:
            return self._critic_losses(real, fake, step)

        def losses_of(weights: Mapping[str, Tensor], one: Batch, other: Batch) -> dict[str, Tensor]:
            return replace(self, critic=_WithWeights(self.critic, weights))._critic_losses(one, other, step)

        return self.privacy.losses(losses_of, self.critic, real, fake)

    def _critic_losses(self, real: Batch, fake: Batch, step: int) -> dict[str, Tensor]:
        """The same of samples with their noise, differentiable in `fake` but for the penalties."""
        on_real, on_fake = self.judge(real, fake)
        if self.balance is not None:
            losses = self.balance.losses(on_real.logits.float(), on_fake.logits.float())
        else:
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
                packs = packed(real, self.pack), packed(fake, self.pack)
                for name, (penalty, weight) in self.penalties.items():
                    each = penalty(self._pack_logits, *packs).repeat_interleave(self.pack)
                    losses[name] = each * weight * self.penalty_every
        return losses

    def generator_losses(self, real: Batch | Sample, fake: Batch | Sample, step: int = 0) -> dict[str, Tensor]:
        """Losses of the generator's turn, differentiable in `fake`. Raises as `critic_losses` does."""
        real, fake = (self.noised(as_batch(batch), step) for batch in (real, fake))
        on_real, on_fake = self.foreseen(real, fake).judge(real, fake)
        on_real = on_real._replace(logits=on_real.logits.detach())
        losses = {}
        if self.adversarial:
            each = _pairs(self.objective.generator, on_real, on_fake, self.objective.pooled)
            losses["adversarial"] = each * self.adversarial
        for name, (function, weight) in self.matching.items():
            assert on_real.features is not None
            assert on_fake.features is not None
            losses[name] = function(on_real.features, on_fake.features, real.weight) * weight
        for name, head in self.heads.items():
            if head.generator:
                losses[name] = head.loss(on_fake.heads[name], fake) * head.generator
        return losses

    def foreseen(self, real: Batch, fake: Batch) -> "Adversary":
        """The same with the critic after the turns that are foreseen, a function of `fake` (Metz et al. 2017).

        The critic itself stays as it is. What its penalties see of `fake` is a constant. Raises ConfigError where there
        are several processes.
        """
        if not self.unroll.steps:
            return self
        if distributed.processes() > 1:
            raise ConfigError("critic.unroll foresees turns of one process: leave it out, or train with one.")
        weights = {name: part.detach().requires_grad_() for name, part in self.critic.named_parameters()}
        plain = replace(self, penalty_every=1, every=1)
        for _ in range(self.unroll.steps):
            later = replace(plain, critic=_WithWeights(self.critic, weights))
            losses = later._critic_losses(real, fake, 0)
            share = real.weight / real.weight.mean() if real.weight is not None else 1.0
            minimised = [
                (part * share if part.ndim else part).mean()
                for name, part in losses.items()
                if not name.startswith("_")
            ]
            loss = torch.stack(minimised).sum()
            slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True, allow_unused=True)
            weights = {
                name: weight if slope is None else weight - self.unroll.rate * slope
                for (name, weight), slope in zip(weights.items(), slopes, strict=True)
            }
        return replace(plain, critic=_WithWeights(self.critic, weights))

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
        real, fake = packed(as_batch(real), self.pack), packed(as_batch(fake), self.pack)
        both = tuple(torch.cat(pair) for pair in zip(real.sample, fake.sample, strict=True))
        on_real, on_fake = self._say(both, _joined_contexts(real, fake)).split(len(real))
        return (on_real, on_fake) if self.pack == 1 else (spread(on_real, self.pack), spread(on_fake, self.pack))


class _WithWeights(nn.Module):
    """A critic that has other weights."""

    def __init__(self, critic: nn.Module, weights: Mapping[str, Tensor]):
        super().__init__()
        self.held = critic, dict(weights)  # not its modules and parameters

    def forward(self, *inputs: Any) -> CriticOutput:
        """What the critic says with these weights."""
        critic, weights = self.held
        return functional_call(critic, weights, inputs)


def _mean_logits(output: CriticOutput) -> Tensor:
    """One logit a row, `(batch,)`; of step logits, their mean over the steps that count."""
    logits = output.logits.float()
    if logits.ndim == 1:
        return logits
    mask = torch.ones_like(logits) if output.mask is None else output.mask.float()
    return (logits * mask).sum(1) / mask.sum(1).clamp_min(1)


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
