import pandas as pd
import pytest

from gancore.errors import DataError
from gancore.io.inputs import is_dataset, records_of
from seqgan import Config, SeqGAN
from seqgan.data.corpus import FORM, as_lines

ROWS = [{"label": 0, "text": "the cat sat"}, {"label": 1, "text": None}, {"label": None, "text": "a dog ran"}]


class Stream:
    """What `datasets.IterableDataset` is: names, perhaps, and dicts."""

    def __init__(self, rows, names=None):
        self.rows, self.column_names = rows, names

    def __iter__(self):
        return iter(self.rows)


class Selecting(Stream):
    def select_columns(self, names):
        self.selected = names
        return Stream([{name: row[name] for name in names} for row in self.rows], names)


@pytest.mark.parametrize("source", [Stream(ROWS), Stream(ROWS, ["label", "text"]), Selecting(ROWS, ["label", "text"])])
def test_rows_one_by_one(source):
    assert as_lines(source) == ([(1, "the cat sat"), (2, ""), (3, "a dog ran")], "the data set")
    found = list(records_of(source, FORM, "lines", ["label"]))
    assert [cells for _, cells in found] == [{"label": 0}, {"label": 1}, {"label": None}]


def test_other_columns_are_never_loaded():
    source = Selecting([{"text": "a b", "image": object()}], ["text", "image"])
    assert as_lines(source)[0] == [(1, "a b")]
    assert source.selected == ["text"]


def test_a_stream_is_read_no_further_than_asked():
    def endless():
        number = 0
        while True:
            number += 1
            yield {"text": f"line {number}"}

    first = records_of(Stream(endless()), FORM, "lines", [])
    assert [next(first)[0][1] for _ in range(3)] == ["line 1", "line 2", "line 3"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Stream(ROWS, ["label", "body"]), "the data set: no column named text"),
        (Stream([{"body": "a"}]), "its columns are body"),
        (Stream(["a"]), "row 1 is no dict of columns but str"),
        (Stream([{"text": "a"}, {"body": "b"}]), "row 2 has no 'text'"),
        (Stream([{"text": ["a"]}]), "row 1 holds no text but list"),
        (Stream([]), "holds no lines"),
    ],
)
def test_what_cannot_be_read(source, said):
    with pytest.raises(DataError, match=said):
        SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"])).fit(source, quiet=True)


def test_frames_and_lists_are_none():
    assert not is_dataset(pd.DataFrame({"column_names": ["a"]}))
    assert not is_dataset(["a"])
    assert not is_dataset({"train": Stream(ROWS)})
    arrow = pytest.importorskip("pyarrow").table({"text": ["a"]})
    assert not is_dataset(arrow)
    assert as_lines(arrow)[0] == [(1, "a")]


def test_of_the_package_itself():
    datasets = pytest.importorskip("datasets")
    whole = datasets.Dataset.from_list([{"text": f"{who} sat", "n": row} for row, who in enumerate("abcdef")])
    few = ["recipe=mle", "likelihood.epochs=1"]
    models = [
        SeqGAN(Config.load("small", few)).fit(source, quiet=True) for source in (whole, whole.to_iterable_dataset())
    ]
    assert models[0].sample(5) == models[1].sample(5)
    assert models[0].provenance["data"]["lines"] == 6
    with pytest.raises(DataError, match="give one of its values, for instance data"):
        SeqGAN("small").fit(datasets.DatasetDict({"train": whole}), quiet=True)
