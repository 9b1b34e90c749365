"""One opponent: a critic, the game it plays, and the slope penalty it pays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gancore.losses.adversarial import Objective
from gancore.types import Critic, Sample


@dataclass
class Adversary:
    """A critic with its objective and penalties (Goodfellow et al. 2014); gives both players their losses, by name.

    critic: module, sample -> Verdict.
    objective: pair of functions of (real, fake) logits.
    penalties: by name, (function, weight): added to the critic's loss with that weight.
    penalty_every: pay on every k-th call only, with k-fold weight (lazy regularisation, Karras et al. 2020).
    """

    critic: nn.Module
    objective: Objective
    penalties: Mapping[str, tuple[Callable[[Critic, Sample, Sample], Tensor], float]]
    penalty_every: int = 1

    def logits(self, sample: Sample) -> Tensor:
        """The critic's logits alone, `(batch,)`."""
        return self.critic(sample).logits.float()

    def critic_losses(self, real: Sample, fake: Sample, step: int = 0) -> dict[str, Tensor]:
        """Losses of the critic's turn; nothing flows back into whatever made `fake`. Penalties are in full precision.

        Shown beside them: `accuracy`, the share of pairs in which the real one has the larger logit.
        """
        fake = tuple(part.detach() for part in fake)
        on_real, on_fake = self.judge(real, fake)
        losses = {"adversarial": self.objective.critic(on_real, on_fake).mean()}
        losses["_accuracy"] = (on_real > on_fake).float().mean()
        if step % self.penalty_every == 0:
            with torch.autocast(on_real.device.type, enabled=False):
                for name, (penalty, weight) in self.penalties.items():
                    losses[name] = penalty(self.logits, real, fake).mean() * weight * self.penalty_every
        return losses

    def generator_losses(self, real: Sample, fake: Sample) -> dict[str, Tensor]:
        """Losses of the generator's turn, differentiable in `fake`."""
        on_real, on_fake = self.judge(real, fake)
        return {"adversarial": self.objective.generator(on_real.detach(), on_fake).mean()}

    def judge(self, real: Sample, fake: Sample) -> tuple[Tensor, Tensor]:
        """Logits of both halves, `(batch,)` each, in one call: a critic must not normalise over its batch."""
        both = tuple(torch.cat(pair) for pair in zip(real, fake, strict=True))
        on_real, on_fake = self.logits(both).split((len(real[0]), len(fake[0])))
        return on_real, on_fake
