"""Odd files go through every verb of both programs: rows add up, refusals are one sentence, and no zero is silent."""

import importlib.util
import io
import json
import os
import re
import threading
from pathlib import Path

import markupsafe
import pandas as pd
import pytest

from gancore.errors import DataError, UserError
from molgan.__main__ import main as molgan
from molgan.data.dataset import MoleculeDataset, as_rows
from molgan.data.inputs import read_named, read_rows
from molgan.gan import MolGAN
from molgan.metrics import evaluate
from molgan.metrics.basic import Known, texts_of
from molgan.recipes.config import Config as MolecularConfig
from seqgan.__main__ import main as seqgan
from seqgan.data.corpus import Corpus, as_lines, read_lines
from seqgan.data.settings import DataConfig

_spec = importlib.util.spec_from_file_location("make", Path(__file__).with_name("make.py"))
assert _spec is not None
assert _spec.loader is not None
odd = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(odd)


TINY = [part for one in (
    *("steps=1", "batch=2", "device=cpu", "model.embedding=4", "model.width=4", "likelihood.epochs=1"),
    *("critic.embedding=4", "critic.width=4", "critic.pretrain=1", "critic.pool=4", "policy.rollouts=1"),
) for part in ("--set", one)]  # fmt: skip
"""Settings of a text run of one step."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return odd.make(tmp_path_factory.mktemp("odd"))


def refused(words, action):
    """The action must fail with one sentence that has these words."""
    with pytest.raises(UserError, match=words) as error:
        action()
    assert "\n" not in str(error.value)


def told(words, result):
    code, out, err = result
    assert code == 1, err
    assert re.search(words, err), err
    assert "Traceback" not in out + err
    assert err.count("\n") == 1


def test_there_are_many():
    assert len(odd.CASES) >= 60


@pytest.mark.parametrize("name", odd.CASES)
def test_molecules(name, folder, command_line, tmp_path):
    run, path, wanted = command_line("molgan", molgan), folder / name, odd.CASES[name].molecules
    table, page, known = tmp_path / "table.csv", tmp_path / "page.html", tmp_path / "known.smi"
    known.write_text("CCO\nCCN\nCCCC\n")
    verbs = {
        "score": ["score", path, "--out", table, "--json", "--train", known],
        "evaluate": ["evaluate", path, "--json", "--train", known],
        "compare": ["compare", path, known, "--json"],
    }
    if isinstance(wanted, str):
        refused(wanted, lambda: MoleculeDataset.from_file(path))
        for arguments in verbs.values():
            told(wanted, run(*arguments))
        told(f"{wanted}|no valid molecule", run("report", path, "--out", page))
        if name != "names_only.smi" and name != "empty.smi":
            told(wanted, run("evaluate", known, "--train", path))
        return
    rows, valid = wanted
    assert len(as_rows(path)) == len(list(read_named(path))) == rows
    if valid:
        data = MoleculeDataset.from_file(path)
        assert len(data) + len(data.rejected) == rows
        assert len(data) == valid
        assert len(texts_of(path)) - Known.of(path).unread == valid
    else:
        refused("can be used", lambda: MoleculeDataset.from_file(path))
        told("is a SMILES", run("evaluate", known, "--train", path))
    code, out, err = run(*verbs["score"])
    assert code == 0, err
    assert json.loads(out)["rows"] == rows
    code, out, err = run(*verbs["evaluate"])
    assert code == 0, err
    figures = json.loads(out)
    assert (figures["valid"]["n"], round(rows * figures["valid"]["value"])) == (rows, valid)
    assert ("None of" in err) == (not valid), "a zero is never silent"
    code, out, err = run(*verbs["compare"])
    assert code == 0, err
    assert json.loads(out)[str(path)]["valid"]["n"] == rows
    if name in ("plain.smi", "semicolons.csv", "latin1.sdf", "plain.jsonl", "some_bad.smi"):  # drawing takes its time
        code, _, err = run("report", path, "--out", page, "--train", path)
        assert code == 0, err
        assert f"{rows} strings" in page.read_text()


@pytest.mark.parametrize("name", odd.CASES)
def test_lines(name, folder, command_line, tmp_path):
    run, path, wanted = command_line("seqgan", seqgan), folder / name, odd.CASES[name].lines
    known = tmp_path / "known.txt"
    known.write_text("a b c\nb c d\nc d e\nd e f\n")
    verbs = (["evaluate", path, "--reference", known], ["evaluate", known, "--reference", path])
    if isinstance(wanted, str):
        refused(wanted, lambda: Corpus.of(path, DataConfig()))
        for arguments in verbs:
            told(wanted, run(*arguments))
        told(f"{wanted}|holds no lines", run("evaluate", known, "--reference", known, "--train", path))
        return
    rows, texts = wanted
    assert len(as_lines(path)[0]) == len(list(read_lines(path))) == rows
    if not texts:
        refused("can be used", lambda: Corpus.of(path, DataConfig()))
        told("can be split into tokens", run("evaluate", path, "--reference", known))
        return
    corpus = Corpus.of(path, DataConfig())
    assert sum(map(len, corpus.parts)) == texts
    assert texts + len(corpus.rejected) == rows
    code, out, err = run("evaluate", path, "--reference", path, "--train", path, "--json")
    assert code == 0, err
    assert json.loads(out)["unique"]["n"] == rows


def check_reference(valid, result):
    """A reference has as many molecules as its file has valid rows; fewer than two are refused in one sentence."""
    if valid < 2:
        told("is a SMILES|a reference needs two|reads none of its molecules", result)
        return
    code, out, err = result
    assert code == 0, err
    assert json.loads(out)["motifs/absent/reference"]["n"] == valid


@pytest.mark.parametrize("name", odd.CASES)
def test_reference_molecules(name, folder, command_line, tmp_path):
    run, path, wanted = command_line("molgan", molgan), folder / name, odd.CASES[name].molecules
    known = tmp_path / "known.smi"
    known.write_text("CCO\nCCN\nCCCC\n")
    result = run("evaluate", known, "--reference", path, "--only", "motifs", "--json")
    if isinstance(wanted, str):
        told(f"{wanted}|reads \\w+ of its molecules", result)
    else:
        check_reference(wanted[1], result)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    few = ("steps=1", "pretrain.steps=1", "batch=4", "device=cpu", "model.generator=[8]", "model.critic=[8]")
    run = tmp_path_factory.mktemp("run") / "r"
    smiles = ["CCO", "CCN", "CCCC", "CC=O", "C1CC1", "CC#N"]
    MolGAN(MolecularConfig.load("default", few)).fit(smiles, out=run, quiet=True)
    return run


@pytest.mark.parametrize("name", [*odd.CASES][::8])  # each makes 40 draws
def test_files_beside_an_exported_model(name, folder, command_line, trained, tmp_path):
    run, path, wanted = command_line("molgan", molgan), folder / name, odd.CASES[name].molecules
    few = ["--only", "motifs", "-n", 20, "--json"]
    for option in ("--train", "--reference"):
        result = run("export", trained, "--out", tmp_path / option, option, path, *few)
        if isinstance(wanted, str):
            told(f"{wanted}|reads \\w+ of its molecules", result)
            assert not (tmp_path / option).exists()
        elif option == "--reference":
            check_reference(wanted[1], result)
        elif not wanted[1]:
            told("is a SMILES", result)
        else:
            assert result[0] == 0, result[2]
            assert json.loads(result[1])["connected"]["n"] == 20


@pytest.mark.parametrize("name", odd.CASES)
def test_a_step_of_text(name, folder, command_line, tmp_path):
    wanted = odd.CASES[name].lines
    result = command_line("seqgan", seqgan)("train", "--data", folder / name, "--out", "r", *TINY)
    if isinstance(wanted, str):
        told(wanted, result)
        return
    rows, texts = wanted
    if not texts:
        told("can be used", result)
        return
    code, _, err = result
    assert code == 0, err
    rejected = pd.read_csv(tmp_path / "r" / "rejected.csv")
    assert texts + len(rejected) == rows


@pytest.mark.parametrize(
    "name", ["rdkit.smi", "utf16.smi", "semicolons.csv", "quotes.tsv", "plain.jsonl", "latin1.sdf"]
)
def test_training_and_its_account(name, folder, command_line, tmp_path):
    few = [part for one in ("steps=1", "pretrain.steps=1", "batch=4", "device=cpu") for part in ("--set", one)]
    code, _, err = command_line("molgan", molgan)("train", "--data", folder / name, "--out", "r", *few)
    assert code == 0, err
    assert (tmp_path / "r" / "rejected.csv").read_text() == "row,text,reason\n"


def test_names_and_other_columns_are_carried(folder, command_line, tmp_path):
    run = command_line("molgan", molgan)
    for name, kept in (
        ("plain.csv", {"name": odd.NAMES, "IC50": ["0.5", "1.5", "2.5", "3.5", "4.5", "5.5"]}),
        ("index.csv", {"Unnamed: 0": list("012345"), "name": odd.NAMES}),
        ("semicolons.csv", {"ChEMBL ID": ["CHEMBL1"] * 6, "Name": ["a; b"] * 6, "name": ["a; b"] * 6}),
        ("plain.jsonl", {"name": odd.NAMES}),
        ("latin1.sdf", {"name": ["café", *odd.NAMES[1:]], "IC50": ["1.5"] * 6}),
        ("rdkit.smi", {"name": odd.NAMES}),
        ("cxsmiles.smi", {"name": odd.NAMES}),
        ("comma_names.smi", {"name": odd.NAMES}),
        ("tab_table.smi", {"id": list("012345"), "x": ["1"] * 6}),
    ):
        code, _, err = run("score", folder / name, "--out", "t.csv")
        assert code == 0, err
        table = pd.read_csv("t.csv", dtype=str)
        assert list(table)[:3] == ["row", "input", "name"]
        assert {column: table[column].tolist() for column in kept} == kept, name
    code, _, err = run("score", folder / "plain.csv", "--out", "t.parquet")
    assert pd.read_parquet("t.parquet")["IC50"].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    code, _, err = run("score", "t.csv", "--out", "again.csv")
    assert code == 0, err
    again = pd.read_csv("again.csv", dtype=str)
    assert (again["input.qed"] == table["qed"]).all(), "a column of ours that the file has too is kept beside"
    (tmp_path / "twice.csv").write_text("smiles,x,x\nCCO,1,2\n")
    told("several columns named x", run("score", "twice.csv", "--out", "t.csv"))


def test_a_column_by_name(folder, command_line):
    for program, main, more in (("molgan", molgan, []), ("seqgan", seqgan, ["--reference", folder / "plain.smi"])):
        run = command_line(program, main)
        named = ["evaluate", folder / "other_column.csv", *more, "--json", "--train", folder / "plain.csv"]
        code, out, err = run(*named, "--column", "compound")
        assert code == 0, err
        assert json.loads(out)["novel"]["value"] == 0.0, "the training file has its known name"
        told("no column named formula; its columns are name, compound, IC50", run(*named, "--column", "formula"))
    (table,) = (read_rows(folder / "two_cases.csv", column=name) for name in ("SMILES",))
    assert list(table) == [(2, "CCN")]
    told("columns smiles and SMILES", command_line("molgan", molgan)("score", folder / "two_cases.csv"))


def test_several_files_and_standard_input(folder, command_line, monkeypatch, tmp_path):
    both = [folder / "plain.smi", folder / "some_bad.smi"]
    data = MoleculeDataset.from_file(both)
    assert len(data) + len(data.rejected) == 11
    places = {(row, reason) for row, _, reason in data.rejected}
    assert (1, f"duplicate of row 1 of {both[0]}") in places
    assert (2, "not a SMILES") in places
    corpus = Corpus.of(both, DataConfig())
    assert sum(map(len, corpus.parts)) + len(corpus.rejected) == 11
    with pytest.raises(DataError, match="holds something else too"):
        as_rows([both[0], "CCO"])
    few = [part for one in ("steps=1", "pretrain.steps=1", "device=cpu") for part in ("--set", one)]
    run = command_line("molgan", molgan)
    code, _, err = run("train", "--data", both[0], "--data", both[1], "--out", "r", *few)
    assert code == 0, err
    rejected = pd.read_csv(tmp_path / "r" / "rejected.csv")
    assert rejected["file"].tolist() == [str(both[1])] * 5
    for name in ("plain.smi", "plain.csv", "utf16_crlf.csv", "plain.parquet", "plain.sdf", "gzip.smi", "plain.jsonl"):
        content = io.TextIOWrapper(io.BytesIO((folder / name).read_bytes()))
        monkeypatch.setattr("sys.stdin", content)
        code, out, err = run("evaluate", "-", "--json")
        assert code == 0, (name, err)
        assert json.loads(out)["valid"] == {"value": 1.0, "low": pytest.approx(0.61, abs=0.01), "high": 1.0, "n": 6}
        assert not content.closed
    told("holds no rows|is empty", run("evaluate", "-"))


def test_a_pipe_is_read_once(folder, command_line, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes((folder / "plain.csv").read_bytes()))
    writer.start()
    code, out, err = command_line("molgan", molgan)("evaluate", folder / "plain.smi", "--train", "pipe", "--json")
    writer.join()
    assert code == 0, err
    assert json.loads(out)["novel"]["value"] == 0.0


def test_what_is_no_file_and_no_list():
    content = "CCO\nCCN\n" * 200
    for read in (as_rows, as_lines, MoleculeDataset.from_file, lambda given: Corpus.of(given, DataConfig())):
        for given in (content, "C" * 300):
            with pytest.raises(DataError, match=r"give a path, or a list of lines"):
                read(given)
    for read in (as_rows, as_lines):
        with pytest.raises(DataError, match=r"its keys are train, test.*data\['train'\]"):
            read({"train": ["C"], "test": ["CC"]})
        with pytest.raises(DataError, match="item 1 is no string but dict: give one column"):
            read([{"smiles": "C"}])
        with pytest.raises(DataError, match="cannot read"):
            read(b"CCO")


def test_frames_have_what_their_csv_has(tmp_path):
    frame = pd.DataFrame({"Text": ["a", 7, 7.5, None, float("nan"), True], "other": 1})
    frame.to_csv(tmp_path / "t.csv", index=False)
    from_file = [line for _, line in read_lines(tmp_path / "t.csv")]
    assert [line for _, line in as_lines(frame)[0]] == from_file == ["a", "7", "7.5", "", "", "True"]
    assert [line for _, line in as_lines(frame["Text"])[0]] == from_file
    numbers = pd.DataFrame({"line": [1.0, 2.0]})
    assert [line for _, line in as_lines(numbers)[0]] == ["1.0", "2.0"]
    with pytest.raises(DataError, match="has 2 columns named text"):
        as_lines(pd.DataFrame([["a", "b"]], columns=["text", "text"]))
    with pytest.raises(DataError, match="row 1 holds no text but list"):
        as_lines(pd.DataFrame({"text": [["a", "b"]]}))
    corpus = Corpus.of(pd.DataFrame({"said": ["a b", "b c"]}), DataConfig(column="said"))
    assert sum(map(len, corpus.parts)) == 2


def test_a_report_says_what_makes_one_doubt_its_file(command_line, tmp_path):
    (tmp_path / "header.smi").write_text("CCO\nC1CC\nC(C\n")
    code, _, err = command_line("molgan", molgan)("report", "header.smi", "--out", "page.html")
    doubt = "Only the first of 3 rows is a molecule; the next reads 'C1CC'."
    assert code == 0, err
    assert err.endswith(f"note: {doubt}\n")
    assert str(markupsafe.escape(doubt)) in (tmp_path / "page.html").read_text()


def test_a_list_that_is_all_invalid_is_evaluated_with_a_note():
    figures = evaluate(["CHEMBL1", "hello", ""])
    assert figures["valid"].value == 0.0
    assert figures.notes[0] == "None of 3 rows is a molecule; the first reads 'CHEMBL1'."
    assert "Only the first of 3 rows" in evaluate(["CCO", "x", "y"]).notes[0]
    assert not evaluate(["CCO", "CC", "y"]).notes
