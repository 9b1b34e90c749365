"""Gaps: what they leave of a line, what fills them, which places they take, what may follow in a filling."""

from collections import Counter
from itertools import pairwise

import pytest
import torch

from gancore.errors import ConfigError
from seqgan.data.gaps import GAP, GappedCorpus, gap_of, gapped, pieces
from seqgan.data.settings import DataConfig
from seqgan.text.alphabet import Alphabet
from seqgan.text.vocabulary import Vocabulary

END, GAPS = 2, 9
ALPHABET = Alphabet(size=10, begin=1, end=END, pad=0)
LINES = torch.tensor([[3, 4, 5, 6, 7, END, 0], [8, 3, END, 0, 0, 0, 0], [4, END, 0, 0, 0, 0, 0]])


def tokens(row):
    row = row.tolist()
    assert all(token == 0 for token in row[row.index(END) + 1 :])
    return row[: row.index(END)]


def without_filling(target):
    """A target with one mark for each gap."""
    source, inside = [], False
    for before, token in zip([0, *target], target, strict=False):
        if token == GAPS:
            assert not (inside and before == GAPS), "every gap has a token"
            inside = not inside
        if (not inside and token != GAPS) or (inside and token == GAPS):
            source.append(token)
    assert not inside
    return source


def test_what_fills_the_gaps_makes_the_line_again():
    torch.manual_seed(0)
    lines, counts = LINES.repeat(400, 1), Counter()
    targets, sources = gapped(lines, ALPHABET, GAPS, 3, torch.rand(len(lines), 9))
    for line, target, source in zip(lines, targets, sources, strict=True):
        source, target = tokens(source), tokens(target)
        assert [token for token in target if token != GAPS] == tokens(line)
        assert without_filling(target) == source
        assert (GAPS, GAPS) not in pairwise(source)
        counts[len(tokens(line)), source.count(GAPS)] += 1
    assert {gaps for length, gaps in counts if length == 5} == {1, 2, 3}
    assert {gaps for length, gaps in counts if length == 2} == {gaps for length, gaps in counts if length == 1} == {1}
    assert counts[5, 1] == pytest.approx(400 / 3, abs=40), "the number of gaps is uniform"


def test_every_span_can_be_the_gap():
    torch.manual_seed(0)
    lines = LINES[1:2].repeat(600, 1)
    found = Counter(tuple(tokens(one)) for one in gapped(lines, ALPHABET, GAPS, 1, torch.rand(600, 9))[1])
    assert found.keys() == {(GAPS,), (GAPS, 3), (8, GAPS)}
    assert all(count == pytest.approx(200, abs=50) for count in found.values())


def test_a_share_is_nothing_but_a_gap():
    targets, sources = gapped(LINES, ALPHABET, GAPS, 3, torch.rand(3, 9), whole=1.0)
    assert [tokens(one) for one in targets] == [[GAPS, *tokens(line), GAPS] for line in LINES]
    assert [tokens(one) for one in sources] == [[GAPS]] * 3


def test_the_corpus_has_the_mark_and_leaves_out_lines_that_hold_it():
    corpus = GappedCorpus.of(["the cat sat", "the ____ sat", "the dog ran", "a_b ran"], DataConfig(valid=0.0, test=0.0))
    assert corpus.vocabulary.tokens[-1] == GAP
    assert corpus.alphabet.size == len(corpus.vocabulary)
    assert gap_of(corpus.vocabulary) == len(corpus.vocabulary) - 1
    assert [(row.row, row.reason) for row in corpus.rejected] == [(2, "holds ___, which marks a gap")]
    again = GappedCorpus.of(["the dog sat", "a_b sat"], DataConfig(), vocabulary=corpus.vocabulary)
    assert again.vocabulary is corpus.vocabulary


def test_what_cannot_have_gaps_is_refused():
    with pytest.raises(ConfigError, match=r"data.tokens=bpe cannot have gaps; take one of word, char, smiles, protein"):
        GappedCorpus.of(["a b", "b a"], DataConfig(tokens="bpe"))
    with pytest.raises(ConfigError, match="the vocabulary has no mark of a gap"):
        GappedCorpus.of(["a b", "b a"], DataConfig(), vocabulary=Vocabulary.of(["a b"], "word"))


def test_marks_split_a_line():
    assert pieces("CC___O", "smiles") == ["CC", "O"]
    assert pieces("a b___ c_d", "char") == ["a b", " c_d"]
    assert pieces("__", "word") == ["__"]
