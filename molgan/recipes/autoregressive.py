"""The growing graph GAN: atoms and bonds drawn one after the other, by likelihood first, then against a critic.

As SeqGAN does for text (Yu et al. 2017): phase one is maximum likelihood; in phase two a critic alone learns to tell
drawn graphs from real ones; in phase three it goes on to, and the generator, whose draws have an exact log-probability,
is rewarded with the critic's logit and with an RDKit score by policy gradient, while a share of the likelihood keeps it
from forgetting what the critic does not ask for. What the critic still sees in the end, sampling makes good: it draws
again what the critic rejects (Azadi et al. 2019). Every draw is a valid molecule by
construction (`molgan.networks.autoregressive`).
"""

from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.errors import ConfigError
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.losses.policy_gradient import leave_one_out, policy_gradient
from gancore.rewards.shaping import Steering
from gancore.sampling.rejection import replace_rejected
from gancore.training import distributed
from gancore.training.device import adam, default_generator
from gancore.training.ema import EMA
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.training.schedules import warm_cosine
from gancore.types import Batch, Context, Reward, Sample
from molgan import chemistry
from molgan.config import Config
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset, batches
from molgan.networks.autoregressive import GrowingGenerator
from molgan.networks.fingerprint_critic import EnvironmentCritic
from molgan.recipes.reward_shaping import steering
from molgan.scoring.scorer import graph_smiles

_WARM_UP = 200  # steps


class GrowingGAN:
    """Everything with state, and the turns. `modules` and `optimizers` are what a checkpoint holds."""

    def __init__(self, config: Config, vocabulary: chemistry.Vocabulary, device: torch.device):
        self.config, self.vocabulary, self.device = config, vocabulary, device
        model, self.capacity = config.model, torch.from_numpy(vocabulary.capacity).to(device)
        self.generator = GrowingGenerator(
            self.capacity, vocabulary.max_atoms, model.recurrent, model.pair, model.recurrent_layers, model.dropout
        ).to(device)
        self.critic = EnvironmentCritic(
            self.capacity, model.environments, model.environment_width, model.ring_environments
        ).to(device)
        self.averaged = EMA(self.generator, config.average)
        self.adversary = Adversary(self.critic, OBJECTIVES[config.critic.objective], {})
        self.steering: Steering | None = None  # made for training alone: a score may name functions and programs
        self.modules: dict[str, nn.Module] = {
            "generator": self.generator,
            "critic": self.critic,
            "averaged": self.averaged,
        }

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made when training asks for them, which loads a second or two of torch that sampling does without."""
        config, weights = self.config, self.generator.parameters
        judging = self.critic.ring_weights() if config.critic.rings_only else self.critic.parameters()
        return {
            "pretrain": adam(weights(), config.pretrain.lr, (0.9, 0.99)),
            "generator": adam(weights(), config.lr, (0.0, 0.99)),
            "critic": adam(judging, config.critic.lr, (0.0, 0.99)),
        }

    # One turn of each player ------------------------------------------------------------------

    def likelihood_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Phase one: make the batch likely."""
        return {"nll": self.nll(real)}

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell the batch from as many fresh draws of the same sizes, at the temperature of sampling."""
        fake = self.one_hots(*self.draw(real, self.config.temperature))
        return self.adversary.critic_losses(real, Batch(fake, real.context), step)

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Earn the critic's logit and the score; keep the batch likely."""
        config, reward = self.config, self.config.reward
        losses = {"bound": self.nll(real) * config.bound} if config.bound else {}
        done = step - config.pretrain.steps - config.critic.pretrain
        if not reward.active or done < reward.start * config.steps or done % reward.every:
            return losses
        atoms, orders = self.draw(real)
        earned, figures = self.rewards(atoms, orders, real.context)
        advantage = distributed.shard(leave_one_out(distributed.gathered(earned)[None])[0])
        losses["policy"] = policy_gradient(self.generator.log_prob(atoms, orders, real.context), advantage)
        return losses | figures | self.replay_terms()

    # What the turns are made of ---------------------------------------------------------------

    def nll(self, real: Batch) -> Tensor:
        """Negative log-likelihood of each molecule of the batch, in nats."""
        return -self.generator.log_prob(*graphs.indices(real.sample), real.context)

    def draw(self, real: Batch, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """A fresh graph of each one's size, of which the same is asked, without dropout.

        Of several processes each draws all and keeps its own.
        """
        present = distributed.gathered(graphs.node_mask(real.sample[0]))
        context = distributed.gathered_context(real.context)
        # Without a generator each process would draw for rows of its own.
        random = default_generator(self.device) if distributed.processes() > 1 else None
        training = self.generator.training
        self.generator.eval()
        try:
            drawn = self.generator.grow(present, temperature, random, context)
        finally:
            self.generator.train(training)
        return distributed.shard(drawn[0]), distributed.shard(drawn[1])

    def one_hots(self, atoms: Tensor, orders: Tensor) -> Sample:
        """Graphs as the critic sees them."""
        return graphs.one_hots(atoms, orders, len(self.vocabulary.atoms))

    def rewards(
        self, atoms: Tensor, orders: Tensor, context: Context | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Reward of each draw `(batch,)`, and the mean score for the log."""
        reward = self.config.reward
        earned, figures = torch.zeros(len(atoms), device=self.device), {}
        if reward.critic:
            with torch.no_grad():
                earned = earned + reward.critic * self.adversary.logits(self.one_hots(atoms, orders), context)
        if reward.weight:
            assert self.steering is not None
            smiles = graph_smiles(self.vocabulary, atoms.cpu().numpy(), orders.cpu().numpy())
            with self.steering.waiting():
                scores = self.steering.score(smiles)
            paid = torch.from_numpy(self.steering.weigh(smiles, scores)).float().to(self.device)
            earned = earned + reward.weight * paid
            figures["_score"] = torch.tensor(scores.mean(), device=self.device)
        return earned, figures

    def replay_terms(self) -> dict[str, Tensor]:
        """The likelihood of the best molecules so far."""
        replay = self.config.reward.replay
        again = self.steering.again(replay.batch) if self.steering is not None and self.config.reward.weight else []
        kept = self.vocabulary.graphs(again)
        if not kept:
            return {}
        atoms, orders = (torch.from_numpy(part).to(self.device) for part in chemistry.encode(kept, self.vocabulary))
        return {"replay": -self.generator.log_prob(atoms, orders).mean() * replay.weight}

    @torch.no_grad()
    def sample(self, present: Tensor, random: torch.Generator, raw: bool) -> tuple[Tensor, Tensor]:
        """Graphs of the averaged generator as integer arrays. They need no repair: `raw` leaves out the critic."""
        average, temperature = self.averaged.average, self.config.temperature
        atoms, orders = average.grow(present, temperature, random)
        if raw or not self.config.rejects:
            return atoms, orders

        def again(rows: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
            new = average.grow(present[rows], temperature, random)
            return new, self.adversary.logits(self.one_hots(*new))

        critic, logits = self.config.critic, self.adversary.logits(self.one_hots(atoms, orders))
        replace_rejected((atoms, orders), logits, again, critic.rejections, critic.ceiling, random)
        return atoms, orders


def build(
    config: Config, data: MoleculeDataset, device: torch.device, reward: Reward | None = None
) -> tuple[GrowingGAN, list[Phase]]:
    """The networks and the phases of training on `data`; `reward` takes the place of the configuration's score."""
    if distributed.processes() > 1 and config.model.dropout:
        raise ConfigError("model.dropout draws masks of its own in each process: set it to 0, or train in one.")
    gan = GrowingGAN(config, data.vocabulary, device)
    gan.steering = steering(config, reward)
    start = config.pretrain.steps
    middle = start + config.critic.pretrain
    end = middle + config.steps

    def average(step: int, logs: dict[str, float]) -> None:
        gan.averaged.update(gan.generator)

    def take_over() -> None:
        """The critic learns to judge what is sampled from."""
        if start:
            gan.generator.load_state_dict(gan.averaged.average.state_dict())

    def pretrain_rate(step: int) -> float:
        return config.pretrain.lr * warm_cosine(step, start, min(_WARM_UP, start // 2), floor=0.05)

    def critic_rate(step: int) -> float:
        return config.critic.lr * warm_cosine(step - start, end - start, floor=config.lr_floor)

    def game_rate(step: int) -> float:
        return config.lr * warm_cosine(step - middle, config.steps, floor=config.lr_floor)

    optimizers, critic_turns = gan.optimizers, config.critic.steps
    likelihood = Player(
        "likelihood", gan.generator, optimizers["pretrain"], gan.likelihood_turn, max_norm=10.0, rate=pretrain_rate
    )
    critic = Player("critic", gan.adversary.critic, optimizers["critic"], gan.critic_turn, rate=critic_rate)
    generator = Player(
        "generator", gan.generator, optimizers["generator"], gan.generator_turn, max_norm=10.0, rate=game_rate
    )
    pretrain_batches = batches(data, config.pretrain.batch, config.seed, device)
    critic_batches = batches(data, config.batch, config.seed + 2, device)
    game_batches = batches(data, config.batch, config.seed + 1, device)
    game = [replace(critic, repeat=critic_turns), generator]
    phases = [
        Phase("likelihood", [likelihood], pretrain_batches, range(start), [average]),
        Phase("critic", [critic], critic_batches, range(start, middle), enter=take_over),
        Phase("adversarial", game, game_batches, range(middle, end), [average]),
    ]
    return gan, [phase for phase in phases if phase.steps]
