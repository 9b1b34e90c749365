"""The short form of `python -m benchmarks.picking`, and what its own functions give."""

import sys

import numpy as np
import pytest

from benchmarks import picking


def test_every_row_in_a_short_form(qm9_smiles, tmp_path, monkeypatch, capsys):
    (tmp_path / "mols.smi").write_text("\n".join(qm9_smiles[:150]) + "\n")
    sizes = ("--molecules", "150", "--picks", "5", "--known", "300", "--seen", "200")
    monkeypatch.setattr(sys, "argv", ["picking", str(tmp_path / "mols.smi"), *sizes, "--here"])
    picking.main()
    first, _, second = capsys.readouterr().out.partition("\n\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in first.splitlines()[2:]]
    assert len(rows) == len(picking.ROWS) + 1, "known has two"
    for row in rows:
        size, seconds, memory = (float(cell.replace(",", "")) for cell in row[1:4])
        assert size > 0
        assert seconds >= 0
        assert memory > 10
        assert bool(row[4]) == bool(row[5]) == bool(row[7])
    assert len(second.splitlines()) == 2 + 3
    assert [path.name for path in tmp_path.iterdir()] == ["mols.smi"]


def test_made_strings_are_as_many_as_asked_for_and_distinct():
    made = list(picking.made(["CCO", "c1ccccc1"], 40))
    assert len(made) == 40
    assert len(set(made)) == 40
    assert made[:2] == ["CCO", "c1ccccc1"]


def test_the_adjusted_rand_index():
    """1 for the same clusters, whatever their numbers; about 0 for independent ones; by hand for four molecules."""
    labels = np.array([0, 0, 1, 1])
    assert picking.adjusted_rand(labels, 1 - labels) == 1.0
    assert picking.adjusted_rand(labels, np.array([0, 1, 0, 1])) == pytest.approx(-0.5)
    rng = np.random.default_rng(0)
    assert abs(picking.adjusted_rand(rng.integers(0, 5, 4000), rng.integers(0, 5, 4000))) < 0.01
