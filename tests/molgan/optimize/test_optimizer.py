"""Asking and telling: budgets, order, repeats, what is never told, and going on after a kill at any place."""

import json
import math
from random import Random

import numpy as np
import pytest
from rdkit import Chem

from gancore.errors import ConfigError, DataError, RunError
from gancore.io.notes import Note
from molgan import Optimizer
from molgan.optimize import GeneticConfig, OptimizeConfig, SurrogateConfig
from molgan.optimize.auc import area_under_top

START = ["CCO", "CCN", "c1ccccc1O", "CC(=O)O", "C1CCNCC1", "CC(C)C", "OCCO", "c1ccncc1", "CCCl", "CC#N"]
FEW = OptimizeConfig(60, batch=6, initial=8, genetic=GeneticConfig(12, 2, 20), surrogate=SurrogateConfig(most=40))


def nitrogens(smiles):
    """A score from 0 to 1: half of it for each nitrogen in the ring."""
    mol = Chem.MolFromSmiles(smiles)
    return min(1.0, sum(atom.GetSymbol() == "N" and atom.IsInRing() for atom in mol.GetAtoms()) / 4)


def searched(optimizer):
    while asked := optimizer.ask():
        optimizer.tell(asked, [nitrogens(smiles) for smiles in asked])
    return optimizer.frame()


def test_it_stops_at_the_budget_and_finds_better_ones():
    frame = searched(Optimizer(START, FEW))
    assert len(frame) == 60
    assert frame["smiles"].is_unique
    assert frame["call"].tolist() == list(range(1, 61))
    assert frame["score"][:8].max() <= 0.25
    assert frame["score"].max() >= 0.75


@pytest.mark.parametrize("kind", ["none", "gaussian_process"])
@pytest.mark.parametrize("acquisition", ["thompson", "upper_bound"])
def test_the_same_seed_searches_alike(kind, acquisition):
    config = OptimizeConfig(30, 6, 8, 3, genetic=FEW.genetic, surrogate=SurrogateConfig(kind, 40, acquisition))
    assert searched(Optimizer(START, config)).equals(searched(Optimizer(START, config)))


def test_molecules_are_counted_once_and_keep_their_first_score():
    optimizer = Optimizer(START, FEW)
    optimizer.tell(["OCC", "CCO"], [0.5, 0.5])
    optimizer.tell("C(C)O", 0.5)
    assert optimizer.calls == 1
    with pytest.warns(Note, match="1 molecules had another score before"):
        optimizer.tell(["OCC", "CCN"], [0.7, 0.1])
    assert optimizer.frame()["score"].tolist() == [0.5, 0.1]
    assert "CCO" not in optimizer.ask(10)


def test_what_is_never_told_is_not_asked_again():
    optimizer = Optimizer(START, FEW)
    first, second = optimizer.ask(5), optimizer.ask(5)
    assert len({*first, *second}) == 10
    optimizer.tell(second[::-1], [nitrogens(smiles) for smiles in second[::-1]])
    third = optimizer.ask(20)
    assert not {*first, *second} & {*third}
    assert optimizer.pending == [*first, *third]


def test_molecules_without_a_score_count_and_do_not_breed():
    optimizer = Optimizer(START, FEW)
    asked = optimizer.ask(8)
    optimizer.tell(asked, [math.nan] * 4 + [0.1, 0.2, 0.3, math.inf])
    assert optimizer.calls == 8
    assert len(optimizer.best()) == 4 - 1 + 1  # infinity is a number in the table and breeds nothing
    assert len(optimizer.ask(6)) == 6


def test_what_cannot_be_taken_is_one_sentence_and_changes_nothing():
    optimizer = Optimizer(START, FEW)
    with pytest.raises(DataError, match="'nonsense' is no molecule: not a SMILES"):
        optimizer.tell(["CCO", "nonsense"], [0.1, 0.2])
    with pytest.raises(DataError, match="2 molecules and 1 scores"):
        optimizer.tell(["CCO", "CCN"], [0.1])
    with pytest.raises(ConfigError, match="cannot ask for -1"):
        optimizer.ask(-1)
    with pytest.raises(DataError, match="none of its texts is a molecule"):
        Optimizer(["nonsense", ""], FEW)
    with pytest.raises(ConfigError, match=r"genetic\.population"):
        Optimizer(START, OptimizeConfig(genetic=GeneticConfig(population=0)))
    assert optimizer.calls == 0


def test_a_filter_is_kept_to():
    optimizer = Optimizer(START, FEW, accepts=lambda mol: not mol.HasSubstructMatch(Chem.MolFromSmarts("[#9,#17,#35]")))
    bred = searched(optimizer)["smiles"][len(START) :]
    assert len(bred) == 50
    assert not any(set("FBl") & set(smiles) for smiles in bred)


def test_a_journal_that_was_cut_anywhere_is_gone_on_with_alike(tmp_path):
    whole = searched(Optimizer(START, FEW, tmp_path / "whole"))
    text = (tmp_path / "whole" / "journal.jsonl").read_bytes()
    random = Random(0)
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "journal.jsonl").write_bytes(text[: random.randrange(len(text))])
        optimizer = Optimizer(START, FEW, folder)
        told = set(optimizer.frame()["smiles"])
        left = optimizer.pending
        assert not told & set(left)
        optimizer.tell(left, [nitrogens(smiles) for smiles in left])
        assert searched(optimizer).equals(whole)


def test_another_search_in_the_folder_is_refused(tmp_path):
    Optimizer(START, FEW, tmp_path)
    with pytest.raises(RunError, match="batch was 6 and is 7"):
        Optimizer(START, OptimizeConfig(60, 7, 8, genetic=FEW.genetic, surrogate=FEW.surrogate), tmp_path)
    with pytest.raises(RunError, match="another start"):
        Optimizer(START[1:], FEW, tmp_path)
    more = OptimizeConfig(90, batch=6, initial=8, genetic=FEW.genetic, surrogate=FEW.surrogate)
    assert Optimizer(START, more, tmp_path).left == 90
    (tmp_path / "journal.jsonl").write_text('{"told": 1}\nno json\n')
    with pytest.raises(RunError):
        Optimizer(START, FEW, tmp_path)


def test_the_journal_holds_each_score_when_tell_returns(tmp_path):
    optimizer = Optimizer(START, FEW, tmp_path)
    optimizer.tell(["CCO", "CCN"], [0.25, math.nan])
    last = (tmp_path / "journal.jsonl").read_text().splitlines()[-1]
    assert json.loads(last) == {"told": [["CCO", 0.25], ["CCN", None]]}
    again = Optimizer(START, FEW, tmp_path).frame()
    assert again["score"].tolist()[0] == 0.25
    assert math.isnan(again["score"].tolist()[1])


def test_a_model_is_a_start():
    class Drawn:
        def sample(self, n, seed):
            return [START[(seed + k) % len(START)] if k % 3 else None for k in range(n)]

    assert len(searched(Optimizer(Drawn(), FEW))) == 60


def test_the_area_under_the_best():
    ramp = np.arange(1, 1001) / 1000
    assert area_under_top(ramp, 1, 1000) == pytest.approx(0.5)
    assert area_under_top(ramp, 10, 1000) == pytest.approx(0.495725)
    assert area_under_top(ramp[:500], 1, 1000) == pytest.approx(0.125 + 0.25)
    assert area_under_top(np.array([np.nan, 1.0]), 1, 2) == pytest.approx(0.5)
