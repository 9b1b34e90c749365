import gzip
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem, RDConfig, RDLogger
from rdkit.Chem import QED, Crippen
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams
from rdkit.Contrib.NP_Score import npscorer
from rdkit.Contrib.SA_Score import sascorer

from gancore.errors import ConfigError
from molgan import chemistry
from molgan.chemistry.substructures import Substructures
from molgan.data.dataset import as_rows
from molgan.data.downloads import DATA
from molgan.data.pmo_classifiers import CLASSIFIERS
from molgan.scoring.benchmarks import OBJECTIVES
from molgan.scoring.definition import OBJECTIVE_NAMES, ScoreConfig
from molgan.scoring.properties import ALERT_SETS, FINGERPRINTS, MAKERS, PROPERTIES, Molecule, alert_names
from molgan.scoring.scorer import Scorer

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
SOME_OR_ALL = pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])
"""One molecule in five each time, all of them in `make test-slow`: RDKit's own functions take most of the time."""


def value(name, smiles, **asked):
    function = MAKERS[name].make(**asked) if name in MAKERS else PROPERTIES[name].function
    return function(Molecule(Chem.MolFromSmiles(smiles)))


@pytest.fixture(scope="module")
def ugly():
    """RDKit's own 5,000 NCI molecules: salts, metals, radicals, cages."""
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    RDLogger.DisableLog("rdApp.*")
    mols = [Chem.MolFromSmiles(line.split()[0]) for line in lines]
    RDLogger.EnableLog("rdApp.*")
    return [mol for mol in mols if mol is not None]


@pytest.fixture(scope="module")
def drugs():
    """2,000 molecules of the ZINC set, where it is at hand."""
    path = Path(os.environ.get("GAN_DATA", Path(__file__).parents[4] / "shared" / "data")) / "zinc.csv.gz"
    if not path.exists():
        pytest.skip("needs zinc.csv.gz in the folder named by GAN_DATA")
    with gzip.open(path, "rt") as lines:
        texts = [line.split(",")[0].strip() for line in lines][1:40_000]
    RDLogger.DisableLog("rdApp.*")
    mols = [mol for mol in map(Chem.MolFromSmiles, texts) if mol is not None]
    RDLogger.EnableLog("rdApp.*")
    return mols[:2000]


@pytest.fixture(scope="module")
def leads():
    """2,000 molecules of the MOSES test set, where it has been fetched."""
    folder = DATA.find("moses")
    if folder is None:
        pytest.skip("needs MOSES: molgan data fetch moses")
    return [Chem.MolFromSmiles(text) for text in as_rows(folder / "test.csv.gz")[::88][:2000]]


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_property_is_a_number_in_its_range_with_a_source(name, qm9_smiles):
    entry = PROPERTIES[name]
    for smiles in [*qm9_smiles[:50], ASPIRIN, "[Na+].[Cl-]", "O", "C" * 40]:
        assert entry.low <= value(name, smiles) <= entry.high
    assert entry.source


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("weight", 180.159),
        ("tpsa", 63.6),
        ("hbd", 1),
        ("hba", 3),
        ("rotatable_bonds", 2),
        ("rings", 1),
        ("aromatic_rings", 1),
        ("fsp3", 1 / 9),
        ("heavy_atoms", 13),
        ("charge", 0),
        ("lipinski", 0),
        ("veber", 0),
        ("stereocentres", 0),
    ],
)
def test_aspirin(name, expected):
    assert value(name, ASPIRIN) == pytest.approx(expected, abs=1e-3)


def test_violations_are_counted():
    fat = "C" * 50
    assert (value("lipinski", fat), value("veber", fat)) == (2, 1)
    assert value("charge", "[O-]C(=O)CC(=O)[O-]") == -2
    assert value("stereocentres", "CC(O)C(F)Cl") == 2


@SOME_OR_ALL
@pytest.mark.parametrize("molecules", ["ugly", "drugs", "leads"])
def test_numbers_are_those_of_rdkit(molecules, every, request):
    mols = request.getfixturevalue(molecules)[::every]
    natural = npscorer.readNPModel()
    peers = {
        "qed": QED.qed,
        "sa": sascorer.calculateScore,
        "np": lambda mol: npscorer.scoreMol(mol, natural),
        "logp": Crippen.MolLogP,
    }
    for mol in mols:
        molecule = Molecule(Chem.Mol(mol))
        for name, peer in peers.items():
            assert abs(PROPERTIES[name].function(molecule) - peer(mol)) <= 1e-12, (name, molecule.smiles)


@SOME_OR_ALL
def test_alerts_are_those_of_rdkit_by_name(ugly, every):
    for name in ALERT_SETS:
        params = FilterCatalogParams()
        params.AddCatalog(ALERT_SETS[name])
        peer = FilterCatalog(params)
        for mol in ugly[:: (5 if name != "ALL" else 50) * every]:
            expected = [entry.GetDescription() for entry in peer.GetMatches(mol)]
            assert alert_names(Molecule(mol), [name]) == expected
            assert MAKERS["alerts"].make(sets=[name])(Molecule(mol)) == len(expected)


@SOME_OR_ALL
def test_the_screen_never_hides_a_match(ugly, every):
    smarts = [*QED.StructuralAlertSmarts, *QED.AcceptorSmarts, "[#6]-[#7]", "[Cl,Br]", "[!#6]", "[13C]", "[n+]", "C.C"]
    patterns = Substructures(smarts)
    hidden = 0
    ugly = ugly[::every]
    for mol in ugly:
        plain = [place for place, query in enumerate(patterns.queries) if mol.HasSubstructMatch(query)]
        smiles = Chem.MolToSmiles(mol)
        assert patterns.found(mol, smiles) == plain, smiles
        hidden += len(smarts) - len(patterns.possible(smiles))
    assert hidden > 0.4 * len(smarts) * len(ugly)


@pytest.mark.parametrize("fingerprint", FINGERPRINTS)
def test_a_molecule_is_like_itself(fingerprint):
    asked = {"molecules": ["CCO", ASPIRIN], "fingerprint": fingerprint}
    assert value("similarity", ASPIRIN, **asked) == 1.0
    assert 0 <= value("similarity", "c1ccncc1CCN", **asked) < 1.0


def test_properties_that_ask_for_something():
    assert value("substructure", ASPIRIN, smarts="C(=O)[OH]") == 1.0
    assert value("substructure", "CCO", smarts="C(=O)[OH]") == 0.0
    assert value("scaffold", "Cc1ccccc1", molecules=[ASPIRIN]) == 1.0
    assert value("scaffold", "C1CCCCC1", molecules=[ASPIRIN]) == 0.0
    assert value("element", "FC(F)C", symbol="F") == 2
    assert value("element", "CC", symbol="H") == 6
    assert value("isomer", "CCO", formula="C2H6O") == 1.0
    assert value("isomer", "CCC", formula="C2H6O") == pytest.approx(math.exp(-0.5 * (1 + 4 + 1 + 1) / 4))


@pytest.mark.parametrize(
    ("name", "asked", "complaint"),
    [
        ("similarity", {"molecules": ["C1CC"]}, "'C1CC' cannot be compared with: not a SMILES"),
        ("similarity", {"molecules": ["C"], "fingerprint": "ecfp9"}, "no fingerprint 'ecfp9'; there are ecfp4"),
        ("substructure", {"smarts": "((("}, "is no SMARTS"),
        ("alerts", {"sets": ["PANES"]}, "no set 'PANES'; there are ALL, BRENK"),
        ("isomer", {"formula": "C2h6"}, "'C2h6' is no molecular formula"),
        ("element", {"symbol": "Xx"}, "'Xx' is no element's symbol"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(name, asked, complaint):
    with pytest.raises(ConfigError, match=r"^[^\n]*$") as raised:
        MAKERS[name].make(**asked)
    assert complaint in str(raised.value)


@pytest.mark.parametrize(("file", "rows"), [("objectives.csv", 300), ("objectives_odd.csv", 61)])
def test_objectives_are_those_of_guacamol(file, rows):
    """The vectors were written by reference/make_objectives.py, with GuacaMol itself."""
    told = pd.read_csv(Path(__file__).parents[1] / "reference" / file)
    assert len(told) == rows
    assert tuple(sorted(OBJECTIVES)) == OBJECTIVE_NAMES
    names = sorted(told.columns[1:])
    assert names == sorted(set(OBJECTIVES) - set(CLASSIFIERS))
    labelled = told["smiles"].str.contains(r"\[\d|\[H\]", regex=True)  # here one molecule has one number: identity's
    for name in names:  # by name, as a user asks for it
        scorer = Scorer(name, processes=0)
        scored = scorer(told["smiles"].tolist())
        assert np.abs(scored - told[name].to_numpy())[~labelled].max() <= 1e-9, name
        spelt = told["smiles"][labelled].tolist()
        assert np.array_equal(scored[labelled], scorer([chemistry.flat(text) for text in spelt])), name


def test_the_property_of_an_objectives_name_keeps_the_scores_own_policy():
    mixture = "CC(=O)Oc1ccccc1C(=O)O.CCN"
    assert Scorer("qed")([mixture])[0] == pytest.approx(0.5840913174116251, abs=1e-9)
    frame = Scorer(ScoreConfig()).frame([mixture])
    assert frame["reason"].tolist() == ["more than one fragment"]
    assert Scorer(replace(ScoreConfig(), fragments="largest"))([mixture])[0] == pytest.approx(0.5501217966938848)
