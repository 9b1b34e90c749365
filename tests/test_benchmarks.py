"""Every row of every benchmark in a short form: made by the code that makes the published tables."""

import gzip
import json
import math
import re
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from rdkit import Chem
from safetensors.numpy import load_file

import molgan
from benchmarks import __main__ as table
from benchmarks import (
    anomalies,
    augmentation,
    autoregressive,
    captions,
    collapse,
    conditional,
    distillation,
    drug_data,
    family,
    fragments,
    growing,
    hostile,
    judged_text,
    large_text,
    latent,
    oracle,
    peers,
    privacy,
    qm9,
    rejections,
    semisupervised,
    steering,
    stereo,
    text_rewards,
)
from gancore.training.schedules import warm_cosine
from molgan import MolGAN
from molgan.chemistry.isomers import Odds
from molgan.chemistry.stereo_features import features_of
from molgan.data.dataset import MoleculeDataset
from molgan.data.graphs import to_matrix
from seqgan.data.grammar import corpus
from seqgan.metrics import bleu

ROOT = Path(__file__).parents[1]
SEARCHES, TRANSLATIONS = "tests/test_search_benchmarks.py", "tests/test_translation_benchmarks.py"
ELSEWHERE = {
    "survival": "tests/test_survival.py",
    "device": "below, in a process of its own",
    "diverse": SEARCHES,
    "leads": SEARCHES,
    "library": "tests/molgan/library/test_benchmark.py",
    "pmo": SEARCHES,
    "lead_translation": TRANSLATIONS,
    "translation": TRANSLATIONS,
    "infilling": TRANSLATIONS,
    "pmo_page": SEARCHES,
    "picking": "tests/molgan/library/test_picking_benchmark.py",
}
"""Modules whose short form is run there."""
HELPERS = {"__init__", "__main__", "peers", "processes", "timing"}


def numbers(text):
    found = [float(one) for one in re.findall(r"(?<![\w.])-?\d+\.?\d*(?:e[+-]?\d+)?", text)]
    assert all(math.isfinite(one) for one in found)
    return found


def test_every_module_has_a_short_form_here():
    there = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - HELPERS
    inside = {suite.__name__.rpartition(".")[2] for suite in table.SUITES}
    alone = {
        "anomalies",
        "augmentation",
        "captions",
        "collapse",
        "conditional",
        "autoregressive",
        "distillation",
        "drug_data",
        "family",
        "fragments",
        "growing",
        "latent",
        "privacy",
        "hostile",
        "judged_text",
        "large_text",
        "oracle",
        "qm9",
        "rejections",
        "scoring",
        "semisupervised",
        "steering",
        "stereo",
        "suites",
        "text_rewards",
    }
    assert there == inside | alone | set(ELSEWHERE)
    for module, place in ELSEWHERE.items():
        assert module == "device" or module in (ROOT / place).read_text()


def test_a_large_corpus_in_small(run, monkeypatch):
    """What each part gives is checked inside: samples and lines are looked up."""
    monkeypatch.setenv("DISCRETEGAN_DATA", "")
    monkeypatch.setattr(large_text, "alone", lambda function, *arguments: (function(*arguments), (1.0, 100.0))[1])
    said = run(large_text, "--lines", 300, "--words", 30, "--steps", 2, "--samples", 5)
    assert said[0].startswith("300 lines, ")
    assert [line.split(":")[0] for line in said[1:]] == ["read", "read again", "train 2 steps", "look 10 texts up"]
    assert "3333.3 a million lines" in said[1]


def test_the_table_of_make_bench(run):
    """Each row has two times that are above 0 and their ratio, both measured here."""
    rows = run(table, "--short")[2:]
    assert len(rows) == 16
    for row in rows:
        ours, peer, ratio = (float(one) for one in row[60:].split())
        assert min(ours, peer) > 0, row
        assert math.isclose(ratio, peer / ours, rel_tol=0.02), row


ORACLE = [["mle", "constant reward", "seqgan", "gumbel"], ["mle wide stopped", "residual", "mixture of 2 distilled"]]
ORACLE += [["mle stopped", "mixture of 3"]]


def test_all_rows_of_the_oracle_are_made_below():
    assert {row for rows in ORACLE for row in rows} == set(oracle.ROWS)


@pytest.mark.parametrize("rows", ORACLE, ids=lambda rows: rows[0])
def test_the_oracle_table(tmp_path, run, rows):
    arguments = ["--schedule", "short", "--seeds", "0", "--out", str(tmp_path), "--rows", *rows]
    found = run(oracle, *arguments)
    for row in rows:
        (line,) = [line for line in found if line.startswith(f"| {row} |")]
        cells = line.split("|")
        assert cells[2].strip() == "1", "one seed"
        reverse, forward = (float(cell.split("±")[0]) for cell in cells[6:8])
        assert min(reverse, forward) > 0.5, "nothing trained for seconds is close to the oracle"
    made = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}
    run(oracle, *arguments)
    assert made == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}, (
        "a second call makes nothing anew"
    )


def test_judged_text(run):
    """Each kind of critic with and without rejection; rejection draws more for each one that it keeps."""
    small = ["critic.pretrain=2", "steps=2", "batch=16"]
    found = run(judged_text, "--short", "--lines", "120", "-n", "60", "--kinds", "ngrams", "language", "--set", *small)
    rows = {cells[1].strip(): cells[2:-1] for cells in (line.split("|") for line in found[-11:])}
    for name in ("ngrams", "language", "game (gad)"):
        raw, kept = (float(rows[f"{name}, {how}"][-2]) for how in ("no rejection", "rejection"))
        assert raw < kept
    assert float(rows["other sentences of the grammar"][1]) == 1
    assert all(0 <= one <= 1 for cells in rows.values() for one in numbers(" ".join(cells[1:6])))


def test_captions(tmp_path, run):
    for part, seed in (("train", 0), ("test", 1)):
        (tmp_path / f"coco_{part}.txt").write_text("\n".join(corpus(60, seed)))
    found = run(captions, "--data", tmp_path, "--short")
    for row in ("real (train)", *captions.RECIPES):
        (line,) = [line for line in found if line.startswith(f"| {row} |")]
        assert all(0 <= one <= 1 for one in numbers(line.split("|", 3)[3])[:9])
    assert found[-3:] == captions.PUBLISHED.splitlines()


def test_captions_of_one_shuffle(tmp_path, run):
    """No row is of the published rows, no caption is on both sides, and the two sides are alike."""
    lines = list(dict.fromkeys(corpus(900)))
    for part, some in (("train", lines[:300]), ("test", lines[200:])):
        (tmp_path / f"coco_{part}.txt").write_text("\n".join(sorted(some)))
    train, test = captions.captions(tmp_path, "mixed")
    assert (len(train), len(test)) == (len(lines) // 2, len(lines) - 3 * len(lines) // 4)
    assert not set(train) & set(test)
    assert set(train + test) < set(lines)
    assert captions.captions(tmp_path, "mixed") == (train, test)
    found = run(captions, "--data", tmp_path, "--split", "mixed", "--rows")
    assert "told apart with AUC 0." in found[0]
    assert found[-1].startswith("| real (train) |")


def test_autoregressive(run):
    found = run(autoregressive, "--short")
    assert [line.split("|")[1].strip() for line in found[2:]] == ["learn", "draw"]
    assert all(len(numbers(line)) == 3 for line in found[2:])


def test_hostile(run):
    found = run(hostile, "--strings", 120, "--molecules", 150, "--every", 3)
    assert found[0].startswith("120 strings in")
    assert found[1] == "0 without score and reason"
    assert re.fullmatch(r"150 molecules, \d+ processes killed: 0 wrong", found[-1])


@pytest.fixture
def held_out(tmp_path, qm9_smiles):
    """Thirty-two molecules that nobody trained on, as a run leaves them."""
    (tmp_path / "held_out.smi").write_text("\n".join(text for text in qm9_smiles[:32] if text))
    return tmp_path / "held_out.smi"


def test_qm9(held_out, run, monkeypatch):
    monkeypatch.setattr(qm9.MolGAN, "load", lambda *given, load=qm9.MolGAN.load: load("qm9", "cpu"))
    figures = dict(line.split()[:2] for line in run(qm9, held_out.parent, "--short"))
    assert {"valid", "unique", "novel", "outside", "product", "C", "fcd", "floor", "scaffolds"} <= figures.keys()
    assert float(figures["valid"]) == 1


def test_rejections(held_out, run):
    found = run(rejections, "qm9", held_out, "--draws", 40, "--of", 8, "--unread", "4:0")
    assert found[0].startswith("floor ")
    rows = found[3:]
    assert [int(line.split("|")[1]) for line in rows] == list(rejections.CEILINGS)
    assert all(len(numbers(line)) == 1 + 2 * len(rejections.REJECTIONS) + 2 for line in rows)


def test_conditional(tmp_path, run, qm9_smiles):
    small = ["likelihood.epochs=2", "model.width=16"]
    found = run(conditional, "text", "-n", 40, "--lines", 60, "--seeds", 0, "--set", *small)
    assert {"in either", "in dialect last", "right first"} <= {re.split(" {2,}", line)[0] for line in found[2:]}
    few = ["pretrain.steps=3", "critic.pretrain=1", "model.recurrent=16", "data.hold_out=0.5", "device=cpu"]
    config = molgan.Config.load("conditional", few)
    MolGAN(config).fit(qm9_smiles[:80], condition=["logp", "qed"], out=tmp_path / "run", quiet=True)
    few = "-n", 20, "--requests", 4, "--guidance", 1.5, "--tolerance", "logp=1", "qed=0.15"
    free, line = run(conditional, "molecules", tmp_path / "run", *few)
    assert "FCD without a request" in free
    lines = run(conditional, "molecules", tmp_path / "run", tmp_path / "run", *few, "--percentiles", 40, 60)
    assert [row.split()[0] for row in lines if row.startswith(("logp ", "qed "))] == ["logp", "qed"] * 2
    assert sum("deviation" in row for row in lines) > 0
    with warnings.catch_warnings(record=True):  # a note counts those that are not near enough
        warnings.simplefilter("always")
        checked = run(conditional, "molecules", tmp_path / "run", *few, "--check")
    within = [float(re.search(r"within all ([\d.]+)", row)[1]) for row in (line, checked[1])]
    assert within[1] > within[0]
    small = ["pretrain.steps=3", "critic.pretrain=1", "model.recurrent=16", "device=cpu"]
    rows = run(conditional, "active", "-n", 20, "--molecules", 700, "--seeds", 0, "--set", *small)
    assert any(row.startswith("predicted") for row in rows)
    names = re.findall(r"([a-zA-Z ]+?) -?[\d.]+", line)
    assert {"error logp", "within all", "unique", "FCD"} <= {name.strip() for name in names}


DRUGS = """name,smiles,linker_design,motif_extension,scaffold_decoration,superstructure_generation
ONE,CC(C)Cc1ccc(C(C)C(=O)O)cc1,[1*]C(C)C.[2*]c1ccc(C(C)C(=O)O)cc1,[1*]C(C)C(=O)O,[1*]c1ccc([2*])cc1,c1ccccc1
TWO,CN1CCC[C@H]1c1cccnc1,[1*]N1CCC[C@H]1[2*].[3*]c1cccnc1,[1*]c1cccnc1,[1*]N1CCC[C@H]1[2*],c1ccncc1
"""


def test_fragments(tmp_path, run):
    few = ["steps=0", "pretrain.steps=3", "critic.pretrain=0", "critic.rejections=0", "model.recurrent=16"]
    config = molgan.Config.load("conditional", [*few, "model.fragments=0.5", "model.pair=8", "data.min_atom_share=0"])
    rows = ["CC(C)Cc1ccc(C(C)C(=O)O)cc1", "CN1CCCC1c1cccnc1", "CCOC(=O)C1CCCN(C(=O)c2ccncc2)C1"]
    rows.append("CC(C)Cc1ccc(C(=O)NCc2cccnc2)cc1")
    MolGAN(config).fit(rows, condition="qed", out=tmp_path / "run", quiet=True)
    (tmp_path / "drugs.csv").write_text(DRUGS)
    (tmp_path / "mols.smi").write_text("\n".join(rows))
    few = "--model", tmp_path / "run", "-n", 5, "--seeds", 0, 1
    out = "--json", tmp_path / "rows.jsonl", "--figures", tmp_path / "pictures"
    found = run(fragments, "drugs", tmp_path / "drugs.csv", *few, *out, "--condition", "qed=0.8", "--guidance", 1.5)
    lines = {line.split("|")[1].strip(): numbers(line) for line in found if line.startswith("|") and "---" not in line}
    assert set(fragments.TASKS) | {"mean"} == set(lines) - {"task"}
    assert all(line[:4] == [1.0, 0.0, 1.0, 0.0] for name, line in lines.items() if name != "task"), (
        "valid and satisfied"
    )
    assert len(pd.read_json(tmp_path / "rows.jsonl", lines=True)) == 2 * 2 * len(fragments.TASKS)
    assert len(list((tmp_path / "pictures").glob("*.png"))) == len(fragments.TASKS)
    (line, *_) = run(fragments, "scaffolds", tmp_path / "mols.smi", *few, "--count", 3)
    assert json.loads(line)["satisfied"] == 1.0
    assert any(line.startswith("| de novo | 1.000") for line in run(fragments, "de-novo", *few))
    lines = run(fragments, "held-out", tmp_path / "mols.smi", *few, "--count", 2, "--added", 1, 4)
    assert any(line.startswith("| linker design | 1.000") for line in lines)
    few = "--model", "smiles-moses", "-n", 3, "--seeds", 0, "--count", 2
    lines = run(fragments, "held-out", tmp_path / "mols.smi", *few)
    assert any(line.startswith("| linker design | 1.000 | 1.000") for line in lines)


def test_tasks_of_a_held_out_molecule():
    tasks = fragments.tasks_of("CC(C)Cc1ccc(C(=O)NCc2cccnc2)cc1")
    assert sorted(tasks["linker_design"].split(".")) == sorted(["[1*]c1cccnc1", "[2*]c1ccc(CC(C)C)cc1"])
    assert Chem.CanonSmiles(tasks["scaffold_decoration"]) == Chem.CanonSmiles("[1*]CNC([2*])=O")
    assert tasks["superstructure_generation"] == "O=C(NCc1cccnc1)c1ccccc1"
    assert fragments.tasks_of("CCO") is None


def test_the_figures_of_fragments_are_those_of_their_definitions():
    found = fragments.figures(["Cc1ccccc1", "Cc1ccccc1", "CCO", None], "[*]c1ccccc1", "Cc1ccccc1")
    assert (found["valid"], found["satisfied"], found["unique"]) == (0.75, 0.5, 2 / 3)
    similar = 1 - found["diversity"]
    assert math.isclose(found["distance"], 1 - (1 + similar) / 2)
    assert found["quality"] == 0
    assert fragments.figures(["CC(=O)Nc1ccc(C2CCNCC2)cc1"])["quality"] == 1


def test_drug_data(tmp_path, run, monkeypatch):
    moses = tmp_path / "discretegan" / "moses"
    moses.mkdir(parents=True)
    monkeypatch.setattr(drug_data, "_HELD_OUT", 2)
    for name, rows in {"train": ["CCO", "CCN", "CCC"], "test": ["CCCl"], "test_scaffolds": ["CCBr"]}.items():
        with gzip.open(moses / f"{name}.csv.gz", "wt") as out:
            out.write("SMILES\n" + "\n".join(rows) + "\n")
    for name in ("test_stats.npz", "test_scaffolds_stats.npz"):
        (moses / name).write_bytes(b"")
    monkeypatch.setattr("gancore.io.downloads.cache", lambda: tmp_path / "discretegan")
    (tmp_path / "zinc.smi").write_text("CCCl\nBrCC\nC[C@H](N)O\nCCF\nCCS\nCCI\n")
    (line,) = run(drug_data, tmp_path / "zinc.smi", tmp_path / "made")
    assert line.startswith("5 molecules for training, 2 of ZINC held out")
    with gzip.open(tmp_path / "made" / "train.smi.gz", "rt") as file:
        kept = file.read().split()
    aside = (tmp_path / "made" / "zinc_held_out.smi").read_text().split()
    assert len(aside) == 2
    assert sorted(kept + aside) == sorted(["CC(N)O", "CCF", "CCS", "CCI", "CCO", "CCN", "CCC"])


def test_anomalies(run):
    """The area and its interval; the usual molecules are scored by the same model."""
    few = "-n", 30, "--short"
    for what, scores, settings in (
        ("molecules", ["likelihood", "critic"], []),
        ("one-shot", ["reconstruction", "critic"], ["pretrain.steps=2", "steps=1"]),
        ("text", ["likelihood", "critic"], ["likelihood.epochs=1", "steps=1", "critic.pretrain=1"]),
    ):
        rows = run(anomalies, what, *few, "--molecules", 60, *(["--set", *settings] if settings else []))
        table = {
            line.split("|")[1].strip(): numbers(line) for line in rows if line.startswith("|") and "---" not in line
        }
        assert [name for name in table if name != "score"] == scores
        assert all(0 <= low <= value <= high <= 1 for value, low, high in (table[name] for name in scores))
    assert anomalies.auc(pd.Series([1.0, 2.0]).to_numpy(), pd.Series([0.0, 1.0]).to_numpy()).value == 0.875


def test_the_area_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(0)
    odd, usual = random.normal(0.7, 1, 80).round(1), random.normal(0, 1, 120).round(1)
    found = anomalies.auc(odd, usual)
    assert found.value == pytest.approx(roc_auc_score([1] * 80 + [0] * 120, [*odd, *usual]))
    drawn = [anomalies.auc(random.normal(0.7, 1, 80), random.normal(0, 1, 120)).value for _ in range(400)]
    assert (found.high - found.low) / 2 / 1.96 == pytest.approx(np.std(drawn), rel=0.25)


def test_an_edited_molecule_is_another_valid_one():
    random = np.random.default_rng(0)
    for smiles in ("CCO", "c1ccccc1O", "C1CC1N", "CC(=O)NC"):
        edited = anomalies.edit(smiles, random)
        mol = Chem.MolFromSmiles(edited)
        assert mol is not None
        assert "." not in edited
        assert mol.GetNumAtoms() == Chem.MolFromSmiles(smiles).GetNumAtoms()
    assert sorted(anomalies.shuffle("a b c", random).split()) == ["a", "b", "c"]
    assert anomalies.shuffle("a a", random) == ""


def test_distillation(run):
    lines = run(distillation, "--draws", 60, "--steps", 2, "--width", 16, "-n", 20)
    rows = {line.split("|")[1].strip(): numbers(line.replace(",", "")) for line in lines[2:]}
    assert list(rows) == ["teacher", "student", "real"]
    assert max(rows["student"][0], rows["real"][0]) < rows["teacher"][0] / 10, "but for atom types, one network"
    assert all(len(row) == 5 for row in rows.values())
    assert all(0 <= row[2] <= row[3] <= 1 for row in rows.values()), "unique and valid"


def test_semisupervised(run):
    few = "--molecules", 200, "--test", 50, "--share", 0.1, "--seeds", 0
    line, *table = run(semisupervised, *few, "--set", "pretrain.steps=2", "steps=3")
    assert line.startswith("0 {'supervised': ")
    assert [row.split()[0] for row in table[1:]] == ["supervised", "semi-supervised"]


def test_family(tmp_path, run):
    """A row for each member that both halves have; a second call makes nothing anew."""
    assert {"LSGAN, least squares", "WGAN-GP", "DRAGAN", "SNGAN, spectral normalisation"} <= family.COMPARED.keys()
    some = ["WGAN, clipped weights", "SNGAN, spectral normalisation", "instance noise"]
    arguments = "--short", "--seconds", 1, "--seeds", 0, 1, "--members", *some, "--out", tmp_path
    found = run(family, *arguments)
    for figure in ("FCD", "in the grammar"):
        (head,) = [place for place, line in enumerate(found) if line.startswith("|") and f"| {figure} |" in line]
        rows = [line.split("|") for line in found[head + 2 : head + 2 + 4]]
        assert [row[1].strip() for row in rows] == [family.BEFORE, *some]
        for row in rows:
            cells = [one.split("±") for one in row[3:-1]]
            assert row[2].strip() == "2", "two seeds"
            assert all(len(cell) == 2 for cell in cells)
            steps, _, figure_here, unique = (float(cell[0]) for cell in cells)
            assert (steps == 0) == (row is rows[0])
            assert figure_here >= 0 < unique <= 1
    made = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}
    assert len(made) == 2 * 2 * 4
    assert run(family, *arguments) == found
    assert made == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}
    with pytest.raises(SystemExit):
        run(family, "--seconds", 2, "--out", tmp_path)


def test_the_steps_of_a_row_are_those_that_its_seconds_are_enough_for(monkeypatch):
    """A clock that counts steps: 5 of the critic alone at 1 s each leave 15 s of 20, for the game at 3 s a step."""
    clock = [0.0]
    monkeypatch.setattr(family.time, "process_time", lambda: clock[0])

    def playing(players, batches, steps, callbacks, seed):
        clock[0] += len(steps) * players

    monkeypatch.setattr(family, "play", playing)
    phases = [
        SimpleNamespace(players=pace, batches=None, steps=range(n), callbacks=[], enter=lambda: None)
        for pace, n in ((1.0, 5), (3.0, 4))
    ]
    bench = SimpleNamespace(short=True, seed=0, begin=lambda member, steps: (None, phases))
    bench.play = partial(family.Bench.play, bench)
    assert family.Bench.steps_within(bench, None, 20.0) == 5
    assert family.Bench.steps_within(bench, None, 1.0) == 1


def test_collapse(tmp_path, run):
    found = run(collapse, "--short", "--seeds", 0, 1, "--out", tmp_path)
    assert [line.split("|")[1].strip() for line in found[2:]] == list(collapse.ROWS)
    for line in found[2:]:
        modes, _, divergence, _, on, _, _ = numbers(line.split("|", 2)[2])
        assert 0 <= modes <= 8
        assert divergence > -0.01
        assert 0 <= on <= 1
    assert (tmp_path / "collapse.png").stat().st_size > 1000
    kept = (tmp_path / "collapse.json").read_text()
    assert run(collapse, "--short", "--seeds", 0, 1, "--out", tmp_path) == found
    assert (tmp_path / "collapse.json").read_text() == kept


def test_what_a_toy_covers():
    """All modes alike, one mode, and none: by the definition of the divergence."""
    row = lambda spots: ((spots @ collapse.PLANE + 1 / 3)[:, None],)  # noqa: E731
    even = collapse.covered(row(collapse.CENTRES.repeat(125, 1)))
    assert (even["modes"], even["on"]) == (8, 1)
    assert even["KL"] == pytest.approx(0, abs=1e-9)
    one = collapse.covered(row(collapse.CENTRES[:1].repeat(1000, 1)))
    assert (one["modes"], one["on"]) == (1, 1)
    assert one["KL"] == pytest.approx(collapse._ONE_MODE)
    none = collapse.covered(row(torch.zeros(1000, 2)))
    assert (none["modes"], none["on"]) == (0, 0)
    assert none["KL"] == pytest.approx(math.log(1008 / 8))
    (real,) = next(collapse.stream(0)).sample
    torch.testing.assert_close(real.sum(-1), torch.ones(collapse.BATCH, 1))
    assert collapse.covered((real,))["on"] > 0.9


def test_text_rewards(run, tmp_path):
    """All rows, from a likelihood model and from nothing; a second call reads them."""
    asked = ("--short", "--vocabulary", 40, "--out", tmp_path)
    table = [line for line in run(text_rewards, *asked) if line.startswith("|")]
    assert [line.split("|")[1].strip() for line in table[2:]] == ["likelihood", *text_rewards.ROWS]
    for line in table[2:]:
        _, _, _, reverse, forward, *_ = numbers(line.split("|", 2)[2])
        assert forward > 0
        assert reverse > -0.5, "measured on samples, so a little below 0 at most"
    kept = [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]
    assert len(kept) == 1 + len(text_rewards.ROWS)
    assert all(row["seconds"] > 0 for row in kept)
    assert [line for line in run(text_rewards, *asked) if line.startswith("|")] == table


def test_growing(run):
    found = run(growing, "--short", "--seeds", 0)
    assert [line.split("|")[1].strip() for line in found[2:]] == list(growing.ROWS)
    for line in found[2:]:
        _, held, share, unique = numbers(line.split("|", 2)[2])
        assert held > 0
        assert 0 <= share <= 1 >= unique > 0


def test_the_dialects_differ_in_almost_every_sentence():
    first, last = conditional.dialects().values()
    for own, other in ((first, last), (last, first)):
        drawn = own.sample(400, seed=3)
        assert own.contains(drawn).all()
        assert other.contains(drawn).mean() < 0.15


def test_steering(tmp_path, run):
    found = run(steering, "--short", "--out", tmp_path)
    assert [line.split("|")[1].strip() for line in found[2:]] == [steering.AS_IT_IS, *steering.ROWS]
    assert all(len(numbers(line.split("|", 2)[2])) == 7 for line in found[2:])
    assert (tmp_path / "tradeoff.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("module", "rows"),
    [("device", ["molecules generator", "demo, float32, scores overlapped"]), ("suites", ["moses/"])],
)
def test_what_measures_a_process_of_its_own(module, rows):
    arguments = ["cpu", "--short"] if module == "device" else ["--short"]
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    for row in rows:
        lines = [line for line in done.stdout.splitlines() if line.startswith(row)]
        assert lines
        assert all(numbers(line.split()[-1]) for line in lines)


# The peers do what they say ----------------------------------------------------------------------


def test_the_usual_loop_makes_the_same_molecules(monkeypatch):
    data = MoleculeDataset.from_smiles(["CCO", "c1ccccc1", "C[N+](C)(C)CC(=O)[O-]", "CC#N"])
    made = []
    monkeypatch.setattr(
        peers.Chem, "MolToSmiles", lambda mol, write=peers.Chem.MolToSmiles, **how: made.append(write(mol))
    )
    numbers = [(peers.Chem.Atom(atom.symbol).GetAtomicNum(), atom.charge) for atom in data.vocabulary.atoms]
    peers.decoding(data.atoms.numpy(), to_matrix(data.orders, data.atoms.shape[1]).numpy(), numbers)()
    assert made == data.smiles


def test_a_peer_of_molgan_learns_and_penalises_slopes():
    torch.manual_seed(0)
    iterate = peers.molgan_iterations(4, 3, 8)
    for _ in range(5):
        iterate()
    held = dict(zip(iterate.__code__.co_freevars, (cell.cell_contents for cell in iterate.__closure__), strict=True))
    assert held["critic"].head[0].weight.grad.abs().sum() > 0
    nodes, bonds = held["draw"]()
    assert torch.allclose(bonds, bonds.transpose(1, 2))
    assert torch.allclose(nodes.sum(-1), torch.ones(8, 4))


def test_a_peer_of_seqgan_keeps_the_prefix_and_draws_the_rest():
    model = peers.Recurrent(50)
    prefix = torch.arange(6).view(2, 3)
    drawn = model.sample(prefix, 8)
    assert drawn.shape == (2, 8)
    assert torch.equal(drawn[:, :3], prefix)
    before = [weight.clone() for weight in model.parameters()]
    peers.teaching(model, drawn)()
    assert all(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


def test_a_peer_of_bleu_gives_our_numbers():
    from nltk.translate import bleu_score

    lines = [line.split() for line in corpus(30)]
    told, real = [], bleu_score.sentence_bleu
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bleu_score, "sentence_bleu", lambda *given: told.append(real(*given)))
        peers.nltk_bleu(lines[:4], lines[10:])()
    assert torch.allclose(torch.tensor(told).double(), torch.from_numpy(bleu(lines[:4], lines[10:])), atol=1e-6)


# The schedule that ended the table in a division by zero -----------------------------------------


@pytest.mark.parametrize("steps", [-1, 0, 1, 7])
@pytest.mark.parametrize("warm_up", [-1, 0, 1, 3, 9])
def test_a_learning_rate_at_every_step(steps, warm_up):
    rates = [warm_cosine(step, steps, warm_up, 0.1) for step in range(-5, 20)]
    assert all(0 < rate <= 1 for rate in rates)
    assert rates[:6] == [rates[0]] * 6, "before step 0 it is that of step 0"
    top = rates.index(max(rates))
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert math.isclose(rates[-1], 0.1)


def test_stereo(tmp_path, run):
    chains = ["C" * number for number in range(1, 25)]
    rows = [text for chain in chains for text in (f"C/C=C/C(=O)N{chain}", f"C[C@H](N)C(=O)N{chain}", f"CC(F)O{chain}")]
    (tmp_path / "mols.smi").write_text("\n".join(rows))
    small = "--count", 256, "--decay", 1
    run(stereo, "train", tmp_path / "mols.smi", "--out", tmp_path / "weights.safetensors", *small)
    learnt = load_file(tmp_path / "weights.safetensors")["weights"]
    for text in ("C/C=C/C(=O)NC(C)C", "C[C@H](N)C(=O)NC(C)C"):
        found = features_of(Chem.MolFromSmiles(text))
        assert Odds.of(found, learnt).single[0] * found.sites[0].sign > 1
    assert numbers(run(stereo, "choose", tmp_path / "mols.smi", *small)[2])[-1] == 1
    measured = [line for line in run(stereo, "measure", tmp_path / "mols.smi") if line]
    lines = {line.split("|")[1].strip(): numbers(line) for line in measured}
    assert lines["4 likeliest"][2:] == lines["4 enumerated"][2:] == [1.0, 2.0]
    assert lines["double bond, C=C"][1] == 1.0


def test_membership_by_critics(run):
    pytest.importorskip("opacus", reason="extra privacy")
    for what in ("molecules", "text"):
        short = ["--rows", "40", "--noise", "0", "2", "--set", "steps=2", "batch=32"]
        head, _, *rows = run(privacy, what, *short)
        assert head.startswith("| seed | noise | epsilon | AUC")
        cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
        assert [row[1] for row in cells] == ["0", "2"]
        assert cells[0][2] == "none"
        assert 0 < float(cells[1][2]) < 20
        assert all(0 <= float(row[3]) <= 1 for row in cells)


def test_augmentation(run):
    short = ["--labelled", "30", "--others", "40", "--test", "40", "--trees", "5", "--seeds", "0", "1"]
    small = ["model.recurrent=8", "model.pair=4", "pretrain.steps=2", "pretrain.batch=16"]
    head, _, *rows, requested, measured = run(augmentation, *short, "--set", *small)
    assert head.startswith("| seed | none | requested | measured")
    figures = [[float(cell) for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in figures] == [0, 1]
    assert all(0 < one < 10 for row in figures for one in row[1:4])
    assert all(0 < row[4] <= 30 for row in figures)
    falls = sum(row[2] < row[1] for row in figures), sum(row[3] < row[1] for row in figures)
    assert f"requested: the error falls in {falls[0]} of 2 seeds" in requested
    assert f"measured: the error falls in {falls[1]} of 2 seeds" in measured


def test_latent_gan(run):
    small = ["model.noise=4", "model.generator=[16]", "model.encoder=[16]", "pretrain.steps=3", "latent.steps=2"]
    small += ["model.latent_generator=[8]", "model.latent_critic=[8]", "pretrain.batch=16", "latent.batch=8"]
    _, exact, between, *_, codes, normal = run(latent, "-n", "60", "--rows", "80", "--set", *small)
    assert 0 <= numbers(exact)[0] <= 1
    assert len(numbers(between.partition(": ")[2])) == len(latent.PLACES)
    assert codes.startswith("| latent GAN |")
    assert normal.startswith("| normal |")
    assert codes.split("|")[2:] != normal.split("|")[2:]
