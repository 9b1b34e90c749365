"""MolGAN as De Cao and Kipf (2018) have it: three players, of which the third learns to predict the reward.

The generator makes a dense graph in one shot; the critic, a relational graph network, plays the improved Wasserstein
game; the value network, of the same form, is fitted to the score of real and generated molecules, and its gradient
steers the generator. What is mended is the representation: kekulé bonds, each relation with weights of its own, pairs
that are drawn once, and explicit padding, so that a real molecule is never an invalid one. The rest is as published,
collapse included: it is the baseline, not the way to make molecules.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.optim import Optimizer

from gancore.facade.recipe import Capability
from gancore.layers.conditioning import ConditionedOutput
from gancore.sampling.estimators import ESTIMATORS
from gancore.training import distributed
from gancore.training.device import adam
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.training.settings import STRICT, Count, Positive, Rate, Share, Weight
from gancore.types import Batch, Context, CriticOutput, Sample
from molgan import chemistry
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset, batches
from molgan.data.space import GraphSpace
from molgan.networks.one_shot import Generator, autoencoding
from molgan.networks.sampling import accept_bonds, repair, turns
from molgan.recipes.config import Config, CriticConfig, RewardConfig, Widths
from molgan.recipes.graph_recipe import GraphRecipe


class RelationalNetwork(nn.Module):
    """Graph convolutions with weights for each bond order, a gated sum over atoms, a number (the paper's eq. 5, 6)."""

    def __init__(self, kinds: int, widths: Sequence[int], gathered: int, hidden: int, context_features: int = 0):
        super().__init__()
        steps = list(pairwise((0, *widths)))
        self.own = nn.ModuleList(nn.Linear(before + kinds, after) for before, after in steps)
        self.others = nn.ModuleList(
            nn.Linear(before + kinds, after * (chemistry.ORDERS - 1)) for before, after in steps
        )
        self.gate = nn.Linear(widths[-1] + kinds, gathered)
        self.gathered = nn.Linear(widths[-1] + kinds, gathered)
        self.head = nn.Sequential(nn.Linear(gathered, hidden), nn.Tanh(), nn.Linear(hidden, 1))
        self.conditioned, self.feature_width = ConditionedOutput(gathered, context_features), gathered

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """A number for each graph of one-hots, hard or relaxed."""
        nodes, bonds = sample
        present = nodes.sum(-1, keepdim=True)
        relations = graphs.to_matrix(bonds[..., 1:], nodes.shape[1])  # batch, node, node, order
        count = relations.sum((2, 3))[..., None].clamp_min(1)
        hidden = nodes[..., :0]
        for own, others in zip(self.own, self.others, strict=True):
            inputs = torch.cat((hidden, nodes), -1)
            messages = others(inputs).unflatten(-1, (chemistry.ORDERS - 1, -1))
            hidden = torch.tanh(own(inputs) + torch.einsum("bijo,bjof->bif", relations, messages) / count)
        inputs = torch.cat((hidden, nodes), -1)
        graph = (self.gate(inputs).sigmoid() * self.gathered(inputs).tanh() * present).sum(1).tanh()
        logits = self.head(graph).squeeze(1)
        return self.conditioned(logits, graph, context)


@dataclass(frozen=True)
class MolGANModelConfig:
    """Sizes of the networks."""

    __pydantic_config__ = STRICT
    noise: Positive = 64
    """Width of the generator's Gaussian input."""
    generator: Widths = (256, 512, 512)
    """Hidden widths of the generator."""


@dataclass(frozen=True)
class MolGANRewardConfig(RewardConfig):
    """The reward, which a value network learns to predict."""

    weight: Share = 0.0
    """Share of the value network in the generator's loss, from `start` on: 1 - lambda of the paper."""


@dataclass(frozen=True)
class MolGANConfig(Config):
    """Recipe molgan: MolGAN without pre-training. The configuration `molgan` has the published settings."""

    recipe: str = "molgan"
    """molgan."""
    steps: Count = 2500
    """Steps of the game."""
    batch: Positive = 128
    """Molecules a turn."""
    lr: Rate = 5e-4
    """Learning rate of the three networks, but for a critic that has one of its own."""
    betas: tuple[Share, Share] = (0.9, 0.999)
    """Adam's two decay rates."""
    weight_decay: Weight = 0.0
    """Decoupled weight decay (AdamW)."""
    temperature: Rate = 1.0
    """Temperature of the Gumbel-Softmax relaxation."""
    estimator: Literal["softmax", "gumbel_softmax", "straight_through"] = "straight_through"
    """What critic and value network see of a sample."""
    model: MolGANModelConfig = field(default_factory=MolGANModelConfig)
    """The networks."""
    critic: CriticConfig = field(default_factory=CriticConfig)
    """The adversary."""
    reward: MolGANRewardConfig = field(default_factory=MolGANRewardConfig)
    """The reward."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.critic.require_batch(self.batch)
        self.critic.require_private({"reward.weight": self.reward.weight})


class PublishedMolGAN(GraphRecipe):
    """Networks, optimisers and training steps of the recipe. A checkpoint holds `modules` and `optimizers`."""

    config_class = MolGANConfig
    capabilities: frozenset[Capability] = frozenset({"reward", "critic_score"})

    def __init__(self, config: MolGANConfig, space: GraphSpace, device: torch.device):
        self.config, self.space, self.device = config, space, device
        self.vocabulary = vocabulary = space.vocabulary
        size, kinds, model = vocabulary.max_atoms, len(vocabulary.atoms), config.model
        self.generator = Generator(model.noise, size, kinds, model.generator, nn.Tanh()).to(device)
        critic, self.value, *others = (
            RelationalNetwork(kinds, (128, 64), 128, 128).to(device) for _ in range(1 + config.critic.critics)
        )
        if config.critic.equilibrium:
            critic = autoencoding(vocabulary, (256, 128))
        self.capacity = torch.from_numpy(vocabulary.capacity).to(device)
        self.adversary = config.critic.adversary(critic, others=others)
        self.modules: dict[str, nn.Module] = {
            "generator": self.generator,
            "critic": self.adversary.critic.to(device),
            "value": self.value,
        } | {name: part.to(device) for name, part in self.adversary.modules.items()}

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made at the first use: they load a part of torch that sampling does without."""
        config, rates = self.config, {"critic": self.config.critic.lr or self.config.lr}
        return {
            name: adam(module.parameters(), rates.get(name, config.lr), config.betas, config.weight_decay)
            for name, module in self.modules.items()
            if name not in self.adversary.modules
        }

    # One turn of each player ------------------------------------------------------------------

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell the batch from as many draws of the same sizes."""
        with torch.no_grad():
            _, fake = self.draw(graphs.node_mask(real.sample[0]), context=real.context)
        return self.adversary.critic_losses(real, Batch(fake, real.context), step)

    def value_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Predict the scores of the batch and of as many draws."""
        with torch.no_grad():
            hard, relaxed = self.draw(graphs.node_mask(real.sample[0]), context=real.context)
        scores = self.scores(real.sample, hard)
        errors = self.expected_scores(real.sample) - scores[0], self.expected_scores(relaxed) - scores[1]
        return {"value": (errors[0].square() + errors[1].square()) / 2, "_score": scores[1]}

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Pass for real, and please the value network."""
        reward = self.config.reward
        _, relaxed = self.draw(graphs.node_mask(real.sample[0]), context=real.context)
        steers = reward.weight if step >= reward.start * self.config.steps else 0.0
        losses = self.adversary.generator_losses(real, Batch(relaxed, real.context), step)
        losses = {name: loss * (1 - steers) for name, loss in losses.items()}
        if steers:
            losses["reward"] = -self.expected_scores(relaxed) * steers
        return losses

    # The phases -------------------------------------------------------------------------------

    def phases(self, data: MoleculeDataset) -> list[Phase]:
        """The game."""
        turns_of = {"critic": self.critic_turn, "value": self.value_turn, "generator": self.generator_turn}
        of_critic = self.config.critic.turns
        players = [
            Player(name, self.modules[name], self.optimizers[name], turn, **(of_critic if name == "critic" else {}))
            for name, turn in turns_of.items()
            if name != "value" or self.config.reward.weight
        ]
        self.adversary.noise = self.config.critic.noise_of(self.config.steps)
        stream = self.adversary.stream(batches(data, self.config.batch, self.config.seed + 1, self.device))
        return [Phase("adversarial", players, stream, range(self.config.steps), [])] if self.config.steps else []

    # What the turns are made of ---------------------------------------------------------------

    def logits(self, present: Tensor, random: torch.Generator | None = None, context: Context | None = None) -> Sample:
        """What the generator makes of fresh noise."""

        def noise(n: int) -> Tensor:
            return torch.randn(n, self.config.model.noise, device=self.device, generator=random)

        drawn = noise(len(present)) if random is not None else distributed.draw_global(noise, len(present))
        return self.generator(drawn, present, context)

    def draw(
        self, present: Tensor, random: torch.Generator | None = None, context: Context | None = None
    ) -> tuple[Sample, Sample]:
        """Graphs of the given sizes: hard ones without gradient, and what critic and value network see."""
        masks = present[..., None], graphs.pair_mask(present)[..., None]
        hard, relaxed = [], []
        for logits, mask in zip(self.logits(present, random, context), masks, strict=True):
            if self.config.estimator == "softmax":
                soft = logits.softmax(-1)
                chosen = one_hot(logits.argmax(-1), logits.shape[-1]).to(logits.dtype)
            else:
                drawn = ESTIMATORS[self.config.estimator](logits, self.config.temperature, random)
                soft, chosen = drawn.relaxed, drawn.hard.detach()
            hard.append(chosen * mask)
            relaxed.append(soft * mask)
        return tuple(hard), tuple(relaxed)

    def expected_scores(self, sample: Sample) -> Float[Tensor, "batch"]:
        """The scores that the value network expects, in [0, 1]."""
        return self.value(sample).logits.float().sigmoid()

    def scores(self, *samples: Sample) -> list[Float[Tensor, "batch"]]:
        """The scores of hard graphs, 0 for what is no molecule."""
        assert self.shaping is not None
        arrays = [[part.cpu().numpy() for part in graphs.indices(sample)] for sample in samples]
        with self.shaping.waiting():
            scored = [self.score(*each) for each in arrays]
        return [self.shaped(each) for each in scored]

    @torch.no_grad()
    def sample(
        self, n: int, random: torch.Generator, context: Context | None = None, raw: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Graphs as integer arrays; repaired, bonds that an atom has no room for are left out and fragments joined."""
        present = self.space.present(n, random, self.device)
        hard, relaxed = self.draw(present, random)
        atoms, orders = graphs.indices(hard)
        if raw:
            return atoms, orders
        confidence = (relaxed[1] + 1e-9).log()
        room = self.capacity[atoms.clamp_min(0)] * present
        return repair(atoms, accept_bonds(confidence, turns(confidence), room), confidence, self.capacity)
