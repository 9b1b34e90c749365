"""Lines with gaps: a mark stands for one or more tokens that are missing, and a model of gaps fills them.

A gapped line is read as a source, `the cat ___ near ___`. Its target is the line with each gap opened, filled and
closed by the mark: `the cat ___ sleeps ___ near ___ anna ___` (after Fedus et al. 2018 and Donahue et al. 2020).
"""

import re
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from gancore.errors import ConfigError
from seqgan.data.corpus import Corpus, line_reason
from seqgan.data.settings import DataConfig
from seqgan.text.alphabet import Alphabet, Ids
from seqgan.text.vocabulary import SPECIAL, Vocabulary

GAP = "___"
"""The mark of a gap: three underscores or more."""
KINDS = ("word", "char", "smiles", "protein")
"""Kinds of tokens that a line can be cut between without becoming others."""
_MARK = re.compile(r"_{3,}")


class GappedCorpus(Corpus):
    """A corpus of whole lines whose vocabulary has one token more, the last: the mark of a gap."""

    @staticmethod
    def reason(line: str) -> str:
        """A line that has the mark itself cannot be learnt from."""
        return line_reason(line) or (f"holds {GAP}, which marks a gap" if _MARK.search(line) else "")

    @classmethod
    def of(
        cls,
        source: Any,
        config: DataConfig,
        seed: int = 0,
        vocabulary: Vocabulary | None = None,
        length: int | None = None,
        fewest: int = 2,
        columns: Sequence[str] = (),
    ) -> "GappedCorpus":
        """As `Corpus.of`. Raises ConfigError for tokens that gaps are not made for, and a vocabulary without the mark.

        >>> GappedCorpus.of(["the cat sat", "the dog ran"], DataConfig()).vocabulary.tokens[-1]
        '___'
        """
        if config.tokens not in KINDS:
            raise ConfigError(f"data.tokens={config.tokens} cannot have gaps; take one of {', '.join(KINDS)}.")
        if vocabulary is not None:
            gap_of(vocabulary)
        corpus = super().of(source, config, seed, vocabulary, length, fewest, columns)
        if vocabulary is None:
            words = corpus.vocabulary
            assert words is not None
            corpus.vocabulary = Vocabulary(words.kind, (*words.tokens, GAP), words.lower, words.merges)
            corpus.alphabet = corpus.vocabulary.alphabet
        return corpus  # pyright: ignore


def gap_of(vocabulary: Vocabulary) -> int:
    """The id of the mark. Raises ConfigError for a vocabulary that has none."""
    if vocabulary.tokens[len(SPECIAL) :][-1:] != (GAP,):
        raise ConfigError(
            "recipe maskgan: the vocabulary has no mark of a gap; give lines, or start from a model of recipe maskgan."
        )
    return len(vocabulary) - 1


def pieces(line: str, kind: str = "char") -> list[str]:
    """What stands before, between and behind the gaps of a line; "" where nothing does. Words lose outer spaces.

    >>> pieces("the cat ____ on the ___", "word")
    ['the cat', 'on the', '']
    """
    return [part.strip() if kind == "word" else part for part in _MARK.split(line)]


def compact(ids: Ids, kept: Bool[Tensor, "batch step"], pad: int) -> Ids:
    """The kept tokens of each row moved to its beginning, padding behind them.

    >>> compact(torch.tensor([[5, 6, 7]]), torch.tensor([[False, True, True]]), 0).tolist()
    [[6, 7, 0]]
    """
    order = (~kept).to(torch.int8).argsort(dim=1, stable=True)
    return ids.gather(1, order).masked_fill(~kept.gather(1, order), pad)


def gapped(
    ids: Ids, alphabet: Alphabet, gap: int, most: int, uniform: Tensor, whole: float = 0.0
) -> tuple[Int[Tensor, "batch longer"], Int[Tensor, "batch step"]]:
    """Lines as `(target, source)`: the line with 1 to `most` gaps filled between marks, and with the gaps alone.

    ids: ended and padded; targets are 2 `most` tokens longer. The number of gaps is uniform, as far as a line has room,
    and so are the places of their edges among those between two tokens and at both ends. Every gap has at least one
    token, and there is at least one between two gaps. whole: share of the lines that are one gap. uniform: numbers in
    [0, 1) `(batch, step + 2)`.

    >>> alphabet, line = Alphabet(size=9, begin=1, end=2, pad=0), torch.tensor([[3, 4, 5, 2]])
    >>> edges = torch.tensor([[0.9, 0.1, 0.2, 0.8, 0.0, 0.5]])  # the smallest two of the first four are edges
    >>> [part.tolist() for part in gapped(line, alphabet, 8, 1, edges)]
    [[[3, 8, 4, 8, 5, 2]], [[3, 8, 5, 2]]]
    """
    pad = alphabet.pad or 0
    steps = torch.arange(ids.shape[1], device=ids.device)
    tokens = alphabet.mask(ids).sum(1, keepdim=True) - 1
    room = ((tokens + 1) // 2).clamp(1, most)
    gaps = 1 + (uniform[:, -1:] * room).long().clamp_max(room - 1)
    rank = uniform[:, :-2].masked_fill(steps > tokens, torch.inf).argsort(1).argsort(1)
    inside = (rank < 2 * gaps).cumsum(1) % 2 == 1
    inside = (inside | (uniform[:, -2:-1] < whole)) & (steps < tokens)
    begins = inside & ~nn.functional.pad(inside, (1, 0))[:, :-1]
    ends = inside & ~nn.functional.pad(inside, (0, 1))[:, 1:]
    counted = steps <= tokens
    source = compact(ids.masked_fill(begins, gap), (begins | ~inside) & counted, pad)
    marks = torch.full_like(ids, gap)
    parts, kept = torch.stack((marks, ids, marks), 2).flatten(1), torch.stack((begins, counted, ends), 2).flatten(1)
    return nn.functional.pad(compact(parts, kept, pad), (0, 2 * most), value=pad)[:, : ids.shape[1] + 2 * most], source
