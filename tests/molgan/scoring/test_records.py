"""Each text is parsed once, whatever is asked of it, and the answers are those of a text that is parsed anew."""

import pickle
from collections import Counter
from operator import attrgetter

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import QED

import molgan
from gancore.io.process_pool import Failure
from molgan import chemistry
from molgan.chemistry.identity import COMPARED
from molgan.chemistry.parsed_text import ParsedText
from molgan.scoring import properties
from molgan.scoring.definition import Component, ScoreConfig
from molgan.scoring.description import describe, fingerprint_bytes, read
from molgan.scoring.desirability import Desirability
from molgan.scoring.properties import PROPERTIES
from molgan.scoring.records import Part, examine_all
from molgan.scoring.scorer import Scorer, property_frame, score_frame

TEXTS = ["OCC", "CCO", "C[C@H](N)C(=O)O", "c1ccccc1O", "C/C=C/C", "[13CH3]C([2H])O", "CCO.Cl", "no molecule", "", None]
SPELT = ["OCC", "C[C@H](N)C(=O)O", "C/C=C/c1ccccc1", "[13CH3]C([2H])O", "[Na+].[O-]C(=O)C", "[H][H]",
         "OC(=O)[C@H](Cc1c[nH]c2ccccc12)N", "O=C1c2ccccc2C(=O)c2ccccc21", "F[C@@H]1CC[C@H](C)CC1",
         "C12C3C4C1C5C2C3C45"]  # fmt: skip
ALERTS = ScoreConfig(
    components=(
        Component("qed", Desirability("maximize", low=0.0, high=1.0)),
        Component("alerts", Desirability("step", midpoint=1.0, direction="falling"), sets=("BRENK",)),
    )
)


@pytest.fixture
def calls(monkeypatch):
    """How often each text is parsed, and how often QED is computed ("qed"); readable texts alone are counted."""
    counts: Counter[str] = Counter()

    def parse(smiles, *more, original=Chem.MolFromSmiles, **settings):
        counts[smiles] += settings.get("sanitize", True)  # without it the reason for a failure is looked for
        return original(smiles, *more, **settings)

    def qed(*settings, original=QED.qed, **more):
        counts["qed"] += 1
        return original(*settings, **more)

    monkeypatch.setattr(Chem, "MolFromSmiles", parse)
    monkeypatch.setattr(QED, "qed", qed)
    return counts


def check_parsed_once(calls):
    assert {text: count for text, count in calls.items() if text != "qed"} == {text: 1 for text in TEXTS if text}


@pytest.mark.parametrize(
    ("definition", "cached", "measured"),
    [("qed", False, 7), ("qed", True, 5), (ALERTS, False, 6), (ALERTS, True, 4)],
    ids=["of texts", "of molecules", "of one fragment", "of molecules of one fragment"],
)
def test_a_scored_file_parses_each_text_once(calls, definition, cached, measured, tmp_path):
    scorer = Scorer(definition, processes=0, cache=tmp_path / "c.sqlite" if cached else None)
    frame = score_frame(TEXTS + TEXTS, scorer, {"CCO"})
    check_parsed_once(calls)
    assert calls["qed"] == measured, "the column qed is that of the score"
    assert frame["connected"].sum() == 12


def test_a_report_parses_each_text_once_and_computes_qed_once(calls):
    molgan.report(TEXTS)
    check_parsed_once(calls)
    assert calls["qed"] == 6, "once for each text that is one molecule"


def test_what_a_text_is_asked_together_is_what_each_question_gives_alone():
    policy = COMPARED
    parts = {
        "read": Part(read, Failure),
        "description": Part(describe, Failure),
        "bytes": Part(fingerprint_bytes, Failure),
        "smiles": Part(properties_of_flat, Failure),
    }
    for text, record in zip(SPELT, examine_all(SPELT, parts), strict=True):
        assert record["read"] == read(text, policy)
        alone = describe(text)
        assert alone is not None
        assert record["description"].properties == alone.properties
        assert np.array_equal(record["description"].wide, alone.wide)
        assert record["bytes"] == fingerprint_bytes(text)


def properties_of_flat(parsed):
    return [properties.property_value(parsed.flat.molecule, name) for name in PROPERTIES]


@pytest.mark.parametrize("text", SPELT)
def test_the_flat_molecule_is_that_of_its_smiles_bit_for_bit(text):
    flat = ParsedText(text).flat
    assert flat.text == chemistry.flat(text)
    anew = property_frame([flat.text], tuple(PROPERTIES)).iloc[0].tolist()
    assert properties_of_flat(ParsedText(text)) == anew
    assert [atom.GetSymbol() for atom in flat.mol.GetAtoms()] == [
        atom.GetSymbol() for atom in chemistry.parse(flat.text).GetAtoms()
    ]


def test_a_parsed_text_pickles_with_its_molecule(calls):
    parsed = ParsedText("C[C@H](N)C(=O)O")
    value = properties.property_value(parsed.molecule, "sa")
    again = pickle.loads(pickle.dumps(parsed))
    again.molecule.values.clear()
    assert properties.property_value(again.molecule, "sa") == value
    assert again.strict_smiles == "CC(N)C(=O)O"
    assert calls["C[C@H](N)C(=O)O"] == 1


def test_a_record_that_cannot_be_finished_is_taken_apart():
    parts = {
        "smiles": Part(attrgetter("strict_smiles"), lambda reason: None),
        "broken": Part(attrgetter("no_such_thing"), lambda reason: reason),
    }
    records = examine_all(["CCO", "CCN"], parts, processes=1)
    assert [record["smiles"] for record in records] == ["CCO", "CCN"]
    assert all("no_such_thing" in record["broken"] for record in records)
