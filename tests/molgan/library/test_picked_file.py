"""`molgan pick` and `molgan cluster`: what they write and say, and a sentence for each kind of bad input."""

import json

import numpy as np
import pandas as pd
import pytest

from molgan.__main__ import main
from molgan.library.bit_matrix import bit_matrix
from molgan.library.picking import maxmin

TABLE = "smiles,name,score\nOCC,a,1\nCCO,b,9\nc1ccccc1O,c,3\nc1ccccc1N,d,\nno molecule,e,4\nCCCCO,f,2\nC1CC1,g,5\n"


@pytest.fixture
def run(command_line, tmp_path):
    (tmp_path / "mols.csv").write_text(TABLE)
    return command_line("molgan", main)


def names(path):
    return pd.read_csv(path)["name"].tolist()


def test_maxmin_begins_with_the_best_and_takes_each_molecule_once(run, tmp_path):
    code, out, err = run("pick", "mols.csv", "-n", 4, "--rank-by", "score", "--out", "few.csv", "--json")
    assert code == 0, err
    table = pd.read_csv(tmp_path / "few.csv")
    assert table["name"][0] == "g"
    assert not {"b", "e"} & set(table["name"]), "the same as a, and no molecule"
    distinct = ["CCO", "Oc1ccccc1", "Nc1ccccc1", "CCCCO", "C1CC1"]
    assert table["smiles"].tolist() == [distinct[row] for row in maxmin(bit_matrix(distinct), 4, first=4)]
    assert table["pick"].tolist() == [1, 2, 3, 4]
    figures = json.loads(out)
    assert {name: figures[name] for name in ("rows", "molecules", "picked")} == {"rows": 7, "molecules": 5, "picked": 4}
    assert figures["nearest"] <= figures["random.nearest"] + 0.2
    assert figures["circles"] >= 1


def test_spheres_look_at_the_best_first(run, tmp_path):
    code, _, err = run(
        *("pick", "mols.csv", "--by", "sphere", "-n", 9, "--rank-by", "SCORE", "--threshold", 0.4, "--out", "s.csv")
    )
    assert code == 0
    assert names(tmp_path / "s.csv") == ["g", "c", "f", "d"], "a is too like f, and d has no score"
    assert err == "note: 9 were asked for, and there are no more; a higher --threshold gives more.\n"
    run("pick", "mols.csv", "--by", "sphere", "-n", 2, "--rank-by", "score", "--lowest", "--out", "s.csv")
    assert names(tmp_path / "s.csv") == ["a", "c"]


def test_each_scaffold_gives_its_best(run, tmp_path):
    call = ("pick", "mols.csv", "--by", "scaffold", "--rank-by", "score", "--out", "s.parquet")
    code, out, err = run(*call, "-n", 9, "--json")
    table = pd.read_parquet(tmp_path / "s.parquet")
    assert code == 0
    assert table["name"].tolist() == ["g", "c", "f"]
    assert table["scaffold"].tolist() == ["C1CC1", "c1ccccc1", ""]
    assert json.loads(out)["groups"] == 3
    assert "a higher --each gives more" in err
    run(*call, "-n", 4, "--each", 2)
    assert pd.read_parquet(tmp_path / "s.parquet")["name"].tolist() == ["g", "c", "f", "a"]


def test_each_cluster_gives_one_and_smi_has_names(run, tmp_path):
    code, out, err = run("pick", "mols.csv", "--by", "cluster", "--threshold", 0.3, "-n", 3, "--out", "c.smi")
    assert code == 0, err
    assert out.startswith("3 of 5 distinct molecules picked by cluster.\nmean similarity to the nearest other pick: 0.")
    assert (tmp_path / "c.smi").read_text().splitlines()[0] == "CCO a"


@pytest.mark.parametrize("by", ["bitbirch", "butina"])
def test_a_table_of_clusters(run, tmp_path, by):
    code, out, err = run("cluster", "mols.csv", "--by", by, "--threshold", 0.5, "--out", "c.csv", "--json")
    assert code == 0, err
    table = pd.read_csv(tmp_path / "c.csv").set_index("name")
    assert table["cluster"]["a"] == table["cluster"]["b"] == 0
    assert table["cluster_size"]["a"] == 2 or table["cluster"]["f"] == 0
    assert np.isnan(table["cluster"]["e"])
    figures = json.loads(out)
    assert (figures["rows"], figures["molecules"]) == (7, 6)
    assert figures["clusters"] == table["cluster"].nunique()
    assert 0.5 <= figures["similarity"] <= 1
    assert " clusters, " in run("cluster", "mols.csv", "--by", by, "--out", "c.parquet")[1]


WRONG = {
    ("pick", "gone.csv", "--out", "a.csv"): (1, "gone.csv: no such file."),
    ("pick", "mols.csv", "--out", "a.sdf"): (2, "a.sdf: can be written as .csv, .parquet or .smi."),
    ("cluster", "mols.csv", "--out", "a.smi"): (2, "a.smi: can be written as .csv or .parquet."),
    ("pick", "mols.csv", "--out", "mols.csv"): (2, "mols.csv: is what is read from; write to another file."),
    ("pick", "mols.csv", "--out", "a.csv", "--rank-by", "price"): (
        1,
        "mols.csv: has no column 'price' to rank by; its columns are name, score.",
    ),
    ("pick", "mols.csv", "--out", "a.csv", "--rank-by", "name"): (
        1,
        "mols.csv: row 2 has 'a' in the column 'name', which is no number to rank by.",
    ),
    ("pick", "mols.csv", "--out", "a.csv", "--threshold", "0.5"): (
        2,
        "--by maxmin has no threshold; leave --threshold out, or use sphere or cluster.",
    ),
    ("pick", "mols.csv", "--out", "a.csv", "--by", "sphere", "--each", "2"): (
        2,
        "--by sphere has no groups; leave --each out, or use scaffold or cluster.",
    ),
    ("pick", "mols.csv", "--out", "a.csv", "--by", "sphere", "--threshold", "65"): (
        2,
        "--threshold 65 is no similarity; give one from 0 to 1.",
    ),
    ("pick", "mols.csv", "--out", "a.csv", "--lowest"): (
        2,
        "--lowest says how a column counts; name it with --rank-by.",
    ),
    ("pick", "empty.smi", "--out", "a.csv"): (1, "empty.smi: holds no rows."),
    ("cluster", "none.smi", "--out", "a.csv"): (1, "none.smi: none of 2 rows is a molecule."),
    ("pick", "lines.smi", "--out", "a.csv", "--rank-by", "score"): (
        1,
        "lines.smi: has no column 'score' to rank by; it has no column but the molecules.",
    ),
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_bad_input_is_a_sentence(run, tmp_path, words):
    (tmp_path / "empty.smi").write_text("")
    (tmp_path / "none.smi").write_text("C1CC\nCC(\n")
    (tmp_path / "lines.smi").write_text("CCO\nCCN\n")
    code, out, err = run(*words)
    assert (code, err) == (WRONG[words][0], f"molgan: {WRONG[words][1]}\n")
    assert out == ""
    assert not (tmp_path / "a.csv").exists()
