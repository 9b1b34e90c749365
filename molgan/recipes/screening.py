"""A second critic of a one-shot generator, on fingerprint counts: trained after the game, for rejection sampling."""

from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.io.stage_times import stage
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.sampling.rejection import replace_rejected
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.training.schedules import cosine_rate
from gancore.types import Batch, Context, Sample
from molgan.data.dataset import MoleculeDataset, batches
from molgan.data.space import GraphSpace
from molgan.networks.fingerprint_critic import FingerprintCritic
from molgan.networks.shared_states import beginnings
from molgan.recipes.one_shot_config import RejectionConfig


class Screening:
    """A critic of atom environments that draws have to pass (discriminator rejection sampling, Azadi et al. 2019).

    The critic of the game sees relaxed graphs and has a slope; this one counts what a hard graph is made of.
    critic: its network.
    """

    def __init__(self, config: RejectionConfig, capacity: Int[Tensor, "atom"], space: GraphSpace):
        self.config = config
        self.critic: nn.Module = FingerprintCritic(
            capacity, config.fingerprint, config.width, context_features=space.context_features
        ).to(capacity.device)
        self.adversary = Adversary(self.critic, OBJECTIVES["non_saturating"], {})

    def phase(
        self,
        data: MoleculeDataset,
        seed: int,
        start: int,
        draw: Callable[[Batch], tuple[Batch, Sample]],
        optimizer: Optimizer,
    ) -> Phase:
        """The steps in which it learns. draw: a batch as the critic hears of it, and as many draws."""
        config, device = self.config, next(self.critic.parameters()).device

        def turn(real: Batch, step: int) -> dict[str, Tensor]:
            real, fake = draw(real)
            return self.adversary.critic_losses(real, Batch(fake, real.context), step)

        rate = cosine_rate(config.lr, config.steps, start, floor=0.05)
        player = Player("rejection", self.critic, optimizer, turn, rate=rate)
        return Phase(
            "rejection", [player], batches(data, config.batch, seed, device), range(start, start + config.steps)
        )

    def logits(self, sample: Sample, context: Context | None) -> Tensor:
        """What it says of hard one-hots `(batch,)`: log-ratios of the data's density to the generator's."""
        with stage("critic"):
            return self.adversary.logits(sample, context)

    def replace(
        self,
        draws: tuple[Tensor, Tensor],
        context: Context | None,
        logits: Tensor,
        again: Callable[[Tensor], tuple[tuple[Tensor, Tensor], Tensor]],
        random: torch.Generator,
        ceiling: float | None,
    ) -> None:
        """Have draws made anew, in place, until it is content. context: what the generator read for each."""
        alike = beginnings(logits.new_zeros(len(logits)), context, None) if context is not None else None
        most = self.config.ceiling if ceiling is None else ceiling
        replace_rejected(draws, logits, again, self.config.rejections, most, random, alike)
