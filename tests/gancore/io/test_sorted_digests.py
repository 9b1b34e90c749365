import numpy as np
import pytest

from gancore.io.sorted_digests import matches, sorted_rows


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_rows_are_sorted_whatever_fits_in_memory(at_once):
    random = np.random.default_rng(0)
    digests = random.integers(0, 1 << 64, 40, np.uint64)
    digests[:3] = digests[5], 0, (1 << 64) - 1
    rows = np.concatenate(list(sorted_rows(digests, at_once)))
    assert rows.tolist() == np.argsort(digests, kind="stable").tolist()


def test_none_are_sorted_and_found():
    nothing = np.zeros(0, np.uint64)
    assert [rows.tolist() for rows in sorted_rows(nothing)] == [[]]
    assert not list(matches(nothing, np.ones(2, np.uint64)))


def test_every_equal_digest_is_found():
    known, sought = np.sort(np.array([3, 3, 8, 1 << 63], np.uint64)), np.array([1 << 63, 3, 4, 3], np.uint64)
    pairs = {(row, place) for row in range(4) for place in range(4) if known[place] == sought[row]}
    found = list(matches(known, sought))
    assert set(found) == pairs
    assert len(found) == len(pairs) == 5
