"""Kneser-Ney models against values worked out by hand and against their formula, term by term."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from gancore.errors import DataError
from seqgan.data.grammar import corpus
from seqgan.metrics.kneser_ney import kneser_ney, perplexities


def by_formula(train, judged, order, types, discount):
    """Log-probabilities by dictionaries, as the definition reads."""
    marks = ["<s>"] * max(1, order - 1)
    padded = [[*marks, *sequence, "</s>"] for sequence in train]
    counts = {n: Counter() for n in range(1, order + 1)}
    before = {n: defaultdict(set) for n in range(1, order)}
    for line in padded:
        for place in range(len(marks), len(line)):
            counts[order][tuple(line[place - order + 1 : place + 1])] += 1
            for n in before:
                before[n][tuple(line[place - n + 1 : place + 1])].add(line[place - n])
    for n, held in before.items():
        counts[n] = Counter({gram: len(found) for gram, found in held.items()})

    def less(n):
        kinds = Counter(counts[n].values())
        return discount or (kinds[1] / (kinds[1] + 2 * kinds[2]) if kinds[1] and kinds[2] else 0.5)

    def probability(token, context):
        n = len(context) + 1
        lower = 1 / types if n == 1 else probability(token, context[1:])
        after = {gram: count for gram, count in counts[n].items() if gram[:-1] == context}
        total = sum(after.values())
        if not total:
            return lower
        return max(after.get((*context, token), 0) - less(n), 0) / total + less(n) * len(after) / total * lower

    def score(sequence):
        line = [*marks, *sequence, "</s>"]
        places = range(len(marks), len(line))
        return -sum(math.log(probability(line[place], tuple(line[place - order + 1 : place]))) for place in places)

    return [score(sequence) for sequence in judged], probability


def some(n, tokens, seed):
    rng = np.random.default_rng(seed)
    return [[str(token) for token in rng.integers(tokens, size=rng.integers(6))] for _ in range(n)]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("discount", [None, 0.3])
def test_it_is_the_formula(order, discount):
    train, judged = some(20, 5, 0), some(9, 7, 1)
    expected, probability = by_formula(train, judged, order, 8, discount)
    found = kneser_ney(train, judged, order, 8, discount)
    np.testing.assert_allclose(found.nats, expected, rtol=1e-12)
    assert found.tokens.tolist() == [len(sequence) + 1 for sequence in judged]
    for context in (("0",) * (order - 1), ("3", "1", "4")[: order - 1]):
        assert sum(probability(token, context) for token in (*"0123456", "</s>")) == pytest.approx(1)


def test_bigrams_by_hand():
    """Of "a b" and "a c", discount 0.5, five types: a, b, c, d and the end.

    Continuations: a, b, c have one token before them, the end two: P1(b) = 0.5/5 + 0.5 * 4/5 * 1/5 = 0.18,
    P1(end) = 1.5/5 + 0.08 = 0.38, P1(d) = 0.08. Then P(b | a) = 0.5/2 + 0.5 * 2/2 * 0.18 = 0.34, P(a | begin) =
    1.5/2 + 0.5 * 1/2 * 0.18 = 0.795, P(end | b) = 0.5 + 0.5 * 0.38 = 0.69, and after d, never seen, P1 itself.
    """
    found = kneser_ney([["a", "b"], ["a", "c"]], [["a", "b"], ["d"]], order=2, types=5, discount=0.5)
    first = 0.795 * 0.34 * 0.69
    second = (0.5 * 0.5 * 0.08) * 0.38
    np.testing.assert_allclose(np.exp(-found.nats), [first, second], rtol=1e-12)
    assert found.perplexity == pytest.approx((first * second) ** (-1 / 5))


def test_it_needs_sequences():
    with pytest.raises(DataError, match="needs sequences"):
        kneser_ney([], [["a"]])
    with pytest.raises(DataError, match="order of 1 or more; got 0"):
        kneser_ney([["a"]], [["a"]], 0)
    with pytest.raises(DataError, match="two texts and four references"):
        perplexities([["a"]], [["a"]] * 4)


def test_forward_sees_noise_and_reverse_sees_sameness():
    lines = [line.split() for line in corpus(1200)]
    fresh, reference = lines[:400], lines[400:]
    good, noise, same = (
        perplexities(texts, reference) for texts in (fresh, [line[::-1] for line in fresh], fresh[:4] * 100)
    )
    assert good["forward-perplexity"].value == pytest.approx(good["reference-perplexity"].value, rel=0.15)
    assert good["reverse-perplexity"].value == pytest.approx(good["reference-perplexity"].value, rel=0.15)
    assert noise["forward-perplexity"].low > good["forward-perplexity"].high
    assert same["reverse-perplexity"].low > 2 * good["reverse-perplexity"].high
    for one in good.values():
        assert 1 < one.low < one.value < one.high
        assert one.n == 400
