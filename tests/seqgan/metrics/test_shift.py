"""The warning that training lines and reference lines are easy to tell apart."""

import pytest

from gancore.io.notes import Note
from seqgan.data.grammar import corpus
from seqgan.metrics.evaluation import evaluate
from seqgan.metrics.two_sample import shift_between, shift_note


def split(lines):
    return [line.split() for line in lines]


def test_lines_of_one_source_give_no_warning():
    lines = split(dict.fromkeys(corpus(5000, 0)))
    found = [
        shift_between(lines[seed * 200 : seed * 200 + 100], lines[seed * 200 + 100 : seed * 200 + 200], seed)
        for seed in range(20)
    ]
    assert max(one.low for one in found) <= 0.55
    assert not shift_note(lines[:800], lines[800:1600])


def test_copies_do_not_count():
    """A line that one side repeats would be learnt by heart: its copies are on both sides of the test."""
    lines = split(dict.fromkeys(corpus(3000, 0)))
    found = shift_between(lines[:100] + lines[100:110] * 90, lines[200:900] + lines[900:910] * 30)
    assert found.low <= 0.55


def test_a_topic_is_a_shift():
    lines = list(dict.fromkeys(corpus(3000, 0)))
    cats = [line for line in lines if "cat" in line.split()]
    others = [line for line in lines if "cat" not in line.split()]
    assert shift_between(split(cats), split(others)).low > 0.55
    assert shift_between(split(cats)[:49], split(others)) is None


def test_evaluate_warns_first():
    lines = list(dict.fromkeys(corpus(3000, 0)))
    cats = [line for line in lines if "cat" in line.split()]
    others = [line for line in lines if "cat" not in line.split()]
    with pytest.warns(Note, match="easy to tell apart: a linear classifier has AUC"):
        figures = evaluate(others[:100], others[100:300], train=cats)
    assert figures.notes[0].startswith("Training lines and reference lines are easy to tell apart")
    calm = evaluate(lines[:100], lines[100:300], train=lines[300:])
    assert not [one for one in calm.notes if "tell apart" in one]
