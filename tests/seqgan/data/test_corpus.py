import gzip

import numpy as np
import pandas as pd
import pytest
import torch

from gancore.errors import DataError
from seqgan.data.corpus import Corpus, as_lines, batches, read_lines
from seqgan.data.settings import DataConfig
from seqgan.text.vocabulary import END, PAD, Vocabulary

LINES = [f"line number {number}" for number in range(1, 11)]


@pytest.mark.parametrize("name", ["x.txt", "x.txt.gz", "x.csv", "x.csv.gz", "x.tsv", "x.parquet"])
def test_files_hold_what_was_written(tmp_path, name):
    path = tmp_path / name
    frame = pd.DataFrame({"id": range(len(LINES)), "Text": LINES})
    if ".txt" in name:
        content = "\n".join(LINES).encode()
        path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    elif name.endswith("parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if "tsv" in name else ",")
    assert [line for _, line in read_lines(path)] == LINES
    assert [line for _, line in as_lines(frame)[0]] == LINES


def test_names_behind_smiles_are_not_read(tmp_path):
    (tmp_path / "x.smi").write_text("CCO ethanol\nC\n")
    assert list(read_lines(tmp_path / "x.smi")) == [(1, "CCO"), (2, "C")]


def test_parts_are_disjoint_complete_and_the_same_for_the_same_seed():
    lines = LINES * 3
    config = DataConfig("bpe", valid=0.2, test=0.2)  # byte pairs know every character
    corpus, again, other = (Corpus.of(iter(lines), config, seed) for seed in (0, 0, 1))
    texts = [{corpus.vocabulary.decode(row) for row in part.tolist()} for part in corpus.parts]
    assert [len(part) for part in corpus.parts] == [18, 6, 6]
    assert len(set.union(*texts)) == sum(map(len, texts)) == len(LINES)
    assert corpus.digest == again.digest != other.digest


@pytest.mark.parametrize("changed", [str.upper, lambda line: line.replace(" ", "  ")])
def test_lines_of_the_same_words_are_in_one_part(changed):
    lines = [line for line in LINES for line in (line, changed(line))]
    known = Vocabulary.of(lines, "word", lower=True)
    corpus = Corpus.of(lines, DataConfig(lower=True, valid=0.2, test=0.2), vocabulary=known)
    parts = [{row.tobytes() for row in part.numpy()} for part in corpus.parts]
    assert len(set.union(*parts)) == sum(map(len, parts))


def test_missing_cells_of_a_frame_are_rejected():
    corpus = Corpus.of(pd.DataFrame({"text": ["a b", None, "b c", np.nan]}), DataConfig())
    assert [(one.row, one.reason) for one in corpus.rejected] == [(2, "empty"), (4, "empty")]


def test_a_sample_of_the_lines_keeps_their_numbers():
    whole, part = (Corpus.of([*LINES, ""] * 10, DataConfig(sample=n)) for n in (0, 60))
    assert sum(len(some) for some in part.parts) + len(part.rejected) == 60
    assert 0 < len(part.rejected) < len(whole.rejected)
    assert set(part.rejected) < set(whole.rejected)


def test_ids_are_ended_and_padded():
    corpus = Corpus.of(["a b c", "a", "b a"], DataConfig(valid=0.0, test=0.0))
    assert corpus.length == 4
    assert corpus.train[1].tolist()[1:] == [END, PAD, PAD]
    assert corpus.alphabet.mask(corpus.train).sum(1).tolist() == [4, 2, 3]
    assert corpus.alphabet.trim(corpus.train[1:]).shape == (2, 3)
    assert corpus.held_out is corpus.train


def test_every_line_left_out_is_accounted_for(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes("good line\n\nold \ufffd damage\n".encode() + b"word " * 100_000 + b"\nanother good line\n")
    corpus = Corpus.of(path, DataConfig())
    assert [(row, reason) for row, _, reason in corpus.rejected] == [
        (2, "empty"),
        (4, "more than 100 tokens"),
    ]
    assert sum(map(len, corpus.parts)) == 3, "U+FFFD in valid UTF-8 is text"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "holds no lines"),
        (["", " "], r"none of its 2 lines can be used \(2 x empty; the first is line 1\)"),
        (["same"] * 50, "holds one distinct usable line, of 50; a generator needs at least two"),
        (["a " * 200, "b " * 300], "none of its 2 lines can be used .2 x more than 100 tokens"),
        (["a", 3], "item 2 is no string but int"),
    ],
)
def test_unusable_corpora_are_one_sentence(lines, message):
    with pytest.raises(DataError, match=message) as error:
        Corpus.of(lines, DataConfig())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("count", [2, 3, 5, 20])
def test_tiny_corpora_leave_something_to_train_on(count):
    corpus = Corpus.of(LINES[:count] if count <= 10 else LINES + [f"{line} again" for line in LINES], DataConfig())
    assert len(corpus.train) >= 1
    assert sum(map(len, corpus.parts)) == count
    stream = batches(corpus.train, 64, 0, torch.device("cpu"))
    assert len(next(stream)) == len(corpus.train)


def test_long_training_lines_are_replaced_by_the_held_out():
    """When every training line is too long, what was held out is trained on."""
    config = DataConfig(tokens="char", max_length=3, valid=0.4, test=0.4)
    for seed in range(10):  # among them splits that put the long line alone into the training part
        corpus = Corpus.of(["ab", "cd", "x" * 50], config, seed)
        assert len(corpus.train) >= 1
        assert sum(map(len, corpus.parts)) == 2
