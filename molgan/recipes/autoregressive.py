"""The autoregressive graph GAN: atoms and bonds drawn one after the other, by likelihood first, then against a critic.

As SeqGAN does for text (Yu et al. 2017). Phase one is maximum likelihood. In phase two the critic alone learns to
tell drawn graphs from real ones. In phase three both train: a policy gradient rewards the generator's draws with the
critic's logit, an RDKit score and their distance from the request, and a share of the likelihood keeps it from
forgetting the data. In the end sampling draws again what the critic rejects (Azadi et al. 2019). Every draw is a
valid molecule by construction (`molgan.networks.autoregressive`).
"""

from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.errors import ConfigError
from gancore.facade.recipe import Capability
from gancore.io.stage_times import stage
from gancore.losses.adversary import Adversary
from gancore.losses.policy_gradient import policy_gradient
from gancore.sampling.rejection import replace_rejected
from gancore.training import distributed
from gancore.training.device import adam, default_generator
from gancore.training.ema import EMA
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.training.schedules import cosine_rate
from gancore.types import Batch, Context, Sample
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset, batches
from molgan.data.space import GraphSpace
from molgan.networks.atom_orders import AtomOrders
from molgan.networks.autoregressive import AutoregressiveGenerator
from molgan.networks.fingerprint_critic import FingerprintCritic
from molgan.networks.shared_states import beginnings
from molgan.recipes.autoregressive_config import AutoregressiveConfig
from molgan.recipes.fragment_requests import Beginning
from molgan.recipes.graph_recipe import GraphRecipe

_WARM_UP = 200  # steps


class AutoregressiveGAN(GraphRecipe):
    """Networks, optimisers and training steps of the recipe. A checkpoint holds `modules` and `optimizers`."""

    config_class = AutoregressiveConfig
    capabilities: frozenset[Capability] = frozenset(
        {"context", "reward", "log_prob", "critic_score", "fragments", "precision"}
    )

    def __init__(self, config: AutoregressiveConfig, space: GraphSpace, device: torch.device):
        self.config, self.space, self.device = config, space, device
        self.vocabulary = vocabulary = space.vocabulary
        model, self.capacity = config.model, torch.from_numpy(vocabulary.capacity).to(device)
        widths = model.recurrent, model.pair, model.recurrent_layers, model.dropout
        self.generator = AutoregressiveGenerator(
            *(self.capacity, vocabulary.max_atoms, *widths),
            **{"context_features": space.context_features, "fragments": model.fragments > 0},
        ).to(device)
        self.atom_orders = AtomOrders(model.fragments, model.random_order)
        self.critic = FingerprintCritic(
            *(self.capacity, model.fingerprint, model.fingerprint_width, model.ring_fingerprint),
            *(space.context_features, config.critic.conditioning),
        ).to(device)
        self.averaged = EMA(self.generator, config.average)
        self.adversary = Adversary(self.critic, config.critic.game, {})
        self.modules: dict[str, nn.Module] = {
            "generator": self.generator,
            "critic": self.critic,
            "averaged": self.averaged,
        }

    @property
    def sampling_modules(self) -> tuple[str, ...]:
        """The critic, where sampling asks it."""
        return ("critic",) if self.config.rejects else ()

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made at the first use: they load a part of torch that sampling does without."""
        config, weights = self.config, self.generator.parameters
        early, judge = config.pretrain, config.critic
        judging = self.critic.ring_weights() if judge.rings_only else self.critic.parameters()
        return {
            "pretrain": adam(weights(), early.lr, early.betas, early.weight_decay),
            "generator": adam(weights(), config.lr, config.betas, config.weight_decay),
            "critic": adam(judging, judge.lr or config.lr, judge.betas, judge.weight_decay),
        }

    # One turn of each player ------------------------------------------------------------------

    def likelihood_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Phase one: make the batch likely."""
        return {"nll": self.nll(self.hide_conditions(real))}

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell the batch from as many fresh draws of the same sizes, at the temperature of sampling."""
        real = self.hide_conditions(real)
        fake = self.one_hots(*self.draw(real, self.config.temperature))
        return self.adversary.critic_losses(real, Batch(fake, real.context), step)

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Earn the critic's logit and the score; keep the batch likely."""
        config, reward, real = self.config, self.config.reward, self.hide_conditions(real)
        losses = {"bound": self.nll(real) * config.bound} if config.bound else {}
        done = step - config.pretrain.steps - config.critic.pretrain
        if not reward.active or done < reward.start * config.steps or done % reward.every:
            return losses
        real = self.for_draws(real)
        atoms, orders = self.draw(real)
        earned, figures = self.rewards(atoms, orders, real.context)
        advantage = self.advantage(earned)
        losses["policy"] = policy_gradient(self.generator.log_prob(atoms, orders, real.context), advantage)
        return losses | figures | self.replay_terms()

    # The phases -------------------------------------------------------------------------------

    def phases(self, data: MoleculeDataset) -> list[Phase]:
        """Maximum likelihood; the critic alone; both in turns."""
        config = self.config
        self.require_computable_condition()
        if distributed.processes() > 1 and config.model.dropout:
            raise ConfigError("model.dropout draws masks of its own in each process: set it to 0, or train in one.")
        start = config.pretrain.steps
        middle = start + config.critic.pretrain
        end = middle + config.steps

        def average(step: int, logs: dict[str, float]) -> None:
            self.averaged.update(self.generator)

        pretrain_rate = cosine_rate(config.pretrain.lr, start, warm_up=min(_WARM_UP, start // 2), floor=0.05)
        critic_rate = cosine_rate(config.critic.lr or config.lr, end - start, start, floor=config.lr_floor)
        game_rate = cosine_rate(config.lr, config.steps, middle, floor=config.lr_floor)
        net, optimizers = self.generator, self.optimizers
        likelihood = Player(
            "likelihood", net, optimizers["pretrain"], self.likelihood_turn, max_norm=10.0, rate=pretrain_rate
        )
        critic = Player("critic", self.adversary.critic, optimizers["critic"], self.critic_turn, rate=critic_rate)
        generator = Player(
            "generator", net, optimizers["generator"], self.generator_turn, max_norm=10.0, rate=game_rate
        )
        pretrain_batches = batches(data, config.pretrain.batch, config.seed, self.device)
        critic_batches = batches(data, config.batch, config.seed + 2, self.device)
        game_batches = batches(data, config.batch, config.seed + 1, self.device)
        judged = config.reward.critic or config.rejects
        game = [replace(critic, repeat=config.critic.steps), generator] if judged else [generator]
        phases = [
            Phase("likelihood", [likelihood], pretrain_batches, range(start), [average]),
            Phase("critic", [critic], critic_batches, range(start, middle), enter=self.load_averaged_weights),
            Phase("adversarial", game, game_batches, range(middle, end), [average], enter=self.load_averaged_weights),
        ]
        return [phase for phase in phases if phase.steps]

    def load_averaged_weights(self) -> None:
        """After the likelihood the generator goes on from its average, which is what samples come from."""
        if self.config.pretrain.steps:
            self.generator.load_state_dict(self.averaged.average.state_dict())

    # What the turns are made of ---------------------------------------------------------------

    def nll(self, real: Batch) -> Tensor:
        """Negative log-likelihood of each molecule of the batch in one order of its atoms, in nats.

        Of one that begins with fragments it is that of the rest.
        """
        (atoms, orders), given = graphs.indices(real.sample), None
        if self.atom_orders.any:
            uniform = distributed.draw_global(lambda n: torch.rand(n, dtype=torch.float64), len(atoms))
            atoms, orders, given = self.atom_orders.rearranged(atoms, orders, uniform)
        return -self.generator.log_prob(atoms, orders, real.context, given)

    @torch.no_grad()
    def log_prob(self, sample: Sample, context: Context | None = None) -> Tensor:
        """Log-probability of graphs of their sizes under the averaged generator, nats `(batch,)`."""
        return self.log_prob_of(self.averaged.average, sample, context)

    def log_prob_of(self, network: AutoregressiveGenerator, sample: Sample, context: Context | None = None) -> Tensor:
        """`log_prob` under a generator of this recipe, with gradients."""
        return network.log_prob(*graphs.indices(sample), context)

    def is_spelled(self, sample: Sample) -> Tensor:
        """Whether each graph has known atoms alone; one that has not is not encoded at all."""
        return torch.ones(len(sample[0]), dtype=torch.bool)

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
            drawn = self.generator.sample(present, temperature, random, context)
        finally:
            self.generator.train(training)
        return distributed.shard(drawn[0]), distributed.shard(drawn[1])

    def rewards(
        self, atoms: Tensor, orders: Tensor, context: Context | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Reward of each draw `(batch,)`, and the means of score and request for the log."""
        scored = self.guarded(self.score, atoms, orders) if self.config.reward.reads_strings else None
        total, figures = self.rewards_of(self.one_hots(atoms, orders), scored, context)
        if scored is not None and self.config.reward.weight:
            figures["_score"] = torch.tensor(scored[1].mean(), device=self.device)
        return total, figures

    def replay_terms(self) -> dict[str, Tensor]:
        """The likelihood of the best molecules so far."""
        best = self.best_so_far() if self.config.reward.weight else None
        if best is None:
            return {}
        return {"replay": -self.generator.log_prob(*best).mean() * self.config.reward.replay.weight}

    @torch.no_grad()
    def sample(
        self,
        n: int,
        random: torch.Generator,
        context: Context | None = None,
        raw: bool = False,
        guidance: float = 1.0,
        beginning: Beginning | None = None,
        ceiling: float | None = None,
        precision: str | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Graphs of the averaged generator as integer arrays. They need no repair: `raw` leaves out the critic.

        beginning: the fragments that each begins with; one that could not be finished has no atoms. ceiling: in place
        of `critic.ceiling`. precision: name of the dtype of the recurrent layers' products, float32 if not given.
        """
        dtype = getattr(torch, precision) if precision is not None else None
        begun = beginning.to(self.device) if beginning is not None else None
        bounds = (begun.least, begun.most) if begun is not None else None
        present, prefix = self.space.present(n, random, self.device, context, bounds), None
        if begun is not None:
            present, prefix = begun.settled(present, random)
        average, temperature = self.averaged.average, self.config.temperature
        atoms, orders = average.sample(present, temperature, random, context, guidance, prefix, dtype)
        if raw or not self.config.rejects:
            return atoms, orders

        def judged(drawn: tuple[Tensor, Tensor], asked: Context | None) -> Tensor:
            with stage("critic"):
                return self.adversary.logits(self.one_hots(*drawn), asked)

        def redraw(rows: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
            asked = context[rows] if context is not None else None
            again = prefix.rows(rows) if prefix is not None else None
            new = average.sample(present[rows], temperature, random, asked, guidance, again, dtype)
            return new, judged(new, asked)

        critic, logits = self.config.critic, judged((atoms, orders), context)
        kinds = beginnings(present.sum(1), context, prefix)
        most = critic.ceiling if ceiling is None else ceiling
        replace_rejected((atoms, orders), logits, redraw, critic.rejections, most, random, kinds)
        return atoms, orders
