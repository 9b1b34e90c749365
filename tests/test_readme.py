"""The README does what it says: its Python runs, its commands run, its table is the demo's."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from molgan.__main__ import main as molgan_main
from molgan.config import Config as MoleculeConfig
from molgan.objectives import load_score
from molgan.scoring import Scorer
from seqgan.__main__ import main as seqgan_main
from seqgan.config import Config as TextConfig
from seqgan.grammar import corpus

README = (Path(__file__).parents[1] / "README.md").read_text()


def blocks(language):
    return [
        text
        for kind, text in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
        if kind == language
    ]


def test_python_blocks_run(tmp_path, monkeypatch, capsys):
    """In their order, each after the others, as a notebook would."""
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in blocks("python"):
        exec(compile(code, "README.md", "exec"), names)
    out = capsys.readouterr().out
    assert "connected" in out
    assert "self-bleu-4" in out
    assert (tmp_path / "runs" / "x" / "config.toml").exists()
    assert len(names["tuned"].sample(3)) == 3


def commands(program):
    lines = [line.split("#")[0] for block in blocks("") for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith(f"{program} ")]


def call(main, arguments, monkeypatch):
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code, arguments


def test_commands_run_in_their_order(tmp_path, monkeypatch, qm9_smiles):
    """Training is cut short; everything else is as written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mols.smi").write_text("\n".join(qm9_smiles))
    verbs = ["train", "generate", "evaluate", "score", "data", "evaluate", "compare", "report"]
    verbs += ["train", "train", "generate", "runs", "runs"]
    assert [command[1] for command in commands("molgan")] == verbs
    for command in commands("molgan"):
        if command[1] == "data":  # needs a network
            continue
        few = ("steps=2", "pretrain.steps=2", "monitor_every=2", "log_every=1") if command[1] == "train" else ()
        call(molgan_main, command + [part for setting in few for part in ("--set", setting)], monkeypatch)
    assert (tmp_path / "scored.csv").exists()
    assert len((tmp_path / "best.smi").read_text().splitlines()) == 100
    assert (tmp_path / "curves.png").exists()
    assert (tmp_path / "report.html").exists()


def test_toml_blocks_are_settings(tmp_path):
    score, plugins, watch = blocks("toml")
    for name, block in (("score", score), ("plugins", plugins), ("watch", watch)):
        (tmp_path / f"{name}.toml").write_text(block)
    for config in (MoleculeConfig, TextConfig):
        (rule,) = config.load(tmp_path / "watch.toml").watch
        assert rule.action == "roll_back"
    frame = Scorer(tmp_path / "score.toml").frame(["Cc1ccccc1C(=O)O", "[Na+].CC(=O)[O-]"])
    assert frame["score"].between(0, 1).all()
    assert [component.title for component in load_score(tmp_path / "plugins.toml").components] == [
        "docking",
        "activity",
    ]


def test_text_commands_run_in_their_order(tmp_path, monkeypatch):
    """The demo has its own test, and fetching needs a network."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines.txt").write_text("\n".join(corpus(60)))
    assert [command[1] for command in commands("seqgan")] == ["demo", "train", "generate", "evaluate", "data"]
    for command in commands("seqgan")[1:4]:
        few = ["--set", "steps=2", "--set", "likelihood.epochs=2", "--set", "critic.pretrain=2"]
        call(seqgan_main, command + (few if command[1] == "train" else []), monkeypatch)
    lines = (tmp_path / "new.txt").read_text().splitlines()
    assert len(lines) == 1000
    assert all(line.startswith("the") for line in lines)


def test_every_file_it_points_to_exists():
    root = Path(__file__).parents[1]
    names = re.findall(r"`((?:molgan|seqgan|gancore|docs|data)/[\w./]+)`|\]\((docs/[\w.]+)\)", README)
    for name in {first or second for first, second in names}:
        assert (root / name).exists(), name
