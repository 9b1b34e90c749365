"""Pix2Pix (Isola et al. 2017) for sequences: pairs, likelihood first, then a critic that sees source and target.

The likelihood of the true target stays in the loss, as the L1 distance does in the paper. A draw is discrete, so the
critic's verdict comes back by REINFORCE: several translations of one source, each compared with the others.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.losses.settings import ObjectiveConfig
from gancore.training.device import derive_seed
from gancore.training.run import Phase
from gancore.training.settings import Count, OneOf, Part, Positive, Rate, Share, Weight
from gancore.types import Batch, Context, Sample
from seqgan.data.pairs import Pairs, pair_batches
from seqgan.data.settings import PairsConfig
from seqgan.data.space import TextSpace
from seqgan.networks.generator import at_rest, without_dropout
from seqgan.networks.translator import PairCritic, mean_nll, of_critic, pair_nll
from seqgan.recipes.mle import likelihood_phase
from seqgan.recipes.translation import CHECKED, TranslationConfig, TranslationRecipe, repeated


@dataclass(frozen=True)
class PairCriticConfig(ObjectiveConfig):
    """The critic of pairs, of the translator's sizes, and how it trains."""

    dropout: Part = 0.1
    """Dropout while the critic trains."""
    conditioning: Literal["projection", "concatenation"] = "projection"
    """How it is conditioned on a context."""
    objective: Annotated[str, OneOf(OBJECTIVES, without=["wasserstein"])] = "relativistic_pairing"
    """Adversarial objective. By relativistic_pairing a translation is judged beside the true one of the same source."""
    lr: Rate = 5e-4
    """Learning rate of Adam."""
    betas: tuple[Share, Share] = (0.9, 0.999)
    """Adam's two decay rates."""
    weight_decay: Weight = 0.0
    """Decoupled weight decay (AdamW)."""
    pretrain: Count = 200
    """Steps of the critic before the first of the translator."""
    steps: Positive = 1
    """Steps of the critic between two of the translator."""


@dataclass(frozen=True)
class Pix2PixConfig(TranslationConfig):
    """Recipe pix2pix: pairs of sequences; likelihood, then a conditional adversary."""

    recipe: str = "pix2pix"
    """pix2pix."""
    data: PairsConfig = field(default_factory=PairsConfig)
    """The training file."""
    critic: PairCriticConfig = field(default_factory=PairCriticConfig)
    """The critic."""

    @property
    def needs_lines(self) -> str:
        """What learns from lines."""
        return "recipe pix2pix learns from pairs: give a file or a frame with columns source and target"


class Pix2Pix(TranslationRecipe):
    """Recipe pix2pix: a translator and a critic of pairs, their optimisers, and the training step of each.

    A checkpoint holds `modules` and `optimizers`. A sample of training is `(target, source)`.
    """

    config_class = Pix2PixConfig
    corpus_class = Pairs

    def __init__(self, config: Any, space: TextSpace, device: torch.device):
        super().__init__(config, space, device)
        sizes = of_critic(config.model, config.critic.dropout)
        self.critic = PairCritic(space.alphabet, sizes, space.context_features, config.critic.conditioning).to(device)
        self.objective = config.critic.game
        self.adversary = Adversary(self.critic, self.objective, {})
        self.modules["critic"] = self.critic

    def phases(self, data: Pairs) -> list[Phase]:
        """Maximum likelihood; the critic alone; both alternately."""
        config = self.config

        def stream(size: int, seed: int):
            return pair_batches(data.train, data.sources[0], size, seed, self.device, data.context)

        def validation() -> float:
            return mean_nll(self.generator, data.validation, data.validation_sources, data.validation_context)

        paired = stream(config.likelihood.batch, config.seed)
        phases = likelihood_phase(self, paired, self.likelihood_turn, validation)
        start = phases[-1].steps.stop if phases else 0
        phases += self.game_phases(start, lambda name: stream(config.batch, derive_seed(config.seed, name)))
        return phases

    def begin_critic(self) -> None:
        """The critic's layers begin as the translator's."""
        self.critic.begin_as(self.generator)

    def likelihood_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Negative log-likelihood of the targets, whose mean is that over their tokens."""
        real = self.hide_conditions(real)
        target, source = real.sample
        return {"nll": pair_nll(self.generator, self.alphabet.trim(target), self.without_some(source), real.context)}

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell the true target of each source from one that is drawn."""
        real = self.hide_conditions(real)
        fake = Batch((self.draw(real.sample[1], real.context), real.sample[1]), real.context)
        return self.adversary.critic_losses(real, fake, step)

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Draw several translations of each source, and make those likelier that the critic prefers."""
        real = self.hide_conditions(real)
        (target, source), draws = real.sample, self.config.policy.draws
        sources, context = source.repeat_interleave(draws, 0), repeated(real.context, draws)
        ids = self.draw(sources, context)
        with at_rest(self.critic):
            on_real = self.adversary.logits(real.sample, real.context).repeat_interleave(draws)
            reward = -self.objective.generator(on_real, self.adversary.logits((ids, sources), context))
        right = (ids == target.repeat_interleave(draws, 0)).all(1).float().mean()
        with without_dropout(self.generator):
            losses = {"policy": self.reinforce(ids, sources, context, reward)}
        losses |= {"_reward": reward.mean(), "_exact": right}
        if self.config.policy.likelihood:
            nll = self.likelihood_turn(real, step)["nll"]
            losses["likelihood"] = nll * self.config.policy.likelihood
        return losses

    def critic_score(self, sample: Sample, context: Context | None = None) -> Tensor:
        """The critic's logits `(batch,)` of pairs `(target, source)`, ids."""
        with at_rest(self.critic):
            return self.adversary.logits(sample, context)

    def figures(self, data: Pairs) -> dict[str, float]:
        """valid/nll, nats a token; valid/exact, the share of some held-out sources that become their target."""
        sources, targets, context = data.validation_sources, data.validation, data.validation_context
        nll = mean_nll(self.averaged.average, targets, sources, context)
        some = slice(CHECKED)
        made = self.greedy(sources[some], context[some] if context is not None else None)
        return {"valid/nll": nll, "valid/exact": float((made == targets[some]).all(1).float().mean())}
