"""A latent GAN: a game over the codes of an autoencoder, whose decoder makes graphs of them in one pass.

Prykhodko et al. (2019) do so with the codes of SMILES. Here codes are those of the one-shot encoder, which is not
trained any more. Both players read which places hold an atom, and the request, so that a code fits its size.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.errors import ConfigError
from gancore.layers.conditioning import context_inputs
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.penalties import PENALTIES
from gancore.losses.settings import RelaxedCriticConfig
from gancore.training import distributed
from gancore.training.device import adam
from gancore.training.ema import EMA
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.training.schedules import cosine_rate
from gancore.training.settings import STRICT, OneOf, Part, Positive, Rate, Share, Weight
from gancore.types import Batch, Context
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset, batches
from molgan.networks.one_shot import mlp
from molgan.recipes.code_critic import CodeNetwork


@dataclass(frozen=True)
class LatentCriticConfig(RelaxedCriticConfig):
    """The critic of codes; at its defaults that of the improved Wasserstein game (Gulrajani et al. 2017)."""

    objective: Annotated[str, OneOf(OBJECTIVES)] = "wasserstein"
    """Adversarial objective."""
    penalty: Annotated[str, OneOf(PENALTIES)] = "wgan_gp"
    """Slope penalty, in the space of codes."""
    penalty_weight: Weight = 10.0
    """Its weight; 0 leaves it out."""
    penalty_every: Positive = 1
    """The penalty is taken in every so many turns of the critic, with that much more weight."""
    steps: Positive = 5
    """Turns of the critic for each turn of the generator of codes."""

    def __post_init__(self) -> None:
        if self.equilibrium or self.privacy.noise:
            raise ConfigError(
                "latent.critic: a critic of codes reconstructs nothing, and codes are of an encoder that saw the data: "
                "set equilibrium and privacy.noise to 0."
            )
        super().__post_init__()


@dataclass(frozen=True)
class LatentConfig:
    """The game over codes, for `model.prior=gan`."""

    __pydantic_config__ = STRICT
    steps: Positive = 2500
    """Steps of it, after the autoencoder's."""
    batch: Positive = 128
    """Codes a turn."""
    lr: Rate = 2e-4
    """Learning rate of both players at the start. It falls over the steps."""
    betas: tuple[Share, Share] = (0.5, 0.9)
    """Adam's two decay rates."""
    average: Part = 0.99
    """Decay of the averaged generator of codes, the one that is sampled from."""
    critic: LatentCriticConfig = field(default_factory=LatentCriticConfig)
    """The critic."""


class CodeGenerator(nn.Module):
    """Normal noise and a context -> a code."""

    def __init__(self, latent: int, hidden: tuple[int, ...], context_features: int):
        super().__init__()
        self.context_features = context_features
        self.body = mlp((latent + 2 * context_features, *hidden, latent))

    def forward(self, noise: Float[Tensor, "batch latent"], context: Context) -> Float[Tensor, "batch latent"]:
        """The codes."""
        return self.body(torch.cat((noise, context_inputs(context, self.context_features, noise)), 1))


class LatentGAN:
    """Generator and critic of codes `(batch, latent)`, and their phase. `modules` and `optimizers` are for checkpoints.

    model: settings of the networks. places: the most atoms of a graph. features: entries of a request.
    """

    def __init__(self, config: LatentConfig, model: Any, places: int, features: int, device: torch.device):
        self.config, self.features, self.device, inputs = config, features, device, places + features
        self.generator = CodeGenerator(model.noise, model.latent_generator, inputs).to(device)
        critics = (CodeNetwork(model.noise, model.latent_critic, inputs) for _ in range(config.critic.critics))
        critic, *others = critics
        self.adversary = config.critic.adversary(critic, others=others)
        self.averaged = EMA(self.generator, config.average)
        self.modules: dict[str, nn.Module] = {
            "latent_generator": self.generator,
            "latent_averaged": self.averaged,
            "latent_critic": self.adversary.critic.to(device),
        }

    def optimizers(self) -> dict[str, Optimizer]:
        """Of both players."""
        names, settings = ("latent_generator", "latent_critic"), self.config
        return {name: adam(self.modules[name].parameters(), settings.lr, settings.betas) for name in names}

    def phase(
        self,
        data: MoleculeDataset,
        seed: int,
        start: int,
        encode: Callable[[Batch], tuple[Batch, Tensor]],
        optimizers: dict[str, Optimizer],
    ) -> Phase:
        """The game. encode: a batch as it is asked for, and the code of each of its molecules."""
        config = self.config
        rate = cosine_rate(config.lr, config.steps, start, floor=0.05)

        def real_and_fake(real: Batch) -> tuple[Batch, Batch]:
            with torch.no_grad():
                real, codes = encode(real)
            told = self.told(graphs.node_mask(real.sample[0]), real.context)
            noise = distributed.normal_like(codes)
            fake = self.generator(noise, told)
            return Batch((codes,), told, geometry="euclidean"), Batch((fake,), told, geometry="euclidean")

        def critic_turn(real: Batch, step: int) -> dict[str, Tensor]:
            return self.adversary.critic_losses(*real_and_fake(real), step)

        def generator_turn(real: Batch, step: int) -> dict[str, Tensor]:
            return self.adversary.generator_losses(*real_and_fake(real), step)

        def average(step: int, logs: dict[str, float]) -> None:
            self.averaged.update(self.generator)

        self.adversary.noise = config.critic.noise_of(config.steps, start)
        optimizer = optimizers["latent_critic"]
        critic = Player(
            "latent_critic", self.adversary.critic, optimizer, critic_turn, rate=rate, **config.critic.turns
        )
        optimizer = optimizers["latent_generator"]
        generator = Player("latent_generator", self.generator, optimizer, generator_turn, max_norm=10.0, rate=rate)
        stream = batches(data, config.batch, seed, self.device)
        return Phase("latent", [critic, generator], stream, range(start, start + config.steps), [average])

    def told(self, present: Tensor, context: Context | None) -> Context:
        """What both players read beside noise or code: the places that hold an atom, and the request."""
        places = Context(present.float(), torch.ones_like(present, dtype=torch.bool))
        if not self.features:
            return places
        return places.beside(
            context if context is not None else Context.unknown(len(present), self.features, self.device)
        )

    @torch.no_grad()
    def codes(self, noise: Tensor, present: Tensor, context: Context | None = None) -> Float[Tensor, "batch latent"]:
        """Codes that the averaged generator makes of normal noise for graphs of given sizes."""
        return self.averaged.average(noise, self.told(present, context))
