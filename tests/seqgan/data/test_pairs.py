"""Pairs of lines: which columns are read, what is left out and why, how they are split; paired dialects."""

import numpy as np
import pandas as pd
import pytest

from gancore.errors import DataError
from seqgan.data.dialects import derive_both, dialects, pairs, unpaired
from seqgan.data.pairs import Pairs
from seqgan.data.settings import PairsConfig

ROWS = [(f"{word} runs", f"{word} does run") for word in "abcdefghijklmnopqrst"]


def texts(part, vocabulary):
    return [vocabulary.decode(row) for row in part.tolist()]


def test_each_target_has_its_source():
    found = Pairs.of(ROWS, PairsConfig())
    both = [
        (one, other)
        for sources, targets in zip(found.sources, found.parts, strict=True)
        for one, other in zip(texts(sources, found.vocabulary), texts(targets, found.vocabulary), strict=True)
    ]
    known = [pair for pair in both if "<unknown>" not in pair[0]]
    assert set(known) <= set(ROWS)
    assert len(both) == len(ROWS)
    assert len(found.valid) == len(found.test) == len(found.aside) == 1
    assert found.aside[0].split("\t")[1] == found.aside[0].split()[0] + " does run"
    assert found.sources[0].shape == found.train.shape


def test_pairs_of_one_source_go_to_one_part():
    rows = [(f"{word} runs", f"{word} {verb}") for word in "abcdefghij" for verb in ("ran", "walked", "sat")]
    found = Pairs.of(rows, PairsConfig(valid=0.2, test=0.2, min_count=1))
    parts = [{tuple(row) for row in part.tolist()} for part in found.sources]
    assert [len(part) for part in found.parts] == [18, 6, 6]
    assert not parts[0] & parts[1]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_files_of_two_columns_and_names_of_ones_own(tmp_path, suffix):
    frame = pd.DataFrame(ROWS, columns=["English", "Other"])
    path = tmp_path / f"rows.{suffix}"
    if suffix == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    own = Pairs.of(path, PairsConfig(column="English", target="Other"))
    assert own.digest == Pairs.of(ROWS, PairsConfig()).digest
    with pytest.raises(DataError, match=r"no column named source; its columns are English, Other"):
        Pairs.of(path, PairsConfig())
    with pytest.raises(DataError, match="no column named target: a recipe of pairs reads two columns"):
        Pairs.of(path, PairsConfig(column="English"))


def test_what_cannot_be_used_has_its_reason():
    rows = [*ROWS, ("", "x"), ("x", ""), ("x", None), ("a b c d e f", "x"), ("x \ud800", "y")]
    found = Pairs.of(rows, PairsConfig(max_length=5))
    reasons = {row.row: row.reason for row in found.rejected}
    assert reasons == {
        21: "empty",
        22: "no target",
        23: "no target",
        24: "more than 5 tokens",
        25: "a lone surrogate, which is no character",
    }


def test_too_little_is_one_sentence():
    with pytest.raises(DataError, match="holds no pairs"):
        Pairs.of(pd.DataFrame({"source": [], "target": []}), PairsConfig())
    with pytest.raises(DataError, match="holds one distinct usable line, of 2"):
        Pairs.of([("a", "b"), ("a", "c")], PairsConfig())


def test_the_digest_sees_the_sources():
    other = [(source + " away", target) for source, target in ROWS]
    assert Pairs.of(ROWS, PairsConfig()).digest != Pairs.of(other, PairsConfig()).digest


def test_columns_and_the_vocabulary_of_a_start():
    frame = pd.DataFrame(ROWS, columns=["source", "target"]).assign(size=range(20))
    found = Pairs.of(frame, PairsConfig(), columns=["size"])
    assert sorted(cell.value for (cell,) in found.columns["size"]) == list(range(20))
    again = Pairs.of([*ROWS, ("zebras zoom", "zebras")], PairsConfig(), 0, found.vocabulary, found.length)
    assert "tokens that the model does not have" in [row.reason for row in again.rejected]


# Dialects ----------------------------------------------------------------------------------------


def test_both_sides_are_in_their_dialect_and_say_the_same():
    rows = pairs(300, seed=2)
    first, last = dialects().values()
    assert first.contains(rows["source"].tolist()).all()
    assert last.contains(rows["target"].tolist()).all()
    assert not first.contains(rows["target"].tolist()[:50]).all()
    for source, target in zip(rows["source"], rows["target"], strict=True):
        assert sorted(source.replace("the ", "ze ").split()) == sorted(target.replace("the ", "ze ").split())
    assert rows["source"].is_unique
    assert pairs(50, seed=2).equals(rows[:50])


def test_a_source_has_one_translation():
    """Derivations of one sentence that differ are rare: the table is a function but for few."""
    rng, (first, last) = np.random.default_rng(0), dialects().values()
    found = {}
    for _ in range(3000):
        source, target = derive_both(first, last, first.start, rng)
        found.setdefault(" ".join(source), set()).add(" ".join(target))
    assert sum(len(targets) > 1 for targets in found.values()) <= 1


def test_unpaired_sentences_have_no_counterpart():
    rows = unpaired(200, seed=1)
    both = dict(pairs(400, seed=1).itertuples(index=False))
    firsts = rows["text"][rows["label"] == "first"]
    assert rows["label"].value_counts().tolist() == [200, 200]
    assert not {both[text] for text in firsts} & set(rows["text"][rows["label"] == "last"])
