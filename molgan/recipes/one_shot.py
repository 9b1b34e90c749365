"""The one-shot graph GAN: an autoencoder's decoder, then a generator against a critic, then rewarded as well.

Phase one trains generator and encoder on the evidence lower bound (Kingma and Welling 2014). Phase two is adversarial,
on straight-through draws that respect valence. It keeps a little of the bound against mode dropping, and adds a policy
gradient on rewards of the hard draws: the critic's logit, validity, an RDKit score, the distance from the request.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Interval
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.errors import ConfigError
from gancore.facade.recipe import Capability
from gancore.io.background_call import BackgroundCall
from gancore.layers.conditioning import Conditioning, guided
from gancore.losses.adversary import Head
from gancore.losses.auxiliary import code_information, condition_heads
from gancore.losses.elbo import reconstruction
from gancore.losses.orthogonal import orthogonal
from gancore.training import distributed
from gancore.training.device import adam
from gancore.training.ema import EMA
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.training.schedules import cosine_rate
from gancore.training.settings import STRICT, Count, OneOf, Positive, Rate, Share, Weight
from gancore.types import Batch, Context
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset, batches
from molgan.data.space import GraphSpace
from molgan.networks.architectures import ARCHITECTURES
from molgan.networks.one_shot import Encoder, GraphCritic
from molgan.networks.sampling import GraphDraw, draw_graphs, repair
from molgan.recipes.codes import Codes
from molgan.recipes.config import CriticConfig, GameConfig, PolicyRewardConfig, PretrainConfig, Widths
from molgan.recipes.pending_samples import PendingSamples
from molgan.recipes.rewarded_graphs import RewardedGraphs


@dataclass(frozen=True)
class OneShotModelConfig:
    """Sizes of the networks."""

    __pydantic_config__ = STRICT
    noise: Positive = 64
    """Width of the generator's Gaussian input."""
    prior: Literal["normal", "exemplars"] = "normal"
    """Where the generator's input comes from: a normal distribution, or the codes of training molecules (exemplar VAE,
    Norouzi et al. 2020), which are those near the request where there is one."""
    stray: Weight = 1.0
    """exemplars: how far a code strays from its molecule's, in standard deviations of the encoder. More gives more
    novel molecules, and fewer that are valid."""
    all_exemplars: bool = False
    """exemplars: keep every training molecule instead of 8,192. A sample begins with any of them, so samples repeat
    less; the model's file holds all of them. Not with conditions."""
    sharpness: Rate = 1.0
    """Factor of the logits of atoms and bonds in sampling. At 10 a sample is hardly left to chance beyond its noise."""
    generator: Widths = (256, 512, 512)
    """Hidden widths of the generator."""
    critic: Widths = (512, 512, 256)
    """Hidden widths of the order-aware critic."""
    encoder: Widths = (512, 256)
    """Hidden widths of the encoder, used while there is an evidence bound."""
    architecture: Annotated[str, OneOf(ARCHITECTURES)] = "perceptron"
    """The generator: a perceptron of noise, or layers that a style modulates (StyleGAN2)."""
    mapping: Annotated[int, Interval(ge=1, le=16)] = 4
    """style: layers of the network that makes styles of noise."""
    mixing: Share = 0.0
    """style: share of the samples in training whose later layers have the style of other noise."""
    truncation: Share = 1.0
    """style: how far the styles of samples stay from their mean; below 1 there are fewer odd samples, and less
    variety."""
    codes: Annotated[int, Interval(ge=0, le=1000)] = 0
    """Classes of a latent code that the critic has to find out (InfoGAN); 0 leaves it out."""
    code_numbers: Annotated[int, Interval(ge=0, le=64)] = 0
    """Numbers in [-1, 1] of that code."""
    relational_layers: Annotated[int, Interval(ge=0, le=64)] = 0
    """Layers of a second, permutation-invariant critic; 0 leaves it out."""
    relational_width: Positive = 64
    """Width of those layers."""


@dataclass(frozen=True)
class OneShotCriticConfig(CriticConfig):
    """The adversary, and what it makes of conditions and codes."""

    conditioning: Conditioning = "projection"
    """How it hears what is asked of a sample: projection, concatenation, or by heads: auxiliary (AC-GAN), twin."""
    condition_weight: Weight = 1.0
    """Weight of what those heads learn, and of what the generator owes them."""
    labelled: Count = 64
    """Molecules with a known condition that these heads learn from in each step, where less than half of the molecules
    have one; 0 leaves it at those of the batch. At most `batch`."""
    code_weight: Weight = 1.0
    """Weight of the information that samples share with `model.codes` and `model.code_numbers`."""


@dataclass(frozen=True)
class AutoencoderConfig(PretrainConfig):
    """The first phase: the generator as the decoder of a variational autoencoder, without an adversary."""

    kl_start: Share = 0.1
    """Weight of the KL term at the start. It grows linearly to `kl_end` by the middle of the phase."""
    kl_end: Weight = 1.0
    """Its weight from there on. Below 1 the generator draws each molecule's code more exactly, and other noise worse:
    for `model.prior=exemplars`."""


@dataclass(frozen=True)
class OneShotRewardConfig(PolicyRewardConfig):
    """Reinforcement: what the generator is rewarded for beside fooling the critic."""

    validity: Weight = 0.0
    """Weight of the policy gradient on strict validity, computed without RDKit."""
    kl: Weight = 0.02
    """Weight of the KL divergence that holds the generator near its average while validity, score or request is
    rewarded."""
    draws: Annotated[int, Ge(2)] = 4
    """Graphs sampled for each noise. The baseline of each is the mean reward of the others."""
    share: Annotated[float, Interval(gt=0, le=1)] = 0.25
    """Noises a turn, as a share of the batch."""
    overlap: bool = False
    """Have another thread score a step's samples while the next step trains. The rewards of a turn are then those of
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
    orthogonal: Weight = 0.0
    """Weight of the orthogonal regularisation of the generator in the game (Brock et al. 2019)."""
    critic: OneShotCriticConfig = field(default_factory=OneShotCriticConfig)
    """The adversary."""
    reward: OneShotRewardConfig = field(default_factory=OneShotRewardConfig)
    """The reinforcement."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model.architecture != "style" and (self.model.mixing or self.model.truncation < 1):
            raise ConfigError("model.mixing and model.truncation are of styles: set model.architecture to style.")
        if self.model.all_exemplars and self.model.prior != "exemplars":
            raise ConfigError("model.all_exemplars is of model.prior=exemplars: set that, or leave it out.")
        if self.model.prior == "exemplars" and self.model.mixing:
            raise ConfigError("model.mixing mixes noise, and model.prior=exemplars has codes: set it to 0.")
        if self.critic.spectral_norm and self.model.relational_layers:
            raise ConfigError("critic.spectral_norm cannot bound model.relational_layers: leave one of them out.")
        if self.reward.overlap and (self.model.mixing or self.model.prior == "exemplars"):
            raise ConfigError("reward.overlap keeps one noise a sample: leave it out, or model.mixing and model.prior.")


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
        layers = model.relational_width, model.relational_layers
        critic = GraphCritic(
            vocabulary, model.critic, *layers, features, config.critic.conditioning, self.codes.features
        ).to(device)
        self.averaged = EMA(self.generator, config.average)
        self.capacity = torch.from_numpy(vocabulary.capacity).to(device)
        heads = condition_heads(config.critic.conditioning, space.groups, config.critic.condition_weight)
        if self.codes.features:
            weight = config.critic.code_weight
            heads["code"] = Head(code_information(self.codes.groups), weight, weight, on_real=False, on_fake=True)
        self.adversary = config.critic.adversary(critic, heads)
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
        self.modules |= {"late": self.late} if self.late is not None else {}
        self.makers = nn.ModuleList((self.generator, self.encoder))
        self.sampling_modules = ("encoder",) if space.exemplars is not None else ()

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made at the first use: they load a part of torch that sampling does without."""
        config, weights, early = self.config, self.makers.parameters, self.config.pretrain
        judging = self.adversary.critic.parameters()
        return {
            "pretrain": adam(weights(), early.lr, early.betas, early.weight_decay),
            "generator": adam(weights(), config.lr, config.betas, config.weight_decay),
            "critic": adam(judging, config.critic.lr or config.lr, config.betas, config.weight_decay),
        }

    # One turn of each player ------------------------------------------------------------------

    def autoencoder_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Phase one: reconstruct the molecule from its code; the KL's weight grows by the middle."""
        real = self.hide_conditions(real)
        first, grown = self.config.pretrain.kl_start, min(1.0, step / max(1, self.config.pretrain.steps // 2))
        code, kl = self.encode(real)
        logits = self.generator(code, graphs.node_mask(real.sample[0]), self.generator_context(real.context))
        weight = first + (self.config.pretrain.kl_end - first) * grown
        return {"reconstruction": reconstruction(logits, real.sample), "kl": kl * weight}

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
            explained = reconstruction((nodes[n:], bonds[n:]), real.sample) + kl * config.pretrain.kl_end
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
        of_critic = "critic", judge, optimizers["critic"], self.critic_turn
        critic = Player(*of_critic, rate=critic_rate, **config.critic.turns)
        makers = "generator", self.makers, optimizers["generator"], self.generator_turn
        generator = Player(*makers, max_norm=10.0, rate=rate)
        self.adversary.noise = config.critic.noise_of(config.steps, start)
        pretrain_batches = batches(data, config.pretrain.batch, config.seed, self.device)
        labelled = config.critic.labelled if "condition" in self.adversary.heads else 0
        game_batches = batches(data, config.batch, config.seed + 1, self.device, labelled=labelled)
        phases = [
            Phase("autoencoder", [autoencoder], pretrain_batches, range(start), [average]),
            Phase("adversarial", [critic, generator], game_batches, range(start, end), [average]),
        ]
        return [phase for phase in phases if phase.steps]

    # What the turns are made of ---------------------------------------------------------------

    def draw(self, noise: Tensor, present: Tensor, context: Context | None = None) -> GraphDraw:
        """Graphs of the given sizes."""
        node_logits, bond_logits = self.generator(noise, present, context)
        return draw_graphs(node_logits, bond_logits, present, self.capacity, self.config.temperature)

    @torch.no_grad()
    def sample(
        self,
        n: int,
        random: torch.Generator,
        context: Context | None = None,
        raw: bool = False,
        guidance: float = 1.0,
        code: Any = None,
    ) -> tuple[Tensor, Tensor]:
        """Graphs of the averaged generator as integer arrays; repaired, their fragments are joined."""
        noise, present = self.sample_inputs(n, random, context)
        codes = self.codes.requested(n, code, self.device, random)
        logits = self.averaged.average(noise, present, self.generator_context(context, codes))
        if context is not None and guidance != 1.0:
            unconditional = self.averaged.average(noise, present, self.generator_context(context.hidden, codes))
            logits = tuple(guided(*pair, guidance) for pair in zip(logits, unconditional, strict=True))
        logits = tuple(part * self.config.model.sharpness for part in logits)
        drawn = draw_graphs(logits[0], logits[1], present, self.capacity, generator=random)
        if raw:
            return drawn.atoms, drawn.orders
        return repair(drawn.atoms, drawn.orders, drawn.noisy_bonds, self.capacity)
