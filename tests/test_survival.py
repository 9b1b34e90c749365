"""Runs of molgan and seqgan that are killed, stopped, starved of disk, or driven off course."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks import survival
from gancore.errors import CheckpointError, CollapsedError, ConfigError, DivergedError
from gancore.runs.folder import RunFolder, find, read_log
from gancore.training import signals
from gancore.training.settings import CheckpointConfig, RecoveryConfig, WatchConfig
from molgan.gan import MolGAN
from seqgan.data.grammar import corpus
from seqgan.data.settings import DataConfig
from seqgan.gan import SeqGAN
from seqgan.networks.architectures import GeneratorConfig
from seqgan.recipes import PolicyGradientGAN
from seqgan.recipes.config import Config, LikelihoodConfig
from seqgan.recipes.external_reward import RewardConfig
from seqgan.recipes.reinforce import PolicyConfig
from seqgan.recipes.seqgan_config import SeqGANCriticConfig

LINES = corpus(60)
HALVES = ["molgan", "seqgan"]


@pytest.fixture
def text_config(small_text_config):
    return replace(small_text_config, steps=6, checkpoint=CheckpointConfig(every=2))


@pytest.mark.parametrize("half", HALVES)
def test_killed_runs_end_as_if_they_had_not_been(half, tmp_path):
    outcome = survival.survive(half, runs=2, kills=2, seed=0, folder=tmp_path)
    assert outcome.kills
    assert (outcome.damaged, outcome.different) == (0, 0)


def started(half, out, *more, steps, limit=None):
    """A training run of the command line, as a process."""
    tiny = {
        "molgan": ["pretrain.steps=0", "batch=16", "model.generator=[8]", "monitor_every=100000"],
        "seqgan": ["likelihood.epochs=0", "critic.pretrain=0", "critic.filters=0.05", "policy.rollouts=1", "batch=8"],
    }[half]
    data = out.parent / "data.smi"
    data.write_text("\n".join(["CCO", "CCN", "C1CC1O", "CC(=O)C", "CCCO"] * 8))
    settings = [*tiny, f"steps={steps}", "device=cpu", "data.tokens=smiles" if half == "seqgan" else "seed=0"]
    command = [sys.executable, "-m", half, "train", "--data", str(data), "--out", str(out), *more]
    command += [part for setting in settings for part in ("--set", setting)]
    command += [] if half == "molgan" else ["--config", "small"]
    limits = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limits)


@pytest.mark.parametrize(("half", "number", "code"), [("molgan", signal.SIGTERM, 143), ("seqgan", signal.SIGINT, 130)])
def test_a_signal_finishes_the_step_saves_and_says_how_to_go_on(half, number, code, tmp_path):
    process = started(half, tmp_path / "r", "--set", "checkpoint.every=1", steps=100_000)
    run, deadline = RunFolder(tmp_path / "r"), time.monotonic() + 120
    while not run.steps() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    step = find(tmp_path / "r").values["step"]
    assert f"stopped by signal {int(number)} after step {step}: saved in {tmp_path / 'r'}; go on with --resume" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("half", HALVES)
def test_a_full_disk_costs_no_checkpoint(half, tmp_path, run_state):
    straight, cut = tmp_path / "straight", tmp_path / "cut"
    often = ["--set", "checkpoint.every=4"]
    assert started(half, straight, *often, steps=12).communicate()[1]
    run = RunFolder(cut)
    first = started(half, cut, *often, steps=12)
    while not run.steps():
        time.sleep(0.02)
    first.kill()
    first.communicate()
    before = run_state(cut / "checkpoints" / f"step-{run.steps()[0]:08d}")
    size = max(path.stat().st_size for path in run.at(run.steps()[0]).iterdir())
    full = started(half, cut, "--resume", *often, steps=12, limit=size // 2)
    _, err = full.communicate(timeout=120)
    assert full.returncode == 1, err
    last = err.strip().splitlines()[-1]
    assert f"the checkpoint of step {run.steps()[-1]} is whole. Make room and go on with --resume." in last
    assert "Traceback" not in err
    assert not list((cut / "checkpoints").glob("*.tmp")), "what was half written is gone"
    assert run_state(cut / "checkpoints" / f"step-{run.steps()[0]:08d}") == before
    assert started(half, cut, "--resume", *often, steps=12).communicate()[1]
    assert run_state(cut) == run_state(straight)


def test_a_second_signal_leaves_at_once_and_what_was_ignored_stays_so():
    with signals.Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.number == signal.SIGTERM
        with pytest.raises(SystemExit) as left:
            os.kill(os.getpid(), signal.SIGINT)
    assert left.value.code == 130
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with signals.Interruption() as interruption:
            os.kill(os.getpid(), signal.SIGINT)
        assert interruption.number is None
    finally:
        signal.signal(signal.SIGINT, ignored)


@pytest.mark.parametrize("folder", [None, "r"])
def test_an_interrupted_cell_leaves_a_usable_model(text_config, tmp_path, monkeypatch, capsys, folder):
    monkeypatch.setattr("gancore.training.run.interactive", lambda: True)
    out, kind = tmp_path / folder if folder else None, type(SeqGAN.domain)
    monitor = kind.monitor

    def interrupting(self, model, data):
        look = monitor(self, model, data)

        def interrupt(step, logs):
            look(step, logs)
            if step == 5:
                os.kill(os.getpid(), signal.SIGINT)

        return interrupt

    monkeypatch.setattr(kind, "monitor", interrupting)
    gan = SeqGAN(text_config).fit(LINES, out=out)
    assert len(gan.sample(5)) == 5
    said = capsys.readouterr().err
    assert "stopped by signal 2 after step 6" in said
    assert ("fit(..., resume=True)" in said) == (out is not None)
    monkeypatch.setattr(kind, "monitor", monitor)
    if out is not None:
        whole = SeqGAN(text_config).fit(LINES, quiet=True)
        assert SeqGAN(text_config).fit(LINES, out=out, resume=True, quiet=True).sample(20) == whole.sample(20)


def test_the_last_few_and_the_best_are_kept(text_config, tmp_path):
    keep = CheckpointConfig(every=1, keep=2, best="likelihood/nll", best_is="highest")
    config = text_config.as_recipe("mle", likelihood=LikelihoodConfig(epochs=3, batch=16), checkpoint=keep)
    gan = SeqGAN(config).fit(LINES, out=tmp_path / "r", quiet=True)
    run = RunFolder(tmp_path / "r", keep)
    figures = {step: json.loads((run.at(step) / "manifest.json").read_text())["figures"] for step in run.steps()}
    assert len(figures) == 3
    assert sorted(figures)[1:] == [11, 12]
    best = min(figures)
    assert figures[best]["likelihood/nll"] == max(line["likelihood/nll"] for line in figures.values())
    assert SeqGAN.load(tmp_path / "r", checkpoint="best").sample(9) == SeqGAN.load(run.at(best)).sample(9)
    assert SeqGAN.load(tmp_path / "r").sample(9) == gan.sample(9)
    with pytest.raises(Exception, match="no checkpoint '7'; there are last and those of steps"):
        SeqGAN.load(tmp_path / "r", checkpoint="7")


def test_checkpoints_by_the_clock(text_config, tmp_path):
    clock = CheckpointConfig(every=10_000, minutes=1e-9, keep=99)
    SeqGAN(replace(text_config, checkpoint=clock)).fit(LINES, out=tmp_path / "r", quiet=True)
    assert RunFolder(tmp_path / "r").steps() == list(range(1, 13))


def test_a_damaged_newest_checkpoint_is_reported_and_the_one_before_it_used(text_config, tmp_path, capsys):
    straight = SeqGAN(text_config).fit(LINES, out=tmp_path / "r", quiet=True).sample(20)
    run = RunFolder(tmp_path / "r")
    before, newest = run.steps()
    path = run.at(newest) / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert SeqGAN(text_config).fit(LINES, out=tmp_path / "r", resume=True).sample(20) == straight
    said = capsys.readouterr().err
    assert f"{path}: damaged" in said
    assert f"resuming {tmp_path / 'r'} at step {before}" in said
    for step in run.steps():
        (run.at(step) / "values.json").write_text("{}")
    with pytest.raises(CheckpointError, match="none of its 2 checkpoints is whole"):
        SeqGAN(text_config).fit(LINES, out=tmp_path / "r", resume=True, quiet=True)


def test_force_goes_on_with_other_settings_and_data(text_config, tmp_path):
    SeqGAN(text_config).fit(LINES, out=tmp_path / "r", quiet=True)
    longer = replace(text_config, steps=9, lr=1e-4)
    gan = SeqGAN(longer).fit(LINES, out=tmp_path / "r", resume=True, force=True, quiet=True)
    assert find(tmp_path / "r").values["step"] == 15
    assert gan.config == SeqGAN.load(tmp_path / "r").config
    with pytest.raises(ConfigError, match="resume needs the run's folder"):
        SeqGAN(longer).fit(LINES, resume=True)


# Off course -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_what_is_not_a_number_is_gone_back_from(text_config, tmp_path, monkeypatch, capsys, where):
    config = replace(text_config, recovery=RecoveryConfig(times=2, rate=0.5), log_every=1)
    seen, turn = [], PolicyGradientGAN.generator_turn

    def spoilt(self, real, step):
        losses = turn(self, real, step)
        seen.append((step, self.optimizers["generator"].param_groups[0]["lr"]))
        if step == 9 and [at for at, _ in seen].count(9) == 1:  # the first time only
            weight = self.generator.head.bias.sum()
            bad = weight * float("nan") if where == "loss" else (weight - weight.detach()).sqrt()
            losses["policy"] = losses["policy"] + bad
        return losses

    monkeypatch.setattr(PolicyGradientGAN, "generator_turn", spoilt)
    gan = SeqGAN(config).fit(LINES, out=tmp_path / "r")
    said = capsys.readouterr().err
    what = "generator/policy is nan" if where == "loss" else "generator/gradient is inf"
    assert f"step 9: {what}" in said
    assert "Going back to step 8, all learning rates times 0.5 (time 1 of at most 2)." in said
    assert [rate for _, rate in seen] == [config.lr] * 4 + [config.lr / 2] * 4
    assert all(torch.isfinite(tensor).all() for tensor in gan.recipe.generator.state_dict().values())
    events = [line["event"] for line in read_log(tmp_path / "r" / "metrics.jsonl") if "event" in line]
    assert len(events) == 1
    assert find(tmp_path / "r").values["rollbacks"] == 1


def test_going_back_too_often_stops_with_a_sentence(small_config, small_data):
    config = replace(small_config, lr=1e30, recovery=RecoveryConfig(times=2))
    with pytest.raises(DivergedError, match=r"training has diverged.*\. Going back 2 times did not help\.$"):
        MolGAN(config).fit(small_data, quiet=True)
    with pytest.raises(DivergedError, match=r"try a lower learning rate\.$"):
        MolGAN(replace(config, recovery=RecoveryConfig(times=0))).fit(small_data, quiet=True)


@pytest.mark.parametrize("action", ["warn", "roll_back", "stop"])
def test_collapse_on_purpose_is_caught_within_its_window(tmp_path, action, capsys):
    """A constant reward for one molecule."""
    molecules = ["C", "CC", "CO", "CN", "CCC", "CCO", "CCN", "COC", "CNC", "OCO", "NCO", "NCN"] * 5
    rule = WatchConfig("sample/unique", below=0.01, readings=2, action=action)
    config = Config(
        steps=120,
        batch=32,
        lr=0.03,
        device="cpu",
        monitor_every=5,
        log_every=5,
        data=DataConfig("smiles"),
        model=GeneratorConfig(embedding=16, width=16),
        likelihood=LikelihoodConfig(epochs=15, batch=16, lr=0.01),
        critic=SeqGANCriticConfig("recurrent", embedding=8, width=8, pretrain=0, steps=1),
        policy=PolicyConfig("dense"),
        reward=RewardConfig(1.0),
        checkpoint=CheckpointConfig(every=5),
        recovery=RecoveryConfig(times=1, rate=0.0),
        watch=(rule,),
    )

    def reward(strings):
        return np.array([float(text == "CO") for text in strings])

    def fit():
        SeqGAN(config).fit(molecules, out=tmp_path / "r", reward=reward)

    if action == "stop":
        with pytest.raises(CollapsedError, match=r"sample/unique is 0\.00\d+, below 0.01 for 2 readings in a row; "):
            fit()
    else:
        fit()
    lines = list(read_log(tmp_path / "r" / "metrics.jsonl"))
    unique = [(line["step"], line["sample/unique"]) for line in lines if "sample/unique" in line]
    first = next(step for step, share in unique if share < 0.01)
    if action == "stop":
        assert unique[-1][0] == first + 5, "the reading that stopped it is in the log"
    else:
        caught = next(line for line in lines if "event" in line)
        assert caught["step"] == first + 5, "the second reading in a row"
        assert caught["event"] in capsys.readouterr().err
    if action == "roll_back":  # to before the first reading that was out of bounds, where learning stands still
        assert f"Going back to step {first - 5}" in caught["event"]
        assert unique[-1][1] >= 0.01


def test_a_watch_on_a_figure_that_never_comes_is_told(text_config, capsys):
    watch = (WatchConfig("sample/uniqe", below=0.1),)
    SeqGAN(replace(text_config, watch=watch)).fit(LINES)
    assert "no figure 'sample/uniqe' was ever measured" in capsys.readouterr().err
