"""Several processes take the same steps as one, and go on from one another's checkpoints."""

import subprocess
import sys

import pytest

from gancore.runs.folder import find, read_log
from molgan.data.dataset import embedded, read_rows
from seqgan.data.grammar import corpus

SETTINGS = {
    "molgan": [
        *("steps=14", "batch=16", "lr=1e-4", "pretrain.steps=6", "pretrain.batch=16", "pretrain.lr=1e-4"),
        *("model.generator=[16]", "reward.share=0.5"),
    ],
    "autoregressive": [
        *("recipe=autoregressive", "steps=8", "batch=16", "lr=1e-4", "pretrain.steps=12", "pretrain.batch=16"),
        *("model.recurrent=16", "model.pair=8", "model.dropout=0", "pretrain.lr=1e-4", "reward.weight=1"),
        *("reward.diversity.by=identity", "reward.diversity.bucket=1", "reward.diversity.least=0.1"),
        *("reward.replay.size=8", "reward.replay.batch=4"),
    ],
    "seqgan": [
        *("steps=10", "batch=16", "likelihood.epochs=2", "likelihood.batch=16", "likelihood.lr=1e-3"),
        *("model.width=16", "model.dropout=0.0"),
        *("model.embedding_dropout=0.0", "average=0.5", "lr=1e-4"),
        *("critic.kind=recurrent", "critic.width=16", "critic.dropout=0.0", "critic.pretrain=2", "critic.steps=2"),
        *("critic.pool=32", "policy.reward=dense", "policy.likelihood=0.5", "policy.kl=0.1"),
    ],
}  # fmt: skip


def train(half, folder, out, *more, processes=1):
    settings, half = SETTINGS[half], "seqgan" if half == "seqgan" else "molgan"
    lines = [text for _, text in read_rows(embedded()) if text][::1000] if half == "molgan" else corpus(64)
    data = folder / "data.txt"
    data.write_text("\n".join(lines))
    several = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m", half]
    command = [sys.executable, "-m", *(several if processes > 1 else [half]), "train", "--data", str(data), "--out"]
    command += [str(folder / out), "--config", {"molgan": "default", "seqgan": "small"}[half]]
    for setting in (*settings, "log_every=1", "checkpoint.every=10", "checkpoint.keep=9", "device=cpu"):
        command += ["--set", setting]
    command += more
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("half", SETTINGS)
def test_two_processes_equal_one_and_one_goes_on_from_two(half, tmp_path):
    train(half, tmp_path, "one")
    said = train(half, tmp_path, "two", processes=2)
    assert said.count("next:") == 1, "only one of them speaks"
    one, two = (list(read_log(tmp_path / name / "metrics.jsonl")) for name in ("one", "two"))
    assert len(one) == len(two) >= 20
    for mine, theirs in zip(one, two, strict=True):
        losses = [name for name in mine if "gradient" not in name and not name.startswith("sample/")]
        for name in losses:
            assert theirs[name] == pytest.approx(mine[name], rel=5e-5, abs=1e-6), (mine["step"], name)
    last = find(tmp_path / "two").folder
    last.rename(tmp_path / "finished")
    step = find(tmp_path / "two").values["step"]
    assert 0 < step < find(tmp_path / "one").values["step"]
    assert f"at step {step}" in train(half, tmp_path, "two", "--resume")
    alone, after = find(tmp_path / "one").tensors(), find(tmp_path / "two").tensors()
    assert all((alone[name].float() - after[name].float()).abs().max() < 1e-3 for name in alone if "generator/" in name)


LEAVES = """
import atexit, os
def gloo(): return [t for t in os.listdir("/proc/self/task") if "gloo" in open(f"/proc/self/task/{t}/comm").read()]
# One write, so that the lines of two processes do not mix; it runs after what is registered later.
atexit.register(lambda: os.write(1, f"left: {len(gloo())}\\n".encode()))
import torch
from gancore.training import distributed
distributed.join(torch.device("cpu"))
assert gloo(), "there are threads to end"
import torch.distributed.nn
"""


def test_no_thread_of_the_group_outlives_it(tmp_path):
    script = tmp_path / "leaves.py"
    script.write_text(LEAVES)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.stdout.count("left: 0") == 2, done.stderr


def test_a_batch_that_cannot_be_split_is_one_sentence(tmp_path):
    with pytest.raises(AssertionError, match="a batch of 15 cannot be split among 2 processes"):
        train("seqgan", tmp_path, "r", "--set", "likelihood.batch=15", processes=2)
