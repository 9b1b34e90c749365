"""Batches that differ, and the bonus for what is new: against enumeration, on molecules, in a search."""

from itertools import combinations

import numpy as np
import pytest
from rdkit import Chem

from molgan import Optimizer
from molgan.optimize import DiversityConfig, GeneticConfig, OptimizeConfig, SurrogateConfig
from molgan.optimize.batch_choice import CHOOSERS, determinantal, maxmin
from molgan.optimize.novelty import Novelty
from molgan.optimize.surrogate import features_of, similarities

SMILES = ["CCO", "CCCO", "CCCCO", "c1ccncc1", "c1ccncc1C", "CC(=O)NC", "CC(=O)NCC", "OCC1CC1", "FC(F)F", "C1CCNCC1"]
NEAR = similarities([features_of(Chem.MolFromSmiles(smiles)) for smiles in SMILES])


def test_the_greedy_choice_is_near_the_best_determinant():
    value = np.linspace(1, 0.8, len(SMILES))
    quality = np.exp(0.5 * (value - value.max()) / value.std())
    kernel = quality[:, None] * NEAR * quality[None]
    best = max(np.linalg.det(kernel[np.ix_(some, some)]) for some in combinations(range(len(SMILES)), 3))
    chosen = determinantal(NEAR, value, 3)
    assert len(set(chosen)) == 3
    assert np.linalg.det(kernel[np.ix_(chosen, chosen)]) >= (1 - 1 / np.e) * best


def test_each_next_one_is_the_farthest():
    chosen = maxmin(NEAR, np.arange(len(SMILES), 0, -1.0), 5)
    assert chosen[0] == 0
    for count in range(1, 5):
        left = [at for at in range(len(SMILES)) if at not in chosen[:count]]
        assert NEAR[chosen[count], chosen[:count]].max() == min(NEAR[at, chosen[:count]].max() for at in left)


@pytest.mark.parametrize("chooser", CHOOSERS.values())
def test_a_batch_has_each_molecule_once_and_never_more_than_there_are(chooser):
    value = np.random.default_rng(0).random(len(SMILES))
    assert sorted(maxmin(NEAR, value, 99)) == list(range(len(SMILES)))
    for n in (0, 1, 4):
        assert len(set(chooser(NEAR, value, n))) == n
    same = np.ones((4, 4))
    assert determinantal(same, np.ones(4), 3) == [0]  # what is spanned adds nothing


def test_what_was_seen_has_no_bonus():
    features = [features_of(Chem.MolFromSmiles(smiles)) for smiles in SMILES]
    novelty = Novelty(features[:5])
    bonus = novelty(features)
    assert bonus[:5].max() < 0.1
    assert bonus[5:].min() > 3 * bonus[:5].max()
    with pytest.raises(ValueError, match="no molecule"):
        Novelty([])


@pytest.mark.parametrize("more", [{"batch": "determinantal"}, {"batch": "maxmin"}, {"novelty": 3.0}])
def test_a_batch_that_is_asked_for_differs_more(more):
    """Against a batch of the highest upper bounds, from the same scores."""

    def spread(diversity):
        surrogate = SurrogateConfig(acquisition="upper_bound")
        genetic = GeneticConfig(20, 2, 60, nearness=0.0)
        optimizer = Optimizer(
            SMILES, OptimizeConfig(80, 10, 10, genetic=genetic, surrogate=surrogate, diversity=diversity)
        )
        optimizer.tell(asked := optimizer.ask(10), [min(one.upper().count("N"), 4) / 4 for one in asked])
        near = similarities([features_of(Chem.MolFromSmiles(smiles)) for smiles in optimizer.ask(10)])
        return (near.sum() - len(near)) / len(near) / (len(near) - 1)

    assert spread(DiversityConfig(**more)) < 0.8 * spread(DiversityConfig())
