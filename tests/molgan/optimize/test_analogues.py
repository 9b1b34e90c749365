"""Analogues of a few actives: similar, new, counted, by both sources; rows that cannot be used are named."""

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from typer.testing import CliRunner

from gancore.errors import ConfigError, DataError
from gancore.facade.models import load_model
from gancore.facade.tuning import TunedModel
from molgan.__main__ import app
from molgan.data.inputs import numbers_of, read_named
from molgan.optimize.analogues import analogues, tune

ACTIVES = [
    f"{ring}C(=O)N{rest}" for ring in ("c1ccccc1", "c1ccncc1", "Cc1ccccc1") for rest in ("C", "CC", "C(C)C", "CCO")
]
MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)


def similarity(first, second):
    return DataStructs.TanimotoSimilarity(*(MORGAN.GetFingerprint(Chem.MolFromSmiles(one)) for one in (first, second)))


def test_they_are_new_and_similar_and_the_counts_add_up():
    found = analogues(ACTIVES, n=60, similarity=0.5, seed=1)
    frame = found.frame
    assert len(frame) == 60
    assert frame["smiles"].is_unique
    known = {Chem.CanonSmiles(smiles) for smiles in ACTIVES}
    assert not set(frame["smiles"]) & known
    for row in frame.to_dict("records"):
        assert row["similarity"] == pytest.approx(max(similarity(row["smiles"], one) for one in known))
        assert row["similarity"] == pytest.approx(similarity(row["smiles"], row["nearest"]))
        assert row["similarity"] >= 0.5
    assert frame["similarity"].is_monotonic_decreasing
    counts = dict(found.counts)
    assert counts.pop("candidates") == sum(counts.values())
    assert counts["kept"] == 60
    assert frame.equals(analogues(ACTIVES, n=60, similarity=0.5, seed=1).frame)


def test_tuning_makes_molecules_like_the_actives_likelier():
    tuned = TunedModel(load_model("smiles-moses"), 1e-3)
    other = ["CC(C)(C)c1ccc2occ(CC(=O)Nc3ccccc3F)c2c1"]
    new = ["c1ccncc1C(=O)NC1CC1"]
    before = [tuned.log_prob(texts)[0].item() for texts in (new, other)]
    unread = tune(tuned, [*ACTIVES, "[Na]c1ccccc1"], seed=0)
    after = [tuned.log_prob(texts)[0].item() for texts in (new, other)]
    assert unread == ["[Na]c1ccccc1"]
    assert after[0] > before[0] + 1, (before, after)
    assert after[0] - before[0] > after[1] - before[1]


def test_a_tuned_model_gives_more_than_an_untuned_one():
    shares = []
    for actives in (ACTIVES, ACTIVES[:1]):
        found = analogues(actives, n=150, similarity=0.45, model=load_model("smiles-moses"), seed=0)
        sources = found.frame["source"].value_counts()
        assert set(sources.index) <= {"model", "bred"}
        shares.append(sources.get("model", 0))
    assert shares[0] > 5


def test_values_are_predicted_and_the_best_come_first():
    values = [smiles.count("n") + 0.01 * len(smiles) for smiles in ACTIVES]
    frame = analogues(ACTIVES, n=80, similarity=0.4, values=values).frame
    assert frame["predicted"].is_monotonic_decreasing
    pyridines = frame["smiles"].str.contains("n")
    assert frame["predicted"][pyridines].mean() > frame["predicted"][~pyridines].mean() + 0.3
    assert (frame["deviation"] > 0).all()
    assert "predicted" not in analogues(ACTIVES, n=3, values=[1.0, *[None] * (len(ACTIVES) - 1)]).frame


def test_a_value_of_nought_is_a_value(tmp_path):
    """In a Parquet file, where it is a number, as in a table of text."""
    frame = pd.DataFrame({"smiles": ["CCO", "CCN", "CCC"], "pIC50": [0.0, None, float("inf")]})
    frame.to_parquet(tmp_path / "assay.parquet")
    (tmp_path / "assay.csv").write_text("smiles,pIC50\nCCO,0\nCCN,\nCCC,inf\n")
    for name in ("assay.parquet", "assay.csv"):
        file = tmp_path / name
        first, *others = numbers_of(list(read_named(file)), "pic50", file)
        assert first == 0
        assert np.isnan(others).all()
    odd = tmp_path / "odd.csv"
    odd.write_text("smiles,pIC50\nCCO,weak\n")
    rows = list(read_named(odd))
    with pytest.raises(DataError, match="row 2 has 'weak' in the column 'pIC50', which is no number"):
        numbers_of(rows, "pIC50", odd)


def test_a_model_that_was_tuned_is_given_back_as_it_was():
    model = load_model("smiles-moses")
    before = model.sample(3, seed=0)
    analogues(ACTIVES, n=20, similarity=0.5, model=model)
    assert model.sample(3, seed=0) == before
    assert not any(one.requires_grad for one in model.recipe.averaged.average.parameters())


def test_odd_requests_are_one_sentence():
    with pytest.raises(ConfigError, match="similarity must be from 0 to 1"):
        analogues(ACTIVES, similarity=1.5)
    with pytest.raises(ConfigError, match="cannot give 0 analogues"):
        analogues(ACTIVES, n=0)
    with pytest.raises(ConfigError, match="values: 1 of them and 12 actives"):
        analogues(ACTIVES, values=[1.0])
    with pytest.raises(DataError, match="none of the rows is a molecule"):
        analogues(["nothing", None])


def test_the_command_names_skipped_rows(tmp_path):
    table = tmp_path / "actives.csv"
    rows = [f"{smiles},{number}" for number, smiles in enumerate(ACTIVES)]
    table.write_text("\n".join(["smiles,pIC50", *rows, "nothing,1", f"{ACTIVES[0]},2", "CC.O,"]) + "\n")
    out = tmp_path / "new.csv"
    run = ["analogues", str(table), "--model", "none", "--value", "pIC50", "-n", "20", "--out", str(out)]
    result = CliRunner().invoke(app, run)
    assert result.exit_code == 0, result.output
    assert "kept: 20" in result.output
    for said in ("row 14", "row 15: is there twice", "row 16: has several fragments"):
        assert said in result.output, result.output
    frame = pd.read_csv(out)
    assert list(frame) == ["smiles", "similarity", "nearest", "source", "predicted", "deviation"]
    assert np.isfinite(frame["predicted"]).all()
    other = CliRunner().invoke(app, [*run[:5], "IC50", *run[6:]])
    assert other.exit_code != 0
    assert isinstance(other.exception, DataError)
    assert "its columns are pIC50" in str(other.exception)
