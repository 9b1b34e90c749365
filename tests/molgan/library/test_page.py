"""The page of a library: what it says is what the library holds, and its counts add up."""

import re
from collections import Counter

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

import molgan
from gancore.errors import DataError, RunError
from gancore.reporting.charts import scatter
from molgan.library.birch import bitbirch
from molgan.library.bit_matrix import bit_matrix
from molgan.library.settings import LibraryConfig
from molgan.reporting.survey import (
    BEST,
    CLUSTERS,
    GROUPED,
    cluster_map,
    levels,
    principal_components,
    scaffold_tree,
    survey,
)

RINGS = ["c1ccccc1", "c1ccccc1C", "c1ccncc1CC", "C1CCCCC1O", "C1CC1", "CCO", "CC", "c1ccccc1-c1ccncc1", "O=C1CCCCC1"]


# The parts ----------------------------------------------------------------------------------------


def test_the_tree_of_scaffolds():
    tree = scaffold_tree(RINGS)
    assert [(one.label, one.count) for one in tree] == [("no ring", 2), ("1 ring", 6), ("2 rings", 1)]
    six, three = tree[1].within
    assert (six.label, six.count) == ("C1CCCCC1", 5)
    assert (three.label, three.count) == ("C1CC1", 1)
    assert [(one.label, one.count) for one in six.within] == [("c1ccccc1", 2), ("C1CCCCC1", 1), ("O=C1CCCCC1", 1)]
    assert (six.others, six.kinds) == (1, 1), "pyridine comes fourth"


@pytest.mark.parametrize("smiles", ["O=S1(=O)CCCC1c1ccccc1", "C1CC[P](F)(F)(F)C1", "F[C@H]1CC1", "C1C[N+]2(CC1)CCCC2"])
def test_frameworks_of_odd_molecules(smiles):
    rings, framework, scaffold = levels(smiles)
    mol = Chem.MolFromSmiles(framework)
    assert rings == mol.GetRingInfo().NumRings() == Chem.MolFromSmiles(smiles).GetRingInfo().NumRings()
    assert {atom.GetSymbol() for atom in mol.GetAtoms()} == {"C"}
    assert min(atom.GetDegree() for atom in mol.GetAtoms()) == 2
    assert Chem.CanonSmiles(framework) == framework
    assert Chem.MolFromSmiles(scaffold).HasSubstructMatch(Chem.MolFromSmarts(framework.replace("C", "[*]")))


def test_counts_of_the_tree_add_up(samplers):
    smiles = list(dict.fromkeys(Chem.CanonSmiles(text) for text in samplers.draw(300, 4) if text))
    tree = scaffold_tree(smiles)
    assert sum(one.count for one in tree) == len(smiles)
    wanted = Counter(MurckoScaffoldSmiles(text) for text in smiles)
    for rings in tree[1:]:
        assert rings.count == rings.others + sum(one.count for one in rings.within)
        for framework in rings.within:
            assert framework.count == framework.others + sum(one.count for one in framework.within)
            assert all(one.count == wanted[one.label] for one in framework.within)
    assert any(rings.others for rings in tree)


@pytest.mark.parametrize("rows", [30, 200])
def test_principal_components(rows):
    table = np.random.default_rng(0).random((rows, 64)) @ np.diag(np.linspace(3, 0.1, 64))
    places, variance = principal_components(table)
    values, vectors = np.linalg.eigh(np.cov(table.T, bias=True))
    wanted = (table - table.mean(0)) @ vectors[:, [-1, -2]]
    assert np.allclose(np.abs(places), np.abs(wanted), atol=1e-3)
    assert np.allclose(variance, values[[-1, -2]] / values.sum(), atol=1e-5)
    assert (places[np.abs(places).argmax(0), [0, 1]] > 0).all()


def test_principal_components_of_nearly_nothing():
    assert principal_components(np.ones((1, 8)))[0].tolist() == [[0.0, 0.0]]
    places, variance = principal_components(np.array([[0, 0], [2, 0]], np.uint8))
    assert np.allclose(np.abs(places), [[1, 0], [1, 0]])
    assert np.allclose(variance, [1, 0])


def test_the_map_has_the_clusters_of_bitbirch(samplers):
    smiles = list(dict.fromkeys(Chem.CanonSmiles(text) for text in samplers.draw(200, 4) if text))
    found = cluster_map(smiles)
    labels = bitbirch(bit_matrix(smiles), GROUPED)
    sizes = np.bincount(labels)
    assert (found.labels == labels).all()
    assert [one.size for one in found.clusters] == sizes[:CLUSTERS].tolist()
    assert found.groups == len(sizes) > CLUSTERS
    assert all(labels[smiles.index(one.example)] == place for place, one in enumerate(found.clusters))


def test_a_map_is_drawn_point_by_point():
    drawn = scatter("<map>", np.array([[0.0, 0], [2, 1], [1, 0.5], [2, 0]]), np.array([0, 1, 5, 1]), 2)
    points = {
        kind: re.findall(r"M([\d.]+),([\d.]+)h0", data) for kind, data in re.findall(r'dots (\w+)" d="(.*?)"', drawn)
    }
    assert points == {
        "rest": [("200.0", "106.0")],
        "g0": [("12.0", "200.0")],
        "g1": [("388.0", "12.0"), ("388.0", "200.0")],
    }
    assert 'viewBox="0 0 400 212"' in drawn
    assert 'aria-label="&lt;map&gt;"' in drawn


# The page -----------------------------------------------------------------------------------------


@pytest.fixture
def built(make):
    return make(n=150, where="logp < 6", score="druglike", config=LibraryConfig(draws=200, workers=1))


def numbers(pattern, text):
    return [int(found.replace(",", "")) for found in re.findall(pattern, text)]


def test_the_page_says_what_the_library_holds(built):
    page = molgan.report(built.folder, n=100, top=5).page
    best = built.query(f"select smiles, score from library order by score desc, smiles limit {BEST}")
    part = page[page.index('id="best-title"') : page.index('id="scaffolds-title"')]
    assert re.findall(r'<p class="smiles">(.*?)</p>', part) == best["smiles"].tolist()
    assert re.findall(r"score ([\d.]+)<", part) == [f"{value:.3f}" for value in best["score"]]
    assert f"The first {BEST} by score of the whole library." in part
    part = page[page.index('id="scaffolds-title"') : page.index('id="clusters-title"')]
    assert "100 random molecules of 150" in part
    assert sum(numbers(r"<summary>(?:no ring|\d+ rings?): ([\d,]+) ", part)) == 100
    part = page[page.index('id="clusters-title"') : page.index('id="molecules"')]
    assert sum(numbers(r"</th><td>([\d,]+)</td>", part)) == 100
    assert len(re.findall(r"M[\d.]+,[\d.]+h0", part.partition("<table>")[0])) == 100
    assert "Ranked by the score of the library." in page
    assert "<figcaption>score</figcaption>" in page
    assert "<figcaption>score_sa</figcaption>" in page
    assert not re.search(r"(?:src|href)=\"(?!#)", page), "nothing is loaded from elsewhere"
    assert " style=" not in page, "the page's own policy forbids it"


def test_another_score_ranks_where_it_is_asked_for(built):
    page = molgan.report(built.folder, n=20, top=5, score="median1").page
    assert "Ranked by the score of the library." not in page


def test_a_library_without_scores_is_ranked_by_qed(make):
    made = make(n=40, where="")
    sample = made.query("from library order by smiles limit 30")
    qed = list(np.linspace(0.9, 0.1, 30))
    found = survey(made, sample, qed)
    assert (found.ranked_by, found.whole) == ("qed", False)
    assert [text for text, _ in found.best] == sample["smiles"].tolist()[:BEST]
    page = molgan.report(made.folder, top=5).page
    assert "All 40 molecules, by the rings" in page
    assert "by qed of the whole library." in page


def test_an_empty_library_has_no_page(make, tmp_path):
    with pytest.raises(RunError, match="none of"):
        make("none", where="weight > 100000", config=LibraryConfig(draws=20, workers=1, samples=20))
    with pytest.raises(DataError, match="holds no molecules to report on"):
        molgan.report(tmp_path / "none")
