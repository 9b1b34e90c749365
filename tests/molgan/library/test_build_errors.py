"""Libraries: everything that can go wrong is one sentence, and what was written stays whole."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

import molgan.__main__
from gancore.errors import ConfigError, DataError, RunError
from gancore.io.notes import Note
from gancore.io.platforms import only_one
from molgan.library import commits, manifest


@pytest.fixture
def run(command_line):
    return command_line("molgan", molgan.__main__.main)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"where": "molwt > 1"}, "there is no column 'molwt'; the columns are smiles"),
        ({"column": ["molwt"]}, "column molwt: there is none; the columns are smiles"),
        ({"column": ["score"]}, "need --score"),
        ({"where": "novel"}, "novel: say by known"),
        ({"known": ["absent.smi"]}, "known absent.smi: there is no such file"),
        ({"score": "absent"}, "absent: no such score"),
        ({"n": 0}, "n"),
        ({"seed": -1}, "seed"),
        ({"source": 3}, "is no model, file or function"),
        ({"source": "absent:draw"}, "cannot be imported"),
        ({"condition": {"logp": 2}}, "nothing can be requested"),
        ({"source": "qm9", "condition": {"logp": 2}}, "trained without conditions"),
        ({"source": "qm9", "fragments": "[*]CC"}, "fragments"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_before_the_work(asked, said, make, tmp_path):
    with pytest.raises((ConfigError, DataError), match=said) as refused:
        make(**asked)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "lib").exists()


def test_a_source_that_is_not_there(make):
    with pytest.raises(DataError, match="there is no such file"):
        make(source="absent.smi")
    with pytest.raises(RunError, match="no run here"):
        make(source="absent")


def test_a_folder_of_something_else(make, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "thesis.tex").touch()
    with pytest.raises(RunError, match="holds files and no library"):
        make()
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is a file"):
        make("file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(make, tmp_path):
    (tmp_path / "lib").mkdir(mode=0o500)
    with pytest.raises(RunError, match="cannot be written"):
        make()


def test_a_file_in_the_way_of_a_folder(make, tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(RunError, match="cannot be written"):
        make("taken/lib")


@pytest.mark.parametrize("when", [1, 2, 3, 5, 8])
def test_a_full_disk_leaves_what_was_written_whole(when, make, content, monkeypatch):
    monkeypatch.setattr(commits, "_ROWS", 30)
    write, written = manifest.write_durably, []

    def full(path, data):
        written.append(path)
        if len(written) >= when:
            path.with_name(path.name + ".tmp").write_bytes(data[: len(data) // 2])
            raise OSError(28, "No space left on device", str(path))
        write(path, data)

    with monkeypatch.context() as patch:
        for module in (manifest, commits):
            patch.setattr(module, "write_durably", full)
        with pytest.raises(RunError, match=r"No space left on device.*what was written stays whole") as stopped:
            make("a")
    assert "\n" not in str(stopped.value)
    folder = written[0].parents[1]
    if (folder / "manifest.json").exists():
        content(folder)
    assert content(make("a").folder) == content(make("b").folder)


@pytest.mark.parametrize("when", [1, 3, 4, 6])
def test_an_interrupt_while_writing_leaves_it_whole(when, make, content, monkeypatch, tmp_path):
    monkeypatch.setattr(commits, "_ROWS", 30)
    write, written = manifest.write_durably, []

    def interrupted(path, data):
        write(path, data)
        written.append(path)
        if len(written) == when:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        for module in (manifest, commits):
            patch.setattr(module, "write_durably", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make("a")
    content(tmp_path / "a")
    assert content(make("a").folder) == content(make("b").folder)


def test_a_damaged_shard_is_named_and_merge_goes_on_without(make, content, tmp_path, monkeypatch):
    from molgan.library.merge import merge

    monkeypatch.setattr(commits, "_ROWS", 30)
    made = make("a")
    broken = made.folder / made.manifest.files[1].name
    data = bytearray(broken.read_bytes())
    data[len(data) // 2] ^= 255
    broken.write_bytes(data)
    with pytest.raises(RunError, match=rf"{broken.name}: damaged \(its sha256") as named:
        make("a", 160)
    assert "\n" not in str(named.value)
    broken.write_bytes(b"PAR1")
    with pytest.raises((DataError, RunError), match=broken.name):
        made.query("select count(qed) from library")
    with pytest.warns(Note, match="is left out"):
        whole = merge([made.folder], tmp_path / "merged")
    assert len(whole) == 150 - made.manifest.files[1].rows
    broken.unlink()
    with pytest.raises(RunError, match=r"No such file"):
        make("a", 160)


def cut_short(data):
    return data[: len(data) // 2]


def emptied(data):
    return b""


def one_byte_changed(data):
    return data[:200] + bytes([data[200] ^ 255]) + data[201:]


@pytest.mark.parametrize(
    "damage", [cut_short, emptied, one_byte_changed, None], ids=lambda one: getattr(one, "__name__", "gone")
)
def test_every_command_names_a_damaged_shard(damage, make, run, tmp_path):
    made = make(column=["scaffold"])
    whole = [path.read_bytes() for path in made.manifest.paths(made.folder)]
    path = made.manifest.paths(made.folder)[0]
    path.unlink() if damage is None else path.write_bytes(damage(path.read_bytes()))
    options = ("-n", 160, "--where", "qed > 0.4 and logp < 3", "--column", "scaffold", "--draws", 100, "--workers", 1)
    for words in (
        ("library", "info", "lib", "--check"),
        ("library", "query", "lib", "select max(smiles), max(scaffold) from library"),
        ("library", "export", "lib", "--out", "lib.csv"),
        ("report", "lib", "-n", 20, "--out", "lib.html"),
        ("library", "samplers:draw", *options, "--out", "lib", "--quiet"),
    ):
        code, out, err = run(*words)
        assert (code, out) == (1, ""), words
        assert err.startswith(f"molgan: lib/shards/{path.name}: damaged ("), words
        assert err.count("\n") == 1, words
    assert sorted(one.name for one in tmp_path.iterdir()) == ["lib"], "nothing half written"
    path.write_bytes(whole[0])
    assert [one.read_bytes() for one in made.manifest.paths(made.folder)] == whole, "the others were left alone"
    assert run("library", "info", "lib", "--check")[0] == 0


def test_a_query_that_is_wrong_is_not_blamed_on_the_files(make):
    made = make()
    with pytest.raises(ConfigError, match=r"query 'select smiles::int from library': Conversion Error"):
        made.query("select smiles::int from library")
    with pytest.raises(ConfigError, match=r"where 'smiles::int > 1': "):
        list(made.batches("smiles::int > 1"))


def test_damaged_candidates_are_made_again(make, content, samplers, tmp_path, monkeypatch):
    monkeypatch.setattr("molgan.library.sources.digest_of", lambda draw: "0" * 64)  # all count as the same
    folder = tmp_path / "a"
    calls = []

    def stopping(n, seed):
        calls.append(seed)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return samplers.draw(n, seed)

    stopping.__module__, stopping.__qualname__ = samplers.draw.__module__, samplers.draw.__qualname__
    with pytest.raises(KeyboardInterrupt):
        make("a", 400, source=stopping)
    assert len(manifest.Manifest.read(folder).runs[0].shards) == 3, "an interrupt keeps what there is"
    key = manifest.Manifest.read(folder).runs[0].key[:16]
    (folder / ".work" / f"{key}-0000003.parquet").write_bytes(b"PAR1 and half of a shard")
    (folder / ".work" / f"{key}-0000004.parquet.tmp").write_bytes(b"PA")
    (folder / "shards" / "0000-0000009-0000009.parquet").write_bytes(b"left by a kill")
    assert content(make("a", 400).folder) == content(make("b", 400).folder)
    assert len(list((folder / "shards").iterdir())) == len(manifest.Manifest.read(folder).files)


def test_two_processes_on_one_library(make, run, content, samplers, tmp_path):
    words = ["library", "samplers:slow", "-n", "400", "--where", "qed > 0.4 and logp < 3", "--draws", "100"]
    words += ["--workers", "1", "--out", "lib", "--quiet"]
    first = subprocess.Popen([sys.executable, "-m", "molgan", *words], cwd=tmp_path, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not list((tmp_path / "lib" / ".work").glob("*.parquet")) and time.monotonic() < end:
        assert first.poll() is None
        time.sleep(0.02)
    code, out, err = run(*words)
    assert (code, out) == (1, "")
    assert err == "molgan: lib: another run of molgan library is at work there; give another folder, or wait for it.\n"
    assert first.wait(timeout=120) == 0
    assert content(tmp_path / "lib") == content(make("alone", 400).folder)


def test_two_at_once_are_refused(make, tmp_path):
    made = make()
    with only_one(made.folder, "run"), pytest.raises(RunError, match="another run of molgan library is at work there"):
        make(n=200)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda told: b"{", "damaged, not JSON"),
        (lambda told: b"[]", "no manifest of a library"),
        (lambda told: json.dumps({**told, "format": 99}).encode(), "no manifest of a library that this version reads"),
        (lambda told: json.dumps({**told, "runs": [{}]}).encode(), "lacks what a library says"),
    ],
)
def test_a_damaged_manifest(damage, said, make):
    path = make().folder / "manifest.json"
    path.write_bytes(damage(json.loads(path.read_bytes())))
    with pytest.raises(RunError, match=said):
        make(n=200)


def test_a_sampler_that_fails_is_named(make, samplers):
    with pytest.raises(RunError, match="the instrument is off"):
        make(source=samplers.failing)


def test_a_model_that_changed_is_told():
    from molgan.library.sources import source_of

    source = source_of("qm9")
    with pytest.raises(RunError, match="is not the model that this library was begun with"):
        replace(source, sha256="0" * 64).open()
