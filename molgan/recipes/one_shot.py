"""The one-shot graph GAN: an autoencoder's decoder, then a generator against a critic, then rewarded as well.

Phase one trains generator and encoder on the evidence lower bound (Kingma and Welling 2014). Phase two is adversarial,
on straight-through draws that respect valence. It keeps a little of the bound against mode dropping, and adds a policy
gradient on rewards of the hard draws: the critic's logit, validity, an RDKit score, the distance from the request.
"""

from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.errors import ConfigError
from gancore.facade.recipe import Capability
from gancore.io.background_call import BackgroundCall
from gancore.layers.conditioning import guided
from gancore.losses.adversary import Head
from gancore.losses.auxiliary import code_information, condition_heads
from gancore.losses.elbo import reconstruction
from gancore.losses.orthogonal import orthogonal
from gancore.training import distributed
from gancore.training.batching import PoissonSampled, Shuffled
from gancore.training.device import adam, default_generator
from gancore.training.ema import EMA
from gancore.training.growth import grown
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.training.schedules import cosine_rate
from gancore.types import Batch, Context, Sample
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset, batches
from molgan.data.space import GraphSpace
from molgan.networks.architectures import ARCHITECTURES
from molgan.networks.one_shot import Encoder, GraphCritic, autoencoding
from molgan.networks.sampling import GraphDraw, draw_graphs, repair
from molgan.recipes.code_critic import CodeCritic
from molgan.recipes.codes import Codes
from molgan.recipes.latent_gan import LatentGAN
from molgan.recipes.one_shot_config import OneShotConfig
from molgan.recipes.pending_samples import PendingSamples
from molgan.recipes.rewarded_graphs import RewardedGraphs
from molgan.recipes.screening import Screening


class OneShotGAN(RewardedGraphs):
    """Networks, optimisers and training steps of the recipe. A checkpoint holds `modules` and `optimizers`."""

    config_class = OneShotConfig
    capabilities: frozenset[Capability] = frozenset({"context", "code", "reward", "critic_score", "predict", "encode"})

    def __init__(self, config: OneShotConfig, space: GraphSpace, device: torch.device):
        self.config, self.space, self.device = config, space, device
        self.vocabulary = vocabulary = space.vocabulary
        size, kinds, model = vocabulary.max_atoms, len(vocabulary.atoms), config.model
        self.codes, features = Codes(model.codes, model.code_numbers), space.context_features
        inputs = features + self.codes.features
        self.generator = ARCHITECTURES[model.architecture](model, size, kinds, inputs).to(device)
        self.encoder = Encoder(model.noise, size, kinds, model.encoder, features).to(device)
        critic, *others = (self.made_critic() for _ in range(config.critic.critics))
        self.averaged = EMA(self.generator, config.average)
        self.capacity = torch.from_numpy(vocabulary.capacity).to(device)
        heads = condition_heads(config.critic.conditioning, space.groups, config.critic.condition_weight)
        if self.codes.features:
            weight = config.critic.code_weight
            heads["code"] = Head(code_information(self.codes.groups), weight, weight, on_real=False, on_fake=True)
        self.adversary = config.critic.adversary(critic, heads, others)
        early = config.pretrain
        matched = early.match == "critic" and early.steps
        self.code_critic = CodeCritic(model.noise, early.match_weight, device) if matched else None
        self.scores = BackgroundCall(self.score)
        reward = config.reward
        noises = max(1, round(reward.share * config.batch))
        self.late = PendingSamples(noises, reward.draws, model.noise, size).to(device) if reward.overlap else None
        self.modules: dict[str, nn.Module] = {
            "generator": self.generator,
            "encoder": self.encoder,
            "critic": self.adversary.critic.to(device),
            "averaged": self.averaged,
        } | {name: part.to(device) for name, part in self.adversary.modules.items()}
        self.modules |= {"late": self.late} if self.late is not None else {}
        self.modules |= {"code_critic": self.code_critic.critic} if self.code_critic is not None else {}
        self.makers = nn.ModuleList((self.generator, self.encoder))
        self.sampling_modules = ("encoder",) if space.exemplars is not None else ()
        if model.prior == "gan":
            self.latent_gan = LatentGAN(config.latent, model, size, features, device)
            self.modules |= self.latent_gan.modules
            self.sampling_modules = ("latent_averaged",)
        self.screening = Screening(config.rejection, self.capacity, space) if config.rejection.steps else None
        if self.screening is not None:
            self.modules["rejection"] = self.screening.critic
            self.sampling_modules += ("rejection",) if config.rejects else ()

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made at the first use: they load a part of torch that sampling does without."""
        config, weights, early = self.config, self.makers.parameters, self.config.pretrain
        judging = self.adversary.critic.parameters()
        made: dict[str, Optimizer] = {
            "pretrain": adam(weights(), early.lr, early.betas, early.weight_decay),
            "generator": adam(weights(), config.lr, config.betas, config.weight_decay),
            "critic": adam(judging, config.critic.lr or config.lr, config.betas, config.weight_decay),
        }
        if self.code_critic is not None:
            made["code_critic"] = adam(self.code_critic.critic.parameters(), early.lr, (0.5, 0.99))
        if self.latent_gan is not None:
            made |= self.latent_gan.optimizers()
        if self.screening is not None:
            made["rejection"] = adam(self.screening.critic.parameters(), config.rejection.lr, (0.9, 0.99))
        return made

    def made_critic(self) -> nn.Module:
        """A critic as the settings have it, with weights of its own."""
        model, features = self.config.model, self.space.context_features
        if self.config.critic.equilibrium:
            return autoencoding(self.vocabulary, model.critic, features)
        layers = model.relational_width, model.relational_layers
        more = features, self.config.critic.conditioning, self.codes.features, model.attention_layers
        return GraphCritic(self.vocabulary, model.critic, *layers, *more)

    # One turn of each player ------------------------------------------------------------------

    def autoencoder_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Phase one: reconstruct the molecule from its code and keep codes normal; the KL's weight grows at first."""
        real = self.hide_conditions(real)
        first, grown = self.config.pretrain.kl_start, min(1.0, step / max(1, self.config.pretrain.steps // 2))
        code, kl = self.encode(real)
        logits = self.generator(code, graphs.node_mask(real.sample[0]), self.generator_context(real.context))
        weight = first + (self.config.pretrain.kl_end - first) * grown
        losses = {"reconstruction": reconstruction(logits, real.sample)}
        return losses | (self.code_critic.loss(code, step) if self.code_critic is not None else {"kl": kl * weight})

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell the batch from as many fresh draws of the same sizes, of which the same is asked."""
        real = self.hide_conditions(real)
        code = self.codes.draw(len(real), self.device)
        with torch.no_grad():
            inputs = self.generator_context(real.context, code)
            fake = self.draw(*self.inputs_for(real), inputs).hard
        return self.adversary.critic_losses(real, Batch(fake, real.context, code=code), step)

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Pass for the batch, keep explaining it, and earn the rewards."""
        real = self.hide_conditions(real)
        config, n, context = self.config, len(real), real.context
        (noise, present), drawn_code = self.inputs_for(real), self.codes.draw(n, self.device)
        inputs, losses = self.generator_context(context, drawn_code), {}
        if config.pretrain.steps and config.bound:  # one pass of the generator for both
            code, kl = self.encode(real)
            code = code if noise.ndim == 2 else code[:, None].expand_as(noise)
            twice = (
                Context.cat([inputs, self.generator_context(context) or inputs.hidden]) if inputs is not None else None
            )
            both = torch.cat((present, graphs.node_mask(real.sample[0])))
            nodes, bonds = self.generator(torch.cat((noise, code)), both, twice)
            explained = reconstruction((nodes[n:], bonds[n:]), real.sample)
            explained = explained + (kl * config.pretrain.kl_end if self.code_critic is None else 0.0)
            losses = {"bound": explained * config.bound}
        else:
            nodes, bonds = self.generator(noise, present, inputs)
        if config.orthogonal:
            losses["orthogonal"] = orthogonal(self.generator) * config.orthogonal
        drawn = draw_graphs(nodes[:n], bonds[:n], present, self.capacity, config.temperature)
        losses |= self.adversary.generator_losses(real, Batch(drawn.relaxed, context, code=drawn_code), step)
        if self.codes.classes and not self.codes.numbers and config.critic.code_weight:
            losses["_information"] = self.codes.entropy - losses["code"].detach() / config.critic.code_weight
        done = step - config.pretrain.steps
        if config.reward.active and done >= config.reward.start * config.steps and done % config.reward.every == 0:
            losses |= self.reward_terms(noise, drawn, context, inputs)
            losses |= self.replay_terms()
        return losses

    # The phases -------------------------------------------------------------------------------

    def phases(self, data: MoleculeDataset) -> list[Phase]:
        """The autoencoder; the game."""
        config = self.config
        self.require_computable_condition()
        if config.reward.overlap and distributed.processes() > 1:
            raise ConfigError("reward.overlap keeps samples of one process: leave it out, or train with one.")
        start, end = config.pretrain.steps, config.pretrain.steps + config.steps

        def average(step: int, logs: dict[str, float]) -> None:
            self.averaged.update(self.generator)

        pretrain_rate = cosine_rate(config.pretrain.lr, start)
        rates = config.lr, config.critic.lr or config.lr
        rate, critic_rate = (cosine_rate(one, config.steps, start, floor=config.lr_floor) for one in rates)
        optimizers, judge = self.optimizers, self.adversary.critic
        early = "autoencoder", self.makers, optimizers["pretrain"], self.autoencoder_turn
        autoencoder = Player(*early, max_norm=10.0, rate=pretrain_rate)
        makers_first = [autoencoder]
        if self.code_critic is not None:
            by = self.code_critic.player(lambda real: self.encode(real)[0], optimizers["code_critic"], pretrain_rate)
            makers_first = [by, autoencoder]
        of_critic = "critic", judge, optimizers["critic"], self.critic_turn
        critic = Player(*of_critic, rate=critic_rate, **config.critic.turns)
        makers = "generator", self.makers, optimizers["generator"], self.generator_turn
        generator = Player(*makers, max_norm=10.0, rate=rate)
        self.adversary.noise = config.critic.noise_of(config.steps, start)
        pretrain_batches = batches(data, config.pretrain.batch, config.seed, self.device)
        labelled = config.critic.labelled if "condition" in self.adversary.heads else 0

        def stream(rows: MoleculeDataset) -> Shuffled | PoissonSampled:
            return self.adversary.stream(batches(rows, config.batch, config.seed + 1, self.device, labelled=labelled))

        game = Phase("adversarial", [critic, generator], stream(data), range(start, end), [average])
        phases = [
            Phase("autoencoder", makers_first, pretrain_batches, range(start), [average]),
            *grown(game, [stream(data.at_most(size)) for size in config.grow]),
        ]
        if self.latent_gan is not None:
            phases.append(self.latent_gan.phase(data, config.seed + 3, end, self.encoded, optimizers))
            end += config.latent.steps
        if self.screening is not None:
            phases.append(self.screening.phase(data, config.seed + 2, end, self.beside, optimizers["rejection"]))
        return [phase for phase in phases if phase.steps]

    # What the turns are made of ---------------------------------------------------------------

    def draw(self, noise: Tensor, present: Tensor, context: Context | None = None) -> GraphDraw:
        """Graphs of the given sizes."""
        node_logits, bond_logits = self.generator(noise, present, context)
        return draw_graphs(node_logits, bond_logits, present, self.capacity, self.config.temperature)

    def beside(self, real: Batch) -> tuple[Batch, Sample]:
        """A batch with some conditions hidden, and as many samples of which the same is asked.

        Of several processes each draws all and keeps its own.
        """
        real, count = self.hide_conditions(real), distributed.processes()
        context, random = distributed.gathered_context(real.context), default_generator(self.device)
        codes = self.codes.draw(len(real) * count, self.device)
        drawn = self.sampled(len(real) * count, random, context, codes)
        return real, self.one_hots(*map(distributed.shard, drawn))

    @torch.no_grad()
    def sample(
        self,
        n: int,
        random: torch.Generator,
        context: Context | None = None,
        raw: bool = False,
        guidance: float = 1.0,
        code: Any = None,
        ceiling: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Graphs of the averaged generator as integer arrays; repaired, their fragments are joined.

        raw: not joined, and without the second critic. ceiling: in place of `rejection.ceiling`.
        """
        codes = self.codes.requested(n, code, self.device, random)
        draws = self.sampled(n, random, context, codes, guidance, raw)
        if raw or self.screening is None or not self.config.rejects:
            return draws
        screening = self.screening

        def again(rows: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
            asked, own = (part[rows] if part is not None else None for part in (context, codes))
            new = self.sampled(len(rows), random, asked, own, guidance)
            return new, screening.logits(self.one_hots(*new), asked)

        logits = screening.logits(self.one_hots(*draws), context)
        screening.replace(draws, self.generator_context(context, codes), logits, again, random, ceiling)
        return draws

    @torch.no_grad()
    def sampled(
        self,
        n: int,
        random: torch.Generator,
        context: Context | None = None,
        codes: Context | None = None,
        guidance: float = 1.0,
        raw: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """`sample` without a critic, of given codes."""
        noise, present = self.sample_inputs(n, random, context)
        logits = self.averaged.average(noise, present, self.generator_context(context, codes))
        if context is not None and guidance != 1.0:
            unconditional = self.averaged.average(noise, present, self.generator_context(context.hidden, codes))
            logits = tuple(guided(*pair, guidance) for pair in zip(logits, unconditional, strict=True))
        logits = tuple(part * self.config.model.sharpness for part in logits)
        drawn = draw_graphs(logits[0], logits[1], present, self.capacity, generator=random)
        if raw:
            return drawn.atoms, drawn.orders
        return repair(drawn.atoms, drawn.orders, drawn.noisy_bonds, self.capacity)
