"""Picking and clustering against naive implementations, on fingerprints of real molecules."""

import numpy as np
import pytest
from rdkit import DataStructs
from rdkit.ML.Cluster import Butina

from gancore.errors import ConfigError
from molgan.library.birch import Birch, bitbirch, by_size, isim
from molgan.library.bit_matrix import bit_matrix
from molgan.library.clustering import MOST, butina, tightness
from molgan.library.picking import best_of_groups, maxmin, sphere, spread


@pytest.fixture(scope="module")
def packed(qm9_smiles):
    rows = np.random.default_rng(0).choice(len(qm9_smiles), 300, replace=False)
    return bit_matrix([qm9_smiles[row] for row in rows])


@pytest.fixture(scope="module")
def similar(packed):
    """Tanimoto similarities of all pairs, written plainly."""
    bits = np.unpackbits(packed, axis=1).astype(int)
    common, counts = bits @ bits.T, bits.sum(1)
    return common / (counts[:, None] + counts[None] - common)


# Fingerprints ------------------------------------------------------------------------------------


def test_the_matrix_is_the_same_in_memory_on_disk_and_in_processes(tmp_path):
    texts = ["CCO", None, "c1ccccc1O", "no molecule", ""] * 30
    here = bit_matrix(texts, processes=0)
    place = tmp_path / "bits.npy"
    mapped = bit_matrix(texts, place, processes=2)
    assert isinstance(mapped, np.memmap)
    assert (mapped == here).all()
    assert (np.load(place) == here).all()
    assert here.any(1).tolist() == [True, False, True, False, False] * 30
    assert here.shape == (150, 256)
    assert bit_matrix(["CCO"], bits=64).shape == (1, 8)
    assert [path.name for path in tmp_path.iterdir()] == ["bits.npy"]


# MaxMin ------------------------------------------------------------------------------------------


def test_maxmin_is_the_naive_algorithm(packed, similar):
    """Each pick has the largest distance to its nearest pick before; the sequence of these is the naive one's."""
    picks = maxmin(packed, 60, first=5)
    assert picks[0] == 5
    assert len(set(picks.tolist())) == 60
    nearest, naive = 1 - similar[5], 1 - similar[5]
    for pick in picks[1:]:
        assert nearest[pick] == nearest.max()
        nearest = np.minimum(nearest, 1 - similar[pick])
        naive = np.minimum(naive, 1 - similar[naive.argmax()])
    assert nearest.max() == pytest.approx(naive.max(), abs=0.03), "ties may part ways"


def test_maxmin_takes_all_and_no_more():
    packed = bit_matrix(["CCO", "no molecule", "CCN", "CCO", "c1ccccc1"])
    assert sorted(maxmin(packed, 4).tolist()) == [0, 2, 3, 4]
    assert sorted(maxmin(packed, 99).tolist()) == [0, 2, 3, 4]
    assert maxmin(packed, 2, first=2).tolist() == [2, 4]
    assert maxmin(packed, 3, first=2)[2] != 2
    assert maxmin(packed[1:2], 3).tolist() == []
    assert maxmin(packed[:1], 3).tolist() == [0]
    with pytest.raises(ConfigError, match="row 1 is no molecule"):
        maxmin(packed, 2, first=1)
    with pytest.raises(ConfigError, match="0 molecules cannot be picked"):
        maxmin(packed, 0)


def test_picks_are_more_diverse_than_random_ones(packed):
    for picks in (maxmin(packed, 80), sphere(packed, 60, 0.75)):
        found = spread(packed, picks)
        at_random = spread(packed, np.random.default_rng(1).choice(len(packed), len(picks), replace=False))
        assert found.circles == len(picks) > at_random.circles
        assert found.nearest < at_random.nearest - 0.02
    assert spread(packed, picks[:1]).circles == 1


# Spheres -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 10, 500])
@pytest.mark.parametrize("distance", [0.0, 0.6, 0.9])
def test_spheres_are_the_naive_ones_in_the_given_order(packed, similar, n, distance):
    order = np.random.default_rng(n).permutation(len(packed))
    naive = []
    for row in order.tolist():
        if all(1 - similar[row, pick] > distance for pick in naive):
            naive.append(row)
    assert sphere(packed, n, distance, order).tolist() == naive[:n]


def test_a_sphere_leaves_out_what_is_no_molecule():
    packed = bit_matrix(["no molecule", "CCO", "", "CCN", "CCO"])
    assert sphere(packed, 5, 0.1).tolist() == [1, 3]
    assert sphere(packed[:1], 5, 0.1).tolist() == []
    with pytest.raises(ConfigError, match=r"a distance of 1\.5 is none"):
        sphere(packed, 5, 1.5)


# Groups ------------------------------------------------------------------------------------------


def test_each_group_gives_its_best_then_its_second_best():
    groups, scores = ["a", "b", "a", None, "c", "a"], [1.0, 5.0, 4.0, 9.0, float("nan"), 6.0]
    assert best_of_groups(groups, 10, 1, scores).tolist() == [5, 1, 4]
    assert best_of_groups(groups, 10, 2, scores).tolist() == [5, 1, 4, 2]
    assert best_of_groups(groups, 2, 3, scores).tolist() == [5, 1]
    assert best_of_groups(groups, 10, 9).tolist() == [0, 1, 4, 2, 5]
    assert best_of_groups([], 3).tolist() == []
    with pytest.raises(ConfigError, match="0 of a group"):
        best_of_groups(groups, 1, 0)


# Clusters ----------------------------------------------------------------------------------------


def test_isim_of_a_pair_is_its_similarity(packed, similar):
    bits = np.unpackbits(packed, axis=1).astype(np.int64)
    for one, other in ((0, 1), (5, 9)):
        sums = bits[one] + bits[other]
        assert isim(2, int(sums.sum()), int((sums**2).sum())) == pytest.approx(similar[one, other])
    assert isim(1, 9, 9) == isim(4, 0, 0) == 1.0


def test_isim_sums_before_it_divides(packed):
    """Of many fingerprints: common bits of all pairs over bits of either of all pairs."""
    bits = np.unpackbits(packed[:20], axis=1).astype(int)
    pairs = [(a, b) for a in range(20) for b in range(a)]
    common = sum((bits[a] & bits[b]).sum() for a, b in pairs)
    either = sum((bits[a] | bits[b]).sum() for a, b in pairs)
    sums = bits.sum(0)
    assert isim(20, int(sums.sum()), int((sums**2).sum())) == pytest.approx(common / either)


def naive_birch(packed, threshold, criterion):
    """BitBIRCH whose tree is one node, from the definitions: the nearest centroid, then the criterion from scratch."""
    bits, clusters, labels = np.unpackbits(packed, axis=1).astype(int), [], []
    for row, own in enumerate(bits):
        centroids = np.array([2 * bits[rows].sum(0) >= len(rows) for rows in clusters]).reshape(-1, bits.shape[1])
        common = centroids.astype(int) @ own
        similar = common / (centroids.sum(1) + own.sum() - common)
        best = int(similar.astype(np.float32).argmax()) if clusters else -1
        if best >= 0 and fulfils(bits[[*clusters[best], row]], threshold, criterion):
            clusters[best].append(row)
        else:
            best = len(clusters)
            clusters.append([row])
        labels.append(best)
    return by_size(np.array(labels))


def fulfils(members, threshold, criterion):
    if criterion == "radius":
        centroid = (2 * members.sum(0) >= len(members)).astype(int)
        pairs = [(one, centroid) for one in members]
    else:
        pairs = [(members[a], members[b]) for a in range(len(members)) for b in range(a)]
    either = sum((a | b).sum() for a, b in pairs)
    return sum((a & b).sum() for a, b in pairs) >= threshold * either - 1e-9


@pytest.mark.parametrize("criterion", ["diameter", "radius"])
@pytest.mark.parametrize("threshold", [0.2, 0.4])
def test_a_tree_of_one_node_is_the_naive_algorithm(packed, threshold, criterion):
    found = bitbirch(packed[:120], Birch(threshold, criterion, branching=200))
    assert (found == naive_birch(packed[:120], threshold, criterion)).all()
    assert 1 < found.max() < 119


@pytest.mark.parametrize("criterion", ["diameter", "radius"])
@pytest.mark.parametrize("branching", [2, 5, 50])
def test_every_cluster_fulfils_the_criterion(packed, branching, criterion):
    labels = bitbirch(packed, Birch(0.3, criterion, branching))
    assert labels.shape == (300,)
    sizes = np.bincount(labels)
    assert (np.diff(sizes) <= 0).all(), "the largest first"
    assert sizes.min() >= 1
    bits = np.unpackbits(packed, axis=1).astype(int)
    assert all(fulfils(bits[labels == cluster], 0.3, criterion) for cluster in np.flatnonzero(sizes > 1))
    assert sizes.max() > 2
    if criterion == "diameter":
        means = tightness(packed, labels)
        assert means.min() >= 0.3
        assert (means[sizes == 1] == 1).all()


def test_extremes_of_the_threshold(packed):
    assert (bitbirch(packed, Birch(0.0, branching=7)) < 1).mean() > 0.999, "all alike"
    same = bitbirch(packed, Birch(1.0, branching=7))
    for cluster in range(same.max() + 1):
        assert len(np.unique(packed[same == cluster], axis=0)) == 1
    assert bitbirch(packed[:0]).tolist() == []
    assert (bitbirch(np.repeat(packed[:1], 600, axis=0), Birch(1.0, branching=3)) == 0).all(), "sums beyond a byte"
    assert bitbirch(np.zeros((5, 256), np.uint8)).tolist() == [0] * 5


def test_clusters_of_bitbirch_are_near_butinas(packed, similar):
    """Two molecules of one cluster are far more alike than any two."""
    labels = bitbirch(packed, Birch(0.35))
    together = (labels[:, None] == labels) & ~np.eye(300, dtype=bool)
    assert similar[together].mean() > 0.3 > 2 * similar[~together].mean()
    exact = butina(packed, 0.35)
    both = together & (exact[:, None] == exact)
    assert both.sum() / together.sum() > 10 * (exact[:, None] == exact).mean()


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
def test_butina_is_rdkits(packed, similar, threshold):
    distances = [1 - similar[a, b] for a in range(300) for b in range(a)]
    theirs = Butina.ClusterData(distances, 300, 1 - threshold + 1e-9, isDistData=True)
    ours = butina(packed, threshold)
    assert {frozenset(rows) for rows in theirs} == {
        frozenset(np.flatnonzero(ours == cluster).tolist()) for cluster in range(ours.max() + 1)
    }


def test_pairs_of_blocks_are_all_pairs(packed, similar, monkeypatch):
    from molgan.metrics import similarity

    monkeypatch.setattr(similarity, "_BLOCK", 37)
    found = np.zeros((300, 300), bool)
    for rows, columns in similarity.pairs_above(packed, 0.4):
        assert (np.diff(rows) >= 0).all()
        found[rows, columns] = True
    assert (found == ((similar >= 0.4) & ~np.eye(300, dtype=bool))).all()
    vectors = [DataStructs.CreateFromBinaryText(row.tobytes()) for row in packed[:2]]
    assert DataStructs.TanimotoSimilarity(*vectors) == pytest.approx(similar[0, 1])


def test_the_nearest_of_a_matrix_that_is_mapped(packed, similar, tmp_path, monkeypatch):
    from molgan.metrics import similarity

    monkeypatch.setattr(similarity, "_COUNTED", 7)
    np.save(tmp_path / "bits.npy", packed)
    found = similarity.nearest(packed[:20], np.load(tmp_path / "bits.npy", mmap_mode="r")[20:])
    assert np.allclose(found.similarity, similar[:20, 20:].max(1))
    assert np.allclose(similar[np.arange(20), found.row + 20], found.similarity)


def test_what_cannot_be_clustered_is_refused(packed):
    with pytest.raises(ConfigError, match=r"at most 50,000 molecules, not 50,001; use BitBIRCH"):
        butina(np.zeros((MOST + 1, 8), np.uint8))
    with pytest.raises(ConfigError, match=r"a threshold of 2 is no similarity"):
        butina(packed, 2.0)
    with pytest.raises(ConfigError, match=r"a threshold of -1 is no similarity"):
        Birch(-1.0)
    with pytest.raises(ConfigError, match=r"branching factor of 1"):
        Birch(branching=1)
    with pytest.raises(ConfigError, match=r"5 bytes are not whole words"):
        bitbirch(np.zeros((3, 5), np.uint8))
