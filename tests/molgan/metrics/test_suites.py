import gzip
import io
import json
import os
import pickle
import sys
from collections import Counter
from operator import attrgetter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

import molgan
from gancore.errors import ConfigError, DataError
from gancore.statistics.evaluation import Comparison
from molgan.data.dataset import as_rows, embedded
from molgan.data.downloads import DATA
from molgan.metrics import chemnet, gpu, suites
from molgan.metrics.basic import read_all
from molgan.metrics.neighbours import Neighbours, blocks, memorisation, packed, privacy
from molgan.metrics.reference import OnlyNumbers, Reference
from molgan.metrics.similarity import leaders, mean_powers, nearest
from molgan.scoring.description import BITS, Described, describe, digest
from molgan.scoring.filters import passes_filters
from molgan.scoring.records import Part

REFERENCE = Path(__file__).parents[1] / "reference"
NAMES = {
    "valid": "moses/valid",
    "FCD/Test": "moses/fcd",
    "SNN/Test": "moses/snn",
    "Frag/Test": "moses/frag",
    "Scaf/Test": "moses/scaf",
    "FCD/TestSF": "moses/fcd/scaffolds",
    "SNN/TestSF": "moses/snn/scaffolds",
    "Frag/TestSF": "moses/frag/scaffolds",
    "Scaf/TestSF": "moses/scaf/scaffolds",
    "IntDiv": "moses/intdiv1",
    "IntDiv2": "moses/intdiv2",
    "Filters": "moses/filters",
    "logP": "moses/w1 logp",
    "SA": "moses/w1 sa",
    "QED": "moses/w1 qed",
    "weight": "moses/w1 weight",
    "Novelty": "moses/novel",
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("DISCRETEGAN_DATA", str(tmp_path_factory.getbasetemp() / "fetched"))


@pytest.fixture(scope="module")
def some():
    return as_rows(embedded())[::650]  # 202 molecules


@pytest.fixture(scope="module")
def described(some):
    return Described.of(some)


def bits(smiles):
    maker = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=BITS)
    return [maker.GetFingerprint(Chem.MolFromSmiles(text)) for text in smiles]


# Parity with the published packages -----------------------------------------------------------


def agree(ours, theirs):
    for name, value in theirs.items():
        figure = NAMES.get(name, f"moses/{name}")
        assert ours[figure].value == pytest.approx(value, abs=1e-3 if "fcd" in figure else 1e-6), name


def test_the_pinned_test_of_moses():
    """The package's own example; the values were written by reference/make_moses.py, with the package itself."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("make_moses", REFERENCE / "make_moses.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    told = json.loads((REFERENCE / "moses.json").read_text())["pinned"]
    given = maker.PINNED
    rules = {"train": given["test"], "ks": (3,), "groups": ("moses",), "allow_unequal_n": True}
    ours = molgan.evaluate(given["gen"], reference=given["test"], **rules)
    agree(ours, {name: value for name, value in told.items() if "TestSF" not in name})
    published = {"FCD/Test": 52.58371754126664, "SNN/Test": 0.3152585653588176, "Frag/Test": 0.3, "Scaf/Test": 0.5}
    published |= {"valid": 2 / 3, "unique@3": 1.0, "IntDiv": 0.7189187309761661, "Filters": 0.75, "logP": 1.63229}
    agree(ours, published | {"QED": 0.20370891752648637, "weight": 106.87})
    scaffolds = molgan.evaluate(given["gen"], reference=given["test_scaffolds"], **rules)
    for name in ("FCD", "SNN", "Frag", "Scaf"):
        agree(scaffolds, {f"{name}/Test": told[f"{name}/TestSF"]})


@pytest.mark.slow
def test_ten_thousand_molecules_as_moses_judges_them(monkeypatch):
    monkeypatch.delenv("DISCRETEGAN_DATA")
    folder = DATA.find("moses")
    if folder is None:
        pytest.skip("needs MOSES: molgan data fetch moses")
    told = json.loads((REFERENCE / "moses.json").read_text())["some"]
    test = as_rows(folder / "test.csv.gz")
    picked = [test[row] for row in np.sort(np.random.default_rng(0).permutation(len(test))[:10_000])]
    agree(molgan.evaluate(picked, reference="moses", groups=("moses",), allow_unequal_n=True), told)


def test_guacamols_scores():
    """Written by reference/make_guacamol.py, with GuacaMol itself."""
    told = json.loads((REFERENCE / "guacamol.json").read_text())
    with gzip.open(embedded(), "rt") as lines:
        smiles = lines.read().split()
    ours = molgan.evaluate(
        smiles[30_000:60_000:60], train=smiles[::262][:500], reference=["C", "CC"], groups=("guacamol",)
    )
    assert ours["guacamol/kl score"].value == pytest.approx(told["kl score"], abs=1e-3)
    assert ours["guacamol/fcd score"].value == pytest.approx(told["fcd score"], abs=1e-3)


def test_mixtures_count_for_guacamol_as_they_are():
    made = ["CCO.CCN", "NCC.OCC", "CCC", "C.C", "C[C@H](O)F", "C("]
    figures = molgan.evaluate(made, train=["CCN.CCO"], reference=["C", "CC"], groups=("guacamol",))
    assert figures["guacamol/valid"].value == pytest.approx(5 / 6)
    assert figures["guacamol/unique"].value == pytest.approx(4 / 6)
    assert figures["guacamol/novel"].value == pytest.approx(3 / 6)


# Parts ----------------------------------------------------------------------------------------


@pytest.fixture(
    params=[
        "processor",
        "stand-in for nvMolKit",
        pytest.param("nvMolKit", marks=pytest.mark.skipif(not gpu.usable(), reason="needs a GPU and nvMolKit")),
    ]
)
def exact(request, monkeypatch):
    """Where similarities are worked out, and how exactly."""
    monkeypatch.setattr(gpu, "usable", lambda: request.param != "processor")
    if request.param.startswith("stand-in"):
        monkeypatch.setitem(sys.modules, "nvmolkit", ModuleType("nvmolkit"))
        monkeypatch.setitem(sys.modules, "nvmolkit.similarity", _StandIn)
        monkeypatch.setattr(gpu, "_BLOCK", 30)
    return 1e-12 if request.param == "processor" else 1e-6


class _StandIn:
    """nvMolKit's function on the processor: words in, single precision out, 0 for two empty fingerprints."""

    def __init__(self, similar):
        self.torch = lambda: similar

    @classmethod
    def crossTanimotoSimilarity(cls, one, other):
        one, other = (torch.from_numpy(np.unpackbits(words.view(np.uint8), axis=1)).float() for words in (one, other))
        common = one @ other.T
        return cls((common / (one.sum(1)[:, None] + other.sum(1) - common)).nan_to_num(0.0))


def test_similarities_are_those_of_rdkit(some, exact):
    rows, vectors = packed(some), bits(some)
    matrix = np.array([DataStructs.BulkTanimotoSimilarity(vector, vectors) for vector in vectors])
    found = nearest(rows[:80], rows[80:])
    assert found.similarity == pytest.approx(matrix[:80, 80:].max(1), abs=exact)
    assert matrix[np.arange(80), 80 + found.row] == pytest.approx(found.similarity, abs=exact)
    itself = nearest(rows, rows, skip_self=True).similarity
    np.fill_diagonal(matrix, -1)
    assert itself == pytest.approx(matrix.max(1), abs=exact)
    np.fill_diagonal(matrix, 1)
    one, two = mean_powers(rows)
    assert one == pytest.approx(matrix.mean(1), abs=1e-6)
    assert two == pytest.approx(np.sqrt((matrix**2).mean(1)), abs=1e-6)
    kept = []
    for row in range(len(some)):
        if all(1 - matrix[row, other] > suites.CIRCLES for other in kept):
            kept.append(row)
    assert leaders(rows, suites.CIRCLES).tolist() == kept


def test_empty_fingerprints_are_alike(exact):
    nothing = np.zeros((2, BITS // 8), np.uint8)
    assert nearest(nothing, nothing).similarity.tolist() == [1, 1]
    assert nearest(nothing, nothing[:0]).similarity.tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("smiles", "passes"),
    [
        ("CCO", True),
        ("Oc1ccccc1-c1cccc2cnccc12", True),
        ("C1CCCCCCC1", False),  # a ring of eight
        ("CC[NH3+]", False),
        ("CCB", False),
        ("CCCCl", False),  # MCF4
        ("CC=O", False),  # MCF7
        ("c1ccc2c(c1)C(=O)C=CC2=O", False),  # a quinone, PAINS
    ],
)
def test_filters(smiles, passes):
    mol = Chem.MolFromSmiles(smiles)
    assert passes_filters(mol, Chem.MolToSmiles(mol)) is passes


def test_a_description():
    one = describe("CC(=O)Oc1ccccc1C(=O)N1CCC2(CC1)CCCC2", ("BRENK",))
    assert one.smiles == "CC(=O)Oc1ccccc1C(=O)N1CCC2(CCCC2)CC1"
    assert one.scaffold == "O=C(c1ccccc1)N1CCC2(CCCC2)CC1"
    assert one.scaffold_rings == 3
    assert one.ring_systems == ("C1CCC2(C1)CCNCC2", "c1ccccc1")
    assert len(one.fragments) > 2
    assert "phenol_ester" in one.alerts[0]
    assert describe("no molecule") is None


def test_a_set_is_like_itself_in_every_figure(some, described):
    reference = Reference.of_smiles("itself", some)
    figures = suites.moses(described, reference) | suites.moses_alone(described, reference)
    for name in ("snn", "frag", "scaf"):
        assert figures[f"moses/{name}"].value == pytest.approx(1)
    assert all(figures[f"moses/w1 {name}"].value == 0 for name in ("logp", "sa", "qed", "weight"))
    assert suites.chemnet_distance(chemnet.activations(described.smiles), reference.moments).value < 1e-4
    assert suites.guacamol_kl(described.wide, described.properties, reference).value == pytest.approx(1)
    for estimate in figures.values():
        assert estimate.low <= estimate.value <= estimate.high


def test_a_reference_is_worked_out_once(some, monkeypatch):
    first = Reference.of_smiles("one", some)
    monkeypatch.setattr("molgan.metrics.reference.Described", None)
    again = Reference.of_smiles("other", some)
    assert again.name == "other"
    assert np.array_equal(again.activations, first.activations)
    assert again.scaffolds == first.scaffolds
    monkeypatch.setattr("molgan.metrics.reference.Described", Described)
    with pytest.raises(DataError, match="RDKit reads 0 of its molecules"):
        Reference.of_smiles("nothing", ["no", "molecule"])


def test_chemnet_is_asked_only_where_a_figure_needs_it(some, monkeypatch):
    asked = []

    def counted(smiles, original=chemnet.activations):
        asked.append(len(smiles))
        return original(smiles)

    monkeypatch.setattr(chemnet, "activations", counted)
    drawn, real = some[:30], [f"{text}C" for text in some[30:70]]
    without = [group for group in molgan.metrics.GROUPS if group not in ("moses", "guacamol")]
    molgan.evaluate(drawn, train=some[70:90], reference=real, groups=without)
    assert asked == []
    figures = molgan.evaluate(drawn, reference=real, groups=["moses"])
    assert len(asked) == 2
    again = molgan.evaluate(drawn, reference=real, groups=["moses"])
    assert len(asked) == 3, "those of the reference are kept"
    assert again["moses/fcd"] == figures["moses/fcd"]


def test_statistics_that_would_act_are_refused():
    class Evil:
        def __reduce__(self):
            return os.system, ("echo acted",)

    with pytest.raises(pickle.UnpicklingError, match="system has no place in statistics"):
        OnlyNumbers(io.BytesIO(pickle.dumps(Evil()))).load()
    held = {"mu": np.ones(3), "counts": Counter(["a"])}
    told = OnlyNumbers(io.BytesIO(pickle.dumps(held, protocol=2))).load()
    assert told["counts"] == {"a": 1}
    assert told["mu"].tolist() == [1, 1, 1]


def test_memorisation_is_seen(some):
    train, held_out = Neighbours.of_smiles(some[:100]), packed(some[100:200])
    copied, histogram = memorisation(blocks(some[:50]), packed(some[:50]), train)
    assert copied["train similarity"].value == copied["near train"].value == copied["same skeleton"].value == 1
    assert histogram["0.9-1.0"] == 50 == sum(histogram.values())
    fresh, _ = memorisation(blocks(some[100:150]), packed(some[100:150]), train)
    assert fresh["near train"].value < 0.2
    assert privacy(packed(some[:50]), train.fingerprints, held_out)["nearer to train"].value > 0.9
    assert privacy(packed(some[100:150]), train.fingerprints, held_out)["nearer to train"].value < 0.1
    drawn, train = ["OC1=CC=CC=N1"], Neighbours.of_smiles(["O=C1C=CC=CN1"])
    tautomer, _ = memorisation(blocks(drawn), packed(drawn), train)
    assert tautomer["same skeleton"].value == 1
    assert tautomer["near train"].value == 0


# The whole ------------------------------------------------------------------------------------


def test_every_figure_is_there_with_an_interval(some):
    made = [*some[:120], None, "no molecule", some[0]]
    figures = molgan.evaluate(made, train=some[100:], reference=some[60:])
    for estimate in figures.values():
        assert estimate.low <= estimate.value <= estimate.high
    assert {name.split("/")[0] for name in figures} >= {"moses", "guacamol", "alerts", "circles", "precision", "novel"}
    assert sum(figures.tables["train similarity"].values()) == 121
    assert figures["guacamol/novel"].value == pytest.approx(100 / 123)  # of what was asked for
    assert figures["novel"].value == pytest.approx(100 / 120)
    assert "moses/fcd: 121 molecules against 121 of the reference." in figures.notes
    assert "moses/fcd: 121" in figures._repr_html_()
    assert "train similarity: " in str(figures)
    told = json.loads(figures.to_json())
    assert told["tables"]["alerts/BRENK"] == figures.tables["alerts/BRENK"]
    assert told["circles"]["n"] == 121
    few = molgan.evaluate(made, reference=some[60:], groups=["diversity"])
    assert set(few) == {"valid", "connected", "unique", "circles", "sediv", "scaffolds", "ring systems"}


def test_what_cannot_be_evaluated():
    with pytest.raises(ConfigError, match="no group of figures 'beauty'; there are moses"):
        molgan.evaluate(["C"], reference=["C"], groups=["beauty"])
    with pytest.raises(DataError, match="moses: not fetched yet; run molgan data fetch moses"):
        molgan.evaluate(["C"], reference="moses")
    assert molgan.evaluate(["C", "x"], reference=["C", "CC"]).notes == [
        "There are fewer than two valid molecules, so no suite was worked out."
    ]


def test_a_long_list_is_read_in_chunks(some, monkeypatch):
    monkeypatch.setattr("molgan.metrics.basic._CHUNK", 50)
    parts = {"text": Part(attrgetter("text"), str)}
    table, records, _ = read_all(iter([*some, "x", None]), sample=40, parts=parts)
    picked = [record["text"] for record in records]
    assert len(table) == len(some) + 2
    assert table["valid"].sum() == len(some)
    assert len(picked) == 40
    assert picked == [text for text in some if text in set(picked)]
    assert table["strict"][0] == digest(some[0])
    assert [record["text"] for record in read_all(some, sample=40, parts=parts).picked] == picked


def test_two_lists_side_by_side(tmp_path, some):
    (tmp_path / "one.smi").write_text("\n".join(some[:100]))
    (tmp_path / "other.smi").write_text("\n".join(["CCO"] * 50 + some[100:150]))
    found = molgan.compare([tmp_path / "one.smi", tmp_path / "other.smi"])
    assert isinstance(found, Comparison)
    assert found.beyond("unique", str(tmp_path / "other.smi"))
    assert not found.beyond("valid", str(tmp_path / "other.smi"))
    assert "*" in str(found)
    chosen = molgan.compare([tmp_path / "one.smi", tmp_path / "other.smi"], reference=some[:60], groups=("diversity",))
    assert "circles" in chosen.names
    assert not any(name.startswith("moses") for name in chosen.names)
    with pytest.raises(ConfigError, match="nothing to compare with"):
        molgan.compare([tmp_path / "one.smi"])
    (tmp_path / "short.smi").write_text("\n".join(some[:30]))
    with pytest.raises(ConfigError, match="moses/fcd is of different numbers of molecules"):
        molgan.compare([tmp_path / "one.smi", tmp_path / "short.smi"], reference=some[:60])
