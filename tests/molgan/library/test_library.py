from collections import Counter

import pandas as pd
import pytest
from rdkit import Chem

from molgan.library.collect import collect
from molgan.library.plots import molecule_grid, property_distributions
from molgan.scoring.scorer import Scorer


class Cycle:
    """Draws the same few molecules over and over, with an invalid draw between."""

    def __init__(self, smiles):
        self.smiles = smiles

    def sample(self, n, seed=0):
        return [self.smiles[i % len(self.smiles)] for i in range(n)]


def test_distinct_valid_best_first_with_novelty():
    library = collect(Cycle(["CCO", None, "c1ccccc1", "CCO", "CC(N)=O"]), n=3, known={"CCO"})
    frame = library.frame
    assert len(library) == 3
    assert frame["qed"].is_monotonic_decreasing
    assert dict(zip(frame["smiles"], frame["novel"], strict=True)) == {"CCO": False, "c1ccccc1": True, "CC(N)=O": True}
    assert list(frame.columns) == ["smiles", "novel", "qed", "sa", "logp", "weight"]


def test_a_library_shows_itself():
    shown = collect(Cycle(["CCO", "c1ccccc1"]), n=2)._repr_html_()
    assert shown.count("<svg") == 2
    assert "2 distinct valid molecules" in shown


def test_gives_up_after_its_patience_and_says_how_many_draws():
    library = collect(Cycle(["C", "CC"]), n=50, patience=3)
    assert len(library) == 2
    assert library.draws == 150


def test_a_reward_fills_the_score_column():
    library = collect(
        Cycle(["C", "CC", "CCC"]), n=3, reward=lambda smiles: [len(s) / 10 for s in smiles], rank_by="score"
    )
    assert library.frame["score"].tolist() == [0.3, 0.2, 0.1]


def test_a_scorer_and_the_properties_share_one_reading(monkeypatch):
    counts = Counter()

    def parse(smiles, *more, original=Chem.MolFromSmiles, **settings):
        counts[smiles] += 1
        return original(smiles, *more, **settings)

    monkeypatch.setattr(Chem, "MolFromSmiles", parse)
    names = ["C", "CCO", "c1ccccc1"]
    library = collect(Cycle(names), n=3, reward=Scorer("qed", processes=0))
    assert counts == dict.fromkeys(names, 1)
    assert library.frame["score"].tolist() == library.frame["qed"].tolist()
    assert list(library.frame) == ["smiles", "novel", "score", "qed", "sa", "logp", "weight"]


def test_none_asked_for_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        collect(Cycle(["C"]), n=0)


def test_files_hold_the_same_molecules(tmp_path):
    library = collect(Cycle(["CCO", "c1ccccc1", "CC(N)=O"]), n=3, known=frozenset())
    table, lines, records = library.write(tmp_path / "new")
    assert pd.read_parquet(table)["smiles"].tolist() == lines.read_text().split()
    mols = list(Chem.SDMolSupplier(str(records)))
    assert [Chem.MolToSmiles(mol) for mol in mols] == lines.read_text().split()
    assert float(mols[0].GetProp("qed")) == pytest.approx(library.frame["qed"][0], abs=1e-4)
    assert mols[0].GetProp("novel") == "True"


def test_pictures_are_png_files(tmp_path):
    frame = collect(Cycle(["CCO", "c1ccccc1", "CC(N)=O"]), n=3).frame
    molecule_grid(frame["smiles"].tolist(), ["a", "b", "c"], tmp_path / "grid.png", columns=2)
    property_distributions(frame, frame, tmp_path / "properties.png")
    property_distributions(frame[:1], frame[:1], tmp_path / "one.png")
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
