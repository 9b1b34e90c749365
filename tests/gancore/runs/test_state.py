"""EMA, checkpoints, seeds, statistics, callbacks, schedules."""

import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

from gancore.errors import CheckpointError, ConfigError
from gancore.runs import checkpoint
from gancore.runs.folder import RunFolder
from gancore.statistics.intervals import half_sample_interval
from gancore.training.callbacks import JsonLines, ProgressBar
from gancore.training.device import derive_seed, new_generator, pick_device
from gancore.training.ema import EMA


def test_ema_warms_up_and_then_decays_by_hand():
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, 0.0)
    ema = EMA(module, decay=0.15)
    nn.init.constant_(module.weight, 1.0)
    ema.update(module)  # decay (1 + 0) / (10 + 0) = 0.1
    assert ema.average.weight.item() == pytest.approx(0.9)
    ema.update(module)  # min(0.15, 2 / 11) = 0.15
    assert ema.average.weight.item() == pytest.approx(0.985)
    assert not any(p.requires_grad for p in ema.parameters())


def trained(seed):
    torch.manual_seed(seed)
    module = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return module, optimizer


def test_checkpoint_round_trip_modules_and_optimizers(tmp_path):
    module, optimizer = trained(0)
    checkpoint.save(tmp_path / "c", checkpoint.pack({"m": module}, {"m": optimizer}), {"step": 3})
    fresh, fresh_optimizer = trained(1)
    stored = checkpoint.read(tmp_path / "c")
    checkpoint.unpack(stored.tensors(), {"m": fresh}, {"m": fresh_optimizer})
    assert stored.values == {"step": 3}
    for a, b in zip(module.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(a, b)
    old, new = optimizer.state_dict()["state"], fresh_optimizer.state_dict()["state"]
    assert all(torch.equal(torch.as_tensor(old[i][k]), torch.as_tensor(new[i][k])) for i in old for k in old[i])


def test_same_state_same_bytes_and_no_leftovers(tmp_path):
    module, optimizer = trained(0)
    for name in ("a", "b", "b"):  # the second b replaces the first
        checkpoint.save(tmp_path / name, checkpoint.pack({"m": module}, {"m": optimizer}), {"step": 3})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.mark.parametrize("name", ["tensors.safetensors", "values.json"])
def test_damage_is_named(tmp_path, name):
    checkpoint.save(tmp_path / "c", {"x": torch.ones(2)}, {})
    content = bytearray((tmp_path / "c" / name).read_bytes())
    content[-1] ^= 1
    (tmp_path / "c" / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=name):
        checkpoint.read(tmp_path / "c")


def test_a_save_killed_between_its_renames_leaves_the_old_checkpoint(tmp_path):
    checkpoint.save(tmp_path / "c", {"x": torch.ones(2)}, {"step": 1})
    (tmp_path / "c").rename(tmp_path / "c.old.tmp")
    assert checkpoint.exists(tmp_path / "c")
    assert checkpoint.read(tmp_path / "c").values == {"step": 1}
    assert not checkpoint.exists(tmp_path / "d")


def test_a_failed_save_keeps_what_was_there(tmp_path):
    checkpoint.save(tmp_path / "c", {"x": torch.ones(2)}, {"step": 1})
    with pytest.raises(TypeError):
        checkpoint.save(tmp_path / "c", {"x": torch.ones(2)}, {"step": object()})
    assert checkpoint.read(tmp_path / "c").values == {"step": 1}


def test_missing_and_later_formats_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint here"):
        checkpoint.read(tmp_path / "c")
    checkpoint.save(tmp_path / "c", {"x": torch.ones(2)}, {})
    (tmp_path / "c" / "manifest.json").write_text(json.dumps({"format": 99, "sha256": {}}))
    with pytest.raises(CheckpointError, match="format 99"):
        checkpoint.read(tmp_path / "c")


def test_checkpoint_of_another_model_is_refused(tmp_path):
    module, _ = trained(0)
    with pytest.raises(CheckpointError, match="does not fit the model 'm'"):
        checkpoint.unpack(checkpoint.pack({"m": module}, {}), {"m": nn.Linear(4, 4)}, {})


def test_seeds_are_mixed_and_generators_independent_of_the_global_state():
    assert len({derive_seed(i, "x") for i in range(1000)}) == 1000
    cpu = torch.device("cpu")
    first = torch.rand(3, generator=new_generator(cpu, 0, "a"))
    torch.rand(5)
    assert torch.equal(first, torch.rand(3, generator=new_generator(cpu, 0, "a")))
    assert not torch.equal(first, torch.rand(3, generator=new_generator(cpu, 0, "b")))


def test_unknown_device_is_one_sentence():
    for name in ("gpu7", "mps", "cuda:x"):
        with pytest.raises(ConfigError, match="use auto, cpu or cuda"):
            pick_device(name)
    with pytest.raises(ConfigError, match="does not find it"):
        pick_device("cuda:99")
    assert pick_device("cpu").type == "cpu"


def test_interval_of_a_mean_matches_theory_and_uniqueness_is_not_biased():
    values = np.random.default_rng(0).random(2000) < 0.3
    estimate = half_sample_interval(lambda rows: float(values[rows].mean()), 2000, resamples=2000)
    width = 2 * 1.96 * np.sqrt(0.3 * 0.7 / 2000)
    assert estimate.high - estimate.low == pytest.approx(width, rel=0.15)
    distinct = half_sample_interval(lambda rows: len(set(rows)) / len(rows), 500)
    assert distinct == (1.0, 1.0, 1.0, 500), "all distinct stays all distinct under resampling"


def test_interval_needs_observations():
    with pytest.raises(ValueError, match="at least one"):
        half_sample_interval(lambda rows: 0.0, 0)
    assert np.isnan(half_sample_interval(lambda rows: 1.0, 1).low)


def test_json_lines_hold_means_since_the_last_line(tmp_path):
    log = JsonLines(tmp_path / "m.jsonl", every=2)
    for step in range(4):
        log(step, {"a": float(step)} | ({"rare": 5.0} if step == 3 else {}))
    lines = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert lines == [{"step": 2, "a": 0.5}, {"step": 4, "a": 2.5, "rare": 5.0}]


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_shows_steps_and_figures(terminal):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120)
    with ProgressBar("phase", range(10, 30), {"a": "loss"}, console) as bar:
        for step in range(10, 30):
            bar(step, {"a": 0.25})
    assert "20/20" in out.getvalue()
    assert "loss 0.25" in out.getvalue()


def test_what_several_work_out_at_once_is_kept_once(tmp_path):
    tensors = {"x": torch.arange(3.0)}
    checkpoint.save_once(tmp_path / "home/c", tensors, {"by": "first"})
    checkpoint.save_once(tmp_path / "home/c", tensors, {"by": "second"})
    assert checkpoint.read(tmp_path / "home/c").values == {"by": "first"}
    (tmp_path / "home/c/values.json").write_text("{}")
    checkpoint.save_once(tmp_path / "home/c", tensors, {"by": "third"})
    assert checkpoint.read(tmp_path / "home/c").values == {"by": "third"}
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["c"]


def test_what_else_lies_beside_checkpoints_stays(tmp_path):
    run = RunFolder(tmp_path)
    for step in (1, 2):
        run.save(step, {"x": torch.zeros(1)}, {"step": step})
        (tmp_path / "checkpoints" / "notes.txt").write_text("mine")
        shutil.copytree(run.at(step), tmp_path / "checkpoints" / "the-good-one", dirs_exist_ok=True)
    run.settings = replace(run.settings, keep=1)
    run.save(3, {"x": torch.zeros(1)}, {"step": 3})
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["notes.txt", "step-00000003", "the-good-one"]
