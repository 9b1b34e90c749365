"""CycleGAN (Zhu et al. 2017) for sequences: two sets without pairs, one critic a side, translation there and back.

One translator goes both ways, told by the context into which side. Its phases play on two named streams, one a side.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gancore.errors import ConfigError
from gancore.losses.adversary import Adversary
from gancore.training.batching import Streams
from gancore.training.device import derive_seed
from gancore.training.run import Phase
from gancore.types import Batch, Context, Sample
from seqgan.data.corpus import Corpus, batches
from seqgan.data.space import TextSpace
from seqgan.networks.critics import CRITICS
from seqgan.networks.generator import at_rest
from seqgan.recipes.unpaired import UnpairedConfig, UnpairedCriticConfig, UnpairedRecipe, side_by_side

_SIDES = ("first", "second")


@dataclass(frozen=True)
class CycleGANConfig(UnpairedConfig):
    """Recipe cyclegan: two sets of sequences; restoring from noise, then translation there and back under critics."""

    recipe: str = "cyclegan"
    """cyclegan."""
    critic: UnpairedCriticConfig = field(default_factory=UnpairedCriticConfig)
    """The critics, one a side."""


class CycleGAN(UnpairedRecipe):
    """Recipe cyclegan: a translator and two critics, their optimisers, and the training step of each.

    A checkpoint holds `modules` and `optimizers`. The condition is a class of two: the side that a sequence is of.
    """

    config_class = CycleGANConfig

    def __init__(self, config: CycleGANConfig, space: TextSpace, device: torch.device):
        super().__init__(config, space, device)
        if space.groups != (2,):
            raise ConfigError(
                "recipe cyclegan needs one condition of two classes, the side that a line is of: name its column, "
                "--condition NAME:class."
            )
        self.objective = config.critic.game
        kind, judge = CRITICS[config.critic.kind], config.critic
        sides = {side: kind(space.alphabet, judge, space.length).to(device) for side in _SIDES}
        self.modules["critic"] = nn.ModuleDict(sides)
        self.adversaries = {side: Adversary(critic, self.objective, {}) for side, critic in sides.items()}

    def phases(self, data: Corpus) -> list[Phase]:
        """Restoring from noise; the critics alone; all alternately, on a stream a side."""
        assert data.context is not None
        context = data.context
        phases = self.restore_phase(data)
        rows = [(context.known.all(1) & (context.values[:, side] > 0.5)).nonzero().squeeze(1) for side in (0, 1)]

        def streams(name: str) -> Streams:
            size = max(1, self.config.batch // 2)
            each = {}
            for side, own in zip(_SIDES, rows, strict=True):
                seed = derive_seed(self.config.seed, name, side)
                each[side] = batches(data.train[own], size, seed, self.device, context[own])
            return Streams(**each)

        return phases + self.game_phases(phases[-1].steps.stop if phases else 0, streams)

    def critic_turn(self, real: dict[str, Batch], step: int) -> dict[str, Tensor]:
        """Each critic tells its side from translations into it."""
        first, second = (real[side] for side in _SIDES)
        into_second, into_first = self.translations(first, second)
        losses = {}
        for side, batch, fake in (("first", first, into_first), ("second", second, into_second)):
            some = min(len(batch), len(fake))
            found = self.adversaries[side].critic_losses((batch.sample[0][:some],), (fake[:some],), step)
            for name, value in found.items():
                hidden = "_" if name.startswith("_") else ""
                losses[f"{hidden}{side}_{name.lstrip('_')}"] = value
        losses["_accuracy"] = (losses["_first_accuracy"].mean() + losses["_second_accuracy"].mean()) / 2
        return losses

    def generator_turn(self, real: dict[str, Batch], step: int) -> dict[str, Tensor]:
        """Translate both sides into the other and back."""
        first, second = (real[side] for side in _SIDES)
        both = side_by_side(first, second)
        assert both.context is not None

        def costs(made: Tensor, context: Context, draws: int) -> Tensor:
            cut = len(first) * draws
            into_second, into_first = made[:cut], made[cut:]
            return torch.cat((self.cost("second", into_second, second), self.cost("first", into_first, first)))

        return self.there_and_back(both, self.asked_of(both.context), costs)

    def cost(self, side: str, made: Tensor, real: Batch) -> Tensor:
        """What translations into a side cost by its critic, beside real sequences of it."""
        on_real = self.adversaries[side].logits(real.sample)
        rows = torch.arange(len(made), device=made.device) % len(on_real)
        return self.objective.generator(on_real[rows], self.adversaries[side].logits((made,)))

    def translations(self, first: Batch, second: Batch) -> tuple[Tensor, Tensor]:
        """Of the first side into the second, and of the second into the first."""
        both = side_by_side(first, second)
        assert both.context is not None
        made = self.draw(both.sample[0], self.asked_of(both.context))
        return made[: len(first)], made[len(first) :]

    def asked_of(self, context: Context) -> Context:
        """The other side."""
        return Context(context.values.flip(1), context.known)

    def critic_score(self, sample: Sample, context: Context | None = None) -> Tensor:
        """The logits `(batch,)` of ids by the critic of their side; the mean of both where it is not known."""
        critics = self.modules["critic"]
        with at_rest(critics):
            first, second = (self.adversaries[side].logits(sample) for side in _SIDES)
        if context is None:
            return (first + second) / 2
        return torch.where(
            context.known.all(1), torch.where(context.values[:, 0] > 0.5, first, second), (first + second) / 2
        )
