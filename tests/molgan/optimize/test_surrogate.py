"""The Gaussian process: its kernel, its predictions at what it has seen and far from it, and joint draws."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import DataStructs, rdFingerprintGenerator

from molgan.data.dataset import embedded, read_rows
from molgan.optimize.surrogate import TanimotoProcess, features_of, similarities

SMILES = [text for _, text in read_rows(embedded()) if text][::900]
MOLS = [Chem.MolFromSmiles(smiles) for smiles in SMILES]
FEATURES = [features_of(mol) for mol in MOLS]


def test_the_kernel_is_the_similarity_of_counts():
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2)
    counts = [generator.GetSparseCountFingerprint(mol) for mol in MOLS]  # some features are frequent, most are rare
    expected = np.array([[DataStructs.TanimotoSimilarity(one, other) for other in counts] for one in counts])
    assert np.allclose(similarities(FEATURES), expected, atol=1e-6)
    assert np.allclose(similarities(FEATURES[:50], FEATURES[20:]), expected[:50, 20:], atol=1e-6)


def test_it_knows_what_it_has_seen_and_doubts_what_is_far():
    scores = np.array([mol.GetNumAtoms() + mol.GetRingInfo().NumRings() for mol in MOLS[:100]], float)
    process = TanimotoProcess(FEATURES[:100], scores)
    mean, deviation = process.predict(FEATURES[:100])
    assert np.abs(mean - scores).mean() < 0.25 * scores.std()
    far = [features_of(Chem.MolFromSmiles("BrC(Br)(Br)I"))]
    far_mean, far_deviation = process.predict(far)
    assert far_deviation[0] > 3 * np.median(deviation)
    assert far_mean[0] == pytest.approx(scores.mean(), abs=0.2 * scores.std())


def test_it_ranks_molecules_that_it_has_not_seen():
    scores = np.array([sum(atom.GetSymbol() == "O" for atom in mol.GetAtoms()) for mol in MOLS], float)
    process = TanimotoProcess(FEATURES[::2], scores[::2])
    mean, _ = process.predict(FEATURES[1::2])
    assert np.corrcoef(mean, scores[1::2])[0, 1] > 0.8


def test_draws_have_the_mean_and_the_deviation_that_are_predicted():
    scores = np.array([float(mol.GetNumAtoms()) for mol in MOLS[:60]])
    process = TanimotoProcess(FEATURES[:60], scores)
    mean, deviation = process.predict(FEATURES[60:80])
    draws = process.draw(FEATURES[60:80], 4000, np.random.default_rng(0))
    assert draws.shape == (4000, 20)
    assert np.allclose(draws.mean(0), mean, atol=0.08 * scores.std())
    assert np.allclose(draws.std(0), deviation, rtol=0.1, atol=0.03 * scores.std())


def test_equal_scores_are_no_error():
    mean, deviation = TanimotoProcess(FEATURES[:5], np.zeros(5)).predict(FEATURES[:8])
    assert np.isfinite(mean).all()
    assert np.isfinite(deviation).all()
