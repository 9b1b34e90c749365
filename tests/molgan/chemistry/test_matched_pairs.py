"""Matched pairs: parts fit together again, pairs share what they say, a long list in little memory."""

from rdkit import Chem

from molgan.chemistry import matched_pairs
from molgan.chemistry.matched_pairs import MatchedPair, cuts, exchanged


def found_in(*molecules, **options):
    return list(matched_pairs.matched_pairs(molecules, processes=0, **options))


def test_a_cut_can_be_undone(qm9_smiles):
    for text in qm9_smiles[:60]:
        found = cuts(text)
        if found is None:
            assert "." in text
            continue
        whole, parts = found
        for cut in parts:
            assert exchanged(*cut) == whole
            heavy = [Chem.MolFromSmiles(part).GetNumHeavyAtoms() for part in cut]
            assert heavy[0] > heavy[1]
            assert sum(heavy) == Chem.MolFromSmiles(whole).GetNumHeavyAtoms()


def test_pairs_differ_by_what_they_say():
    molecules = ["Cc1ccccc1", "Clc1ccccc1", "OCCc1ccccc1", "c1ccncc1", "CCO", "not one", "C.O"]
    pairs = found_in(*molecules)
    assert MatchedPair("Cc1ccccc1", "Clc1ccccc1", "c1ccc([*:1])cc1", "C[*:1]", "Cl[*:1]") in pairs
    for pair in pairs:
        assert exchanged(pair.constant, pair.before) == pair.first
        assert exchanged(pair.constant, pair.after) == pair.second
        assert pair._replace(first=pair.second, second=pair.first, before=pair.after, after=pair.before) in pairs
    assert {pair.first for pair in pairs} == {"Cc1ccccc1", "Clc1ccccc1", "OCCc1ccccc1"}


def test_a_larger_part_may_be_left_alone():
    molecules = ["CCCCc1ccccc1", "Clc1ccccc1"]
    assert found_in(*molecules)
    assert not found_in(*molecules, most=2)


def test_a_common_part_gives_no_more_than_the_group_allows():
    molecules = [f"{'C' * n}Oc1ccccc1" for n in range(1, 6)] + ["Clc1ccccc1", "Brc1ccccc1"]
    pairs = found_in(*molecules, group=3)
    by_constant = [pair for pair in pairs if pair.constant == "c1ccc([*:1])cc1"]
    assert len(by_constant) == 6
    assert pairs == found_in(*molecules, group=3)
    assert pairs != found_in(*molecules, group=3, seed=1)


def test_what_does_not_fit_together_is_none():
    assert exchanged("c1ccc([*:1])cc1", "nonsense") is None


def test_a_list_in_parts_gives_what_it_gives_at_once(monkeypatch):
    molecules = ["Cc1ccccc1", "Clc1ccccc1", "Oc1ccccc1"]
    whole = found_in(*molecules)
    monkeypatch.setattr(matched_pairs, "_AT_ONCE", 1)
    assert found_in(*molecules) == whole
