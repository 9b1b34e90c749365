"""Known and seen molecules: exact whatever the digests do, whole on disk, and in bounded memory."""

import random
from itertools import pairwise

import numpy as np
import pytest

from gancore.errors import DataError, RunError
from molgan.chemistry.identity import Policy
from molgan.library import known as module
from molgan.library.digests import digests
from molgan.library.known import Known
from molgan.library.seen import Seen


def chains(n, seed=0):
    """Distinct strings of several lengths that look like SMILES."""
    rng = random.Random(seed)
    return list(dict.fromkeys("C" + "".join(rng.choices("CNOcn()=1", k=rng.randint(3, 30))) for _ in range(n)))


@pytest.mark.parametrize("bits", [64, 8, 1], ids=["no collision", "collisions", "two digests"])
@pytest.mark.parametrize("chunk", [50, 10_000], ids=["many runs", "one run"])
def test_exactly_the_known_are_found(tmp_path, bits, chunk):
    texts = chains(400 if bits == 1 else 1500)
    inside, outside = texts[::2], texts[1::2]
    shuffled = [*inside, *inside[:100]]
    random.Random(1).shuffle(shuffled)
    known = Known.build(shuffled, tmp_path / "known", policy=None, chunk=chunk, bits=bits)
    assert len(known) == len(inside)
    assert known.contains(inside).all()
    assert not known.contains(outside).any()
    asked = [None, *texts, "", "\ud800"]
    assert known.contains(asked).tolist() == [text in set(inside) for text in asked]
    if bits < 64:
        assert np.isin(digests(outside, bits), digests(inside, bits)).any(), "the full strings had to decide"


def test_the_same_folder_whatever_the_chunks(tmp_path):
    texts = chains(700)
    files = []
    for chunk in (33, 5000):
        folder = Known.build(texts, tmp_path / str(chunk), policy=None, chunk=chunk).folder
        files.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert files[0] == files[1]
    assert sorted(files[0]["texts"].decode().splitlines()) == sorted(texts)


def test_molecules_are_compared_by_their_canonical_form(tmp_path):
    known = Known.build(["OCC", "CCO.[Na+]", "no molecule", "C[C@H](N)O"], tmp_path / "a")
    assert len(known) == 2
    assert known.contains(["CCO", "CC(N)O", "OCC", "CCN"]).tolist() == [True, True, False, False]
    assert "CCO" in known
    kept = Known.build(["CCO.[Na+]"], tmp_path / "b", Policy("keep"))
    assert kept.contains(["CCO", "CCO.[Na+]"]).tolist() == [False, True]


def test_files_of_several_kinds_are_read(tmp_path):
    (tmp_path / "a.smi").write_text("CCO ethanol\nCCN\n")
    (tmp_path / "b.csv").write_text("id,smiles\n1,CCC\n2,OCC\n")
    known = Known.build([tmp_path / "a.smi", tmp_path / "b.csv"], tmp_path / "known")
    assert known.contains(["CCO", "CCN", "CCC", "ethanol"]).tolist() == [True, True, True, False]


def test_the_cache_is_built_once_for_what_the_files_hold(tmp_path, monkeypatch):
    monkeypatch.setenv("DISCRETEGAN_DATA", str(tmp_path / "cache"))
    file = tmp_path / "a.smi"
    file.write_text("CCO\n")
    first = Known.of(file)
    stamp = (first.folder / "texts").stat().st_mtime_ns
    assert Known.of(file).folder == first.folder
    assert (first.folder / "texts").stat().st_mtime_ns == stamp
    assert Known.of(file, Policy("keep")).folder != first.folder
    file.write_text("CCN\n")
    other = Known.of(file)
    assert other.folder != first.folder
    assert other.contains(["CCO", "CCN"]).tolist() == [False, True]
    (other.folder / "texts").write_bytes(b"C")  # damaged: built anew
    assert Known.of(file).contains(["CCN"]).all()
    with pytest.raises(DataError, match=r"gone\.smi: no such file"):
        Known.of(tmp_path / "gone.smi")
    with pytest.raises(DataError, match="give files"):
        Known.of(["CCO"])


def test_what_is_not_whole_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(DataError, match=r"nothing: holds no known molecules"):
        Known(tmp_path / "nothing")
    known = Known.build(["CCO", "CCN"], tmp_path / "known")
    for name in ("texts", "digests", "starts", "manifest.json"):
        held = (known.folder / name).read_bytes()
        (known.folder / name).write_bytes(held[:-8])
        with pytest.raises(DataError, match="build them anew"):
            Known(known.folder)
        (known.folder / name).write_bytes(held)
    assert len(Known(known.folder)) == 2


def test_a_build_that_fails_leaves_what_was_there(tmp_path):
    known = Known.build(["CCO"], tmp_path / "known")
    with pytest.raises(DataError, match="none of 2 rows is a molecule"):
        Known.build(["no", "none"], tmp_path / "known")
    assert Known(known.folder).contains(["CCO"]).all()
    assert [path.name for path in tmp_path.iterdir()] == ["known"]


def test_a_folder_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for place in (tmp_path / "mine", tmp_path / "mine" / "thesis.txt"):
        with pytest.raises(RunError, match="holds something else than known molecules"):
            Known.build(["CCO"], place)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    (tmp_path / "empty").mkdir()
    assert len(Known.build(["CCO"], tmp_path / "empty")) == 1
    assert len(Known.build(["CCN", "CCC"], tmp_path / "empty")) == 2


def test_only_some_strings_are_in_memory(tmp_path, monkeypatch):
    """Of a stream, `chunk` strings are held at once, while it is read and while it is merged."""
    held = []
    write = module.write_run
    monkeypatch.setattr(module, "write_run", lambda texts, *rest: (held.append(len(texts)), write(texts, *rest))[1])
    texts = chains(1000)
    Known.build(iter(texts), tmp_path / "known", policy=None, chunk=100)
    assert max(held) == 100
    assert sum(held) == len(texts)


# Seen --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [64, 8, 1])
def test_firsts_are_those_of_a_set(bits):
    rng = random.Random(2)
    texts = chains(300 if bits == 1 else 1200)
    told, expected, before = [], [], set()
    with Seen(bits=bits) as seen:
        for _ in range(40):
            part = rng.choices(texts, k=rng.choice([0, 1, 7, 80]))
            told += seen.add(part).tolist()
            expected += [text not in before and not before.add(text) for text in part]
            assert len(seen) == len(before)
        assert seen.contains(texts).tolist() == [text in before for text in texts]
    assert told == expected


def test_levels_are_few_and_hold_all():
    with Seen() as seen:
        texts = chains(3000)
        for start in range(0, len(texts), 10):
            assert seen.add(texts[start : start + 10]).all()
        sizes = [len(level[0]) for level in seen._levels.levels]
        assert sum(sizes) == len(texts)
        assert all(2 * after < before for before, after in pairwise(sizes))
        assert all((np.diff(level[0].astype(float)) >= 0).all() for level in seen._levels.levels)
        assert not seen.add(texts).any()


def test_a_file_goes_on_where_it_was_cut(tmp_path):
    place = tmp_path / "seen.txt"
    with Seen(place) as seen:
        seen.add(["CCO", "CCN", "CCC"])
    place.write_bytes(place.read_bytes()[:-2])  # killed in the last line
    with Seen(place) as seen:
        assert len(seen) == 2
        assert seen.add(["CCN", "CCC", "CCF"]).tolist() == [False, True, True]
    assert place.read_text() == "CCO\nCCN\nCCC\nCCF\n"


def test_a_full_disk_takes_nothing_in(tmp_path, monkeypatch):
    with Seen(tmp_path / "seen.txt") as seen:
        seen.add(["CCO"])
        file = seen._file

        class Full:
            def __getattr__(self, name):
                return getattr(file, name)

            def flush(self):
                file.flush()
                raise OSError(28, "No space left on device")

        monkeypatch.setattr(seen, "_file", Full())
        with pytest.raises(OSError, match="No space"):
            seen.add(["CCN"])
        monkeypatch.setattr(seen, "_file", file)
        assert len(seen) == 1
        assert seen.add(["CCN", "CCO"]).tolist() == [True, False]
        with pytest.raises(ValueError, match="line end"):
            seen.add(["C\nC"])
    assert (tmp_path / "seen.txt").read_text() == "CCO\nCCN\n"
