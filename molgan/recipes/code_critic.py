"""A critic of codes: it makes an autoencoder's codes normal, in place of a KL divergence (Makhzani et al. 2016)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.layers.conditioning import context_inputs
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.losses.penalties import finite_r1_r2
from gancore.training import distributed
from gancore.training.loop import Player
from gancore.types import Batch, Context, CriticOutput, Sample
from molgan.networks.one_shot import logit_and_features, mlp

_WIDTH, _PENALTY = 256, 0.1


class CodeNetwork(nn.Module):
    """One logit for each code `(batch, latent)`, and what the last layer reads."""

    def __init__(self, latent: int, hidden: tuple[int, ...] = (_WIDTH, _WIDTH), context_features: int = 0):
        super().__init__()
        self.context_features, self.feature_width = context_features, hidden[-1]
        self.body = mlp((latent + 2 * context_features, *hidden, 1))

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """Logits and features."""
        inputs = torch.cat((sample[0], context_inputs(context, self.context_features, sample[0])), 1)
        return CriticOutput(*logit_and_features(self.body, inputs))


class CodeCritic:
    """The game of an adversarial autoencoder: normal noise is real, codes are fake, and the encoder is the generator.

    critic: its network. weight: of what the encoder pays.
    """

    def __init__(self, latent: int, weight: float, device: torch.device):
        self.critic, self.weight = CodeNetwork(latent).to(device), weight
        self.adversary = Adversary(self.critic, OBJECTIVES["non_saturating"], {"slope": (finite_r1_r2, _PENALTY)})

    def player(self, encode: Callable[[Batch], Tensor], optimizer: Optimizer, rate: Callable[[int], float]) -> Player:
        """The critic's turns. encode: codes of a batch."""

        def turn(real: Batch, step: int) -> dict[str, Tensor]:
            with torch.no_grad():
                codes = encode(real)
            return self.adversary.critic_losses((distributed.normal_like(codes),), (codes,), step)

        return Player("code_critic", self.critic, optimizer, turn, rate=rate)

    def loss(self, codes: Tensor, step: int) -> dict[str, Tensor]:
        """What the encoder pays for codes that are told from noise."""
        losses = self.adversary.generator_losses((distributed.normal_like(codes),), (codes,), step)
        return {"match": losses["adversarial"] * self.weight}
