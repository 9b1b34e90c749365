"""Libraries on a disk that is full, and in folders that cannot be written: one sentence, and nothing half written."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gancore.errors import RunError
from molgan.library import commits, manifest
from molgan.library.bit_matrix import bit_matrix
from molgan.library.merge import merge
from molgan.library.seen import Seen

HERE = Path(__file__).parent
FULL = OSError(errno.ENOSPC, "No space left on device")


def full(*arguments):
    raise FULL


def may_mount(folder):
    words = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        return not subprocess.run(words, stderr=subprocess.DEVNULL, check=False).returncode
    except OSError:  # there is no such program
        return False


def test_every_command_on_a_full_disk(samplers, tmp_path):
    if not may_mount(tmp_path):
        pytest.skip("no right to mount a small disk")
    known = tmp_path / "known.smi"
    known.write_text("\n".join(text for text in samplers.draw(1000, 9) if text))
    (tmp_path / "disk").mkdir()
    words = ["unshare", "-m", sys.executable, str(HERE / "starved.py"), str(tmp_path / "disk"), str(known)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    room = "what was written stays whole: make room, and the same command goes on."
    for name, said in {
        "build": "",
        "more": room,
        "export": "molgan: lib.csv: No space left on device.",
        "table": "molgan: lib.parquet: ",
        "query": "molgan: all.csv: No space left on device.",
        "merge": "molgan: both: cannot be written (No space left on device); nothing of it stays",
        "pick": "molgan: lib/.work/fingerprints.npy: No space left on device.",
        "known": room,
        "still": "",
        "again": "",
    }.items():
        lines = told[name]["said"].splitlines()
        assert told[name]["code"] == (1 if said else 0), (name, lines)
        assert said in (lines or [""])[-1], name
        assert len([line for line in lines if "has the 1,500 molecules" not in line]) == (1 if said else 0), lines
        assert set(told[name]["left"]) <= {"lib", "fill"}, name


def test_a_disk_that_is_full_before_the_first_sample_leaves_the_library_as_it_was(make, content, monkeypatch):
    folder = make("a", 150).folder
    before = content(folder)
    with monkeypatch.context() as patch:
        patch.setattr(Seen, "_append", full)
        with pytest.raises(RunError, match=r"a: cannot be written \(No space left on device\)") as stopped:
            make("a", 400)
    assert "\n" not in str(stopped.value)
    assert content(folder) == before
    assert not list((folder / ".work").iterdir()), "the file of strings is no leftover"


def test_the_shard_that_was_cut_stays_until_it_is_made_anew(make, content, monkeypatch):
    folder = make("a", 150).folder
    before = content(folder)
    told = manifest.Manifest.read(folder)
    assert told.runs[0].shards[-1].cut
    with monkeypatch.context() as patch:
        patch.setattr(commits.Commits, "store", full)
        with pytest.raises(RunError, match="No space left on device"):
            make("a", 400)
    assert content(folder) == before
    assert manifest.Manifest.read(folder).files == told.files
    assert content(make("a", 400).folder) == content(make("b", 400).folder)


@pytest.mark.parametrize("when", [1, 2])
def test_a_merge_that_finds_no_room_leaves_nothing(when, make, monkeypatch, tmp_path):
    one, other = make("a", 40), make("b", 40, seed=1)
    write, written = manifest.write_durably, []

    def second(path, data):
        written.append(path)
        if len(written) == when:
            raise FULL
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(commits, "write_durably", second)
        with pytest.raises(RunError, match=r"cannot be written \(No space left on device\); nothing of it stays"):
            merge([one.folder, other.folder], tmp_path / "new")
    assert not (tmp_path / "new").exists()
    whole = merge([one.folder, other.folder], tmp_path / "new")
    assert list(whole.smiles()) == list(dict.fromkeys([*one.smiles(), *other.smiles()]))


def test_a_merge_beside_another_leaves_that_one_alone(make, tmp_path):
    from gancore.io.platforms import only_one

    made = make("a", 40)
    (tmp_path / "new").mkdir()
    with only_one(tmp_path / "new", "run"), pytest.raises(RunError, match="is at work there"):
        merge([made.folder], tmp_path / "new")
    assert (tmp_path / "new").is_dir()


def test_fingerprints_in_a_file_are_those_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("molgan.library.bit_matrix._CHUNK", 2)
    smiles = ["CCO", None, "c1ccccc1", "CCN", "no molecule"]
    mapped = bit_matrix(smiles, tmp_path / "bits.npy")
    assert np.array_equal(mapped, bit_matrix(smiles))
    assert mapped.any(1).tolist() == [True, False, True, True, False]
    assert np.array_equal(np.load(tmp_path / "bits.npy"), mapped)


@pytest.mark.parametrize(
    "error", [PermissionError(errno.EACCES, "Permission denied"), OSError(errno.EROFS, "Read-only")]
)
def test_a_folder_that_cannot_be_written_whoever_asks(error, make, content, monkeypatch, tmp_path):
    def refused(path, *arguments, **more):
        raise type(error)(error.errno, error.strerror, str(path))

    before = content(make("a", 150).folder)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "touch", refused)
        for name in ("a", "new"):
            with pytest.raises(
                RunError, match=rf"{name}: cannot be written \({error.strerror}\); give another"
            ) as told:
                make(name, 200)
            assert "\n" not in str(told.value)
    assert content(tmp_path / "a") == before
