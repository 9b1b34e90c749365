"""MolGAN as De Cao and Kipf (2018) have it: three players, of which the third learns to foretell the reward.

The generator makes a dense graph in one shot; the critic, a relational graph network, plays the improved Wasserstein
game; the value network, of the same form, is fitted to the score of real and generated molecules, and its gradient
steers the generator. What is mended is the representation: kekulé bonds, each relation with weights of its own, pairs
that are drawn once, and explicit padding, so that a real molecule is never an invalid one. The rest is as published,
collapse included: it is the baseline, not the way to make molecules.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.optim import Optimizer

from gancore.layers.conditioning import Projection, refuse_context
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.losses.penalties import PENALTIES
from gancore.rewards.shaping import Steering
from gancore.sampling.estimators import ESTIMATORS
from gancore.training import distributed
from gancore.training.device import adam
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.types import Batch, Context, CriticOutput, Reward, Sample
from molgan import chemistry
from molgan.config import Config
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset, batches
from molgan.networks.one_shot import Generator
from molgan.networks.sampling import accept_bonds, repair, turns
from molgan.recipes.reward_shaping import steering
from molgan.scoring.scorer import graph_smiles


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
        self.projection = Projection(gathered, context_features) if context_features else None

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """A number for each graph of one-hots, hard or relaxed."""
        nodes, bonds = sample
        present = nodes.sum(-1, keepdim=True)
        relations = graphs.to_matrix(bonds[..., 1:], nodes.shape[1])  # batch, node, node, order
        count = relations.sum((2, 3))[..., None].clamp_min(1)
        hidden = nodes[..., :0]
        for own, others in zip(self.own, self.others, strict=True):
            inputs = torch.cat((hidden, nodes), -1)
            told = others(inputs).unflatten(-1, (chemistry.ORDERS - 1, -1))
            hidden = torch.tanh(own(inputs) + torch.einsum("bijo,bjof->bif", relations, told) / count)
        inputs = torch.cat((hidden, nodes), -1)
        graph = (self.gate(inputs).sigmoid() * self.gathered(inputs).tanh() * present).sum(1).tanh()
        logits = self.head(graph).squeeze(1)
        if self.projection is None:
            refuse_context(context)
            return CriticOutput(logits, graph)
        return CriticOutput(logits + self.projection(graph, context), graph)


class ValueGAN:
    """Everything with state, and the turns. `modules` and `optimizers` are what a checkpoint holds."""

    def __init__(self, config: Config, vocabulary: chemistry.Vocabulary, device: torch.device):
        self.config, self.vocabulary, self.device = config, vocabulary, device
        size, kinds, model = vocabulary.max_atoms, len(vocabulary.atoms), config.model
        self.generator = Generator(model.noise, size, kinds, model.generator, nn.Tanh()).to(device)
        critic, self.value = (RelationalNetwork(kinds, (128, 64), 128, 128).to(device) for _ in range(2))
        self.capacity = torch.from_numpy(vocabulary.capacity).to(device)
        penalty = (PENALTIES[config.critic.penalty], config.critic.penalty_weight)
        penalties = {"penalty": penalty} if config.critic.penalty_weight else {}
        self.adversary = Adversary(critic, OBJECTIVES[config.critic.objective], penalties, config.critic.penalty_every)
        self.steering: Steering | None = None  # made for training alone: a score may name functions and programs
        self.modules: dict[str, nn.Module] = {"generator": self.generator, "critic": critic, "value": self.value}

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made when training asks for them, which loads a second or two of torch that sampling does without."""
        rate = self.config.lr
        return {name: adam(module.parameters(), rate, (0.9, 0.999)) for name, module in self.modules.items()}

    # One turn of each player ------------------------------------------------------------------

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell the batch from as many draws of the same sizes, of which the same is asked."""
        with torch.no_grad():
            _, fake = self.draw(graphs.node_mask(real.sample[0]), context=real.context)
        return self.adversary.critic_losses(real, Batch(fake, real.context), step)

    def value_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Foretell the scores of the batch and of as many draws."""
        with torch.no_grad():
            hard, relaxed = self.draw(graphs.node_mask(real.sample[0]), context=real.context)
        scores = self.scores(real.sample, hard)
        apart = self.foretold(real.sample) - scores[0], self.foretold(relaxed) - scores[1]
        return {"value": (apart[0].square() + apart[1].square()) / 2, "_score": scores[1]}

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Pass for real, and please the value network."""
        reward = self.config.reward
        _, relaxed = self.draw(graphs.node_mask(real.sample[0]), context=real.context)
        steers = reward.weight if step >= reward.start * self.config.steps else 0.0
        losses = self.adversary.generator_losses(real, Batch(relaxed, real.context))
        losses = {name: loss * (1 - steers) for name, loss in losses.items()}
        if steers:
            losses["reward"] = -self.foretold(relaxed) * steers
        return losses

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

    def foretold(self, sample: Sample) -> Float[Tensor, "batch"]:
        """The scores that the value network expects, in [0, 1]."""
        return self.value(sample).logits.float().sigmoid()

    def scores(self, *samples: Sample) -> list[Float[Tensor, "batch"]]:
        """The scores of hard graphs, 0 for what is no molecule."""
        steering = self.steering
        assert steering is not None
        arrays = [[part.cpu().numpy() for part in graphs.indices(sample)] for sample in samples]
        smiles = [graph_smiles(self.vocabulary, *part) for part in arrays]
        with steering.waiting():
            scores = [steering.score(texts) for texts in smiles]
        paid = [steering.weigh(*each) for each in zip(smiles, scores, strict=True)]
        return [torch.from_numpy(part).float().to(self.device) for part in paid]

    @torch.no_grad()
    def sample(self, present: Tensor, random: torch.Generator, raw: bool) -> tuple[Tensor, Tensor]:
        """Graphs as integer arrays; repaired, bonds that an atom has no room for are left out and fragments joined."""
        hard, relaxed = self.draw(present, random)
        atoms, orders = graphs.indices(hard)
        if raw:
            return atoms, orders
        confidence = (relaxed[1] + 1e-9).log()
        room = self.capacity[atoms.clamp_min(0)] * present
        return repair(atoms, accept_bonds(confidence, turns(confidence), room), confidence, self.capacity)


def build(
    config: Config, data: MoleculeDataset, device: torch.device, reward: Reward | None = None
) -> tuple[ValueGAN, list[Phase]]:
    """The networks and the one phase of training on `data`; `reward` takes the place of the configuration's score."""
    gan = ValueGAN(config, data.vocabulary, device)
    gan.steering = steering(config, reward)
    turns_of = {"critic": gan.critic_turn, "value": gan.value_turn, "generator": gan.generator_turn}
    modules = {"critic": gan.adversary.critic, "value": gan.value, "generator": gan.generator}
    players = [
        Player(name, modules[name], gan.optimizers[name], turn, repeat=config.critic.steps if name == "critic" else 1)
        for name, turn in turns_of.items()
        if name != "value" or config.reward.weight
    ]
    stream = batches(data, config.batch, config.seed + 1, device)
    return gan, [Phase("adversarial", players, stream, range(config.steps), [])]
