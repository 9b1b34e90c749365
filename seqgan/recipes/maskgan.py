"""MaskGAN (Fedus et al. 2018) for sequences: gaps in a line are filled by a network that reads all of the line.

The gapped line is a source and what fills the gaps is its target (Donahue et al. 2020), so the rest is Pix2Pix:
likelihood, then a critic that sees the gapped line and what fills it, by REINFORCE. Fedus et al. write the whole line
again, have a critic of each token, and learn a baseline; here the other draws of a line are the baseline.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from gancore.facade.recipe import Capability
from gancore.training import distributed
from gancore.training.device import derive_seed, new_generator
from gancore.training.run import Phase
from gancore.training.settings import STRICT, Positive
from gancore.types import Batch, Context, Sample
from seqgan.data.corpus import Corpus, batches
from seqgan.data.gaps import GappedCorpus, filling_rule, gap_of, gapped
from seqgan.data.space import TextSpace
from seqgan.networks.translator import Sources, mean_nll
from seqgan.recipes.mle import likelihood_phase
from seqgan.recipes.pix2pix import PairCriticConfig, Pix2Pix
from seqgan.recipes.sequences import SampleOptions
from seqgan.recipes.translation import CHECKED, TranslationConfig
from seqgan.text.alphabet import Ids


@dataclass(frozen=True)
class GapsConfig:
    """The gaps of training."""

    __pydantic_config__ = STRICT
    most: Positive = 3
    """Most gaps in a line. A model fills no more than it has learnt to."""


@dataclass(frozen=True)
class MaskGANConfig(TranslationConfig):
    """Recipe maskgan: lines with gaps; likelihood of what fills them, then a critic that sees the rest as well."""

    recipe: str = "maskgan"
    """maskgan."""
    gaps: GapsConfig = field(default_factory=GapsConfig)
    """The gaps."""
    critic: PairCriticConfig = field(default_factory=PairCriticConfig)
    """The critic."""


class MaskGAN(Pix2Pix):
    """Recipe maskgan: a translator from gapped lines to what fills them, and a critic of both.

    A checkpoint holds `modules` and `optimizers`. A sample of training is `(line,)`; its gaps are drawn in each turn.
    """

    config: MaskGANConfig  # pyright: ignore
    config_class = MaskGANConfig
    corpus_class = GappedCorpus  # pyright: ignore
    capabilities: frozenset[Capability] = frozenset({"context", "log_prob", "critic_score", "infill"})

    def __init__(self, config: MaskGANConfig, space: TextSpace, device: torch.device):
        assert space.vocabulary is not None
        self.gap = gap_of(space.vocabulary)
        super().__init__(config, space, device)

    def phases(self, data: Corpus) -> list[Phase]:  # pyright: ignore
        """Maximum likelihood; the critic alone; both alternately."""
        config = self.config

        def stream(size: int, seed: int):
            return batches(data.train, size, seed, self.device, data.context)

        def validation() -> float:
            return mean_nll(self.generator, *self.gapped_once(data.validation), data.validation_context)

        lines = stream(config.likelihood.batch, config.seed)
        phases = likelihood_phase(self, lines, self.likelihood_turn, validation)
        start = phases[-1].steps.stop if phases else 0
        return phases + self.game_phases(start, lambda name: stream(config.batch, derive_seed(config.seed, name)))

    # Gaps -------------------------------------------------------------------------------------

    def gapped(self, ids: Ids, random: torch.Generator | None = None) -> tuple[Ids, Ids]:
        """Lines as `(target, source)`, with gaps of their own each time."""
        width = ids.shape[1] + 2

        def draw(n: int) -> Tensor:
            return torch.rand(n, width, device=ids.device, generator=random)

        uniform = draw(len(ids)) if random is not None else distributed.draw_global(draw, len(ids))
        return gapped(ids, self.alphabet, self.gap, self.config.gaps.most, uniform, self.config.hide_source)

    def gapped_once(self, ids: Ids) -> tuple[Ids, Ids]:
        """Held-out lines with the same gaps each time."""
        return self.gapped(ids, new_generator(ids.device, 0, "gaps"))

    def paired(self, real: Batch) -> Batch:
        """A batch of lines as one of pairs; pairs as they are."""
        return replace(real, sample=self.gapped(real.sample[0])) if len(real.sample) == 1 else real

    def without_some(self, sources: Sources) -> Sources:
        """Sources as they are: what hides them is a gap that takes all of a share (`hide_source`)."""
        return sources

    def no_source(self, n: int) -> Sources:
        """Nothing but a gap."""
        return torch.tensor([[self.gap, self.alphabet.end or 0]], device=self.device).repeat(n, 1)

    # Steps ------------------------------------------------------------------------------------

    def likelihood_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Negative log-likelihood of what fills the gaps, whose mean is that over its tokens."""
        return super().likelihood_turn(self.paired(real), step)

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell what filled the gaps from what is drawn."""
        return super().critic_turn(self.paired(real), step)

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Fill each line several times, and make likelier what the critic prefers."""
        return super().generator_turn(self.paired(real), step)

    def figures(self, data: Corpus) -> dict[str, float]:  # pyright: ignore
        """valid/nll, nats a token of what fills gaps; valid/exact, the share of some lines that are as they were."""
        targets, sources = self.gapped_once(data.validation)
        context = data.validation_context
        nll = mean_nll(self.averaged.average, targets, sources, context)
        made = self.greedy(sources[:CHECKED], context[:CHECKED] if context is not None else None)
        return {"valid/nll": nll, "valid/exact": float((made == targets[:CHECKED]).all(1).float().mean())}

    # Sampling ---------------------------------------------------------------------------------

    def sample(
        self,
        n: int,
        random: torch.Generator,
        context: Context | None = None,
        options: SampleOptions | None = None,
        guidance: float = 1.0,
    ) -> Ids:
        """`n` whole lines, `(n, step)`: what fills nothing but a gap."""
        options = replace(options or SampleOptions(), rule=self.rule(1))
        return super().sample(n, random, context, options, guidance)

    def rule(self, gaps: int) -> Any:
        """What may follow in what fills so many gaps."""
        return filling_rule(self.alphabet, self.gap, gaps)

    def critic_score(self, sample: Sample, context: Context | None = None) -> Tensor:
        """The critic's logits `(batch,)` of `(target, source)`, ids, or of whole lines `(line,)`."""
        target, *source = sample
        return super().critic_score((target, source[0] if source else self.no_source(len(target))), context)
