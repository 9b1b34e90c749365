"""MaskGAN (Fedus et al. 2018) for sequences: gaps in a line are filled by a network that reads all of the line.

The gapped line is a source and the filled one its target, so the rest is Pix2Pix: likelihood, then a critic that sees
both, by REINFORCE. What is given is written as it is, and has no part in the policy gradient. Fedus et al. have a
critic of each token and learn a baseline; here the other draws of a line are the baseline. Their gaps have a known
length; here a mark closes a gap, of any length (Donahue et al. 2020).
"""

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gancore.facade.recipe import Capability
from gancore.training import distributed
from gancore.training.device import derive_seed, new_generator
from gancore.training.run import Phase
from gancore.training.settings import STRICT, Positive
from gancore.types import Batch, Context, Sample
from seqgan.data.corpus import Corpus, batches
from seqgan.data.gaps import GappedCorpus, gap_of, gapped
from seqgan.data.space import TextSpace
from seqgan.networks.decoding import sample
from seqgan.networks.filling import Filling, WholeLines, in_gaps
from seqgan.networks.generator import at_rest
from seqgan.networks.translator import Sources, Translator, mean_nll
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

    def gapped(self, ids: Sources, random: torch.Generator | None = None) -> tuple[Ids, Sources]:
        """Lines as `(target, source)`, with gaps of their own each time."""
        width = ids.shape[1] + 2

        def draw(n: int) -> Tensor:
            return torch.rand(n, width, device=ids.device, generator=random)

        uniform = draw(len(ids)) if random is not None else distributed.draw_global(draw, len(ids))
        return gapped(ids, self.alphabet, self.gap, self.config.gaps.most, uniform, self.config.hide_source)

    def gapped_once(self, ids: Sources) -> tuple[Ids, Sources]:
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
        """Negative log-likelihood of the line with its marks, whose mean is that over its tokens."""
        return super().likelihood_turn(self.paired(real), step)

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell what filled the gaps from what is drawn."""
        return super().critic_turn(self.paired(real), step)

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Fill each line several times, and make likelier what the critic prefers."""
        return super().generator_turn(self.paired(real), step)

    def figures(self, data: Corpus) -> dict[str, float]:  # pyright: ignore
        """valid/nll, nats a token of lines with their marks; valid/exact, the share of some that are as they were.

        Lines with unknown tokens, which are never written, count for the first alone.
        """
        targets, sources = self.gapped_once(data.validation)
        context, known = data.validation_context, (data.validation != self.alphabet.unknown).all(1)
        figures = {"valid/nll": mean_nll(self.averaged.average, targets, sources, context)}
        some = known.nonzero().squeeze(1)[:CHECKED]
        if len(some):
            made = self.greedy(sources[some], context[some] if context is not None else None)
            figures["valid/exact"] = float((made == targets[some]).all(1).float().mean())
        return figures

    # Sampling ---------------------------------------------------------------------------------

    @property
    def target_length(self) -> int:
        """The longest line and two marks for each gap."""
        return self.space.length + 2 * self.config.gaps.most

    def drawn(self, ids: Ids) -> Bool[Tensor, "batch step"]:
        """The tokens in gaps, and the mark that closes each."""
        return self.alphabet.mask(ids) & in_gaps(ids, self.gap)

    def writing(self, network: Translator, sources: Sources, guidance: float = 1.0) -> Any:
        """A translator with gapped lines, whose given tokens it leaves as they are: a stepper."""
        return Filling(super().writing(network, sources, guidance), sources, self.gap, self.target_length)

    def sample(
        self,
        n: int,
        random: torch.Generator,
        context: Context | None = None,
        options: SampleOptions | None = None,
        guidance: float = 1.0,
    ) -> Ids:
        """`n` whole lines, `(n, step)`: what fills nothing but a gap."""
        options, network = options or SampleOptions(), self.averaged.average
        guided = guidance if context is not None else 1.0
        with at_rest(network):
            stepper = WholeLines(super().writing(network, self.no_source(n), guided), self.gap)
            ids = sample(
                *(stepper, n, options.steps or self.space.length, random, options.decoding),
                *(options.prefix, self.device, options.rule, context),
            )
        return ids.masked_fill(ids == self.gap, self.alphabet.end or 0)

    def log_prob_of(
        self, network: Translator, sample: Sample, context: Context | None = None
    ) -> Float[Tensor, "batch"]:  # pyright: ignore
        """Log-probability in nats, with gradients, of what fills gaps, `(target, source)`, or of whole `(line,)`."""
        return super().log_prob_of(network, self.as_pair(sample), context)

    def as_pair(self, sample: Sample) -> Sample:
        """`(target, source)` as it is; of whole lines `(line,)`, each is one gap."""
        ids, *sources = sample
        if sources:
            return sample
        uniform = torch.zeros(len(ids), ids.shape[1] + 2, device=ids.device)
        return gapped(ids, self.alphabet, self.gap, 1, uniform, whole=1.0)

    def critic_score(self, sample: Sample, context: Context | None = None) -> Tensor:
        """The critic's logits `(batch,)` of `(target, source)`, ids, or of whole lines `(line,)`."""
        return super().critic_score(self.as_pair(sample), context)
