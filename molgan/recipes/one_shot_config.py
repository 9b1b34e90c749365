"""Settings of the one-shot graph GAN."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Interval

from gancore.errors import ConfigError
from gancore.layers.conditioning import Conditioning
from gancore.training.growth import require_growing
from gancore.training.settings import STRICT, Count, OneOf, Positive, Rate, Share, Weight
from molgan.networks.architectures import ARCHITECTURES
from molgan.recipes.config import CriticConfig, GameConfig, PolicyRewardConfig, PretrainConfig, Widths
from molgan.recipes.latent_gan import LatentConfig

_BY_HEADS = "auxiliary", "twin"


@dataclass(frozen=True)
class OneShotModelConfig:
    """Sizes of the networks."""

    __pydantic_config__ = STRICT
    noise: Positive = 64
    """Width of the generator's Gaussian input."""
    prior: Literal["normal", "exemplars", "gan"] = "normal"
    """Where the generator's input comes from: a normal distribution; the codes of training molecules (exemplar VAE,
    Norouzi et al. 2020), which are those near the request where there is one; or a generator of such codes (latent GAN,
    Prykhodko et al. 2019), which `latent` describes."""
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
    """The generator: a perceptron of noise, layers that a style modulates (StyleGAN2), or attention between atoms
    (SAGAN)."""
    mapping: Annotated[int, Interval(ge=1, le=16)] = 4
    """style: layers of the network that makes styles of noise."""
    mixing: Share = 0.0
    """style: share of the samples in training whose later layers have the style of other noise."""
    truncation: Share = 1.0
    """style: how far the styles of samples stay from their mean; below 1 there are fewer odd samples, and less
    variety."""
    latent_generator: Widths = (256, 256, 256)
    """gan: hidden widths of the generator of codes."""
    latent_critic: Widths = (256, 256, 256)
    """gan: hidden widths of the critic of codes."""
    codes: Annotated[int, Interval(ge=0, le=1000)] = 0
    """Classes of a latent code that the critic has to find out (InfoGAN); 0 leaves it out."""
    code_numbers: Annotated[int, Interval(ge=0, le=64)] = 0
    """Numbers in [-1, 1] of that code."""
    relational_layers: Annotated[int, Interval(ge=0, le=64)] = 0
    """Layers of a second, permutation-invariant critic; 0 leaves it out."""
    relational_width: Positive = 64
    """Width of those layers, and of attention."""
    attention_layers: Annotated[int, Interval(ge=0, le=64)] = 0
    """Layers of a permutation-invariant critic in which all atoms attend to one another (SAGAN); 0 leaves it out."""


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
    match: Literal["divergence", "critic"] = "divergence"
    """What makes codes normal: the KL divergence, or in its place a critic of codes (adversarial autoencoder, Makhzani
    et al. 2016)."""
    match_weight: Weight = 1.0
    """critic: weight of what the encoder pays to pass for noise."""


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
class RejectionConfig:
    """A second critic, which counts atom environments and rejects samples (Azadi et al. 2019)."""

    __pydantic_config__ = STRICT
    steps: Count = 0
    """Steps after the game in which it learns to tell samples from molecules; 0 leaves it out."""
    batch: Positive = 256
    """Molecules a step, and as many samples."""
    lr: Rate = 1e-3
    """Learning rate at the start. It falls over the steps."""
    rejections: Positive = 12
    """How often `sample` at most replaces a sample that it rejects, unless the generator was trained on a score."""
    ceiling: Annotated[float, Ge(1)] = 3.0
    """Ratio of the data's density to the generator's from which on a sample is never rejected. A higher one takes more
    of the difference away, and more rejections."""
    fingerprint: Positive = 8192
    """Buckets of the fingerprint that it reads."""
    width: Positive = 64
    """Its hidden width."""


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
    grow: tuple[Positive, ...] = ()
    """Greatest numbers of heavy atoms, the smallest first, in equal parts of the adversarial steps (progressive
    growing, Karras et al. 2018); the last part has all molecules. Empty has them from the start."""
    orthogonal: Weight = 0.0
    """Weight of the orthogonal regularisation of the generator in the game (Brock et al. 2019)."""
    critic: OneShotCriticConfig = field(default_factory=OneShotCriticConfig)
    """The adversary."""
    latent: LatentConfig = field(default_factory=LatentConfig, kw_only=True)
    """The game over codes."""
    reward: OneShotRewardConfig = field(default_factory=OneShotRewardConfig)
    """The reinforcement."""
    rejection: RejectionConfig = field(default_factory=RejectionConfig)
    """The critic that sampling asks."""

    @property
    def rejects(self) -> bool:
        """Whether `sample` draws again what the second critic rejects."""
        return self.rejection.steps > 0 and not self.reward.steers

    @property
    def unprotected(self) -> tuple[str, ...]:
        """Settings by which the generator learns from molecules that it sees itself, not through its critic."""
        if not self.pretrain.steps:
            return ()
        return ("pretrain.steps", "bound") if self.bound else ("pretrain.steps",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model.architecture != "style" and (self.model.mixing or self.model.truncation < 1):
            raise ConfigError("model.mixing and model.truncation are of styles: set model.architecture to style.")
        if self.model.all_exemplars and self.model.prior != "exemplars":
            raise ConfigError("model.all_exemplars is of model.prior=exemplars: set that, or leave it out.")
        if self.model.prior == "gan" and (self.steps or not self.pretrain.steps or self.model.codes):
            raise ConfigError(
                "model.prior=gan: its game over codes needs an autoencoder and takes the place of the other game: set "
                "steps and model.codes to 0, and pretrain.steps above 0."
            )
        if self.model.prior == "gan":
            self.latent.critic.require_batch(self.latent.batch)
        if self.model.prior == "exemplars" and self.grow:
            raise ConfigError("grow leaves out large molecules, and model.prior=exemplars begins with any: choose one.")
        if self.model.prior == "exemplars" and self.model.mixing:
            raise ConfigError("model.mixing mixes noise, and model.prior=exemplars has codes: set it to 0.")
        if self.critic.spectral_norm and self.model.relational_layers:
            raise ConfigError("critic.spectral_norm cannot bound model.relational_layers: leave one of them out.")
        self.critic.require_batch(self.batch)
        unseen = {
            "model.prior": self.model.prior != "normal",
            "rejection.steps": self.rejection.steps,
            "grow": self.grow,
        }
        self.critic.require_private(unseen)
        if self.critic.privacy.noise and self.reward.overlap:
            raise ConfigError(
                "critic.privacy and reward.overlap: private batches differ in size, kept draws do not: leave one out."
            )
        require_growing(self.grow, self.steps)
        if self.critic.compares and self.reward.critic:
            raise ConfigError(
                "reward.critic: a critic that compares samples has no verdict on a single one to pay for: set it to 0, "
                "or leave out critic.pack and critic.minibatch_kernels."
            )
        extra = self.model.relational_layers or self.model.attention_layers or self.model.codes
        if self.critic.equilibrium and (extra or self.model.code_numbers or self.critic.conditioning in _BY_HEADS):
            raise ConfigError(
                "critic.equilibrium: an autoencoding critic has no further layers and no heads: leave out "
                "model.relational_layers, model.attention_layers, codes, and auxiliary and twin conditioning."
            )
        if self.reward.overlap and (self.model.mixing or self.model.prior == "exemplars"):
            raise ConfigError("reward.overlap keeps one noise a sample: leave it out, or model.mixing and model.prior.")
