"""Diversity under reward: full buckets end, and the best may be told apart."""

from collections import Counter

import numpy as np
from rdkit import Chem

import molgan
from molgan.data.dataset import embedded, read_rows
from molgan.optimize import DiversityConfig, GeneticConfig, OptimizeConfig
from molgan.optimize.crowding import Crowding
from molgan.optimize.surrogate import apart, features_of, similarities
from molgan.scoring.diversity import scaffold

SMILES = [text for _, text in read_rows(embedded()) if text][::150]
START = ["c1ccncc1", "C1CCNCC1", "CCO", "c1ccccc1C", "C1CCOC1"]


def features(smiles):
    return features_of(Chem.MolFromSmiles(smiles))


def test_similar_ones_are_counted():
    good = SMILES[:60]
    expected = similarities([features(smiles) for smiles in SMILES[60:160]], [features(smiles) for smiles in good])
    crowded = Crowding(DiversityConfig("similarity", 1, 0.5, 0.25), good, features)(SMILES[60:160])
    assert crowded.tolist() == ((expected >= 0.25).sum(1) >= 1).tolist()
    assert 0 < crowded.sum() < 100
    assert not Crowding(DiversityConfig("similarity"), [], features)(SMILES[:3]).any()


def test_those_apart_are_the_first_that_are_not_near():
    everyone = similarities([features(smiles) for smiles in SMILES])
    chosen = apart(SMILES, 10**6, 0.35)
    expected = []
    for place in range(len(SMILES)):
        if not (everyone[place, expected] >= 0.35).any():
            expected.append(place)
    assert chosen == expected
    assert len(SMILES) > 500  # more than are compared at a time
    assert apart(SMILES, 5, 0.35) == expected[:5]


def nitrogens(smiles):
    return [min(text.upper().count("N"), 4) / 4 for text in smiles]


def searched(by, **more):
    diversity = DiversityConfig(by, bucket=2, least=0.5, nearness=0.5)
    genetic = GeneticConfig(20, 2, 40, nearness=0.0)
    config = OptimizeConfig(150, batch=5, initial=5, genetic=genetic, diversity=diversity, **more)
    return molgan.optimize(nitrogens, 150, START, config=config)


def test_a_full_scaffold_is_asked_for_no_more():
    found = searched("scaffold")
    good = found.frame[found.frame["score"] >= 0.5]
    most = max(Counter(map(scaffold, good["smiles"])).values())
    assert most <= 2 + 5 - 1  # a batch may overfill a bucket
    free = searched("").frame
    assert max(Counter(map(scaffold, free[free["score"] >= 0.5]["smiles"])).values()) > most


def test_the_best_are_told_apart():
    found = searched("")
    best = found.best(20, nearness=0.4)
    near = similarities([features(smiles) for smiles in best["smiles"]])
    assert (near - np.eye(len(near)) < 0.4).all()
    assert best["score"].is_monotonic_decreasing
    assert best["smiles"][0] == found.best(1)["smiles"][0]
