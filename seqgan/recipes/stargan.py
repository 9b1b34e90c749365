"""StarGAN (Choi et al. 2018) for sequences: one translator for several properties or classes, no pairs.

A source is to become what another row has, in one of the conditions; the others stay as they are. The critic tells real
sequences from translations, and a head of it says which conditions a sequence has: translations pay where it does not
say what was asked.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from gancore.errors import ConfigError
from gancore.facade.recipe import Capability
from gancore.layers.conditioning import Conditioning
from gancore.losses.adversary import Adversary
from gancore.losses.auxiliary import condition_heads
from gancore.training.device import derive_seed
from gancore.training.run import Phase
from gancore.types import Batch, Context, Sample
from seqgan.data.corpus import Corpus, batches
from seqgan.data.space import TextSpace
from seqgan.networks.critics import CRITICS
from seqgan.networks.generator import at_rest
from seqgan.recipes.unpaired import UnpairedConfig, UnpairedCriticConfig, UnpairedRecipe


@dataclass(frozen=True)
class StarGANCriticConfig(UnpairedCriticConfig):
    """The critic, with a head that says which conditions a sequence has."""

    conditioning: Conditioning = "auxiliary"
    """How it is conditioned: by heads, auxiliary (as in the paper) or twin; or projection, concatenation."""


@dataclass(frozen=True)
class StarGANConfig(UnpairedConfig):
    """Recipe stargan: restoring from noise, then translation between conditions under a critic with a head."""

    recipe: str = "stargan"
    """stargan."""
    critic: StarGANCriticConfig = field(default_factory=StarGANCriticConfig)
    """The critic."""


class StarGAN(UnpairedRecipe):
    """Recipe stargan: a translator and a critic with a head, their optimisers, and the training step of each.

    A checkpoint holds `modules` and `optimizers`.
    """

    config_class = StarGANConfig
    capabilities: frozenset[Capability] = frozenset({"predict", *UnpairedRecipe.capabilities})

    def __init__(self, config: StarGANConfig, space: TextSpace, device: torch.device):
        super().__init__(config, space, device)
        if not space.groups:
            raise ConfigError("recipe stargan needs conditions: name columns of the file, --condition NAME.")
        judge = config.critic
        self.critic = CRITICS[judge.kind](space.alphabet, judge, space.length, space.context_features).to(device)
        self.objective = judge.game
        heads = condition_heads(judge.conditioning, space.groups, judge.condition_weight)
        self.adversary = Adversary(self.critic, self.objective, {}, heads=heads)
        self.modules["critic"] = self.critic

    def phases(self, data: Corpus) -> list[Phase]:
        """Restoring from noise; the critic alone; both alternately."""
        phases, config = self.restore_phase(data), self.config
        heads = config.critic.conditioning in ("auxiliary", "twin")

        def stream(name: str):
            labelled = config.critic.labelled if heads else 0
            seed = derive_seed(config.seed, name)
            return batches(data.train, config.batch, seed, self.device, data.context, labelled=labelled)

        return phases + self.game_phases(phases[-1].steps.stop if phases else 0, stream)

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell real sequences from translations, and learn which conditions real ones have."""
        assert real.context is not None
        asked = self.asked_at_random(real.context)
        return self.adversary.critic_losses(real, Batch((self.draw(real.sample[0], asked),), asked), step)

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Translate each sequence into what another row has, and back."""
        assert real.context is not None

        def costs(made: Tensor, context: Context, draws: int) -> Tensor:
            on_real = self.adversary.logits(real.sample, real.context).repeat_interleave(draws)
            fake = Batch((made,), context)
            output = self.adversary.output((made,), context)
            on_fake = self.adversary.logits((made,), context)
            return self.objective.generator(on_real, on_fake) + self.adversary.head_costs(output, fake)

        return self.there_and_back(real, self.asked_at_random(real.context), costs)

    def asked_at_random(self, context: Context) -> Context:
        """One condition of each row, at random, as another row has it; the others as they are."""
        groups, device = self.space.groups, context.values.device
        others = context[torch.randperm(len(context), device=device)]
        pick = torch.randint(len(groups), (len(context), 1), device=device)
        which = torch.arange(len(groups), device=device).repeat_interleave(torch.tensor(groups, device=device))
        taken = which[None] == pick
        known = torch.where(taken, others.known, context.known)
        return Context(torch.where(taken, others.values, context.values), known)

    def asked_of(self, context: Context) -> Context:
        """What the next row has."""
        return Context(context.values.roll(1, 0), context.known.roll(1, 0))

    def critic_score(self, sample: Sample, context: Context | None = None) -> Tensor:
        """The critic's logits `(batch,)` of ids."""
        with at_rest(self.critic):
            return self.adversary.logits(sample, context)

    def predict(self, sample: Sample) -> Tensor:
        """What the critic's head says of each sequence of ids `(batch, feature)`."""
        with at_rest(self.critic):
            return self.adversary.output(sample).heads["condition"].float()
