import itertools
from collections import Counter

import numpy as np
import pytest

from seqgan.data.grammar import Grammar, GrammarError, corpus, english

AMBIGUOUS = """
S -> A B [1] | 'x' [1]
S -> A 'y' B [2]
A -> 'a' [1] | 'b' [3] | S A [.5]
B -> A [1]
B -> 'a' 'b' [1]
"""


def test_probabilities_of_all_short_sentences_sum_to_one():
    """With recursion, several derivations of one sentence, long rules and rules to one symbol."""
    grammar = Grammar(AMBIGUOUS, max_length=6)
    every = [" ".join(words) for n in range(1, 7) for words in itertools.product("abxy", repeat=n)]
    assert np.exp(grammar.log_prob(every)).sum() == pytest.approx(1, abs=1e-12)


def test_a_probability_by_hand():
    grammar = Grammar("S -> A A [3]\nS -> 'b' [1]\nA -> 'a' [1] | 'b' [1]", max_length=2)
    found = np.exp(grammar.log_prob(["a a", "b b", "b", "a", "c", "", "a a a"]))
    np.testing.assert_allclose(found, [0.75 / 4, 0.75 / 4, 0.25, 0, 0, 0, 0])


def test_draws_have_the_probabilities():
    grammar = Grammar(AMBIGUOUS, max_length=6)
    n = 20_000
    counts = Counter(grammar.sample(n))
    common = [sentence for sentence, _ in counts.most_common(10)]
    expected = np.exp(grammar.log_prob(common))
    assert np.abs(np.array([counts[sentence] / n for sentence in common]) - expected).max() < 0.015


def test_the_embedded_corpus():
    lines = corpus(2000)
    assert lines == corpus(2000)
    assert lines != corpus(2000, seed=1)
    grammar = english()
    assert grammar.contains(lines).all()
    assert max(len(line.split()) for line in lines) <= 20
    wrong = [
        "the dogs sleeps .",
        "a owl sings .",
        "the dog the cat .",
        "an dog runs .",
        "dog",
        "the unknownword sleeps .",
    ]
    assert not grammar.contains(wrong).any()
    assert 10 < grammar.entropy(500) < 25


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("", "holds no rules"),
        ("S -> 'a'\nnot a rule", "line 2: write a rule as"),
        ("S -> A 'a'", "no rule for A"),
        ("S -> 'a' |", "line 1: a rule without symbols"),
        ("S -> 'a' [1.2.3]", "line 1: write a weight"),
        ("S -> 'a' [0]", "all rules of S have weight 0"),
        ("S -> 'a' S", "no sentence of at most 20 words"),
        ("S -> A\nA -> S [1] | 'a' [1]", "leads back to itself"),
    ],
)
def test_a_bad_grammar_names_its_line(rules, message):
    with pytest.raises(GrammarError, match=message):
        Grammar(rules)
