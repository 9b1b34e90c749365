"""Gaps in lines and what fills them, many lines at a time; and why a line cannot be filled."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import torch

from gancore.errors import ConfigError, DataError
from gancore.facade.conditions import Conditions, Request
from gancore.facade.drawing import request_context
from seqgan.data.gaps import GAP, pieces
from seqgan.recipes.completion import prompt_refusal
from seqgan.recipes.translating import Search, write_targets
from seqgan.text.vocabulary import Vocabulary

COLUMNS = ["row", "line", "rank", "text", "log_prob", "reason"]
"""Of the table of filled lines."""


def infill(
    recipe: Any,
    conditions: Conditions | None,
    device: torch.device,
    lines: Sequence[str | None],
    request: Request,
    search: Search,
    seed: int,
) -> pd.DataFrame:
    """A table of `n` fillings of each line, in order; a row with a reason for a line that cannot be filled.

    Columns: row (the line's number, from 1), line, rank (from 1), text (the line without gaps), log_prob (nats, of what
    fills them given the rest; NaN where there is none), reason. Raises ConfigError for what cannot be requested, and
    DataError where there are no lines.
    """
    if not len(lines):
        raise DataError("there are no lines with gaps.")
    search = search.checked()
    context = request_context(conditions, len(lines), request)
    vocabulary, reasons = recipe.space.vocabulary, [gap_refusal(recipe, line) for line in lines]
    ids = {
        row: _gapped_ids(vocabulary, line or "", recipe.gap)
        for row, (line, reason) in enumerate(zip(lines, reasons, strict=True))
        if not reason
    }
    written = write_targets(recipe, device, ids, context, search, seed, "filling gaps")
    made = {
        row: [
            (vocabulary.decode([token for token in target if token != recipe.gap]), log_prob)
            for target, log_prob in own
        ]
        for row, own in written.items()
    }
    found = []
    for row, (line, reason) in enumerate(zip(lines, reasons, strict=True)):
        for rank, (text, log_prob) in enumerate(made.get(row, [(None, float("nan"))]), 1):
            found.append((row + 1, line, rank, text, log_prob, reason))
    return pd.DataFrame(found, columns=COLUMNS)


def _gapped_ids(vocabulary: Vocabulary, line: str, gap: int) -> list[int]:
    """The ids of a line with the mark for each gap."""
    first, *others = (vocabulary.encode(piece) for piece in pieces(line.strip(), vocabulary.kind))
    return [*first, *(token for part in others for token in (gap, *part))]


def gap_refusal(recipe: Any, line: str | None) -> str:
    """Why the gaps of a line cannot be filled, a few words; "" where they can."""
    text = (line or "").strip()
    if not text:
        return "is empty"
    vocabulary, most = recipe.space.vocabulary, recipe.space.length - 1
    given = pieces(text, vocabulary.kind)
    gaps = len(given) - 1
    if not gaps:
        return f"has no gap; write {GAP} where something is missing"
    if not all(part.strip() for part in given[1:-1]):
        return "has two gaps side by side; write one, which may hold more than one token"
    if gaps > recipe.config.gaps.most:
        return f"has {gaps} gaps, and the model fills at most {recipe.config.gaps.most}"
    reasons = (prompt_refusal(recipe, part, most) for part in given if part)
    if reason := next(filter(None, reasons), ""):
        return reason
    tokens = gaps + sum(len(vocabulary.encode(part)) for part in given if part)
    return f"has {tokens} tokens with its gaps, and the model reads at most {most}" if tokens > most else ""


def infilled_lines(
    gan: Any, lines: Sequence[str], n: int, temperature: float, seed: int, ask: tuple[Request, float], others: Mapping
) -> Iterator[str]:
    """The filled lines of `seqgan generate --infill`, `n` for each.

    ask: the request and the guidance. others: options that are not for gaps, by name, and whether each is given.
    Raises ConfigError for one that is, and for a line that cannot be filled.
    """
    if given := [name for name, value in others.items() if value]:
        raise ConfigError(f"--infill: {given[0]} has no effect on what fills gaps; leave one of the two out.")
    table = gan.infill(lines, n, ask[0], seed, temperature, guidance=ask[1])
    for line, reason in zip(table["line"], table["reason"], strict=True):
        if reason:
            raise ConfigError(f"--infill {line!r}: it {reason}.")
    yield from table["text"]
