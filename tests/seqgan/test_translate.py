"""`seqgan translate`: tables and lines, conditions from columns, what is told of sources that cannot be read."""

import json

import pandas as pd
import pytest

import seqgan.__main__
from seqgan import Config, SeqGAN

FEW = ["likelihood.epochs=1", "steps=1", "critic.pretrain=1", "model.width=8", "model.embedding=8", "device=cpu"]
PAIRS = [(f"{one} {other}", f"{other} {one}") for one in "abcd" for other in "abcd"] * 2
LABELLED = pd.DataFrame({"text": [source for source, _ in PAIRS], "label": ["x", "y"] * 16})


@pytest.fixture
def run(command_line, tmp_path, folder):
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return command_line("seqgan", seqgan.__main__.main)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("translate")
    SeqGAN(Config.load("pix2pix", FEW)).fit(PAIRS, out=place / "pairs", quiet=True)
    sides = Config.load("cyclegan", [*FEW, "critic.filters=0.02"])
    SeqGAN(sides).fit(LABELLED, out=place / "sides", quiet=True)
    (place / "lines.txt").write_text("a b\nzebra\nb c\n")
    pd.DataFrame(PAIRS[:6], columns=["source", "target"]).to_csv(place / "both.csv", index=False)
    pd.DataFrame({"text": ["a b", "b c"], "label": ["x", "y"]}).to_csv(place / "asked.csv", index=False)
    return place


def test_lines_in_lines_out(run, tmp_path):
    code, out, err = run("translate", "pairs", "lines.txt", "-n", "2")
    assert code == 0
    assert len(out.splitlines()) == 5, "two for each source, one empty for what cannot be read"
    assert out.splitlines()[2] == ""
    told = "1 of 3 sources are not translated; the first is row 2, which has 'zebra', which the model does not know."
    assert err.endswith(f"seqgan: lines.txt: {told}\n")
    run("translate", "pairs", "lines.txt", "-n", "2", "--out", "new.txt")
    assert (tmp_path / "new.txt").read_text() == out


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_a_table_holds_all(run, tmp_path, suffix):
    code, out, err = run("translate", "pairs", "both.csv", "--out", f"new.{suffix}")
    assert (code, out) == (0, "")
    assert " of 6 translations are the target." in err
    path = tmp_path / f"new.{suffix}"
    table = pd.read_parquet(path) if suffix == "parquet" else pd.read_csv(path, sep="\t" if suffix == "tsv" else ",")
    assert list(table) == ["row", "source", "rank", "target", "log_prob", "reason"]
    assert table["source"].tolist() == [source for source, _ in PAIRS[:6]]


def test_as_json(run):
    code, out, err = run("translate", "pairs", "both.csv", "--json", "--quiet")
    assert (code, err) == (0, "")
    assert [row["row"] for row in json.loads(out)] == [1, 2, 3, 4, 5, 6]


def test_conditions_of_columns_and_of_options(run):
    _, of_columns, _ = run("translate", "sides", "asked.csv")
    _, of_option, _ = run("translate", "sides", "asked.csv", "--condition", "label=y")
    assert of_columns.splitlines()[1] == of_option.splitlines()[1]
    code, _, err = run("translate", "sides", "lines.txt")
    assert code == 2
    assert err == "seqgan: condition: say what to translate into, one of label: x, y.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("pairs", "missing.txt"), 1, "missing.txt: no such file."),
        (("pairs", "empty.txt"), 1, "empty.txt: holds nothing to translate."),
        (("pairs", "both.csv", "--out", "both.csv"), 2, "both.csv: is what is read from; write to another file."),
        (("pairs", "both.csv", "--column", "words"), 1, "both.csv: no column named words;"),
        (("pairs", "both.csv", "-n", "3", "--beam", "2"), 2, "beam must be at least n, 3; got 2."),
    ],
)
def test_each_mistake_is_one_sentence(run, tmp_path, arguments, code, told):
    (tmp_path / "empty.txt").write_text("")
    found, _, err = run("translate", *arguments)
    assert found == code
    assert err.startswith(f"seqgan: {told}")
    assert err.count("\n") == 1


def test_training_takes_a_file_of_two_columns(run, tmp_path):
    settings = [part for one in FEW for part in ("--set", one)]
    code, _, err = run("train", "--config", "pix2pix", "--data", "both.csv", "--out", "new", "--quiet", *settings)
    assert (code, err) == (0, "")
    assert (tmp_path / "new" / "held_out.txt").exists()
