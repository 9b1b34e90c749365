"""Libraries: the same whoever makes them and however often; every sample is accounted for."""

import gzip

import numpy as np
import pyarrow.parquet as pq
import pytest
import rdkit
from rdkit import Chem

import molgan
from gancore.errors import ConfigError, RunError
from gancore.io.notes import Note
from molgan.library import commits, manifest, shards
from molgan.library.settings import LibraryConfig
from molgan.library.where import passing
from molgan.scoring.properties import PROPERTIES
from molgan.scoring.tables import property_frame

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


def test_a_data_set_of_several_files_is_known_by_its_training_molecules(make, tmp_path, monkeypatch):
    """MOSES, which a folder holds once it is fetched."""
    moses = tmp_path / "cache" / "moses"
    moses.mkdir(parents=True)
    monkeypatch.setattr("gancore.io.downloads.cache", lambda: tmp_path / "cache")
    for name, smiles in {"train": "CCO", "test": "CCN"}.items():
        with gzip.open(moses / f"{name}.csv.gz", "wt") as out:
            out.write(f"SMILES\n{smiles}\n")
    (tmp_path / "some.smi").write_text("OCC\nCCN\nCCC\n")
    made = make(source=tmp_path / "some.smi", n=2, where="novel", known=["moses"])
    assert set(made.query("select smiles from library")["smiles"]) == {"CCN", "CCC"}
    assert made.info()["runs"][0]["counts"]["known"] == 1


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


def test_terms_are_worked_out_in_order_for_those_that_are_left(make, monkeypatch):
    seen = []

    def watched(text, table):
        seen.append((text, len(table)))
        return passing(text, table)

    monkeypatch.setattr(shards, "passing", watched)
    make(n=10)
    assert seen[0][0] == "qed > 0.4"
    assert seen[1][1] < seen[0][1]
