"""A library on disk: queries, exports, merging, what it says of itself, and an estimate before it is made."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

import molgan
import molgan.__main__
from gancore.errors import ConfigError, RunError
from gancore.io.notes import Note
from molgan.library import commits
from molgan.library.bit_matrix import bit_matrix
from molgan.library.estimate import estimate, lines
from molgan.library.export import export
from molgan.library.jobs import prepare
from molgan.library.merge import merge
from molgan.library.picking import maxmin, spread
from molgan.library.query import LibraryFolder
from molgan.library.settings import LibraryConfig

CONFIG = LibraryConfig(n=60, draws=100, workers=1)


@pytest.fixture
def run(command_line):
    return command_line("molgan", molgan.__main__.main)


@pytest.fixture
def made(samplers, tmp_path, monkeypatch):
    monkeypatch.setattr(commits, "_ROWS", 20)
    return molgan.library(samplers.draw, 60, tmp_path / "lib", "qed > 0.4", config=CONFIG, quiet=True)


def test_a_query_is_answered(made):
    assert made.query("select count(*) as n from library")["n"].tolist() == [60]
    assert made.query("from molecules where qed > 0.5 order by qed desc limit 3")["qed"].is_monotonic_decreasing
    assert len(made) == len(list(made.smiles())) == 60
    assert "60 distinct molecules" in made._repr_html_()


def test_runs_with_other_columns_are_one_table(made, samplers):
    more = molgan.library(samplers.draw, 10, made.folder, "logp < 1", config=CONFIG, quiet=True)
    frame = more.query("from library")
    assert frame["qed"].notna().sum() == 60
    assert frame["logp"].notna().sum() == 10


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select molwt from library", "the table is library, its columns are smiles, seed"),
        ("select", "its columns are smiles"),
        ("from other", "its columns are smiles"),
    ],
)
def test_a_query_that_cannot_be_answered(sql, said, made):
    with pytest.raises(ConfigError, match=said) as refused:
        made.query(sql)
    assert "\n" not in str(refused.value)


def test_a_folder_without_a_library(tmp_path):
    with pytest.raises(RunError, match=r"holds no library \(it has no manifest.json\)"):
        LibraryFolder(tmp_path)


# Exports ------------------------------------------------------------------------------------------


def test_exports_hold_the_same_molecules(made, tmp_path):
    files = {suffix: tmp_path / f"new.{suffix}" for suffix in ("smi", "csv", "parquet", "sdf")}
    assert {export(made, path) for path in files.values()} == {60}
    smiles = list(made.smiles())
    assert [line.split()[0] for line in files["smi"].read_text().splitlines()] == smiles
    assert pd.read_csv(files["csv"])["smiles"].tolist() == smiles
    pd.testing.assert_frame_equal(pd.read_parquet(files["parquet"]), made.query("from library"), check_dtype=False)
    mols = list(Chem.SDMolSupplier(str(files["sdf"])))
    assert [Chem.MolToSmiles(mol) for mol in mols] == smiles
    assert [mol.GetProp("_Name") for mol in mols] == smiles
    assert math.isclose(float(mols[0].GetProp("qed")), made.query("from library limit 1")["qed"][0], rel_tol=1e-5)


def test_a_condition_chooses(made, tmp_path):
    wanted = made.query("select count(*) as n from library where qed > 0.5")["n"][0]
    assert 0 < export(made, tmp_path / "some.csv", "qed > 0.5") == wanted < 60
    assert export(made, tmp_path / "none.parquet", "qed > 2") == 0
    assert len(pd.read_parquet(tmp_path / "none.parquet")) == 0
    with pytest.raises(ConfigError, match="where 'molwt > 1'"):
        export(made, tmp_path / "new.smi", "molwt > 1")
    assert not (tmp_path / "new.smi").exists()


def test_coordinates_in_space(made, tmp_path):
    few = "shard = 0 and draw < 20"
    count = export(made, tmp_path / "placed.sdf", few, conformers=True)
    mols = list(Chem.SDMolSupplier(str(tmp_path / "placed.sdf"), removeHs=False))
    assert len(mols) == count > 0
    assert all(mol.GetConformer().Is3D() for mol in mols)
    assert any(abs(mol.GetConformer().GetPositions()[:, 2]).max() > 0.5 for mol in mols)
    assert sum(atom.GetAtomicNum() == 1 for atom in mols[0].GetAtoms()) > 0
    export(made, tmp_path / "again.sdf", few, conformers=True)
    assert (tmp_path / "again.sdf").read_bytes() == (tmp_path / "placed.sdf").read_bytes()


def test_what_cannot_be_exported(made, tmp_path):
    with pytest.raises(ConfigError, match=r"ends in .smi, .csv, .sdf, .parquet"):
        export(made, tmp_path / "new.xlsx")
    with pytest.raises(ConfigError, match=r"into an .sdf alone"):
        export(made, tmp_path / "new.csv", conformers=True)


# Merging ------------------------------------------------------------------------------------------


def test_a_merged_library_has_each_molecule_once(made, samplers, tmp_path):
    other = molgan.library(samplers.draw, 80, tmp_path / "other", "logp < 2", config=CONFIG, quiet=True)
    whole = merge([made.folder, other.folder], tmp_path / "both")
    wanted = list(dict.fromkeys([*made.smiles(), *other.smiles()]))
    assert list(whole.smiles()) == wanted
    assert len(whole) < 140
    assert len(whole.manifest.files) == 2
    assert len(whole.info()["runs"]) == 2
    grown = molgan.library(samplers.draw, 5, whole.folder, seed=9, config=CONFIG, quiet=True)
    assert len(set(grown.smiles())) == len(wanted) + 5
    with pytest.raises(RunError, match="is there already"):
        merge([made.folder], other.folder)


# The command line ---------------------------------------------------------------------------------


def test_the_commands(run, samplers, tmp_path):
    options = ("-n", 30, "--where", "qed > 0.4", "--out", "lib", "--draws", 100, "--workers", 1)
    code, out, err = run("library", "samplers:draw", *options)
    assert (code, err) == (0, "")
    assert "30 of 30 molecules, complete" in out
    assert "not qed > 0.4: " in out
    code, out, _ = run("library", "query", "lib", "select count(*) as n from library")
    assert out == "n\n30\n"
    code, out, _ = run("library", "query", "lib", "select count(*) as n from library", "--json")
    assert json.loads(out) == [{"n": 30}]
    assert run("library", "query", "lib", "from library", "--out", "all.csv")[0] == 0
    assert len(pd.read_csv("all.csv")) == 30
    assert run("library", "export", "lib", "--out", "lib.sdf")[1] == "lib.sdf: 30 molecules\n"
    assert run("library", "merge", "lib", "--out", "two")[1] == "two: 30 molecules\n"
    assert json.loads(run("library", "info", "two", "--json", "--check")[1])["molecules"] == 30
    code, _, err = run("library", "samplers:draw", "--where", "molwt > 1", "--out", "lib")
    assert code == 2
    assert err.startswith("molgan: where 'molwt > 1': there is no column 'molwt'; the columns are ")
    code, _, err = run("library", "samplers:draw", *options[:2], "--where", "qed > 2", *options[4:], "--patience", 200)
    assert code == 1
    assert err.startswith("molgan: lib: none of 200 samples passes; the filter's 'qed > 2' rejects most")
    assert run("library", "--help")[0] == 0


def test_a_dry_run_estimates_and_leaves_nothing(run, samplers, tmp_path):
    options = ("samplers:draw", "-n", 10_000, "--where", "qed > 0.4", "--out", "lib", "--workers", 2, "--dry-run")
    code, out, _ = run("library", *options)  # on a slow machine it says how far it is
    assert code == 0
    assert "95% interval" in out
    assert "10,000 molecules: about " in out
    told = json.loads(run("library", *options, "--json")[1])
    assert (
        told["samples"]
        == 1000
        == told["invalid"] + told["repeats"] + told["known"] + told["kept"] + sum(told["rejected"].values())
    )
    assert told["samples needed"] == round(10_000 / told["acceptance"])
    assert math.isclose(told["hours"], told["samples needed"] * told["seconds"] / 1000 / 2 / 3600, rel_tol=1e-3)
    assert not (tmp_path / "lib").exists()


def test_an_estimate_where_nothing_passes(samplers):
    told = estimate(prepare(samplers.draw, LibraryConfig(n=5, where="qed > 2")), 50)
    assert told["hours"] is None
    assert "None passes" in lines(told)


def test_a_note_says_what_is_left_out_of_an_sdf(made, tmp_path, monkeypatch):
    monkeypatch.setattr("molgan.library.export._drawn", failing)
    with pytest.warns(Note, match="60 molecules have no coordinates"):
        assert export(made, tmp_path / "none.sdf") == 0


def failing(smiles):
    return None


def test_a_picked_few_lie_apart(made, run, samplers):
    few = made.pick(8)
    smiles = list(made.smiles())
    rows = maxmin(bit_matrix(smiles), 8)
    assert few["smiles"].tolist() == [smiles[row] for row in rows]
    assert pd.read_parquet(made.folder / "picked.parquet").equals(few)
    assert few["qed"].min() > 0.4
    assert not list((made.folder / ".work").glob("fingerprints*"))
    prints = bit_matrix(few["smiles"].tolist())
    first = bit_matrix(smiles[:8])
    assert spread(prints, np.arange(8)).nearest < spread(first, np.arange(8)).nearest
    assert len(made.pick(1000)) == 60
    with pytest.raises(ConfigError, match="cannot be picked"):
        made.pick(0)
    again = ["library", "samplers:draw", "-n", "60", "--where", "qed > 0.4", "--draws", "100", "--workers", "1"]
    code, out, _ = run(*again, "--out", str(made.folder), "--pick", "5")
    assert code == 0
    assert "picked.parquet: 5 molecules" in out


def test_the_page_of_a_library(made):
    page = molgan.report(made.folder, n=20, top=20).page
    assert "Library lib" in page
    assert "20 of 60" in page
    rows = json.loads(page.partition('<script id="data" type="application/json">')[2].partition("</script>")[0])["rows"]
    assert len(rows) == 20
    table = made.query("from library").set_index("smiles")
    for row in rows:
        of = table.loc[row["smiles"]]
        assert row["name"] == f"seed {of['seed']}, shard {of['shard']}, draw {of['draw']}"
    (run,) = made.info()["runs"]
    assert f"kept {run['counts']['kept']:,}" in page
