"""Gaps in lines and what fills them, many lines at a time; and why a line cannot be filled."""

from collections import defaultdict
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
from seqgan.text.vocabulary import END

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
    parts = {
        row: [vocabulary.encode(piece) for piece in pieces((line or "").strip(), vocabulary.kind)]
        for row, (line, reason) in enumerate(zip(lines, reasons, strict=True))
        if not reason
    }
    by_gaps: dict[int, dict[int, list[int]]] = defaultdict(dict)
    for row, given in parts.items():
        by_gaps[len(given) - 1][row] = _joined(given, [[recipe.gap]] * (len(given) - 1))
    made: dict[int, list[tuple[str, float]]] = {}
    for gaps, ids in sorted(by_gaps.items()):
        rule = recipe.rule(gaps)
        for row, own in write_targets(recipe, device, ids, context, search, seed, "filling gaps", rule).items():
            made[row] = [
                (vocabulary.decode(_joined(parts[row], fillings(target, recipe.gap))), log_prob)
                for target, log_prob in own
            ]
    found = []
    for row, (line, reason) in enumerate(zip(lines, reasons, strict=True)):
        for rank, (text, log_prob) in enumerate(made.get(row, [(None, float("nan"))]), 1):
            found.append((row + 1, line, rank, text, log_prob, reason))
    return pd.DataFrame(found, columns=COLUMNS)


def fillings(target: Sequence[int], gap: int) -> list[list[int]]:
    """The ids that fill each gap, of a target in which the mark stands between two gaps.

    >>> fillings([5, 9, 6, 7, END, 0], gap=9)
    [[5], [6, 7]]
    """
    found: list[list[int]] = [[]]
    for token in target:
        if token == END:
            break
        if token == gap:
            found.append([])
        else:
            found[-1].append(token)
    return found


def _joined(given: Sequence[list[int]], between: Sequence[list[int]]) -> list[int]:
    """Given parts with something between each two of them."""
    ids = list(given[0])
    for inner, part in zip(between, given[1:], strict=True):
        ids += inner + part
    return ids


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
