"""RelGAN and its relatives (Nie et al. 2019): the critic's gradient flows through a relaxed draw into the generator."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import one_hot, pad

from gancore.errors import ConfigError, DataError
from gancore.facade.recipe import Capability
from gancore.layers.autoencoder import AutoencodingCritic
from gancore.losses.auxiliary import condition_heads
from gancore.losses.settings import RelaxedCriticConfig
from gancore.sampling.estimators import ESTIMATORS
from gancore.training.batching import Shuffled
from gancore.training.device import derive_seed
from gancore.training.growth import grown, require_growing, size_at
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.training.settings import STRICT, Positive, Weight
from gancore.types import Batch, Context, Sample
from seqgan.data.corpus import Corpus, batches
from seqgan.data.lines import only, sizes_of
from seqgan.data.space import TextSpace
from seqgan.networks.critics import CRITICS
from seqgan.networks.generator import at_rest, token_nll, without_dropout
from seqgan.recipes.config import GameConfig, GameCriticConfig
from seqgan.recipes.mle import MaximumLikelihood
from seqgan.recipes.sequences import AdversarialRecipe
from seqgan.text.alphabet import Ids


@dataclass(frozen=True)
class RelaxConfig:
    """The relaxed sample."""

    __pydantic_config__ = STRICT
    estimator: Literal["gumbel_softmax", "straight_through"] = "gumbel_softmax"
    """Whether the critic sees relaxed rows, or hard ones with the relaxed rows' gradient."""
    sharpness: Annotated[float, Ge(1)] = 100.0
    """Inverse temperature of the draw at the end; it grows exponentially from 1 (RelGAN's beta)."""
    likelihood: Weight = 0.0
    """Weight of maximum likelihood on real sequences, kept in the loss."""


@dataclass(frozen=True)
class GumbelCriticConfig(RelaxedCriticConfig, GameCriticConfig):
    """The critic, which judges whole sequences, and what holds it back."""

    kind: Literal["textcnn", "multi", "strided", "autoencoder"] = "textcnn"
    """TextCNN with highway, RelGAN's multi-embedding CNN, DCGAN's strided convolutions, or an autoencoder for
    `equilibrium`."""
    steps: Positive = 5
    """Steps of the critic between two of the generator."""
    penalty_weight: Weight = 0.0
    """Weight of the slope penalty; 0 leaves it out. For r1 and r2 this is half of the gamma of the papers; wgan_gp and
    dragan want 10."""
    penalty_every: Positive = 1
    """The penalty is taken in every so many turns of the critic, with that much more weight."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.kind == "autoencoder") != (self.equilibrium > 0):
            raise ConfigError("critic.kind=autoencoder and critic.equilibrium go together: set both or neither.")
        if self.kind == "autoencoder" and self.conditioning in ("auxiliary", "twin"):
            raise ConfigError("critic.conditioning: an autoencoding critic has no heads: set projection.")


@dataclass(frozen=True)
class GumbelConfig(GameConfig):
    """Recipe gumbel: maximum likelihood, then the critic's gradient through a relaxed sample."""

    recipe: str = "gumbel"
    """gumbel."""
    critic: GumbelCriticConfig = field(default_factory=GumbelCriticConfig)
    """The critic."""
    relax: RelaxConfig = field(default_factory=RelaxConfig)
    """The relaxed sample."""
    grow: tuple[Positive, ...] = ()
    """Greatest numbers of tokens of a line and of a relaxed sample, the end included, the smallest first, in equal
    parts of the adversarial steps (progressive growing, Karras et al. 2018); the last part has all lines, and the steps
    of the critic alone the shortest. Empty has all lines from the start."""

    @property
    def unprotected(self) -> tuple[str, ...]:
        """Settings by which the generator learns from lines that it reads itself, not through its critic."""
        reads = {"likelihood.epochs": self.likelihood.epochs, "relax.likelihood": self.relax.likelihood}
        return tuple(name for name, amount in reads.items() if amount)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_growing(self.grow, self.steps)
        self.critic.require_batch(self.batch)
        self.critic.require_private({"grow": self.grow})


_LARGEST = 1 << 29
"""Numbers of a relaxed batch, 2 GB; several of its size are kept for the way back."""


def refuse_large(batch: int, steps: int, tokens: int) -> None:
    """Raise ConfigError for relaxed samples that are too large: each token is a row of the whole vocabulary."""
    size = batch * steps * tokens
    if size > _LARGEST:
        raise ConfigError(
            f"recipe gumbel relaxes each token to a row of the whole vocabulary: {batch} x {steps} steps x {tokens:,} "
            f"tokens are {4 * size / 1e9:.1f} GB, several times; lower data.max_size, data.max_length or batch, or "
            "take recipe seqgan."
        )


class GumbelGAN(AdversarialRecipe):
    """Recipe gumbel: generator and critic, their optimisers, and the training step of each.

    A checkpoint holds `modules` and `optimizers`.
    """

    config_class = GumbelConfig
    capabilities: frozenset[Capability] = frozenset({"context", "log_prob", "critic_score", "predict"})

    def __init__(self, config: GumbelConfig, space: TextSpace, device: torch.device):
        self.config, self.space, self.device = config, space, device
        self.alphabet, self.length = space.alphabet, space.length
        refuse_large(config.batch, space.length, space.alphabet.size)
        self.pretraining = MaximumLikelihood(config, space, device)
        self.generator, self.averaged = self.pretraining.generator, self.pretraining.averaged
        critic, *others = (self.made_critic() for _ in range(config.critic.critics))
        heads = condition_heads(config.critic.conditioning, space.groups, config.critic.condition_weight)
        self.adversary = config.critic.adversary(critic, heads, others)
        self.modules = self.pretraining.modules | {"critic": self.adversary.critic.to(device)}
        self.modules |= {name: part.to(device) for name, part in self.adversary.modules.items()}
        self.start, self.game = 0, range(0)  # the adversarial steps, set with the phases

    def made_critic(self) -> nn.Module:
        """A critic as the settings have it, with weights of its own."""
        judge, space = self.config.critic, self.space
        if judge.kind == "autoencoder":
            sizes = [(space.length, space.alphabet.size)]
            return AutoencodingCritic(sizes, (judge.width,), judge.width, judge.embedding, space.context_features)
        return CRITICS[judge.kind](space.alphabet, judge, space.length, space.context_features)

    def predict(self, sample: Sample) -> Tensor:
        """What the critic's head says of each sequence of ids `(batch, feature)`."""
        with at_rest(self.adversary.critic):
            return self.adversary.output(sample).heads["condition"].float()

    def critic_score(self, sample: Sample, context: Context | None = None) -> Tensor:
        """The critic's logits `(batch,)` of ids."""
        with at_rest(self.adversary.critic):
            judged = self.one_hots(sample[0]) if self.config.critic.equilibrium else sample
            return self.adversary.logits(judged, context)

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell one-hot real sequences from relaxed generated ones."""
        real = self.hide_conditions(real)
        with at_rest(self.generator):
            fake = Batch(self.relax(len(real), step, real.context), real.context)
        labelled = real.labelled
        if labelled is not None:
            labelled = Batch(self.one_hots(labelled.sample[0]), labelled.context)
        batch = Batch(self.one_hots(real.sample[0]), real.context, labelled=labelled)
        return self.adversary.critic_losses(batch, fake, step)

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Make the critic take relaxed sequences for real ones."""
        real = self.hide_conditions(real)
        with without_dropout(self.generator):
            fake = Batch(self.relax(len(real), step, real.context), real.context)
            losses = self.adversary.generator_losses(Batch(self.one_hots(real.sample[0]), real.context), fake, step)
            if self.config.relax.likelihood:
                nll = token_nll(self.generator, self.alphabet.trim(real.sample[0]), real.context)
                losses["likelihood"] = nll * self.config.relax.likelihood
        return losses

    def relax(self, n: int, step: int, context: Context | None = None) -> Sample:
        """`n` relaxed draws `(n, length, token)`, each step fed with the relaxed token before; zeros after an end."""
        settings = self.config.relax
        progress = min(1.0, max(0, step - self.start) / max(1, self.config.steps))
        temperature = settings.sharpness**-progress
        estimator, table = ESTIMATORS[settings.estimator], self.generator.embedding.weight
        embedded = table[self.alphabet.begin].expand(n, -1)
        state, relaxed = self.generator.start(n, context), []
        unfinished = torch.ones(n, 1, device=self.device)
        length = size_at(step, self.game, self.config.grow, self.length)
        for _ in range(length):
            features, state = self.generator.step_embedded(embedded, state)
            drawn = estimator(self.generator.read(features), temperature)
            relaxed.append(drawn.relaxed * unfinished)
            embedded = drawn.relaxed @ table
            if self.alphabet.end is not None:
                unfinished = unfinished * (1 - drawn.hard[:, self.alphabet.end, None].detach())
        return (pad(torch.stack(relaxed, 1), (0, 0, 0, self.length - length)),)

    def one_hots(self, ids: Ids) -> Sample:
        """Real sequences as one-hot rows, zeros for padding."""
        return (one_hot(ids, self.alphabet.size).float() * self.alphabet.mask(ids)[..., None],)

    def phases(self, corpus: Corpus) -> list[Phase]:
        """Maximum likelihood; the critic alone; both alternately."""
        config, network, optimizers = self.config, self.adversary.critic, self.optimizers
        critic = Player("critic", network, optimizers["critic"], self.critic_turn, **config.critic.turns)
        generator = Player(
            "generator", self.generator, optimizers["generator"], self.generator_turn, max_norm=config.max_norm
        )
        phases = self.pretraining.adversarial_phases(corpus, critic, generator, self.pretraining.take_over)
        for phase in phases:
            if phase.name != "likelihood":
                phase.batches = self.adversary.stream(phase.batches)  # pyright: ignore
        game = phases.pop()
        self.start, self.game = game.steps.start, game.steps
        self.adversary.noise = config.critic.noise_of(config.steps, self.start)
        if config.grow and phases[-1].name == "critic":
            phases[-1].batches = self.short_lines(corpus, config.grow[0])
        return [*phases, *grown(game, [self.short_lines(corpus, size) for size in config.grow])]

    def short_lines(self, corpus: Corpus, size: int) -> Shuffled:
        """Batches of the training lines of at most so many tokens. Raises DataError where there is none."""
        config = self.config
        rows = (sizes_of(corpus.train, self.alphabet) <= size).nonzero().squeeze(1)
        if not len(rows):
            raise DataError(f"grow: no training line has at most {size} tokens, its end included.")
        context = corpus.context[rows] if corpus.context is not None else None
        labelled = config.critic.labelled if config.critic.conditioning in ("auxiliary", "twin") else 0
        stream = config.batch, derive_seed(config.seed, "grow", size), self.device, context
        return batches(only(corpus.train, rows), *stream, labelled=labelled)
