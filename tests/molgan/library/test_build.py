"""Libraries: the same whoever makes them and however often; every sample is accounted for; every error."""

import json
import os
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import rdkit
from rdkit import Chem

import molgan
from gancore.errors import ConfigError, DataError, RunError
from gancore.io.notes import Note
from gancore.io.platforms import only_one
from molgan.library import commits, manifest, shards
from molgan.library.settings import LibraryConfig
from molgan.library.where import passing
from molgan.scoring.properties import PROPERTIES
from molgan.scoring.tables import property_frame

WHERE = "qed > 0.4 and logp < 3"
SMALL = LibraryConfig(draws=100, workers=1)


@pytest.fixture
def make(samplers, tmp_path):
    """`make(name, n, ...)`: a library of the sampler `draw`."""

    def made(name="lib", n=150, where=WHERE, source=None, config=SMALL, **more):
        return molgan.library(source or samplers.draw, n, tmp_path / name, where, config=config, quiet=True, **more)

    return made


# What is in it ------------------------------------------------------------------------------------


def test_it_holds_what_a_plain_loop_finds(make, samplers, content):
    from gancore.io.seeds import derive_seed
    from molgan.chemistry.parsed_text import ParsedText

    made = make(n=100)
    wanted: dict[str, tuple[int, int]] = {}
    for shard in range(100):
        for draw, text in enumerate(samplers.draw(100, derive_seed(0, "library", shard))):
            parsed = ParsedText(text)
            if parsed.strict_smiles is None or parsed.molecule.smiles in wanted or len(wanted) == 100:
                continue
            row = property_frame([text], ("qed", "logp")).iloc[0]
            if row["qed"] > 0.4 and row["logp"] < 3:
                wanted[parsed.molecule.smiles] = shard, draw
    frame = made.query("from library order by shard, draw")
    assert list(zip(frame["smiles"], zip(frame["shard"], frame["draw"], strict=True), strict=True)) == list(
        wanted.items()
    )
    assert content(made.folder)[1] == len(made) == 100
    assert set(frame["rdkit"]) == {rdkit.__version__}
    assert list(frame) == ["smiles", "seed", "shard", "draw", "model", "rdkit", "qed", "logp"]


def test_every_sample_is_accounted_for(make, content):
    counts = make().info()["runs"][0]["counts"]
    assert min(counts["invalid"], counts["repeats"], *counts["rejected"].values()) > 0
    assert counts["kept"] == 150
    assert list(counts["rejected"]) == ["qed > 0.4", "logp < 3"]


def test_more_is_the_same_as_more_at_once(make, content):
    make("a", 60)
    make("a", 61)
    assert content(make("a", 150).folder) == content(make("b", 150).folder)
    with pytest.warns(Note, match="has the 150 molecules"):
        make("a", 150)
    with pytest.warns(Note, match="has the 150 molecules"):
        assert len(make("a", 10)) == 150


def test_another_seed_or_filter_adds_what_is_new(make, content):
    make("a", 100)
    both = make("a", 100, seed=1)
    assert content(both.folder)[1] == 200
    make("a", 50, where="qed < 0.4")
    assert content(both.folder)[1] == 250
    assert [run["asked"] for run in make("a", 20, where="qed < 0.3").info()["runs"]] == [100, 100, 50, 20]


def test_what_another_rdkit_wrote_is_spelt_anew(make, content, monkeypatch):
    made = make("a", 100)
    told = manifest.Manifest.read(made.folder)
    for file in told.files:  # as if another version had written other spellings
        table = pq.read_table(made.folder / file.name)
        texts = [
            Chem.MolToSmiles(Chem.MolFromSmiles(text), canonical=False, rootedAtAtom=0)
            for text in table["smiles"].to_pylist()
        ]
        pq.write_table(table.set_column(0, "smiles", [texts]), made.folder / file.name)
        file.rdkit, file.sha256 = "2020.03.1", manifest.sha256(made.folder / file.name)
    told.write(made.folder)
    again = make("a", 100, where="qed > 0.4 and logp < 3 and true")
    smiles = [Chem.CanonSmiles(text) for text in again.query("select smiles from library")["smiles"]]
    assert len(smiles) == len(set(smiles)) == 200


def test_columns_of_all_kinds(make, tmp_path):
    (tmp_path / "known.smi").write_text("OCC\nc1ccccc1C(=O)N\nCCCl\n")
    names = [
        "scaffold",
        "inchikey",
        "alerts",
        "alert_names",
        "moses_filters",
        "nearest",
        "similarity",
        "novel",
        *PROPERTIES,
    ]
    made = make(
        n=20, where="novel and similarity < 0.9", column=names, known=[tmp_path / "known.smi"], score="druglike"
    )
    frame = made.query("from library")
    assert set(names) < set(frame)
    assert frame["novel"].all()
    assert set(frame["nearest"]) <= {"CCO", "NC(=O)c1ccccc1", "CCCl"}
    assert (frame["similarity"] < 0.9).all()
    assert (frame["alert_names"].map(lambda text: text.count(": ")) == frame["alerts"]).all()
    assert frame["inchikey"].str.fullmatch(r"[A-Z]{14}-[A-Z]{10}-[A-Z]").all()
    assert np.allclose(frame["score_qed"], frame["qed"])
    assert frame["score"].between(0, 1).all()
    assert made.info()["runs"][0]["counts"]["rejected"]["novel"] == 0


def test_known_molecules_are_counted_as_known(make, tmp_path, samplers):
    (tmp_path / "known.smi").write_text("\n".join(text for text in samplers.draw(3000, 5) if text))
    counts = make(n=20, where="novel", known=[tmp_path / "known.smi"]).info()["runs"][0]["counts"]
    assert counts["known"] > 0
    assert counts["kept"] == 20


def test_stereochemistry_counts_in_the_library_but_not_for_novelty(make, tmp_path):
    (tmp_path / "some.smi").write_text("C[C@H](N)O\nC[C@@H](N)O\nCC(O)N\nCCO\n")
    (tmp_path / "known.smi").write_text("CC(N)O\n")
    with pytest.warns(Note, match="no further rows"):
        made = make("a", 9, "", str(tmp_path / "some.smi"))
    assert len(made) == 4
    with pytest.warns(Note, match="no further rows"):
        made = make("b", 9, "novel", str(tmp_path / "some.smi"), known=[tmp_path / "known.smi"])
    assert made.query("select smiles from library")["smiles"].tolist() == ["CCO"]


# Sources ------------------------------------------------------------------------------------------


def test_a_bundled_graph_model_gives_the_same_when_more_is_asked_for(make, content):
    config = LibraryConfig(draws=50, workers=1)
    one = make("a", 30, "", "qm9", config)
    counts = one.info()["runs"][0]
    assert counts["counts"]["kept"] == 30
    assert {"network", "critic", "decoding"} < set(counts["share of time"])
    more = make("a", 60, "", "qm9", config)
    assert content(more.folder) == content(make("b", 60, "", "qm9", config).folder)


def test_a_string_model_and_fragments(make):
    config = LibraryConfig(draws=20, workers=1)
    assert len(make("a", 5, "", "smiles-moses", config)) == 5
    made = make("b", 5, "", "drug", config, fragments="[*]c1ccncc1", size=(10, 20))
    found = [Chem.MolFromSmiles(text) for text in made.query("select smiles from library")["smiles"]]
    assert all(mol.HasSubstructMatch(Chem.MolFromSmarts("c1ccncc1")) for mol in found)
    assert all(10 <= mol.GetNumHeavyAtoms() <= 20 for mol in found)


def test_a_string_model_is_asked_for_little_without_fragments(make):
    with pytest.raises(ConfigError, match="size: smiles-moses is a string model, which takes it with fragments alone"):
        make(source="smiles-moses", size=(10, 20))


def test_a_model_itself_is_its_folder(make, content, tmp_path, monkeypatch):
    monkeypatch.setenv("DISCRETEGAN_DATA", str(tmp_path / "cache"))
    config = LibraryConfig(draws=50, workers=1)
    given = make("a", 20, "", molgan.MolGAN.load("qm9"), config)
    assert content(given.folder) == content(make("b", 20, "", "qm9", config).folder)
    assert len(list((tmp_path / "cache" / "library-models").iterdir())) == 1


def test_several_requests_for_fragments(make, tmp_path):
    (tmp_path / "requests.smi").write_text("[*]c1ccncc1\n[*]C1CC1\n")
    made = make(
        n=4, where="", source="drug", config=LibraryConfig(draws=8, workers=1), fragments=str(tmp_path / "requests.smi")
    )
    assert len(made) == 4


def test_a_file_is_read_in_shards(make, tmp_path, samplers, content):
    (tmp_path / "some.smi").write_text("\n".join(text or "*" for text in samplers.draw(950, 3)))
    with pytest.warns(Note, match="the file has no further rows"):
        made = make("a", 10_000, "", str(tmp_path / "some.smi"))
    run = made.info()["runs"][0]
    assert (run["state"], run["counts"]["samples"]) == ("source", 950)
    with pytest.warns(Note, match="the file has no further rows"):
        whole = make("b", 10_000, "", str(tmp_path / "some.smi"), LibraryConfig(draws=5000, workers=1))
    assert content(made.folder) == content(whole.folder)


def test_a_function_that_cannot_be_sent_is_worked_on_here(make):
    made = make(n=2, where="", source=lambda n, seed: ["CCO", "CCN"] * (n // 2), config=LibraryConfig(draws=10))
    assert len(made) == 2


def test_an_object_that_samples(make):
    class Sampler:
        def sample(self, n, seed):
            return ["CCO"] * (n - 1) + ["CCN"]

    assert len(make(n=2, where="", source=Sampler())) == 2


# How it ends --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "said", "state"),
    [
        ({"samples": 250}, "the samples allowed are spent", "samples"),
        ({"minutes": 1e-9}, "the time allowed is spent", "time"),
        ({"disk": 1e-9}, "the disk space allowed is spent", "disk"),
    ],
)
def test_a_budget_ends_it_and_more_goes_on(limits, said, state, make, content, monkeypatch):
    monkeypatch.setattr(commits, "_ROWS", 20)
    make("a", 20)  # so that there is something
    with pytest.warns(Note, match=said):
        made = make("a", 5000, config=LibraryConfig(draws=100, workers=1, **limits))
    run = made.info()["runs"][0]
    assert run["state"] == state
    assert state != "samples" or run["counts"]["samples"] == 250
    assert content(make("a", 150).folder) == content(make("b", 150).folder)


def test_a_filter_that_nothing_passes_is_named(make):
    config = LibraryConfig(draws=100, workers=1, patience=300)
    with pytest.raises(
        RunError, match=r"none of 300 samples passes; the filter's 'qed > 0.99' rejects most"
    ) as stopped:
        make(where="logp < 30 and qed > 0.99", config=config)
    assert "\n" not in str(stopped.value)


def test_a_sampler_that_repeats_itself_ends(make, samplers):
    with pytest.warns(Note, match="2 of 50 molecules: the last 500 samples gave nothing new"):
        made = make(n=50, where="", source=samplers.poor, config=LibraryConfig(draws=100, workers=1, patience=500))
    assert len(made) == 2


# What can go wrong --------------------------------------------------------------------------------


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


def test_terms_are_worked_out_in_order_for_those_that_are_left(make, monkeypatch):
    seen = []

    def watched(text, table):
        seen.append((text, len(table)))
        return passing(text, table)

    monkeypatch.setattr(shards, "passing", watched)
    make(n=10)
    assert seen[0][0] == "qed > 0.4"
    assert seen[1][1] < seen[0][1]
