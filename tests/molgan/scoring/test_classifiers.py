"""Classifiers as scores: read without running anything, equal to scikit-learn, and to the published values."""

import hashlib
import os
import pickle
import zipfile
from functools import lru_cache

import numpy as np
import pytest
from rdkit import Chem, RDLogger
from rdkit.Chem import rdMolDescriptors

import molgan.__main__
from benchmarks import pmo
from gancore.errors import DataError
from gancore.io.notes import Note
from molgan.data import pmo_classifiers
from molgan.data.downloads import DATA
from molgan.data.pmo_classifiers import CLASSIFIERS, FILE, NAME, arrays_of, read_pickle
from molgan.scoring import classifiers
from molgan.scoring.benchmarks import OBJECTIVES
from molgan.scoring.cache_keys import _own_files, key_of
from molgan.scoring.classifiers import KINDS, Forest, SupportVectors, bits, coupled, feature_counts
from molgan.scoring.definition import Component, ScoreConfig
from molgan.scoring.desirability import Desirability
from molgan.scoring.measurement import functions
from molgan.scoring.scorer import Scorer

UP = Desirability("maximize", low=0.0, high=1.0)
PUBLISHED = {
    "CC(C)(C)[C@H]1CCc2c(sc(NC(=O)COc3ccc(Cl)cc3)c2C(N)=O)C1": (0.00154654, 0.03, 0.01),
    "CCNC(=O)c1ccc(NC(=O)N2CC[C@H](C)[C@H](O)C2)c(C)c1": (0.00235418, 0.0, 0.0),
    "C[C@@H]1CCN(C(=O)CCCc2ccccc2)C[C@@H]1O": (0.00471541, 0.0, 0.01),
}
"""drd2, gsk3b and jnk3 as the tests of TDC have them (Huang et al. 2021)."""


@lru_cache
def trained(kind, counts=True, features=12, rows=90):
    """A small model of scikit-learn, and rows that it has not seen."""
    ensemble, svm = (pytest.importorskip(f"sklearn.{name}") for name in ("ensemble", "svm"))
    random = np.random.default_rng(features)
    x = (random.integers(0, 4, (2 * rows, features)) if counts else random.normal(size=(2 * rows, features))) * 1.0
    y = (x[:, :3].sum(1) + random.normal(size=2 * rows) > np.median(x[:, :3].sum(1))) * 1.0
    if kind == "svm":
        if "probability" not in svm.SVC().get_params():
            pytest.skip("this scikit-learn has no SVC with probabilities")
        model = svm.SVC(C=4.0, gamma=0.1, probability=True, random_state=0)
    else:
        model = ensemble.RandomForestClassifier(11, min_samples_leaf=2, random_state=0)
    return model.fit(x[:rows], y[:rows]), x[rows:]


def arrays(model, protocol=3):
    found = arrays_of(read_pickle(pickle.dumps(model, protocol)))
    return {name: array if array.ndim else float(array) for name, array in found.items()}


# Reading ----------------------------------------------------------------------------------------


class Hostile:
    """Its pickle runs a call when it is read."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_of_a_pickle_runs(tmp_path, protocol):
    place = tmp_path / "ran"
    for function, *arguments in ((os.mkdir, str(place)), (eval, f"open({str(place)!r}, 'w')"), (np.savetxt, place, [])):
        hostile = Hostile(function, *arguments)
        for held in (hostile, [1, {"a": hostile}], np.array([hostile], object)):
            with pytest.raises(DataError, match=r"^the pickle names [\w.]+, which no classifier holds\.$"):
                read_pickle(pickle.dumps(held, protocol))
    assert not place.exists()


@pytest.mark.parametrize(
    "data",
    [b"", b"not a pickle", b"\x80\x03cnumpy\nndarray\nK\x01R.", b"\x80\x04\x95", b"Pname\n."],
    ids=["empty", "text", "a call that fails", "cut off", "a reference outside"],
)
def test_a_broken_pickle_is_one_sentence(data):
    with pytest.raises(DataError, match=r"^the pickle cannot be read \([^\n]+\)\.$"):
        read_pickle(data)


def test_only_known_names_of_known_modules_are_read():
    for name in ("sklearn.tree._classes\nTree", "numpy\nload", "numpy.core.multiarray\nfromfile", "builtins\nobject"):
        with pytest.raises(DataError, match=name.replace("\n", r"\.")):
            read_pickle(f"c{name}\n.".encode())


def test_another_kind_of_model_is_refused():
    svm = pytest.importorskip("sklearn.svm")
    model = svm.SVC(kernel="linear").fit([[0.0], [1.0]], [0, 1])
    for other, name in ((model, "SVC"), ([1, 2], "list")):
        with pytest.raises(DataError, match=rf"holds {name}, no forest and no SVC with an RBF kernel\.$"):
            arrays_of(read_pickle(pickle.dumps(other, 3)))


def test_arrays_are_narrow_and_exact():
    model, _ = trained("forest")
    found = arrays_of(read_pickle(pickle.dumps(model, 3)))
    sizes = [tree.tree_.node_count for tree in model.estimators_]
    assert found["roots"].tolist() == np.cumsum([0, *sizes])[:-1].tolist()
    assert found["feature"].dtype == np.uint8
    thresholds = np.concatenate([tree.tree_.threshold for tree in model.estimators_])
    leaf = np.concatenate([tree.tree_.children_left for tree in model.estimators_]) < 0
    assert np.array_equal(found["threshold"][~leaf], thresholds[~leaf])
    assert np.array_equal(found["left"][leaf], np.flatnonzero(leaf))


# Foretelling ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:The `probability` parameter:FutureWarning")
@pytest.mark.parametrize("protocol", [3, 4])
@pytest.mark.parametrize("counts", [True, False], ids=["counts", "numbers"])
@pytest.mark.parametrize(("kind", "model"), [("forest", Forest), ("svm", SupportVectors)])
def test_probabilities_are_those_of_scikit_learn(kind, model, counts, protocol):
    peer, rows = trained(kind, counts)
    own = model(**arrays(peer, protocol))
    told = own.probability(rows)
    assert np.ptp(told) > 0.3
    assert np.abs(told - peer.predict_proba(rows)[:, 1]).max() <= 1e-12
    assert [own.probability(row[None])[0] for row in rows] == pytest.approx(told.tolist(), abs=1e-12)
    if kind == "svm":
        assert np.abs(own.decision(rows) + peer.decision_function(rows)).max() <= 1e-9, "of the first class"


def test_a_forest_is_the_mean_of_its_trees_whatever_their_depth():
    """A chain of 30 splits: the row with its first k features on comes to leaf k."""
    depth = 30
    inner, leaves = np.arange(depth), np.arange(depth, 2 * depth + 1)
    left = np.concatenate((leaves[:depth], leaves))
    right = np.concatenate((inner[1:], leaves[depth:], leaves))
    feature = np.concatenate((inner, np.zeros(depth + 1, int)))
    share = np.concatenate((np.zeros(depth), np.arange(depth + 1) / depth))
    forest = Forest(np.array([0, depth]), left, right, feature, np.full(2 * depth + 1, 0.5), share)
    rows = np.tri(depth + 1, depth, -1, dtype=np.uint8)
    assert forest.probability(rows).tolist() == pytest.approx([k / depth / 2 for k in range(depth + 1)])
    assert forest.probability(rows[:0]).shape == (0,)


def test_coupling_two_classes_stays_near():
    pairwise = np.linspace(0, 1, 501)
    told = np.array([coupled(one) for one in pairwise.tolist()])
    assert 0 < told.min() < told.max() < 1
    assert 1e-4 < np.abs(told - pairwise).max() < 0.0041
    assert coupled(0.5) == 0.5


@pytest.fixture(scope="module")
def nearby(qm9_smiles):
    return [
        Chem.MolFromSmiles(text) for text in [*qm9_smiles[::20], *PUBLISHED, "C", "[Na+].[Cl-]", "C[N+](C)(C)C.[I-]"]
    ]


def test_fingerprints_are_those_of_the_published_models(nearby):
    """TDC's oracles make them by RDKit's older functions."""
    RDLogger.DisableLog("rdApp.*")  # they say that they are old
    for mol in nearby:
        assert bits(mol)[0].tolist() == list(rdMolDescriptors.GetMorganFingerprintAsBitVect(mol, 2, nBits=2048))
        counts = np.zeros(2048, int)
        for place, n in rdMolDescriptors.GetMorganFingerprint(mol, 3, useFeatures=True).GetNonzeroElements().items():
            counts[place % 2048] += n
        assert feature_counts(mol)[0].tolist() == counts.tolist()
    RDLogger.EnableLog("rdApp.*")


# By name ----------------------------------------------------------------------------------------


@pytest.fixture
def fresh():
    """Nothing is remembered of classifiers, before and after."""

    def forget():
        functions.cache_clear()
        classifiers._load.cache_clear()

    forget()
    yield
    forget()


@pytest.fixture
def without(fresh, tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("DISCRETEGAN_DATA", str(tmp_path / "cache"))


@pytest.fixture
def small(without, tmp_path, monkeypatch):
    """Fetch small classifiers from a wheel of our own; gives them by name as scikit-learn has them."""
    models = {name: trained("svm" if name == "drd2" else "forest", features=2048)[0] for name in CLASSIFIERS}
    archive = tmp_path / "molscore.whl"
    with zipfile.ZipFile(archive, "w") as wheel:
        for name, model in models.items():
            wheel.writestr(f"molscore/data/models/molopt/{name}_current.pkl", pickle.dumps(model, 3))
        wheel.writestr(pmo_classifiers._LICENCE, "MIT")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setitem(DATA.sources, NAME, DATA.sources[NAME]._replace(sha256=digest))
    assert DATA.fetch(NAME, archive, quiet=True).name == FILE
    return models


@pytest.mark.filterwarnings("ignore:The `probability` parameter:FutureWarning")
def test_fetched_classifiers_are_scores_and_properties(small, nearby, tmp_path):
    texts = [Chem.MolToSmiles(mol) for mol in nearby]
    for name, model in small.items():
        told = model.predict_proba(np.concatenate([KINDS[name][1](mol) for mol in nearby]).astype(float))[:, 1]
        for score in (name, ScoreConfig("arithmetic", (Component(name, UP),), fragments="keep")):
            scorer = Scorer(score, processes=0, cache=tmp_path / "numbers")
            assert classifiers._load.cache_info().currsize == list(small).index(name) + (score != name)
            assert np.abs(scorer(texts) - told).max() <= 1e-12
        assert np.isnan(Scorer(ScoreConfig("arithmetic", (Component(name, UP),)), processes=0)(["C.C"]))
    assert classifiers._load.cache_info().misses == len(small), "each is read once"
    assert (DATA.path(NAME).parent / "LICENSE").read_text() == "MIT"


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_without_the_file_a_score_is_refused_in_one_sentence(without, name, command_line, tmp_path):
    told = f"{name}: its classifier is not fetched yet; run molgan data fetch pmo-classifiers."
    for score in (name, ScoreConfig("arithmetic", (Component("qed", UP), Component(name, UP)))):
        with pytest.raises(DataError) as raised:
            Scorer(score)
        assert str(raised.value) == told
    (tmp_path / "mols.smi").write_text("CCO\nCCN\n")
    run = command_line("molgan", molgan.__main__.main)
    for words in (("score", "mols.smi"), ("optimize", "--out", "found", "--start", "mols.smi")):
        code, _, err = run(*words, "--score", name)
        assert (code, err.strip()) == (1, f"molgan: {told}")
    assert Scorer("qed", processes=0)(["CCO"]) > 0
    assert "not fetched yet" in run("data", "list")[1].splitlines()[-1]


@pytest.mark.parametrize("damage", ["another archive", "cut off", "empty"])
@pytest.mark.filterwarnings("ignore:The `probability` parameter:FutureWarning")
def test_a_file_that_is_not_the_known_one_is_refused(small, damage, monkeypatch):
    place = DATA.path(NAME)
    if damage == "another archive":
        monkeypatch.setattr(pmo_classifiers, "SHA256", "0" * 64)
    else:
        place.write_bytes(place.read_bytes()[: 20 if damage == "cut off" else 0])
    with pytest.raises(DataError, match=r"^\S+: is damaged, or made of another archive; delete its folder and run"):
        Scorer("gsk3b")


def test_their_numbers_are_kept_by_the_code_that_makes_them(without):
    found = [key_of(Component(name, UP), ScoreConfig()) for name in CLASSIFIERS]
    assert all(key.digest and not key.why for key in found)
    assert len({key.digest for key in found}) == len(CLASSIFIERS)
    for module in (classifiers, pmo_classifiers):  # the latter names the archive
        with open(module.__file__, "rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() in _own_files()


def test_the_benchmark_leaves_out_what_is_not_fetched(without):
    with pytest.warns(Note, match=r"left out: drd2, gsk3b, jnk3; for these run molgan data fetch pmo-classifiers\."):
        tasks = pmo.possible(list(OBJECTIVES))
    assert len(tasks) == len(OBJECTIVES) - 3 == 20


@pytest.mark.filterwarnings("ignore:The `probability` parameter:FutureWarning")
def test_the_benchmark_has_all_tasks_once_they_are_fetched(small):
    assert len(pmo.possible(list(OBJECTIVES))) == 23


@pytest.mark.filterwarnings("ignore:The `probability` parameter:FutureWarning")
def test_optimize_takes_them(small, tmp_path):
    start = ["CCO", "CCN", "NCCO", "c1ccccc1", "CC(=O)N", "CCCO"]
    found = molgan.optimize("gsk3b", 12, start, out=tmp_path / "found", seed=0, quiet=True)
    told = small["gsk3b"].predict_proba(
        np.concatenate([bits(Chem.MolFromSmiles(text)) for text in found.frame["smiles"]])
    )
    assert found.calls == 12
    assert found.frame["score"].tolist() == pytest.approx(told[:, 1].tolist(), abs=1e-12)


def test_values_are_those_of_tdc(fresh):
    if pmo_classifiers.find() is None:
        pytest.skip(f"needs the classifiers of PMO: molgan data fetch {NAME}")
    for place, name in enumerate(CLASSIFIERS):
        told = Scorer(name, processes=0)(list(PUBLISHED))
        assert told == pytest.approx([row[place] for row in PUBLISHED.values()], abs=5e-9), name
