"""Lead optimisation: the score of a move, what is similar, and what is said of leads that are no molecules."""

import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import Crippen, DataStructs, rdFingerprintGenerator

from gancore.errors import ConfigError, DataError
from molgan.optimize import GeneticConfig, OptimizeConfig, improve
from molgan.optimize.leads import LeadScore, Move, moves_of

FEW = OptimizeConfig(60, batch=10, initial=1, genetic=GeneticConfig(20, 2, 30, mutation=0.7, nearness=0.0))
LEAD = "COc1ccc(CCN2CCOCC2)cc1"


def test_the_score_of_a_move():
    up, down = LeadScore(LEAD, [Move("logp", 2.0)], 0.5), LeadScore(LEAD, [Move("logp", -2.0)], 0.5)
    (then,) = up.before
    assert up.score(0.5, [then]) == down.score(0.9, [then]) == 0.5
    assert up.score(1.0, [then + 1]) == pytest.approx(0.75) == 1 - down.score(1.0, [then + 1])
    assert up.score(0.5, [then + 5]) == 1.0
    assert up.score(0.25, [then + 5]) == 0.5
    assert up.score(1.0, [then - 5]) == 0.0
    two = LeadScore(LEAD, [Move("logp", 1.0), Move("tpsa", 10.0)], 0.0)
    assert two.score(0.0, two.before) == 0.25
    assert two.met(0.0, [two.before[0] + 1, two.before[1] + 10])
    assert not two.met(0.0, [two.before[0] + 1, two.before[1] + 9])


def test_what_is_met_is_met_by_other_means():
    table = improve([LEAD, "c1ccc2[nH]ccc2c1"], {"logp": "+0.7"}, 0.4, n=4, config=FEW, processes=0)
    assert table["lead"].tolist() == [1] * 4 + [2] * 4
    assert table.groupby("lead")["met"].any().all()
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    for row in table.to_dict("records"):
        lead, new = Chem.MolFromSmiles(row["origin"]), Chem.MolFromSmiles(row["smiles"])
        similarity = DataStructs.TanimotoSimilarity(*(generator.GetFingerprint(mol) for mol in (lead, new)))
        change = Crippen.MolLogP(new) - Crippen.MolLogP(lead)
        assert similarity == pytest.approx(row["similarity"])
        assert change == pytest.approx(row["logp_change"])
        assert row["met"] == (similarity >= 0.4 and change >= 0.7 - 1e-9)
        assert row["call"] <= 60


def test_leads_that_are_no_molecules_have_a_row_with_the_reason():
    table = improve(["CCO.Cl", None, "nonsense", "CCO"], {"logp": 0.3}, 0.2, n=1, config=FEW, processes=0)
    assert table["reason"].tolist() == ["has several fragments", "empty", "not a SMILES", ""]
    assert table["smiles"].isna().tolist() == [True, True, True, False]


def test_leads_of_which_none_is_a_molecule_give_the_same_columns():
    table, usual = (improve([text], {"logp": 0.3}, 0.2, n=1, config=FEW, processes=0) for text in ("nonsense", "CCO"))
    assert list(table) == list(usual)
    assert table["met"].isna().all()


def test_the_same_seed_gives_the_same_molecules_whatever_the_other_leads_are():
    one, both = (improve(leads, {"qed": 0.1}, n=3, config=FEW, processes=0) for leads in ([LEAD], [LEAD, "CCCCO"]))
    pd.testing.assert_frame_equal(one, both[:3], check_dtype=False)


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"lgp": 1}, "no property 'lgp'"),
        ({"logp": "much"}, "give how far it is to move"),
        ({"logp": 0}, "give how far it is to move"),
        ({}, "name at least one"),
    ],
)
def test_odd_moves_are_one_sentence(properties, sentence):
    with pytest.raises(ConfigError, match=sentence):
        moves_of(properties)


def test_odd_requests_are_one_sentence():
    with pytest.raises(ConfigError, match="similarity must be from 0 to 1"):
        improve([LEAD], {"logp": 1}, 1.5)
    with pytest.raises(DataError, match="no lead"):
        improve([], {"logp": 1})
    with pytest.raises(ConfigError, match="cannot give 0"):
        improve([LEAD], {"logp": 1}, n=0)
