import errno
import gzip
import json
import random
from collections import Counter
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console

from gancore.errors import ConfigError, DataError, RunError
from gancore.io.notes import Note
from gancore.io.rejected_rows import RejectionCounts, count_of, note_most_left_out, tell_rejected, write_rejected
from seqgan import Config, SeqGAN
from seqgan.data import streamed
from seqgan.data.corpus import Corpus, batches
from seqgan.data.lines import KnownLines, LineWriter, digests_of
from seqgan.data.settings import DataConfig
from seqgan.metrics.novelty import novelty
from seqgan.recipes.judged_sampling import split_off
from seqgan.text.counting import count_tokens
from seqgan.text.vocabulary import Vocabulary

WORDS = [f"w{number}" for number in range(40)]
RANDOM = random.Random(3)
LINES = [" ".join(RANDOM.choices(WORDS, k=RANDOM.randint(1, 7))) for _ in range(400)]
LINES += [*LINES[:40], "", "  ", "w1 " * 30]
ON = DataConfig(stream="on", max_length=20, valid=0.2, test=0.2)
FEW = ["recipe=mle", "likelihood.epochs=2", "likelihood.batch=50", "model.embedding=8", "model.width=8"]


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("DISCRETEGAN_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache" / "corpora"


def file_of(folder, lines=LINES, name="lines.txt"):
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def texts(corpus, part):
    return [corpus.vocabulary.decode(row) for row in part[:].tolist()]


class Examples:
    """What `datasets.IterableDataset` is, and can be read once."""

    column_names = None

    def __init__(self, lines):
        self.rows = iter([{"text": line} for line in lines])

    def __iter__(self):
        return self.rows


def test_all_lines_are_in_one_part_or_accounted_for(tmp_path):
    corpus = Corpus.of(file_of(tmp_path), ON)
    train, valid, test = (texts(corpus, part) for part in corpus.parts)
    usable = Counter(line for line in LINES if 0 < len(line.split()) <= 20)
    assert not set(train) & {*valid, *test}
    assert not set(valid) & set(test)
    assert Counter(train) == Counter({line: n for line, n in usable.items() if line not in {*valid, *test}})
    assert sorted({*valid, *test, *train}) == sorted(usable)
    assert len(valid) == len(set(valid))
    assert corpus.aside == test
    assert all(0.1 < len(part) / len(usable) < 0.3 for part in (valid, test))
    copies = sum(usable[line] - 1 for line in (*valid, *test))
    assert corpus.rejected.counts == Counter(
        {"duplicate of a line that is kept aside": copies, "empty": 2, "more than 20 tokens": 1}
    )
    assert len(LINES) == sum(map(len, corpus.parts)) + count_of(corpus.rejected)
    assert {one.row for one in corpus.rejected if one.reason == "empty"} == {441, 442}


def test_ids_are_those_of_a_corpus_in_memory(tmp_path):
    path = file_of(tmp_path)
    vocabulary = Vocabulary.of(LINES, "word")
    one, other = (Corpus.of(path, DataConfig(stream=on), vocabulary=vocabulary) for on in ("on", "off"))
    assert one.length == other.length
    rows = [sorted(row for part in corpus.parts for row in part[:].tolist()) for corpus in (one, other)]
    assert {*map(tuple, rows[0])} == {*map(tuple, rows[1])}
    batch = next(batches(one.train, 6, 0, torch.device("cpu"))).sample[0]
    assert batch.shape == (6, one.length)
    assert set(texts(one, batch)) <= set(LINES)


def test_the_vocabulary_is_that_of_the_training_part(tmp_path):
    rare = [f"rare{number} w1" for number in range(200)]
    corpus = Corpus.of([*LINES, *rare], ON)
    learnt = {word for line in texts(corpus, corpus.train) for word in line.split()} - {"<unknown>"}
    assert set(corpus.vocabulary.tokens[4:]) == learnt | {"w1"}
    assert not any("rare" in line for line in texts(corpus, corpus.valid))


@pytest.mark.parametrize("most", [3, 11])
def test_parts_kept_aside_are_bounded_and_what_leaves_them_is_learnt_from(monkeypatch, most):
    monkeypatch.setattr(streamed, "MOST", most)
    rare = [f"rare{number}" for number in range(300)]
    corpus = Corpus.of(rare, ON)
    assert [len(part) for part in corpus.parts] == [300 - 2 * most, most, most]
    assert set(texts(corpus, corpus.train)) == set(corpus.vocabulary.tokens[4:])
    assert len(corpus.vocabulary) == 4 + 300 - 2 * most


@pytest.mark.parametrize("tokens", ["char", "bpe", "word"])
def test_any_tokens_and_any_source_and_one_folder(tmp_path, cache, tokens):
    config = DataConfig(tokens, stream="on")
    path = file_of(tmp_path)
    corpus = Corpus.of(path, config)
    assert set(texts(corpus, corpus.train)) <= {line.strip() for line in LINES}
    with gzip.open(tmp_path / "more.txt.gz", "wt") as out:
        out.write(path.read_text())
    others = [iter(LINES), pd.DataFrame({"text": LINES}), Examples(LINES), tmp_path / "more.txt.gz"]
    assert {Corpus.of(other, config).digest for other in others} == {corpus.digest}
    assert len(list(cache.iterdir())) == 3  # the spooled ones are the same, the two files have other names
    assert Corpus.of(path, config, seed=1).digest != corpus.digest


def test_a_folder_that_is_gone_or_damaged_is_made_again(tmp_path, cache):
    path = file_of(tmp_path)
    first = Corpus.of(path, ON)
    (folder,) = cache.iterdir()
    kept = {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    with open(folder / "train" / "ids", "ab") as out:
        out.write(b"x")
    assert Corpus.of(path, ON).digest == first.digest
    assert {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == kept


def test_when_it_is_automatic_it_says_so(tmp_path, monkeypatch):
    path = file_of(tmp_path)
    monkeypatch.setattr(streamed, "_LARGE", 1000)
    with pytest.warns(Note, match=r"lines.txt: is large, so its lines are kept on disk, in .*data.stream=off"):
        corpus = Corpus.of(path, DataConfig())
    assert isinstance(corpus.rejected, RejectionCounts)
    for config, columns in ((DataConfig(stream="off"), ()), (DataConfig(sample=50), ()), (DataConfig(), ("label",))):
        assert isinstance(Corpus.of(path, config, columns=columns).train, torch.Tensor)
    with pytest.warns(Note, match="the data set: has no known length, so its lines are kept on disk"):
        Corpus.of(Examples(LINES), DataConfig())
    assert isinstance(Corpus.of(LINES * 30, DataConfig()).train, torch.Tensor)


def test_a_data_set_is_never_a_list():
    alive = []

    class Line(str):
        def __init__(self, text):
            alive.append(1)

        def __del__(self):
            alive.pop()

    most = 0

    def rows():
        nonlocal most
        for line in LINES:
            yield {"text": Line(line)}
            most = max(most, len(alive))

    source = Examples(())
    source.rows = rows()
    with pytest.warns(Note):
        Corpus.of(source, DataConfig())
    assert 0 < most < 5


def test_known_lines_are_exact(tmp_path):
    corpus = Corpus.of(file_of(tmp_path), ON)
    assert corpus.known.contain(corpus.train[:]).all()
    assert not corpus.known.contain(torch.cat((corpus.valid, corpus.test))).any()
    in_memory = KnownLines.of(corpus.train[:], corpus.alphabet)
    assert np.array_equal(in_memory.digests, corpus.known.digests)
    told = novelty([texts(corpus, corpus.train)[0], *corpus.aside[:2], "never seen", ""], corpus)
    assert (told.value, told.n) == (0.8, 5)


def test_digests_that_collide_are_compared(tmp_path, monkeypatch):
    monkeypatch.setattr("seqgan.data.lines.digests_of", lambda ids, sizes: np.zeros(len(sizes), np.uint64))
    corpus = Corpus.of(file_of(tmp_path, LINES[:40]), ON)
    assert corpus.known.contain(corpus.train[:]).all()
    assert not corpus.known.contain(corpus.test).any()


def test_digests_tell_order_and_length_apart():
    lines = [[4, 5, 2], [5, 4, 2], [4, 4, 5, 2], [4, 2], [5, 2], [4, 5, 2]]
    found = digests_of(np.concatenate(lines), np.array([len(line) for line in lines])).tolist()
    assert len(set(found)) == 5
    assert found[0] == found[5]


def test_lines_for_the_critic_alone_are_picked_on_disk(tmp_path):
    corpus = Corpus.of(file_of(tmp_path), ON)
    rest, apart = split_off(corpus, 0.3, seed=0)
    one, other = (Counter(texts(part, part.train)) for part in (rest, apart))
    assert not set(one) & set(other)
    assert one + other == Counter(texts(corpus, corpus.train))
    assert 0.15 < len(other) / (len(one) + len(other)) < 0.45
    assert texts(split_off(corpus, 0.3, seed=1)[1], split_off(corpus, 0.3, seed=1)[1].train) != list(other.elements())
    assert not rest.known.contain(apart.train[:]).any()


def test_counting_in_bounded_memory_keeps_what_is_common():
    lines = [f"common rare{number} often" if number % 2 else "common x" for number in range(3000)]
    assert count_tokens(lines, str.split)["rare1"] == 1
    counts = count_tokens(lines, str.split, most=100)
    assert len(counts) <= 100
    assert (counts["common"], counts["often"], counts["x"]) == (3000, 1500, 1500)


def test_a_file_that_changes_between_the_passes(tmp_path, cache, monkeypatch):
    path = file_of(tmp_path)
    learn = Vocabulary.of

    def slowly(*arguments, **named):
        vocabulary = learn(*arguments, **named)
        with open(path, "a") as out:
            out.write("one line more\n")
        return vocabulary

    monkeypatch.setattr(Vocabulary, "of", slowly)
    with pytest.raises(DataError, match=r"lines.txt: changed while it was read; start again once nothing writes to it"):
        Corpus.of(path, ON)
    assert not list(cache.iterdir())


def test_a_full_disk(tmp_path, cache, monkeypatch):
    def full(self, ids):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = file_of(tmp_path)
    monkeypatch.setattr(LineWriter, "add", full)
    with pytest.raises(RunError, match=r"corpora: cannot be written \(No space left on device\); make room"):
        Corpus.of(path, ON)
    assert not list(cache.iterdir())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a b\nb \xff\n", "row 2 is not UTF-8"),
        (b"", "holds no lines"),
        (b"\n\n", "none of its 2 lines can be used"),
        (b"a b\na b\n", "holds one distinct usable line"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, content, said):
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(DataError, match=said):
        Corpus.of(tmp_path / "x.txt", DataConfig(stream="on"))


def test_settings_that_do_not_go_with_it():
    with pytest.raises(ConfigError, match="stream=on reads all lines, and sample"):
        DataConfig(stream="on", sample=5)
    with pytest.raises(ConfigError, match="conditions \\(label\\) need all lines in memory"):
        Corpus.of(LINES, ON, columns=["label"])
    config = Config.load("pix2pix", ["data.stream=on"])
    with pytest.raises(ConfigError, match="recipe pix2pix needs all rows in memory"):
        SeqGAN(config).fit([("a b", "b a")] * 3, quiet=True)


def test_rejected_rows_are_counted_and_the_first_are_kept(tmp_path):
    counts = RejectionCounts(most=2)
    for row in range(1, 11):
        counts.add(row, "x" * 5000, "empty" if row % 2 else "too long", "a.txt")
    again = RejectionCounts.restore(json.loads(json.dumps(counts.state())))
    for one in (counts, again):
        assert count_of(one) == 10
        assert [(kept.row, len(kept.text)) for kept in one] == [(1, 1000), (2, 1000), (3, 1000), (4, 1000)]
    write_rejected(again, tmp_path / "r.csv")
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 5
    with pytest.warns(Note, match="10 of 12 rows are left out .* empty \\(5 rows, the first is row 1 of a.txt"):
        note_most_left_out(again, 12)
    said = StringIO()
    tell_rejected(again, Console(file=said, width=200))
    assert [line.split()[0] for line in said.getvalue().splitlines()] == ["5", "5"]
    assert "5  empty (first: row 1 of a.txt)" in said.getvalue()


def test_a_run_killed_and_resumed_is_byte_identical(tmp_path, cache, dying_after, run_state):
    path = file_of(tmp_path)
    config = Config.load("small", [*FEW, "data.stream=on", "checkpoint.every=1"])
    straight = SeqGAN(config).fit(path, out=tmp_path / "straight", quiet=True)
    with dying_after(3):
        SeqGAN(config).fit(path, out=tmp_path / "cut", quiet=True)
    for folder in cache.iterdir():  # the cache may go
        (folder / "manifest.json").unlink()
    SeqGAN(config).fit(path, out=tmp_path / "cut", resume=True, quiet=True)
    assert run_state(tmp_path / "straight") == run_state(tmp_path / "cut")
    assert Path(tmp_path / "cut" / "held_out.txt").read_text().splitlines() == straight.corpus.aside
    figures = straight.evaluate(20)
    assert 0 <= figures["novel"].value <= 1
    assert "copied" not in figures
    assert any("training lines are on disk" in note for note in figures.notes)


@pytest.mark.parametrize(
    "more",
    [
        ["recipe=residual", "residual.members=1", "residual.calibration=20", "steps=2", "data.valid=0.2"],
        ["recipe=gumbel", "critic.kind=textcnn", "critic.filters=0.05", "steps=4", "critic.pretrain=1", "grow=[4,9]"],
        ["recipe=seqgan", "critic.kind=ngrams", "critic.held_out=0.2", "steps=1", "critic.pretrain=2",
         "policy.reward=rollout", "policy.rollouts=1"],
    ],
)  # fmt: skip
def test_recipes_train_on_lines_on_disk(tmp_path, more):
    settings = [*FEW[1:], "likelihood.epochs=1", "data.stream=on", "batch=8", *more]
    gan = SeqGAN(Config.load("small", settings))
    assert len(gan.fit(file_of(tmp_path), quiet=True).sample(3)) == 3
