"""The one-shot graph GAN: an autoencoder's decoder, then a generator against a critic, then rewarded as well.

Phase one trains generator and encoder on the evidence lower bound (Kingma and Welling 2014). Phase
two plays the adversarial game on straight-through draws that respect valence, keeps a little of the
bound as an anchor against mode dropping, and adds a policy gradient on rewards computed from the
hard draws: the critic's logit, validity, an RDKit score. It is a hybrid and calls itself one; what each
part was seen to do, and on how little evidence, is in docs/experiments.md.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

import torch
from annotated_types import Ge, Interval
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.errors import ConfigError
from gancore.facade.recipe import Capability
from gancore.io.background_call import BackgroundCall
from gancore.losses.elbo import gaussian_kl, reconstruction
from gancore.losses.policy_gradient import leave_one_out, policy_gradient
from gancore.training import distributed
from gancore.training.device import adam
from gancore.training.ema import EMA
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.training.schedules import warm_cosine
from gancore.training.settings import STRICT, Positive, Rate, Share, Weight
from gancore.types import Batch, Context
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset, batches
from molgan.data.space import GraphSpace
from molgan.networks.one_shot import Encoder, Generator, GraphCritic
from molgan.networks.sampling import GraphDraw, draw_graphs, repair
from molgan.recipes.config import CriticConfig, GameConfig, PolicyRewardConfig, PretrainConfig, Widths
from molgan.recipes.graph_recipe import GraphRecipe, Scored
from molgan.recipes.pending_samples import PendingSamples


@dataclass(frozen=True)
class OneShotModelConfig:
    """Sizes of the networks."""

    __pydantic_config__ = STRICT
    noise: Positive = 64
    """Width of the generator's Gaussian input."""
    generator: Widths = (256, 512, 512)
    """Hidden widths of the generator."""
    critic: Widths = (512, 512, 256)
    """Hidden widths of the order-aware critic."""
    encoder: Widths = (512, 256)
    """Hidden widths of the encoder, used while there is an evidence bound."""
    relational_layers: Annotated[int, Interval(ge=0, le=64)] = 0
    """Layers of a second, permutation-invariant critic; 0 leaves it out."""
    relational_width: Positive = 64
    """Width of those layers."""


@dataclass(frozen=True)
class AutoencoderConfig(PretrainConfig):
    """The first phase: the generator as the decoder of a variational autoencoder, without an adversary."""

    kl_start: Share = 0.1
    """Weight of the KL term at the start. It grows linearly to 1 by the middle of the phase."""


@dataclass(frozen=True)
class OneShotRewardConfig(PolicyRewardConfig):
    """Reinforcement: what the generator is rewarded for beside fooling the critic."""

    validity: Weight = 0.0
    """Weight of the policy gradient on strict validity, computed without RDKit."""
    kl: Weight = 0.02
    """Weight of the KL divergence that holds the generator near its average while validity or the score is rewarded."""
    draws: Annotated[int, Ge(2)] = 4
    """Graphs sampled for each noise. The baseline of each is the mean reward of the others."""
    share: Annotated[float, Interval(gt=0, le=1)] = 0.25
    """Noises a turn, as a share of the batch."""
    overlap: bool = False
    """Have another process score a turn's samples while the next turn trains. The rewards of a turn are then those of
    the samples of the turn before; their log-probabilities are the present ones."""

    @property
    def steers(self) -> bool:
        """Whether there is a reward that pulls away from the data."""
        return max(self.validity, self.weight) > 0


@dataclass(frozen=True)
class OneShotConfig(GameConfig):
    """Recipe one_shot: all atoms and bonds at once."""

    recipe: str = "one_shot"
    """one_shot."""
    temperature: Rate = 1.0
    """Temperature of the Gumbel-Softmax relaxation."""
    model: OneShotModelConfig = field(default_factory=OneShotModelConfig)
    """The networks."""
    pretrain: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    """The autoencoder phase."""
    critic: CriticConfig = field(default_factory=CriticConfig)
    """The adversary."""
    reward: OneShotRewardConfig = field(default_factory=OneShotRewardConfig)
    """The reinforcement."""


class OneShotGAN(GraphRecipe):
    """Everything with state, and the turns. `modules` and `optimizers` are what a checkpoint holds."""

    config_class = OneShotConfig
    capabilities: frozenset[Capability] = frozenset({"reward", "critic_score", "encode"})

    def __init__(self, config: OneShotConfig, space: GraphSpace, device: torch.device):
        self.config, self.space, self.device = config, space, device
        self.vocabulary = vocabulary = space.vocabulary
        size, kinds, model = vocabulary.max_atoms, len(vocabulary.atoms), config.model
        self.generator = Generator(model.noise, size, kinds, model.generator).to(device)
        self.encoder = Encoder(model.noise, size, kinds, model.encoder).to(device)
        critic = GraphCritic(vocabulary, model.critic, model.relational_width, model.relational_layers).to(device)
        self.averaged = EMA(self.generator, config.average)
        self.capacity = torch.from_numpy(vocabulary.capacity).to(device)
        self.adversary = config.critic.adversary(critic)
        self.scores = BackgroundCall(self.score)
        reward = config.reward
        noises = max(1, round(reward.share * config.batch))
        self.late = PendingSamples(noises, reward.draws, model.noise, size).to(device) if reward.overlap else None
        self.modules: dict[str, nn.Module] = {
            "generator": self.generator,
            "encoder": self.encoder,
            "critic": critic,
            "averaged": self.averaged,
        }
        if self.late is not None:
            self.modules["late"] = self.late
        self.makers = nn.ModuleList((self.generator, self.encoder))

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made when training asks for them, which loads a second or two of torch that sampling does without."""
        config, weights, early = self.config, self.makers.parameters, self.config.pretrain
        return {
            "pretrain": adam(weights(), early.lr, early.betas, early.weight_decay),
            "generator": adam(weights(), config.lr, config.betas, config.weight_decay),
            "critic": adam(self.adversary.critic.parameters(), config.lr, config.betas, config.weight_decay),
        }

    # One turn of each player ------------------------------------------------------------------

    def autoencoder_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Phase one: reconstruct the molecule from its code; the KL's weight grows to 1 by the middle."""
        grown = min(1.0, step / max(1, self.config.pretrain.steps // 2))
        weight = self.config.pretrain.kl_start + (1 - self.config.pretrain.kl_start) * grown
        code, kl = self.encode(real)
        logits = self.generator(code, graphs.node_mask(real.sample[0]), real.context)
        return {"reconstruction": reconstruction(logits, real.sample), "kl": kl * weight}

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell the batch from as many fresh draws of the same sizes, of which the same is asked."""
        with torch.no_grad():
            fake = self.draw(self.noise(len(real)), graphs.node_mask(real.sample[0]), real.context).hard
        return self.adversary.critic_losses(real, Batch(fake, real.context), step)

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Pass for the batch, keep explaining it, and earn the rewards."""
        config, present, context = self.config, graphs.node_mask(real.sample[0]), real.context
        n, noise = len(present), self.noise(len(present))
        if config.pretrain.steps and config.bound:  # one pass of the generator for both
            code, kl = self.encode(real)
            twice = Context.cat([context, context]) if context is not None else None
            nodes, bonds = self.generator(torch.cat((noise, code)), present.repeat(2, 1), twice)
            explained = reconstruction((nodes[n:], bonds[n:]), real.sample) + kl
            losses = {"bound": explained * config.bound}
        else:
            nodes, bonds = self.generator(noise, present, context)
            losses = {}
        drawn = draw_graphs(nodes[:n], bonds[:n], present, self.capacity, config.temperature)
        losses |= self.adversary.generator_losses(real, Batch(drawn.relaxed, context))
        done = step - config.pretrain.steps
        if config.reward.active and done >= config.reward.start * config.steps and done % config.reward.every == 0:
            losses |= self.reward_terms(noise, drawn, context)
            losses |= self.replay_terms()
        return losses

    # The phases -------------------------------------------------------------------------------

    def phases(self, data: MoleculeDataset) -> list[Phase]:
        """The autoencoder; the game."""
        config = self.config
        if config.reward.overlap and distributed.processes() > 1:
            raise ConfigError(
                "reward.overlap keeps samples of one process: leave it out with several, or train with one."
            )
        start, end = config.pretrain.steps, config.pretrain.steps + config.steps

        def average(step: int, logs: dict[str, float]) -> None:
            self.averaged.update(self.generator)

        def pretrain_rate(step: int) -> float:
            return config.pretrain.lr * warm_cosine(step, start, floor=0.1)

        def game_rate(step: int) -> float:
            return config.lr * warm_cosine(step - start, config.steps, floor=config.lr_floor)

        optimizers, critic_turns = self.optimizers, config.critic.steps
        autoencoder = Player(
            *("autoencoder", self.makers, optimizers["pretrain"], self.autoencoder_turn),
            max_norm=10.0,
            rate=pretrain_rate,
        )
        critic = Player(
            *("critic", self.adversary.critic, optimizers["critic"], self.critic_turn, critic_turns), rate=game_rate
        )
        generator = Player(
            "generator", self.makers, optimizers["generator"], self.generator_turn, max_norm=10.0, rate=game_rate
        )
        pretrain_batches = batches(data, config.pretrain.batch, config.seed, self.device)
        game_batches = batches(data, config.batch, config.seed + 1, self.device)
        phases = [
            Phase("autoencoder", [autoencoder], pretrain_batches, range(start), [average]),
            Phase("adversarial", [critic, generator], game_batches, range(start, end), [average]),
        ]
        return [phase for phase in phases if phase.steps]

    # What the turns are made of ---------------------------------------------------------------

    def noise(self, n: int) -> Tensor:
        """Fresh input of the generator, `(n, latent)`."""
        return distributed.draw_global(lambda rows: torch.randn(rows, self.config.model.noise, device=self.device), n)

    def draw(self, noise: Tensor, present: Tensor, context: Context | None = None) -> GraphDraw:
        """Graphs of the given sizes."""
        node_logits, bond_logits = self.generator(noise, present, context)
        return draw_graphs(node_logits, bond_logits, present, self.capacity, self.config.temperature)

    @torch.no_grad()
    def sample(
        self, n: int, random: torch.Generator, context: Context | None = None, raw: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Graphs of the averaged generator as integer arrays; repaired, their fragments are joined."""
        present = self.space.present(n, random, self.device)
        noise = torch.randn(len(present), self.config.model.noise, device=self.device, generator=random)
        nodes, bonds = self.averaged.average(noise, present)
        drawn = draw_graphs(nodes, bonds, present, self.capacity, generator=random)
        if raw:
            return drawn.atoms, drawn.orders
        return repair(drawn.atoms, drawn.orders, drawn.noisy_bonds, self.capacity)

    def encode(self, real: Batch) -> tuple[Tensor, Tensor]:
        """A draw of each molecule's code `(batch, latent)`, and the KL of its distribution in nats `(batch,)`."""
        mean, log_var = self.encoder(real.sample, real.context)
        return mean + (0.5 * log_var).exp() * distributed.normal_like(mean), gaussian_kl(mean, log_var)

    def reward_terms(self, noise: Tensor, game: GraphDraw, context: Context | None = None) -> dict[str, Tensor]:
        """Policy gradient on several draws of some of the game's logits, each draw against the others' mean."""
        reward = self.config.reward
        if self.late is not None and context is not None:
            raise ConfigError("reward.overlap keeps draws without what was asked of them: leave it out.")
        wanted = max(1, round(reward.share * len(game.atoms)))
        rows = torch.arange(wanted, device=self.device) * len(game.atoms) // wanted  # spread over the batch
        noise, context = noise[rows], context[rows] if context is not None else None
        nodes, bonds, present = (
            part[rows].repeat_interleave(reward.draws, 0) for part in (game.node_logits, game.bond_logits, game.present)
        )
        drawn = draw_graphs(nodes, bonds, present, self.capacity)
        fresh = noise, drawn
        if self.late is None:
            scored = self.ask(self.score, drawn.atoms, drawn.orders) if reward.weight else None
        elif self.late.filled:
            (noise, drawn), scored = self.fetch()
        else:
            self.send(*fresh)
            return {}
        each = context[torch.arange(wanted).repeat_interleave(reward.draws)] if context is not None else None
        earned, figures = self.rewards(drawn, scored, each)
        if self.late is not None:
            self.send(*fresh)  # only now: the rewards may have begun the next stage of the score
        advantage = leave_one_out(earned.view(-1, reward.draws)).flatten()
        losses = {"policy": policy_gradient(drawn.log_prob, advantage).mean()} | figures
        if reward.kl and reward.steers:
            with torch.no_grad():
                anchor = self.averaged(noise, drawn.present[:: reward.draws], context)
            anchor_nodes, anchor_bonds = (part.repeat_interleave(reward.draws, 0) for part in anchor)
            losses["anchor"] = drawn.kl_from(anchor_nodes, anchor_bonds).mean() * reward.kl
        return losses

    def send(self, noise: Tensor, drawn: GraphDraw) -> None:
        """Keep this turn's draws for the next, and have them scored meanwhile."""
        assert self.late is not None
        self.late.keep(noise, drawn)
        if self.config.reward.weight:
            self.scores.start(drawn.atoms.cpu().numpy(), drawn.orders.cpu().numpy())

    def fetch(self) -> tuple[tuple[Tensor, GraphDraw], Scored | None]:
        """The draws of the turn before and the noise they came from, under the present weights; their scores."""
        assert self.late is not None
        drawn = self.late.under(self.generator, self.capacity)
        scored = self.ask(self.scores.result, drawn.atoms, drawn.orders) if self.config.reward.weight else None
        return (self.late.noise.clone(), drawn), scored

    def replay_terms(self) -> dict[str, Tensor]:
        """The evidence bound of the best molecules so far."""
        kept = self.best_so_far()
        if kept is None:
            return {}
        best = self.one_hots(*kept)
        code, kl = self.encode(Batch(best))
        logits = self.generator(code, graphs.node_mask(best[0]))
        return {"replay": (reconstruction(logits, best) + kl).mean() * self.config.reward.replay.weight}

    def rewards(
        self, drawn: GraphDraw, scored: Scored | None = None, context: Context | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Reward of each draw `(batch,)`, and figures for the log: share valid, mean score of the valid.

        scored: the SMILES of each draw and its RDKit score, 0 for an invalid one.
        """
        valid = graphs.valid(drawn.atoms, drawn.orders, self.capacity)
        earned = valid.float() * self.config.reward.validity + self.earned(drawn.hard, scored, context)
        figures = {"_connected": valid.float().mean()}
        if scored is not None:
            figures["_score"] = torch.from_numpy(scored[1]).float().to(self.device).sum() / valid.sum().clamp_min(1)
        return earned, figures
