"""A critic that sampling asks: lines of its own to learn from, how well it tells held-out lines, rejection of samples.

Discriminator rejection sampling (Azadi et al. 2019) is as good as its critic. One that sees the lines of the generator
again learns what the generator memorised. So some lines can be kept for it, and `critic/auc` says what it sees.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from gancore.errors import ConfigError, DataError
from gancore.io.notes import note
from gancore.statistics.ranking import area_under_curve
from gancore.training.device import derive_seed, new_generator
from gancore.training.lbfgs import minimize
from gancore.training.run import Phase
from gancore.training.settings import Count, Part, Positive
from gancore.types import Context, Sample
from seqgan.data.corpus import Corpus
from seqgan.data.lines import Lines, only
from seqgan.networks.generator import at_rest
from seqgan.recipes.config import GameCriticConfig
from seqgan.recipes.sequences import CHUNK, AdversarialRecipe, SampleOptions, SequenceRecipe
from seqgan.text.alphabet import Ids

_JUDGED = 1000  # lines, and as many samples, that the area under the curve is measured on


@dataclass(frozen=True)
class SamplingCriticConfig(GameCriticConfig):
    """A critic that sampling may ask."""

    pool: Positive = 1000
    """Generated sequences drawn at a time to train on."""
    reuse: Positive = 3
    """Passes over them before new ones are drawn."""
    held_out: Part = 0.0
    """Share of the training lines that the critic alone learns from; the generator never sees them. 0: both learn from
    all lines."""
    rejections: Count = 0
    """How often `sample` at most replaces a sample that the critic rejects (Azadi et al. 2019), unless the generator
    was trained on a reward, which the critic knows nothing of; 0 leaves the critic out."""
    ceiling: Annotated[float, Ge(1)] = 2.0
    """Ratio of the data's density to the generator's from which on a sample is never rejected. A higher one takes more
    of the difference away, and more rejections."""
    calibrated: bool = False
    """Whether rejection scales the logits by a slope fitted to the validation lines (Turner et al. 2019): a critic that
    has learnt its lines by heart is too sure of itself, and would reject too much."""

    def require_lines(self, valid: float) -> None:
        """Raise ConfigError where there are no validation lines to calibrate on."""
        if self.calibrated and not valid:
            raise ConfigError("critic.calibrated fits a slope to lines not trained on: set data.valid above 0.")


class Calibration(nn.Module):
    """The slope that makes a critic's logit a log-ratio of densities: a logistic regression on held-out scores.

    >>> calibration, logits = Calibration(), torch.linspace(-4, 4, 101)
    >>> calibration.fit(logits + 1, logits)
    >>> 0 < calibration.slope.item() < 1
    True
    """

    slope: Tensor

    def __init__(self):
        super().__init__()
        self.register_buffer("slope", torch.ones(()))

    def fit(self, real: Float[Tensor, "real"], fake: Float[Tensor, "fake"]) -> None:
        """Tell real from fake by their logits, both counting the same. A slope below 0 becomes 0: nothing is seen."""
        real, fake = real.double(), fake.double()

        def loss(line: Tensor) -> Tensor:
            cross_entropy = softplus(-(real * line[0] + line[1])).mean() + softplus(fake * line[0] + line[1]).mean()
            return cross_entropy + 1e-4 * line[0].square()  # finite where a few lines are told without fail

        self.slope.copy_(minimize(loss, torch.zeros(2, dtype=torch.double, device=real.device))[0].clamp_min(0))


def refuse_ceiling(ceiling: float | None, config: Any) -> None:
    """Raise ConfigError for a `ceiling` below 1, or of a model whose critic rejects nothing."""
    if ceiling is None:
        return
    if not getattr(config, "rejects", False):
        raise ConfigError("ceiling: this model has no critic that rejects samples; leave it out.")
    if not (isinstance(ceiling, (int, float)) and ceiling >= 1):
        raise ConfigError(f"ceiling must be a number of at least 1; got {ceiling}.")


def tell_known_lines(config: Any, start: Any, digest: str) -> None:
    """Note that a start may have learnt from the critic's lines: other lines, another share or seed of the split.

    digest: of the corpus. What the start was trained on is in its provenance.
    """
    share = getattr(getattr(config, "critic", None), "held_out", 0.0)
    if not share:
        return
    theirs = getattr(getattr(start.config, "critic", None), "held_out", 0.0)
    known = start.provenance.get("data", {}).get("sha256")
    if (theirs, start.config.seed, known) != (share, config.seed, digest):
        note(
            "critic.held_out: the start may have learnt from the lines that are kept for the critic. Train it on the "
            "same lines with the same critic.held_out and seed."
        )


def split_off(corpus: Corpus, share: float, seed: int) -> tuple[Corpus, Corpus]:
    """Two corpora with the same validation and test part: the rest of the training part, and a share of it.

    Copies of a sequence stay together, so that none is in both; each has one distinct sequence at least.
    Raises DataError where the training part has one alone.
    """
    if isinstance(corpus.train, Lines):
        turn = derive_seed(seed, "split off") % (1 << 32) / (1 << 32)
        rest, picked = corpus.known.share(share, turn)
        if not (len(rest) and len(picked)):
            raise DataError("critic.held_out: there are too few distinct lines to share between generator and critic.")
        return _rows_of(corpus, rest), _rows_of(corpus, picked)
    _, copies = corpus.train.unique(dim=0, return_inverse=True)
    distinct = int(copies.max()) + 1
    if distinct < 2:
        raise DataError("critic.held_out: there is one distinct line to train on; generator and critic need one each.")
    picked = min(distinct - 1, max(1, round(share * distinct)))
    order = torch.from_numpy(np.random.default_rng(derive_seed(seed, "split off")).permutation(distinct))
    apart = torch.isin(copies, order[:picked])
    return _rows_of(corpus, ~apart), _rows_of(corpus, apart)


def _rows_of(corpus: Corpus, rows: Tensor) -> Corpus:
    """The same with some rows of the training part alone."""
    other = copy.copy(corpus)
    other.__dict__.pop("known", None)  # of all rows
    other.train = only(corpus.train, rows)
    other.contexts = (corpus.context[rows] if corpus.context is not None else None, *corpus.contexts[1:])
    return other


class JudgedRecipe(AdversarialRecipe):
    """A recipe with a critic of whole sequences, which sampling may ask."""

    critic: Any
    calibration: Calibration | None = None

    def calibrated_modules(self) -> dict[str, nn.Module]:
        """The calibration by name, where the settings ask for one."""
        self.calibration = Calibration().to(self.device) if self.config.critic.calibrated else None
        return {"calibration": self.calibration} if self.calibration is not None else {}

    def asked_modules(self) -> tuple[str, ...]:
        """Names of the modules that sampling asks."""
        if not self.config.rejects:
            return ()
        return ("critic", "calibration") if self.config.critic.calibrated else ("critic",)

    def sample(
        self,
        n: int,
        random: torch.Generator,
        context: Context | None = None,
        options: SampleOptions | None = None,
        guidance: float = 1.0,
    ) -> Ids:
        """`n` sequences of the averaged generator, `(n, step)`; what the critic rejects is sampled again."""
        options, draw = options or SampleOptions(), super().sample
        ids = draw(n, random, context, options, guidance)
        if self.config.rejects and not options.raw:

            def draw_new(count: int, context: Context | None) -> Ids:
                return draw(count, random, context, options, guidance)

            settings = self.config.critic
            if options.ceiling is not None:
                settings = replace(settings, ceiling=options.ceiling)
            slope = float(self.calibration.slope) if self.calibration is not None else 1.0
            self.redraw_rejected(ids, self.critic, draw_new, settings, random, context, slope)
        return ids

    def critic_score(self, sample: Sample, context: Context | None = None) -> Tensor:
        """The critic's logits `(batch,)` of ids: of a critic that judges prefixes, their mean."""
        with at_rest(self.critic):
            return self.adversary.logits(sample, context)

    def shared_lines(self, corpus: Corpus) -> tuple[Corpus, Corpus | None]:
        """The lines of the generator, and those of the critic; None where both learn from the same."""
        share = self.config.critic.held_out
        return split_off(corpus, share, self.config.seed) if share and len(corpus.train) else (corpus, None)

    def measured(self, phases: list[Phase], corpus: Corpus) -> list[Phase]:
        """The same phases; those with a critic measure now and then what it sees of lines that trained nothing."""
        for phase in phases:
            if any(player.name == "critic" and player.repeat for player in phase.players) and phase.steps:
                phase.callbacks.append(self._measure(phase, corpus))
        return phases

    def _measure(self, phase: Phase, corpus: Corpus) -> Callable[[int, dict[str, float]], None]:
        every, last = self.config.monitor_every, phase.steps[-1]

        def measure(step: int, logs: dict[str, float]) -> None:
            if (step + 1) % every == 0 or step == last:
                if self.calibration is not None and len(corpus.valid):
                    self.calibration.fit(*self.held_out_scores(corpus, ("valid",)))
                    logs["critic/slope"] = float(self.calibration.slope)
                figure = self.held_out_auc(corpus)
                if figure is not None:
                    logs["critic/auc"] = figure

        return measure

    def held_out_auc(self, corpus: Corpus) -> float | None:
        """Area under the curve of the critic: held-out lines against as many samples, at most 1,000, temperature 1.

        Lines of the test and the validation part; the second stopped the likelihood, and trained nothing. Where it
        calibrates the critic, of the test part alone. The samples are of the generator that is sampled from, without
        rejection, and of the contexts of the lines. None where there are no such lines.
        """
        parts = ("test",) if self.calibration is not None else ("test", "valid")
        real, fake = self.held_out_scores(corpus, parts)
        return area_under_curve(real.double().cpu().numpy(), fake.double().cpu().numpy()) if len(real) else None

    def held_out_scores(self, corpus: Corpus, names: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        """The critic's logits of lines of some parts, and of as many samples."""
        every: dict[str, Any] = dict(
            zip(("train", "valid", "test"), zip(corpus.parts, corpus.contexts, strict=True), strict=True)
        )
        parts = [every[name] for name in names]
        real = torch.cat([part for part, _ in parts])[:_JUDGED].to(self.device)
        if not len(real):
            return torch.empty(0), torch.empty(0)
        contexts = [context for part, context in parts if context is not None and len(part)]
        context = Context.cat(contexts)[:_JUDGED].to(self.device) if contexts else None
        random = new_generator(self.device, self.config.seed, "held out", *names)
        fake = SequenceRecipe.sample(self, len(real), random, context)
        rows = [slice(start, start + CHUNK) for start in range(0, len(real), CHUNK)]
        asked = [context[some] if context is not None else None for some in rows]
        scores = [
            torch.cat([self.critic_score((ids[some],), one) for some, one in zip(rows, asked, strict=True)])
            for ids in (real, fake)
        ]
        return scores[0], scores[1]
