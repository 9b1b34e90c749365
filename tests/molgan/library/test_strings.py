"""A set of strings on disk, against Python's own, also where digests collide."""

import random

import numpy as np
import pytest

from molgan.library import strings
from molgan.library.strings import StringSet


@pytest.mark.parametrize("bits", [64, 4], ids=["digests", "digests that collide"])
def test_it_is_a_set(bits, tmp_path, monkeypatch):
    whole = strings.digest
    monkeypatch.setattr(strings, "digest", lambda text: whole(text) % 2**bits if bits < 64 else whole(text))
    chosen, held = random.Random(0), set()
    with StringSet(tmp_path / "texts") as seen:
        for _ in range(40):
            batch = list(dict.fromkeys(str(chosen.randrange(900)) for _ in range(chosen.randrange(1, 40))))
            there = seen.contains(batch)
            assert there.tolist() == [text in held for text in batch]
            new = [text for text, known in zip(batch, there, strict=True) if not known]
            seen.add(new)
            held.update(new)
        assert len(seen) == len(held)
        assert len(seen._levels) < 8, "levels grow, so that there are few"


def test_a_prefix_is_another_string(tmp_path):
    with StringSet(tmp_path / "texts") as seen:
        seen.add(["CCO"])
        seen._levels = [(np.repeat(digests, 3), np.repeat(places, 3)) for digests, places in seen._levels]
        assert seen.contains(["CCO", "CC", "CCOC"]).tolist() == [True, False, False]


def test_frozen_it_is_read_by_others(tmp_path):
    assert StringSet.freeze([["CCO", "CCN", "CCO"], ["CCN", "CCC"]], tmp_path) == 3
    with StringSet.open(tmp_path) as one, StringSet.open(tmp_path) as other:
        assert one.contains(["CCC", "CO"]).tolist() == other.contains(["CCN", "CO"]).tolist() == [True, False]
    assert StringSet.freeze([], tmp_path / "none") == 0
    with StringSet.open(tmp_path / "none") as nothing:
        assert nothing.contains(["CCO"]).tolist() == [False]
