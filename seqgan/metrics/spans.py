"""Spans of tokens that texts share: with a corpus, with themselves, and with one another."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from seqgan.metrics.ngrams import Grams, Sequences


class SharedSpans(NamedTuple):
    """The longest span of each sequence that the corpus holds too; all 0 where there is none.

    length: in tokens. start: of the span in the sequence. line: of the corpus that holds it, the first one. line_start:
    of the span in that line.
    """

    length: Int[np.ndarray, "sequence"]
    start: Int[np.ndarray, "sequence"]
    line: Int[np.ndarray, "sequence"]
    line_start: Int[np.ndarray, "sequence"]


def shared_spans(sequences: Sequences, corpus: Sequences) -> SharedSpans:
    """The longest unbroken span that each sequence has in common with a line of the corpus, and where both are.

    >>> found = shared_spans([["a", "b", "c"]], [["x"], ["x", "b", "c"]])
    >>> [int(part[0]) for part in found]
    [2, 1, 1, 1]
    """
    together = Grams([*sequences, *corpus])
    length, start, line, line_start = (np.zeros(len(sequences), dtype=np.int64) for _ in range(4))
    for n, (places, codes) in enumerate(together.orders(), 1):
        mine = together.owners[places] < len(sequences)
        theirs, first = np.unique(codes[~mine], return_index=True)
        copied = mine & np.isin(codes, theirs)
        if not copied.any():
            break
        whose, at = np.unique(together.owners[places[copied]], return_index=True)
        here = places[copied][at]
        there = places[~mine][first[np.searchsorted(theirs, codes[copied][at])]]
        length[whose], start[whose] = n, here - together.begins[here]
        line[whose], line_start[whose] = together.owners[there] - len(sequences), there - together.begins[there]
    return SharedSpans(length, start, line, line_start)


def copied_spans(sequences: Sequences, corpus: Sequences) -> Int[np.ndarray, "sequence"]:
    """Tokens in the longest span of each sequence that the corpus holds too, unbroken: a measure of memorisation."""
    return shared_spans(sequences, corpus).length


class RepeatedSpans(NamedTuple):
    """The longest span that each sequence says twice without overlap: its length, and both starts; 0 where none."""

    length: Int[np.ndarray, "sequence"]
    first: Int[np.ndarray, "sequence"]
    second: Int[np.ndarray, "sequence"]


def repeated_spans(sequences: Sequences) -> RepeatedSpans:
    """The longest span of tokens that each sequence repeats.

    >>> [int(part[0]) for part in repeated_spans([["a", "b", "c", "a", "b"]])]
    [2, 0, 3]
    """
    together = Grams(sequences)
    length, first, second = (np.zeros(len(sequences), dtype=np.int64) for _ in range(3))
    for n, (places, codes) in enumerate(together.orders(), 1):
        if not len(places):
            break
        both = together.owners[places] * (int(codes.max()) + 1) + codes
        opening = np.unique(both, return_index=True)[1]
        closing = len(both) - 1 - np.unique(both[::-1], return_index=True)[1]
        twice = places[closing] - places[opening] >= n
        if not twice.any():
            break
        here, again = places[opening[twice]], places[closing[twice]]
        whose, at = np.unique(together.owners[here], return_index=True)
        length[whose] = n
        first[whose], second[whose] = (part[at] - together.begins[part[at]] for part in (here, again))
    return RepeatedSpans(length, first, second)


class CommonSpan(NamedTuple):
    """A span of tokens, the share of the texts that hold it, and the share of the reference's lines that do."""

    tokens: tuple[str, ...]
    share: float
    reference: float


def common_spans(sequences: Sequences, reference: Sequences, n: int = 4, most: int = 10) -> list[CommonSpan]:
    """The n-grams that most sequences hold, each counted once a sequence; only those that two hold at least.

    >>> common_spans([["a", "b"], ["a", "b", "c"]], [["b", "c"]], n=2)
    [CommonSpan(tokens=('a', 'b'), share=1.0, reference=0.0)]
    """
    both = [*sequences, *reference]
    grams = Grams(both)
    places, codes = next(pair for order, pair in enumerate(grams.orders(), 1) if order == n)
    if not len(codes):
        return []
    size = int(codes.max()) + 1
    pairs, at = np.unique(grams.owners[places] * size + codes, return_index=True)
    owners, held = pairs // size, pairs % size
    ours = np.bincount(held[owners < len(sequences)], minlength=size)
    theirs = np.bincount(held[owners >= len(sequences)], minlength=size)
    example = np.zeros(size, dtype=np.int64)
    example[held] = places[at]
    spans = []
    for code in np.argsort(-ours, kind="stable")[:most]:
        if ours[code] < 2:
            break
        place = example[code]
        owner, start = int(grams.owners[place]), int(place - grams.begins[place])
        share = float(theirs[code] / len(reference)) if len(reference) else float("nan")
        spans.append(CommonSpan(tuple(both[owner][start : start + n]), float(ours[code] / len(sequences)), share))
    return spans
