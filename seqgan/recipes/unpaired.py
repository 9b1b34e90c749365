"""What cyclegan and stargan have in common: noise, translations there and back, and what a translator is paid.

Sequences are restored from noise (Lample et al. 2018), which is the identity term. A translation is drawn, and the
likelihood of the source given it is the cycle term (Zhu et al. 2017): its gradient moves the way back, and its
value, as a reward beside the critic's verdict, the way there (dual learning, He et al. 2016).
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn

from gancore.losses.adversarial import OBJECTIVES
from gancore.training.batching import Shuffled
from gancore.training.device import new_generator
from gancore.training.run import Phase
from gancore.training.settings import STRICT, OneOf, Share, Weight
from gancore.types import Batch, Context
from seqgan.data.corpus import Corpus, batches
from seqgan.networks.generator import at_rest, without_dropout
from seqgan.networks.translator import mean_nll, pair_nll
from seqgan.recipes.config import GameCriticConfig
from seqgan.recipes.mle import likelihood_phase
from seqgan.recipes.translation import CHECKED, TranslationConfig, TranslationRecipe, repeated
from seqgan.text.alphabet import Alphabet, Ids


@dataclass(frozen=True)
class CycleConfig:
    """The cycle term, and the noise that sequences are restored from."""

    __pydantic_config__ = STRICT
    weight: Weight = 1.0
    """Weight of the likelihood of a source given its translation, as a loss of the way back."""
    reward: Weight = 1.0
    """Weight of that likelihood, nats a token, in the reward of the way there."""
    drop: Share = 0.2
    """Share of the tokens that noise leaves out."""
    shuffle: Weight = 3.0
    """How far, in places, noise moves a token at most; 0 and 1 leave the order as it is."""


@dataclass(frozen=True)
class UnpairedCriticConfig(GameCriticConfig):
    """A critic of translations, and how it trains."""

    objective: Annotated[str, OneOf(OBJECTIVES, without=["wasserstein"])] = "non_saturating"
    """Adversarial objective. A translation is paid what the translator's half of it says."""
    filters: float = 0.5
    """Factor on the number of filters of a convolutional critic; 1 is the papers'."""
    pretrain: int = 100
    """Steps of the critic before the first of the translator."""
    steps: int = 1
    """Steps of the critic between two of the translator."""


@dataclass(frozen=True)
class UnpairedConfig(TranslationConfig):
    """The settings of recipes that translate without pairs."""

    cycle: CycleConfig = field(default_factory=CycleConfig)
    """The cycle term."""
    critic: UnpairedCriticConfig = field(default_factory=UnpairedCriticConfig)
    """The critic."""


class UnpairedRecipe(TranslationRecipe):
    """A translator that learns without pairs; a recipe adds critics, streams, and what is asked of each row."""

    objective: Any
    default_condition: ClassVar[str] = "label"

    def restore_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Negative log-likelihood of sequences given themselves with noise, some without any source."""
        real = self.hide_conditions(real)
        ids = self.alphabet.trim(real.sample[0])
        return {"nll": pair_nll(self.generator, ids, self.without_some(self.noised(ids)), real.context)}

    def noised(self, ids: Ids, random: torch.Generator | None = None) -> Ids:
        """Sequences with tokens left out and moved."""
        return noised(ids, self.alphabet, self.config.cycle.drop, self.config.cycle.shuffle, random)

    def restore_phase(self, data: Corpus) -> list[Phase]:
        """The likelihood phase: all sequences are restored."""
        settings = self.config.likelihood
        stream: Shuffled = batches(data.train, settings.batch, self.config.seed, self.device, data.context)

        def validation() -> float:
            sources = self.noised(data.validation, new_generator(torch.device("cpu"), 0, "noise"))
            return mean_nll(self.generator, data.validation, sources, data.validation_context)

        return likelihood_phase(self, stream, self.restore_turn, validation)

    def there_and_back(self, real: Batch, asked: Context, costs: Any) -> dict[str, Tensor]:
        """The losses of translating a batch into what is asked: policy gradient, cycle term, restoring.

        costs: (translations, what was asked of each, how many of each row) -> the critic's costs, `(translation,)`.
        """
        (ids,), cycle, policy = real.sample, self.config.cycle, self.config.policy
        draws = policy.draws
        sources, context = ids.repeat_interleave(draws, 0), repeated(asked, draws)
        own = repeated(real.context, draws)
        made = self.draw(sources, context)
        with at_rest(self.generator, self.modules["critic"]):
            cost = costs(made, context, draws)
            log_prob = self.generator.log_prob(self.alphabet.trim(sources), made, own)
            back = log_prob.sum(1) / self.alphabet.mask(sources).sum(1)
            reward = -cost + cycle.reward * back
        losses = {"_reward": -cost.mean(), "_cycle": -back.mean()}
        with without_dropout(self.generator):
            losses["policy"] = self.reinforce(made, sources, context, reward)
        if cycle.weight:
            nll = pair_nll(self.generator, self.alphabet.trim(ids), made[::draws], real.context)
            losses["cycle"] = nll * cycle.weight
        if policy.likelihood:
            losses["likelihood"] = self.restore_turn(real, 0)["nll"] * policy.likelihood
        return losses

    @abstractmethod
    def asked_of(self, context: Context) -> Context:
        """What the sources with this context are to become, for figures."""

    def figures(self, data: Corpus) -> dict[str, float]:
        """valid/cycle: nats a token of some held-out sequences, given their translation."""
        some, context = data.validation[:CHECKED], data.validation_context
        assert context is not None
        made = self.greedy(some, self.asked_of(context[: len(some)]))
        made = nn.functional.pad(made, (0, self.length - made.shape[1]), value=self.alphabet.pad)
        return {"valid/cycle": mean_nll(self.averaged.average, some, made, context[: len(some)])}


def noised(ids: Ids, alphabet: Alphabet, drop: float, shuffle: float, random: torch.Generator | None = None) -> Ids:
    """Sequences of which tokens are left out with probability `drop`, the others moved by less than `shuffle` places.

    The end stays at the end; the shape too. As in Lample et al. 2018.
    """
    end, pad = alphabet.end or 0, alphabet.pad or 0
    uniform = torch.rand(2, *ids.shape, device=ids.device, generator=random)
    kept = alphabet.mask(ids) & (ids != end) & (uniform[0] >= drop)
    steps = torch.arange(ids.shape[1], device=ids.device)
    order = torch.where(kept, steps + uniform[1] * shuffle, torch.inf).argsort(1)
    left = kept.sum(1, keepdim=True)
    moved = torch.where(steps < left, ids.gather(1, order), torch.full_like(ids, pad))
    return moved.scatter(1, left.clamp_max(ids.shape[1] - 1), end)


def side_by_side(*parts: Batch) -> Batch:
    """The rows of several batches of ids, one after the other, with their contexts."""
    contexts = [part.context for part in parts if part.context is not None]
    return Batch((torch.cat([part.sample[0] for part in parts]),), Context.cat(contexts))
