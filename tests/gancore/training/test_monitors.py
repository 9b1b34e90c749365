"""What is watched, logged and shown of a run."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from gancore.runs.folder import read_log
from gancore.statistics.precision_recall import precision_recall
from gancore.training.callbacks import TensorBoard
from molgan import chemistry
from molgan.__main__ import main
from molgan.gan import MolGAN
from molgan.metrics.monitor import monitor_metrics
from seqgan.data.corpus import Corpus
from seqgan.data.grammar import corpus
from seqgan.gan import SeqGAN
from seqgan.metrics.monitor import monitor_metrics as text_metrics

LINES = corpus(60)


def test_precision_and_recall_against_a_slow_count():
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.randn(60, 3, generator=generator), 0.5 * torch.randn(50, 3, generator=generator)

    def covered(points, by, k=3):
        count = 0
        for point in points.numpy():
            for centre in by.numpy():
                radius = sorted(np.linalg.norm(by.numpy() - centre, axis=1))[k]
                if np.linalg.norm(point - centre) <= radius:
                    count += 1
                    break
        return count / len(points)

    precision, recall = precision_recall(real, fake)
    assert (precision, recall) == pytest.approx((covered(fake, real), covered(real, fake)))
    assert precision > recall, "a narrow generator is precise and misses much"
    collapsed = real[:1].expand(50, -1) + 1e-4 * torch.randn(50, 3, generator=generator)
    assert precision_recall(real, collapsed)[1] < 0.05


def test_a_glance_at_molecules(qm9_smiles):
    valid = [judged.smiles for judged in map(chemistry.judge, qm9_smiles) if judged.smiles][:60]
    prints = torch.from_numpy(chemistry.fingerprints(valid))
    assert prints.shape == (60, 1024)
    assert set(prints.unique().tolist()) == {0.0, 1.0}
    same = monitor_metrics([*valid, None, None], set(valid[:30]), prints)
    assert same["connected"] == pytest.approx(60 / 62)
    assert same["novel"] == pytest.approx(30 / len(set(valid)))
    assert same["recall"] == same["precision"] == 1.0
    collapsed = monitor_metrics([valid[0]] * 60, set(), prints)
    assert collapsed["unique"] == pytest.approx(1 / 60)
    assert collapsed["recall"] < 0.1
    assert "recall" not in monitor_metrics([None] * 10, set(), prints)


def test_a_glance_at_texts(small_text_config):
    gan = SeqGAN(small_text_config).fit(LINES, quiet=True)
    figures = text_metrics(gan.recipe.averaged.average, gan.corpus, draws=100)
    assert set(figures) == {"valid/nll", "sample/unique", "sample/novel", "sample/precision", "sample/recall"}
    before = torch.get_rng_state()
    assert figures == text_metrics(gan.recipe.averaged.average, gan.corpus, draws=100)
    assert torch.equal(before, torch.get_rng_state()), "the run's own randomness is left alone"
    assert isinstance(gan.corpus, Corpus)


def test_figures_of_both_halves_are_logged(small_config, small_data, small_text_config, tmp_path):
    MolGAN(small_config).fit(small_data, out=tmp_path / "m", quiet=True)
    SeqGAN(small_text_config).fit(LINES, out=tmp_path / "t", quiet=True)
    molecules, texts = (
        set().union(*(line for line in read_log(tmp_path / name / "metrics.jsonl"))) for name in ("m", "t")
    )
    shared = {"critic/accuracy", "critic/gradient", "generator/gradient", "sample/unique", "sample/recall"}
    assert shared | {"sample/connected", "sample/novel"} <= molecules
    assert shared | {"valid/nll"} <= texts


def test_tensorboard_holds_figures_pictures_and_texts(small_config, small_data, small_text_config, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    MolGAN(replace(small_config, tensorboard=True)).fit(small_data, out=tmp_path / "m", quiet=True)
    SeqGAN(replace(small_text_config, tensorboard=True)).fit(LINES, out=tmp_path / "t", quiet=True)
    found = {}
    for name in ("m", "t"):
        held = EventAccumulator(str(tmp_path / name / "tensorboard"))
        held.Reload()
        found[name] = held.Tags()
        steps = [event.step for event in held.Scalars("generator/gradient")]
        lines = [line for line in read_log(tmp_path / name / "metrics.jsonl") if "generator/gradient" in line]
        assert steps == [line["step"] for line in lines]
    assert found["m"]["images"] == ["sample/molecules"]
    assert "sample/texts/text_summary" in found["t"]["tensors"]


def test_without_tensorboard_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r"pip install 'discretegan\[tensorboard\]'"):
        TensorBoard(tmp_path, 1, dict, 1)


def test_runs_are_listed_and_compared(small_config, small_data, tmp_path, command_line):
    for name, config in {"a": small_config, "b": replace(small_config, seed=1, lr=1e-3)}.items():
        MolGAN(config).fit(small_data, out=tmp_path / "runs" / name, quiet=True)
    run = command_line("molgan", main)
    code, listed, _ = run("runs", "--json")
    assert code == 0
    rows = {row["run"]: row for row in json.loads(listed)}
    assert set(rows) == {"runs/a", "runs/b"}
    assert rows["runs/b"]["steps"] == 10
    assert rows["runs/b"]["seed"] == 1
    assert "runs/a" in run("runs")[1]
    code, compared, _ = run("runs", "runs/a", "runs/b", "--json", "--out", "curves.png")
    found = json.loads(compared)
    assert found["settings"] == {"lr": [0.0005, 0.001], "seed": [0, 1]}
    first, last = list(read_log(tmp_path / "runs/a/metrics.jsonl"))[-1], found["figures"]["generator/bound"]
    assert last[0] == first["generator/bound"]
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    for arguments, code, words in (
        (["nowhere"], 1, "nowhere: holds no runs"),
        (["runs/a", "nowhere"], 1, "nowhere: no run here"),
        (["a", "b", "c"], 2, "two runs to compare"),
    ):
        found, _, err = run("runs", *arguments)
        assert (found, err.count("\n")) == (code, 1)
        assert words in err
