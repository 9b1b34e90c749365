"""Spans that texts share: found as a search over all pairs of places finds them."""

import numpy as np
import pytest

from seqgan.metrics.spans import common_spans, copied_spans, repeated_spans, shared_spans


def some(n, tokens, seed):
    rng = np.random.default_rng(seed)
    return [[str(token) for token in rng.integers(tokens, size=rng.integers(12))] for _ in range(n)]


def longest(sequence, corpus):
    found = 0
    for line in corpus:
        for start in range(len(sequence)):
            for other in range(len(line)):
                n = 0
                while start + n < len(sequence) and other + n < len(line) and sequence[start + n] == line[other + n]:
                    n += 1
                found = max(found, n)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_shared_spans_are_the_longest_and_are_where_they_say(seed):
    sequences, corpus = some(12, 5, seed), some(10, 5, seed + 50)
    found = shared_spans(sequences, corpus)
    assert found.length.tolist() == [longest(sequence, corpus) for sequence in sequences]
    for sequence, n, start, line, line_start in zip(sequences, *(part.tolist() for part in found), strict=True):
        assert sequence[start : start + n] == corpus[line][line_start : line_start + n]
    assert copied_spans(sequences, corpus).tolist() == found.length.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_repeated_spans_are_the_longest_without_overlap(seed):
    sequences = some(30, 3, seed)
    found = repeated_spans(sequences)
    for sequence, n, first, second in zip(sequences, *(part.tolist() for part in found), strict=True):
        every = [
            size
            for size in range(1, len(sequence))
            for start in range(len(sequence) - size)
            for again in range(start + size, len(sequence) - size + 1)
            if sequence[start : start + size] == sequence[again : again + size]
        ]
        assert n == max(every, default=0)
        assert sequence[first : first + n] == sequence[second : second + n]
        assert not n or second >= first + n


def test_repeated_spans_by_hand():
    found = repeated_spans([["a", "a", "a", "a"], ["x"], [], ["p", "q", "r", "q", "r"]])
    assert [part.tolist() for part in found] == [[2, 0, 0, 2], [0, 0, 0, 1], [2, 0, 0, 3]]


def test_common_spans_by_hand():
    texts = [["a", "b", "c", "b"], ["a", "b"], ["b", "c"], ["a", "b", "a", "b"]]
    found = common_spans(texts, [["a", "b"], ["c"]], n=2)
    assert [one.tokens for one in found] == [("a", "b"), ("b", "c")]
    assert [(one.share, one.reference) for one in found] == [(0.75, 0.5), (0.5, 0.0)]
    assert common_spans(texts, [["a"]], n=5) == []
    assert len(common_spans(texts, [["a"]], n=1, most=2)) == 2
