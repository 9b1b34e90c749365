"""Boundary equilibrium: how much generated samples weigh in the loss of an autoencoding critic (BEGAN)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gancore.training import distributed


class Equilibrium(nn.Module):
    """The balance of a critic whose logit is minus its reconstruction error (BEGAN, Berthelot et al. 2017).

    The critic minimises L(real) - k L(fake), L being the error. After each of its turns k, in [0, 1], moves by
    `rate` (ratio L(real) - L(fake)), so that L(fake) tends to `ratio` times L(real). k is a buffer: checkpoints hold
    it. ratio: above 0 and at most 1, gamma of the paper; a lower one gives samples of less variety. rate: above 0.

    >>> balance = Equilibrium(ratio=0.5, rate=0.1)
    >>> losses = balance.losses(torch.tensor([-0.8]), torch.tensor([-0.1]))
    >>> losses["adversarial"].round(decimals=3), balance.weight.round(decimals=3)  # k was 0; is 0.1 (0.5 * 0.8 - 0.1)
    (tensor([0.8000]), tensor(0.0300))
    """

    weight: Tensor

    def __init__(self, ratio: float, rate: float):
        super().__init__()
        self.ratio, self.rate = ratio, rate
        self.register_buffer("weight", torch.zeros(()))

    def losses(self, real: Float[Tensor, "batch"], fake: Float[Tensor, "batch"]) -> dict[str, Tensor]:
        """Of the critic's turn, from logits, `(batch,)`; moves k (Berthelot et al. 2017).

        Shown beside them: k as `balance`, and the paper's measure of convergence.
        """
        losses = {"adversarial": self.weight.clone() * fake - real}
        with torch.no_grad():
            on_real, on_fake = (-distributed.mean(part.mean()) for part in (real, fake))
            gap = self.ratio * on_real - on_fake
            losses |= {
                "_balance": self.weight.clone(),
                "_convergence": on_real + gap.abs(),
                "_ratio": on_fake / on_real,
            }
            self.weight.add_(self.rate * gap).clamp_(0, 1)
        return losses
