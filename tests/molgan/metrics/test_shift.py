"""The warning that training molecules and reference molecules are easy to tell apart."""

import numpy as np
import pytest

import molgan
from gancore.io.notes import Note
from molgan.metrics.neighbours import packed
from molgan.metrics.shift import shift_between


@pytest.fixture(scope="module")
def pool(qm9_smiles):
    rows = np.random.default_rng(0).permutation(len(qm9_smiles))[:2000]
    return [qm9_smiles[row] for row in rows.tolist()]


def test_molecules_of_one_source_give_no_warning(pool):
    """Of 20 seeds, at most one."""
    bits = packed(pool)
    alarms = 0
    for seed in range(20):
        rows = np.random.default_rng(seed).permutation(len(pool))
        alarms += shift_between([pool[row] for row in rows[:100]], bits[rows[100:200]], seed).low > 0.55
    assert alarms <= 1


def test_other_molecules_are_seen(pool):
    rings = [text for text in pool if "1" in text]
    chains = [text for text in pool if "1" not in text]
    assert shift_between(rings[:300], packed(chains[:300])).low > 0.55
    assert shift_between(rings[:49], packed(chains)) is None
    assert shift_between(["C"] * 400, packed(chains)) is None


def test_compare_warns_once(pool, tmp_path):
    rings = [text for text in pool if "1" in text]
    chains = [text for text in pool if "1" not in text]
    for name in ("one.smi", "other.smi"):
        (tmp_path / name).write_text("\n".join(rings[:4]))
    with pytest.warns(Note, match="easy to tell apart") as told:
        molgan.compare([tmp_path / "one.smi", tmp_path / "other.smi"], rings[:60], chains[:60], groups=("alerts",))
    assert len(told) == 1


def test_evaluate_warns_and_notes(pool):
    rings = [text for text in pool if "1" in text]
    chains = [text for text in pool if "1" not in text]
    with pytest.warns(Note, match="Training molecules and reference molecules are easy to tell apart"):
        figures = molgan.evaluate(rings[:4], rings[:80], chains[:80], groups=("alerts",))
    assert any("held-out molecules, and 0.5 is chance" in one for one in figures.notes)
    calm = molgan.evaluate(pool[:4], pool[:80], pool[80:160], groups=("alerts",))
    assert not any("tell apart" in one for one in calm.notes)
