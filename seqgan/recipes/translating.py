"""Translations of many sources at a time: the likeliest ones by beam search, or samples; and why a source has none."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd
import torch

from gancore.errors import ConfigError, DataError
from gancore.facade.conditions import Conditions, Request
from gancore.facade.drawing import request_context
from gancore.io.progress import over
from gancore.io.rejected_rows import Rejection
from gancore.training.device import new_generator
from gancore.types import Context
from seqgan.data.corpus import pad
from seqgan.networks.beam import beam_search
from seqgan.networks.decoding import Decoding
from seqgan.networks.generator import at_rest
from seqgan.recipes.completion import prompt_refusal
from seqgan.recipes.sequences import SampleOptions

_ROWS = 256  # sequences that are written at a time
_BEAM = 5  # the narrowest beam
COLUMNS = ["row", "source", "rank", "target", "log_prob", "reason"]
"""Of the table of translations."""


class Search(NamedTuple):
    """How translations are found.

    n: of each source. temperature: 0 gives the likeliest that a beam search finds; above 0 samples. beam: width of the
    search, at least n; 0 takes 5 or n. guidance: above 1 pulls towards what is requested. Raises ConfigError through
    `checked` for a value out of range.
    """

    n: int = 1
    temperature: float = 0.0
    beam: int = 0
    guidance: float = 1.0

    def checked(self) -> "Search":
        """The same, with the width of the beam worked out."""
        if self.n < 1:
            raise ConfigError(f"cannot give {self.n} translations of a source.")
        if self.beam and self.beam < self.n:
            raise ConfigError(f"beam must be at least n, {self.n}; got {self.beam}.")
        if self.temperature:
            Decoding(self.temperature)
        if not 0 <= self.guidance <= 100:
            raise ConfigError(f"guidance must be from 0 to 100; got {self.guidance}.")
        return self._replace(beam=self.beam or max(self.n, _BEAM))


def translate(
    recipe: Any,
    conditions: Conditions | None,
    device: torch.device,
    sources: Sequence[str | None],
    request: Request,
    search: Search,
    seed: int,
) -> pd.DataFrame:
    """A table of `n` translations of each source, in order; a row with a reason for a source that has none.

    Columns: row (the source's number, from 1), source, rank (from 1), target, log_prob (nats, of the whole target given
    the source; NaN where there is none), reason. Raises ConfigError for what cannot be requested, and DataError where
    there are no sources.
    """
    if not len(sources):
        raise DataError("there is nothing to translate.")
    search = search.checked()
    if getattr(recipe, "default_condition", "") and not request and conditions is not None:
        raise ConfigError(f"condition: say what to translate into, one of {conditions.about}.")
    context = request_context(conditions, len(sources), request)
    reasons = [refusal(recipe, source) for source in sources]
    usable = [row for row, reason in enumerate(reasons) if not reason]
    ids = {row: recipe.space.vocabulary.encode((sources[row] or "").strip()) for row in usable}
    order = sorted(usable, key=lambda row: len(ids[row]))  # those of one length go together, which saves steps
    made: dict[int, list[tuple[str, float]]] = {}
    each = max(1, _ROWS // max(search.n, 1 if search.temperature else search.beam))
    places = range(0, len(order), each)
    for start in over(places, "translating", len(places)):
        rows = order[start : start + each]
        own = pad([ids[row] for row in rows], 1 + max(len(ids[row]) for row in rows)).to(device)
        asked = context[torch.tensor(rows)].to(device) if context is not None else None
        random = new_generator(device, seed, "translate", start)
        made |= zip(rows, _translations(recipe, own, asked, search, random), strict=True)
    found = []
    for row, (source, reason) in enumerate(zip(sources, reasons, strict=True)):
        for rank, (text, log_prob) in enumerate(made.get(row, [(None, float("nan"))]), 1):
            found.append((row + 1, source, rank, text, log_prob, reason))
    return pd.DataFrame(found, columns=COLUMNS)


def refusal(recipe: Any, source: str | None) -> str:
    """Why a source cannot be translated, a few words; "" where it can."""
    text = (source or "").strip()
    return "is empty" if not text else prompt_refusal(recipe, text, recipe.space.length - 1)


def rejections(table: pd.DataFrame) -> list[Rejection]:
    """The sources of a table of translations that have none, and why."""
    left = table[table["reason"] != ""]
    return [
        Rejection(int(row), str(source or ""), reason)
        for row, source, reason in zip(left["row"], left["source"], left["reason"], strict=True)
    ]


def _translations(
    recipe: Any, sources: torch.Tensor, context: Context | None, search: Search, random: torch.Generator
) -> Iterator[list[tuple[str, float]]]:
    """For each source its translations and their log-probability, likeliest first where none is drawn."""
    n, vocabulary = len(sources), recipe.space.vocabulary
    if search.temperature:
        sources = sources.repeat_interleave(search.n, 0)
        if context is not None:
            context = context[torch.arange(n, device=context.values.device).repeat_interleave(search.n)]
        options = SampleOptions(Decoding(search.temperature, unknown=False), rule=vocabulary.rule)
        ids = recipe.sample_of(sources, random, context, options, search.guidance)
        scores = recipe.log_prob((ids, sources), context).view(n, search.n)
        ids = ids.view(n, search.n, -1)
    else:
        with at_rest(recipe.averaged.average):
            stepper = recipe.stepper(sources, context, search.guidance)
            asked = Decoding(unknown=False)
            ids, scores = beam_search(stepper, n, search.beam, recipe.space.length, context, asked, recipe.device)
    for rows, logs in zip(ids[:, : search.n].tolist(), scores[:, : search.n].tolist(), strict=True):
        pairs = zip(rows, logs, strict=True)
        yield [(vocabulary.decode(row), log) for row, log in pairs if log > -float("inf")]
