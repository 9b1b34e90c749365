"""Translations of many sources at a time: the likeliest ones by beam search, or samples; and why a source has none."""

from collections.abc import Iterator, Mapping, Sequence
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
from seqgan.text.vocabulary import END

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
    written = write_targets(recipe, device, ids, context, search, seed, "translating")
    decode = recipe.space.vocabulary.decode
    made = {row: [(decode(target), log_prob) for target, log_prob in own] for row, own in written.items()}
    found = []
    for row, (source, reason) in enumerate(zip(sources, reasons, strict=True)):
        for rank, (text, log_prob) in enumerate(made.get(row, [(None, float("nan"))]), 1):
            found.append((row + 1, source, rank, text, log_prob, reason))
    return pd.DataFrame(found, columns=COLUMNS)


def write_targets(
    recipe: Any,
    device: torch.device,
    ids: Mapping[int, list[int]],
    context: Context | None,
    search: Search,
    seed: int,
    doing: str,
) -> dict[int, list[tuple[list[int], float]]]:
    """`search.n` targets of each source in ids, with their log-probability in nats, by the number of its row.

    ids: of the sources, without end. context: of all rows. doing: for the progress bar. The sources of one length
    go together, which saves steps.
    """
    order = sorted(ids, key=lambda row: len(ids[row]))
    made: dict[int, list[tuple[list[int], float]]] = {}
    each = max(1, _ROWS // max(search.n, 1 if search.temperature else search.beam))
    places = range(0, len(order), each)
    for start in over(places, doing, len(places)):
        rows = order[start : start + each]
        own = pad([ids[row] for row in rows], 1 + max(len(ids[row]) for row in rows)).to(device)
        asked = context[torch.tensor(rows)].to(device) if context is not None else None
        random = new_generator(device, seed, "translate", start)
        made |= zip(rows, _targets(recipe, own, asked, search, random), strict=True)
    return made


def attention(
    recipe: Any, conditions: Conditions | None, device: torch.device, source: str, target: str, request: Request
) -> pd.DataFrame:
    """How much each token of a target, its end included, attends to each of its source: rows add up to 1.

    Raises ConfigError for a line that the model cannot read, and for what cannot be requested.
    """
    for name, text in (("source", source), ("target", target)):
        if reason := refusal(recipe, text):
            raise ConfigError(f"{name} {text!r}: it {reason}.")
    context = request_context(conditions, 1, request)
    words, network = recipe.space.vocabulary, recipe.averaged.average
    own, theirs = (words.encode(text.strip()) for text in (source, target))
    ids = [pad([line], 1 + len(line)).to(device) for line in (theirs, own)]
    with at_rest(network), torch.no_grad():
        weights = network.attention(*ids, context.to(device) if context is not None else None)[0]
    names = [[words.spell(words.tokens[token]) for token in (*line, END)] for line in (theirs, own)]
    return pd.DataFrame(weights.cpu().numpy(), index=names[0], columns=names[1])


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


def _targets(
    recipe: Any, sources: torch.Tensor, context: Context | None, search: Search, random: torch.Generator
) -> Iterator[list[tuple[list[int], float]]]:
    """For each source its targets and their log-probability, likeliest first where none is drawn."""
    n = len(sources)
    if search.temperature:
        sources = sources.repeat_interleave(search.n, 0)
        if context is not None:
            context = context[torch.arange(n, device=context.values.device).repeat_interleave(search.n)]
        options = SampleOptions(Decoding(search.temperature, unknown=False), rule=recipe.space.vocabulary.rule)
        ids = recipe.sample_of(sources, random, context, options, search.guidance)
        scores = recipe.log_prob((ids, sources), context).view(n, search.n)
        ids = ids.view(n, search.n, -1)
    else:
        with at_rest(recipe.averaged.average):
            stepper, length = recipe.stepper(sources, context, search.guidance), recipe.target_length
            asked = Decoding(unknown=False)
            ids, scores = beam_search(stepper, n, search.beam, length, context, asked, recipe.device)
    for rows, logs in zip(ids[:, : search.n].tolist(), scores[:, : search.n].tolist(), strict=True):
        yield [(row, log) for row, log in zip(rows, logs, strict=True) if log > -float("inf")]
