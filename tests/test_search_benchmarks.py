"""Short forms of the benchmarks of searches: each prints numbers that were measured here."""

import json

import pandas as pd
import pytest
from rdkit import Chem

from benchmarks import diverse, leads, pmo, pmo_page
from molgan.scoring.filters import passes_filters, passes_reos
from tests.test_benchmarks import numbers


def test_leads(tmp_path, run):
    mols = tmp_path / "mols.smi"
    mols.write_text("COc1ccc(CCN2CCOCC2)cc1\nc1ccc2[nH]ccc2c1\nCCCCO\n")
    found = run(leads, mols, "--leads", 2, "--calls", 30, "--similarity", 0.2, "--seeds", 0, 1)[2:]
    assert [line.split("|")[1].strip() for line in found] == ["logp +1", "qed +0.1", "sa -0.5"]
    assert 0 < float(found[0].split("|")[3].split("±")[0]) <= 1


def test_leads_that_cannot_gain_are_left_out():
    aspirin_and_celecoxib = ["CC(=O)Oc1ccccc1C(=O)O", "Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1"]
    best = "Cc1ccc(N2CC[C@@H](NS(=O)(=O)c3ccccc3C)C2=O)cc1C"  # QED 0.914
    assert set(leads.drawn([*aspirin_and_celecoxib, best], 3, ("qed", 0.1), 0)) == set(aspirin_and_celecoxib)
    assert len(leads.drawn([*aspirin_and_celecoxib, best], 3, ("logp", 1.0), 0)) == 3


def test_pmo(tmp_path, run):
    mols = tmp_path / "mols.smi"
    mols.write_text("CCO\nCCN\nc1ccccc1O\nCC(=O)O\nC1CCNCC1\n")
    published = tmp_path / "published.csv"
    published.write_text("oracle,mine,mine_prescreen\nqed,0.9,1.0\nsitagliptin_mpo,0.5,1.0\n")
    short = ["--seeds", 0, "--calls", 30, "--start", mols, "--processes", 1, "--set", "initial=5", "batch=10"]
    arguments = tmp_path / "out", "--tasks", "qed", "sitagliptin_mpo", *short, "--published", published
    lines = run(pmo, *arguments)
    rows = [json.loads(line) for line in lines[:2]]
    assert [row["task"] for row in rows] == ["qed", "sitagliptin_mpo"]
    assert all(row["calls"] == 30 and 0 <= row["auc 10"] <= row["auc 1"] <= 1 for row in rows)
    assert "mine_prescreen" not in lines[2]
    sums = {line.split("  ")[0]: numbers(line) for line in lines if line.startswith("sum")}
    assert sums["sum"][-1] == pytest.approx(1.4)
    assert sums["sum without the tasks tuned on"][-1] == pytest.approx(0.9)  # of qed alone
    assert run(pmo, *arguments) == lines  # nothing is made anew


def test_rows_of_pmo_grow_by_seeds_and_are_not_mixed(tmp_path, run, capsys):
    mols, kept = tmp_path / "mols.smi", tmp_path / "rows.csv"
    mols.write_text("CCO\nCCN\nc1ccccc1O\nCC(=O)O\nC1CCNCC1\n")
    short = ["--tasks", "qed", "--start", mols, "--processes", 1, "--rows", kept, "--set", "initial=5", "batch=10"]
    for seed in (0, 1):
        lines = run(pmo, tmp_path / f"out{seed}", "--seeds", seed, "--calls", 30, *short)
    rows = pd.read_csv(kept)
    assert rows["seed"].tolist() == [0, 1]
    (mean,) = (numbers(line) for line in lines if line.startswith("qed"))
    assert mean[1] == pytest.approx(rows["auc 10"].mean(), abs=1e-3)  # of both seeds
    with pytest.raises(SystemExit):
        pmo.main([str(one) for one in (tmp_path / "out2", "--seeds", 0, "--calls", 20, *short)])
    assert "has rows of another number of calls than 20" in capsys.readouterr().err


def test_the_page_of_what_pmo_found(tmp_path, run):
    mols = tmp_path / "mols.smi"
    mols.write_text("CCO\nCCN\nc1ccccc1O\nCc1ccccc1N\nCC(=O)O\nC1CCNCC1\n")
    short = ["--seeds", 0, "--calls", 30, "--start", mols, "--processes", 1, "--set", "initial=5", "batch=10"]
    run(pmo, tmp_path / "out", "--tasks", "qed", *short)
    page = tmp_path / "page.html"
    lines = run(pmo_page, tmp_path / "out", "--page", page, "--reference", mols)
    assert lines[0].split() == ["MOSES", "filters", "REOS", "PAINS", "known", "ring", "systems"]
    best = pmo_page.read_search(tmp_path / "out" / "qed-0").best(100)["smiles"].tolist()
    read = [(Chem.MolFromSmiles(smiles), smiles) for smiles in best]
    passed = [sum(passes_filters(*one) for one in read), sum(passes_reos(mol) for mol, _ in read)]
    rows = numbers(lines[1].split("qed-0")[1])
    assert rows[:2] == pytest.approx([round(count / len(best), 2) for count in passed])
    assert 0 <= rows[3] <= 1
    assert page.read_text().count("<svg") == 3
    assert pmo_page.known_rings(["c1ccccc1O", "Cc1ccccc1", "C1CCNCC1", None]) == {"c1ccccc1"}
    with pytest.raises(SystemExit):
        run(pmo_page, tmp_path, "--page", page)


def test_diverse(tmp_path, run):
    mols = tmp_path / "mols.smi"
    mols.write_text("CCO\nCCN\nc1ccccc1O\nCc1ccccc1N\nCC(=O)O\nC1CCNCC1\n")
    few = ["--set", "initial=5", "batch=10", "genetic.children=30", "genetic.population=20"]
    lines = run(diverse, "--start", mols, "--tasks", "qed", "--calls", 40, "--least", 0.5, "--seeds", 0, *few)[2:]
    rows = [[part.strip() for part in line.split("|")[1:-1]] for line in lines]
    assert [row[1] for row in rows] == ["none", "scaffold", "similarity"]
    for row in rows:
        hits, circles, mean, ten, _ = map(float, row[2:])
        assert 1 <= circles <= hits <= 40
        assert 0.5 <= mean <= 1
        assert 0 < ten <= 1
