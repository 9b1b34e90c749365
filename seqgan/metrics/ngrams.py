"""N-gram statistics of token sequences, counted with numpy: BLEU, Self-BLEU, distinct-n, repetition, entropy."""

from collections.abc import Iterator, Sequence
from itertools import count, islice

import numpy as np
from jaxtyping import Float, Int

from gancore.errors import DataError
from gancore.io.progress import over

Sequences = Sequence[Sequence[str]]

_EPSILON = 0.1  # what method 1 of Chen and Cherry (2014) counts in place of no match


def bleu(
    hypotheses: Sequences, references: Sequences, orders: Sequence[int] = (2, 3, 4, 5)
) -> Float[np.ndarray, "hypothesis order"]:
    """BLEU-n of every hypothesis against all references (Papineni et al. 2002), uniform weights, smoothing method 1.

    The same numbers as NLTK's `sentence_bleu` with `SmoothingFunction().method1`. Tokens are strings; an empty
    hypothesis has 0. Raises DataError without references.
    """
    if not len(references):
        raise DataError("BLEU needs references, and there are none.")
    return _bleu(hypotheses, references, orders)


def self_bleu(sequences: Sequences, orders: Sequence[int] = (2, 3, 4, 5)) -> Float[np.ndarray, "hypothesis order"]:
    """BLEU-n of every sequence against all the others (Zhu et al. 2018, Texygen); itself is never its reference.

    Raises DataError for fewer than two sequences.
    """
    if len(sequences) < 2:
        raise DataError("Self-BLEU needs at least two sequences.")
    return _bleu(sequences, None, orders)


def _bleu(hypotheses: Sequences, references: Sequences | None, orders: Sequence[int]) -> np.ndarray:
    ours = len(hypotheses)
    lengths = np.array([len(part) for part in hypotheses], dtype=np.int64)
    logs = np.zeros((ours, max(orders)))
    matched = np.zeros(ours)
    together = Grams([*hypotheses, *(references or ())])
    counted = over(islice(together.counted(), max(orders)), "n-grams, by length", max(orders))
    for n, (owners, codes, counts) in enumerate(counted, 1):
        mine = owners < ours
        allowed = _most_elsewhere(codes, counts) if references is None else _most(codes[~mine], counts[~mine], codes)
        clipped = np.minimum(counts, allowed)[mine]
        matches = np.bincount(owners[mine], weights=clipped, minlength=ours)
        if n == 1:
            matched = matches
        logs[:, n - 1] = np.log(np.where(matches > 0, matches, _EPSILON) / np.maximum(1, lengths - n + 1))
    own = None if references is not None else lengths
    nearest = _nearest(lengths, lengths if references is None else np.array([len(part) for part in references]), own)
    brevity = np.where(lengths > nearest, 0.0, 1 - nearest / np.maximum(1, lengths))
    means = np.stack([logs[:, :n].mean(1) for n in orders], 1)
    return np.exp(means + brevity[:, None]) * (matched > 0)[:, None]


class Grams:
    """The n-grams of some sequences, for growing n, each kind with a number.

    tokens: all of them one after the other, as numbers. owners: whose each is. begins, ends: where its sequence begins
    and ends.
    """

    def __init__(self, sequences: Sequences):
        numbers: dict[str, int] = {}
        flat = [numbers.setdefault(token, len(numbers)) for sequence in sequences for token in sequence]
        self.tokens = np.array(flat, dtype=np.int64)
        lengths = [len(sequence) for sequence in sequences]
        self.owners = np.repeat(np.arange(len(sequences)), lengths)
        self.ends = np.repeat(np.cumsum(lengths), lengths)
        self.begins = self.ends - np.repeat(np.array(lengths, dtype=np.int64), lengths)

    def orders(self) -> Iterator[tuple[Int[np.ndarray, "place"], Int[np.ndarray, "place"]]]:
        """For n = 1, 2, ...: where n-grams start, and which of them each is."""
        places, codes = np.arange(len(self.tokens)), self.tokens
        kinds = int(self.tokens.max(initial=0)) + 1
        for n in count(1):
            yield places, codes
            inside = places + n < self.ends[places]
            places = places[inside]
            pairs = codes[inside] * kinds + self.tokens[places + n]
            codes = np.unique(pairs, return_inverse=True)[1]

    def counted(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For n = 1, 2, ...: (whose, which, how often) for each pair of a sequence and an n-gram it holds."""
        for places, codes in self.orders():
            size = int(codes.max(initial=0)) + 1
            both, counts = np.unique(self.owners[places] * size + codes, return_counts=True)
            yield both // size, both % size, counts


def _most(codes: np.ndarray, counts: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The largest count of each wanted code in one sequence."""
    largest = np.zeros(max(codes.max(initial=0), wanted.max(initial=0)) + 1, dtype=np.int64)
    np.maximum.at(largest, codes, counts)
    return largest[wanted]


def _most_elsewhere(codes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The largest count of each entry's code in another sequence than its own."""
    largest = _most(codes, counts, codes)
    top = counts == largest
    holders = np.bincount(codes[top], minlength=codes.max(initial=0) + 1)[codes]
    second = _most(codes[~top], counts[~top], codes)
    return np.where(top & (holders == 1), second, largest)


def _nearest(lengths: np.ndarray, references: np.ndarray, own: np.ndarray | None) -> np.ndarray:
    """The reference length nearest to each length, the shorter of two; `own` lengths are taken from the references."""
    kinds, counts = np.unique(references, return_counts=True)
    distance = np.abs(kinds[None] - lengths[:, None]).astype(float)
    if own is not None:
        alone = (kinds[None] == own[:, None]) & (counts[None] == 1)
        distance[alone] = np.inf
    return kinds[distance.argmin(1)]


def distinct(sequences: Sequences, n: int) -> float:
    """Distinct n-grams over all n-grams of the set (Li et al. 2016); NaN where there is none."""
    _, codes = next(islice(Grams(sequences).orders(), n - 1, None))
    return len(np.unique(codes)) / len(codes) if len(codes) else float("nan")


def repetition(sequences: Sequences, n: int) -> float:
    """Mean of `repetitions` over the sequences that have n-grams; NaN where none has (Welleck et al. 2020)."""
    shares = repetitions(sequences, n)
    defined = shares[~np.isnan(shares)]
    return float(defined.mean()) if len(defined) else float("nan")


def repetitions(sequences: Sequences, n: int) -> Float[np.ndarray, "sequence"]:
    """Share of each sequence's n-grams that it has said before, rep-n; NaN where it has none (Welleck et al. 2020).

    >>> repetitions([["a", "b", "a", "b"], ["a"]], 2).round(2).tolist()
    [0.33, nan]
    """
    owners, _, counts = next(islice(Grams(sequences).counted(), n - 1, None))
    kinds = np.bincount(owners, minlength=len(sequences)).astype(float)
    total = np.bincount(owners, weights=counts, minlength=len(sequences))
    return 1 - np.divide(kinds, total, out=np.full(len(sequences), np.nan), where=total > 0)


def entropies(sequences: Sequences) -> Float[np.ndarray, "sequence"]:
    """Entropy of the tokens of each sequence in nats, by their shares in it; 0 for one of none (Zheng et al. 2025).

    A sequence that says one token again and again has 0, one of k different tokens log k.

    >>> entropies([["a", "a"], ["a", "b"]]).round(4).tolist()
    [0.0, 0.6931]
    """
    owners, _, counts = next(Grams(sequences).counted())
    total = np.bincount(owners, weights=counts, minlength=len(sequences))
    shares = counts / total[owners]
    return np.bincount(owners, weights=-shares * np.log(shares), minlength=len(sequences))


def gram_codes(sequences: Sequences, n: int) -> tuple[Int[np.ndarray, "place"], Int[np.ndarray, "place"]]:
    """All n-grams of the sequences in their order: (whose, which)."""
    grams = Grams(sequences)
    places, codes = next(islice(grams.orders(), n - 1, None))
    return grams.owners[places], codes


def gram_bags(sequences: Sequences, largest: int) -> tuple[Int[np.ndarray, "entry"], Int[np.ndarray, "entry"]]:
    """Which n-grams, n = 1 ... largest, each sequence holds: (whose, which), each pair once."""
    owners, codes, kinds = [], [], 0
    for owner, code, _ in islice(Grams(sequences).counted(), largest):
        owners.append(owner)
        codes.append(code + kinds)
        kinds += int(code.max(initial=-1)) + 1
    return np.concatenate(owners), np.concatenate(codes)
