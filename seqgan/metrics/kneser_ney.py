"""Interpolated Kneser-Ney n-gram models: how likely held-out sequences are, without training a network."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from gancore.errors import DataError
from gancore.statistics.intervals import Estimate, half_sample_interval
from seqgan.metrics.ngrams import Sequences

MOST = 5000
"""Sequences of each kind that perplexities rest on, at most."""
_BEGIN, _END = 0, 1


class SequenceNLL(NamedTuple):
    """Of each sequence its negative log-likelihood in nats and its number of tokens, the end counted as one."""

    nats: np.ndarray
    tokens: np.ndarray

    @property
    def perplexity(self) -> float:
        """The exponential of the mean over all tokens."""
        return float(np.exp(self.nats.sum() / self.tokens.sum()))

    def interval(self) -> Estimate:
        """The perplexity with its 95% interval over sequences."""
        return half_sample_interval(
            lambda rows: float(np.exp(self.nats[rows].sum() / self.tokens[rows].sum())),
            len(self.nats),
            100,
            bounds=(1.0, np.inf),
        )


def kneser_ney(
    train: Sequences, judged: Sequences, order: int = 4, types: int | None = None, discount: float | None = None
) -> SequenceNLL:
    """The likelihood of sequences under an interpolated Kneser-Ney model of `train` (Kneser and Ney 1995).

    Each sequence begins after `order - 1` marks and closes with an end, which is predicted too. Counts of the longest
    n-grams are occurrences; those of shorter ones are the distinct tokens before them. One absolute discount an order,
    n1 / (n1 + 2 n2) of the n-grams counted once and twice (Ney, Essen and Kneser 1994), or 0.5 where either is 0. The
    unigrams are interpolated with the uniform distribution over `types` tokens, so that nothing has probability 0.

    types: size of the vocabulary with the end; by default of the tokens of both sides. The same for models that are to
    be compared. discount: in (0, 1), of all orders, in place of the estimated ones.
    Raises DataError where either side is empty, and for an order below 1.

    >>> kneser_ney([["a", "b"]], [["a", "b"]], order=1, discount=0.5).nats.round(4).tolist()
    [3.2958]
    """
    if not len(train) or not len(judged):
        raise DataError("an n-gram model needs sequences to learn from and sequences to judge.")
    if order < 1:
        raise DataError(f"an n-gram model has an order of 1 or more; got {order}.")
    tokens, owners = _numbered([*train, *judged], order)
    predicted = np.flatnonzero(tokens != _BEGIN)
    learnt = owners[predicted] < len(train)
    asked = predicted[~learnt]
    probability = np.full(len(asked), 1.0 / (types or len(np.unique(tokens)) - 1))
    grams = _grams(tokens, order)
    for n in range(1, order + 1):
        ids, contexts = grams[n][predicted], grams[n - 1][predicted - 1] if n > 1 else np.zeros_like(predicted)
        if n < order:  # distinct longer n-grams, each once
            kept = np.unique(grams[n + 1][predicted[learnt]], return_index=True)[1]
        else:
            kept = np.arange(int(learnt.sum()))
        counts = np.bincount(ids[learnt][kept], minlength=ids.max() + 1)
        size = contexts.max() + 1
        totals = np.bincount(contexts[learnt][kept], minlength=size)
        first = np.unique(ids[learnt], return_index=True)[1]
        kinds = np.bincount(contexts[learnt][first], minlength=size)
        less = _discount(counts) if discount is None else discount
        ours, where = counts[ids[~learnt]], contexts[~learnt]
        total = totals[where]
        seen = np.maximum(total, 1)
        backed = np.maximum(ours - less, 0) / seen + less * kinds[where] / seen * probability
        probability = np.where(total > 0, backed, probability)
    whose = owners[asked] - len(train)
    nats = np.bincount(whose, weights=-np.log(probability), minlength=len(judged))
    return SequenceNLL(nats, np.bincount(whose, minlength=len(judged)))


def _numbered(sequences: Sequences, order: int) -> tuple[Int[np.ndarray, "place"], Int[np.ndarray, "place"]]:
    """All tokens one after the other as numbers, with marks of begin and end; and whose each is."""
    numbers: dict[str, int] = {}
    flat: list[int] = []
    for sequence in sequences:
        flat += [_BEGIN] * max(1, order - 1)
        flat += [numbers.setdefault(token, len(numbers) + 2) for token in sequence]
        flat.append(_END)
    lengths = [len(sequence) + max(1, order - 1) + 1 for sequence in sequences]
    return np.array(flat, dtype=np.int64), np.repeat(np.arange(len(sequences)), lengths)


def _grams(tokens: np.ndarray, order: int) -> list[np.ndarray]:
    """For n = 0 ... order: which n-gram ends at each place; those that cross into a sequence are never asked for."""
    kinds = int(tokens.max()) + 1
    grams = [np.zeros_like(tokens), tokens]
    for _ in range(order - 1):
        before = np.concatenate(([0], grams[-1][:-1]))
        grams.append(np.unique(before * kinds + tokens, return_inverse=True)[1])
    return grams


def _discount(counts: np.ndarray) -> float:
    """The absolute discount of an order, from its counts."""
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    return once / (once + 2 * twice) if once and twice else 0.5


def perplexities(texts: Sequences, reference: Sequences, order: int = 4, seed: int = 0) -> dict[str, Estimate]:
    """Forward and reverse perplexity by `kneser_ney` models of equally many sequences, with 95% intervals.

    forward-perplexity: texts under a model of one half of the reference; low where each text is good. reverse-
    perplexity: the other half under a model of the texts (Zhao et al. 2018); high where they are bad or lack
    variety. reference-perplexity: that other half under the model of the first, which both are to be held against.
    At most 5,000 sequences of each kind. Raises DataError for fewer than two texts or four references.
    """
    if len(texts) < 2 or len(reference) < 4:
        raise DataError("perplexities need two texts and four references at least.")
    rng = np.random.default_rng(seed)
    n = min(len(texts), len(reference) // 2, MOST)
    ours = _some(texts, rng, n)
    real = _some(reference, rng, 2 * n)
    types = 1 + len({token for part in (ours, real) for sequence in part for token in sequence})
    learnt, kept = real[:n], real[n:]
    return {
        "forward-perplexity": kneser_ney(learnt, ours, order, types).interval(),
        "reverse-perplexity": kneser_ney(ours, kept, order, types).interval(),
        "reference-perplexity": kneser_ney(learnt, kept, order, types).interval(),
    }


def _some(sequences: Sequences, rng: np.random.Generator, n: int) -> Sequence[Sequence[str]]:
    """So many of the sequences, at random."""
    return [sequences[int(row)] for row in rng.permutation(len(sequences))[:n]]
