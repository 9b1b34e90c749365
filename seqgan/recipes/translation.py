"""What the recipes that translate have in common: settings, networks, the likelihood phase, drawing translations."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

import torch
from annotated_types import Ge
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.facade.recipe import Capability
from gancore.losses.policy_gradient import leave_one_out, policy_gradient
from gancore.losses.reduction import sum_steps
from gancore.training.device import adam, new_generator
from gancore.training.ema import EMA
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.training.settings import STRICT, Part, Weight
from gancore.types import Context, Sample
from seqgan.data.corpus import Corpus
from seqgan.data.space import TextSpace
from seqgan.networks.decoding import Decoding, sample
from seqgan.networks.generator import Guided, at_rest
from seqgan.networks.translator import Sources, Translating, Translator, TranslatorConfig
from seqgan.recipes.config import GameConfig
from seqgan.recipes.mle import Best
from seqgan.recipes.sequences import SampleOptions, SequenceRecipe
from seqgan.text.alphabet import Alphabet, Ids

CHECKED = 200
"""Held-out sources that are translated to show how training goes."""


@dataclass(frozen=True)
class DrawsConfig:
    """The policy gradient of a translator: REINFORCE, the other draws of a source as baseline (Kool et al. 2019)."""

    __pydantic_config__ = STRICT
    draws: Annotated[int, Ge(2)] = 4
    """Translations drawn of each source in a step; what one is paid is compared with the others."""
    weight: Weight = 1.0
    """Weight of the policy gradient."""
    likelihood: Weight = 1.0
    """Weight of the likelihood kept in the loss: of the true targets where there are pairs, as the L1 of Pix2Pix; of
    noised sequences, which are to be restored, where there are none, as the identity term of CycleGAN."""


@dataclass(frozen=True)
class TranslationConfig(GameConfig):
    """The settings of every recipe that translates."""

    model: TranslatorConfig = field(default_factory=TranslatorConfig)
    """The translator."""
    policy: DrawsConfig = field(default_factory=DrawsConfig)
    """The policy gradient."""
    hide_source: Part = 0.05
    """Share of the rows whose source is hidden in training. From no source at all `sample` draws. Of recipe
    maskgan these lines are nothing but a gap."""

    @property
    def needs_lines(self) -> str:
        """What learns from lines."""
        return f"recipe {self.recipe} learns from lines: give a file or a frame"


class TranslationRecipe(SequenceRecipe, ABC):
    """A translator, its average, their likelihood phase; a recipe adds what its critics say.

    corpus_class: what its data are read into. default_condition: the column that says of which kind a row is, where no
    other is named; "" for a recipe that does without.
    """

    config_class: Any
    capabilities: frozenset[Capability] = frozenset({"context", "log_prob", "critic_score", "translate"})
    corpus_class: type[Corpus] = Corpus
    default_condition = ""
    generator: Translator  # pyright: ignore
    averaged: EMA[Translator]  # pyright: ignore

    def __init__(self, config: Any, space: TextSpace, device: torch.device):
        self.config, self.space, self.device = config, space, device
        self.alphabet, self.length, self.vocabulary = space.alphabet, space.length, space.vocabulary
        self.generator = Translator(space.alphabet, config.model, space.length, space.context_features).to(device)
        self.averaged = EMA(self.generator, config.average)
        self.best = Best().to(device)
        self.modules: dict[str, nn.Module] = {
            "generator": self.generator,
            "averaged": self.averaged,
            "best": self.best,
        }

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made on first use: sampling needs none, and importing them takes a second or two."""
        config, settings, judge = self.config, self.config.likelihood, self.config.critic
        weights = list(self.generator.parameters())
        return {
            "likelihood": adam(weights, settings.lr, settings.betas, settings.weight_decay),
            "generator": adam(weights, config.lr, config.betas, config.weight_decay),
            "critic": adam(self.modules["critic"].parameters(), judge.lr, judge.betas, judge.weight_decay),
        }

    # Phases -----------------------------------------------------------------------------------

    def game_phases(self, start: int, stream: Callable[[str], Any]) -> list[Phase]:
        """The critic alone, then both alternately. stream: of a phase's name; it begins anew with each."""
        config, optimizers = self.config, self.optimizers
        middle = start + (config.critic.pretrain if config.steps else 0)
        critic = Player("critic", self.modules["critic"], optimizers["critic"], self.critic_turn)
        often = Player("critic", critic.module, critic.optimizer, critic.losses, repeat=config.critic.steps)
        generator = Player(
            "generator", self.generator, optimizers["generator"], self.generator_turn, max_norm=config.max_norm
        )

        def enter(with_critic: bool = True) -> None:
            self.take_over()
            if with_critic:
                self.begin_critic()

        alone = Phase("critic", [critic], stream("critic"), range(start, middle), enter=enter)
        steps = range(middle, middle + config.steps)
        both = Phase("adversarial", [generator, often], stream("adversarial"), steps, [self.follow])
        both.enter = lambda: enter(middle == start)
        return [alone, both]

    def take_over(self) -> None:
        """Go on from the best translator of the likelihood phase."""
        if self.config.likelihood.epochs:
            self.generator.load_state_dict(self.averaged.average.state_dict())
        else:
            self.averaged.average.load_state_dict(self.generator.state_dict())

    def begin_critic(self) -> None:
        """What comes before the critic's first step."""

    def follow(self, step: int, logs: dict[str, float]) -> None:
        """Move the average towards the translator."""
        self.averaged.update(self.generator)

    @abstractmethod
    def critic_turn(self, real: Any, step: int) -> dict[str, Tensor]:
        """The critic's step of a recipe."""

    @abstractmethod
    def generator_turn(self, real: Any, step: int) -> dict[str, Tensor]:
        """The translator's step of a recipe."""

    @abstractmethod
    def figures(self, data: Any) -> dict[str, float]:
        """What is shown while the game is played, by name."""

    # Parts of the steps -----------------------------------------------------------------------

    def without_some(self, sources: Sources) -> Sources:
        """Sources, of which a share (`hide_source`) is the empty one."""
        hidden = torch.rand(len(sources), 1, device=self.device) < self.config.hide_source
        return torch.where(hidden, empty(self.alphabet, sources), sources)

    @property
    def target_length(self) -> int:
        """The most tokens of what is written, its end included."""
        return self.space.length

    def drawn(self, ids: Ids) -> Bool[Tensor, "batch step"]:
        """The tokens of targets that are the translator's own: all of them."""
        return self.alphabet.mask(ids)

    def no_source(self, n: int) -> Sources:
        """The source `(n, step)` from which whole lines are drawn: the empty one."""
        return torch.full((n, 1), self.alphabet.end or 0, dtype=torch.long, device=self.device)

    def draw(self, sources: Sources, context: Context | None = None) -> Ids:
        """A translation of each source by the present translator `(batch, length)`, at rest."""
        with at_rest(self.generator):
            stepper = self.writing(self.generator, sources)
            return sample(stepper, len(sources), self.target_length, device=self.device, context=context)

    def reinforce(self, ids: Ids, sources: Sources, context: Context | None, reward: Tensor) -> Float[Tensor, "row"]:
        """The policy gradient of draws, `policy.draws` of each source one after the other; one value a source.

        It is scaled as a likelihood of tokens is, so that the two can be weighed against each other.
        """
        draws = self.config.policy.draws
        advantage = leave_one_out(reward.view(-1, draws)).flatten()
        log_prob = self.generator.log_prob(self.alphabet.trim(ids), sources, context)
        mask = self.drawn(ids)[:, : log_prob.shape[1]]
        each = sum_steps(policy_gradient(log_prob, advantage[:, None].expand_as(log_prob)), mask)
        return each.view(-1, draws).mean(1) * self.config.policy.weight

    # Sampling ---------------------------------------------------------------------------------

    def sample(
        self,
        n: int,
        random: torch.Generator,
        context: Context | None = None,
        options: SampleOptions | None = None,
        guidance: float = 1.0,
    ) -> Ids:
        """`n` sequences without a source, `(n, step)`: like the targets of training."""
        return self.sample_of(self.no_source(n), random, context, options, guidance)

    def sample_of(
        self,
        sources: Sources,
        random: torch.Generator,
        context: Context | None = None,
        options: SampleOptions | None = None,
        guidance: float = 1.0,
    ) -> Ids:
        """A translation of each source by the averaged translator, `(n, step)`."""
        options = options or SampleOptions()
        steps = options.steps or self.target_length
        with at_rest(self.averaged.average):
            return sample(
                *(self.stepper(sources, context, guidance), len(sources), steps, random, options.decoding),
                *(options.prefix, self.device, options.rule, context),
            )

    def stepper(self, sources: Sources, context: Context | None, guidance: float) -> Any:
        """The averaged translator with its sources, guided towards the context where that is asked for."""
        return self.writing(self.averaged.average, sources, guidance if context is not None else 1.0)

    def writing(self, network: Translator, sources: Sources, guidance: float = 1.0) -> Any:
        """A translator with its sources, guided unless guidance is 1: a stepper."""
        translating = Translating(network, sources)
        return translating if guidance == 1.0 else Guided(translating, guidance)

    def log_prob_of(
        self, network: Translator, sample: Sample, context: Context | None = None
    ) -> Float[Tensor, "batch"]:  # pyright: ignore
        """Log-probability of targets in nats, with gradients, of `(target, source)` given its source or `(target,)`."""
        target, *source = sample
        each = network.log_prob(target, source[0] if source else self.no_source(len(target)), context)
        return (each * self.drawn(target)).sum(1)

    def greedy(self, sources: Sources, context: Context | None = None) -> Ids:
        """Translations of the likeliest token at each step, nearly (temperature 0.001), for figures while training."""
        random = new_generator(self.device, 0, "figures")
        cold = SampleOptions(Decoding(1e-3, unknown=False))
        asked = context.to(self.device) if context is not None else None
        return self.sample_of(sources.to(self.device), random, asked, cold).cpu()


def empty(alphabet: Alphabet, like: Ids) -> Ids:
    """The empty source for each row."""
    ids = torch.full_like(like, alphabet.pad or 0)
    ids[:, 0] = alphabet.end or 0
    return ids


def repeated(context: Context | None, times: int) -> Context | None:
    """Each row so many times, one after the other."""
    if context is None:
        return None
    return Context(context.values.repeat_interleave(times, 0), context.known.repeat_interleave(times, 0))
