"""The README does what it says: its Python runs, its commands run, its table is the demo's."""

import re
from pathlib import Path

import pytest

from molgan.recipes.config import Config as MoleculeConfig
from molgan.scoring.benchmarks import load_score
from molgan.scoring.scorer import Scorer
from seqgan.data.grammar import corpus
from seqgan.recipes.config import Config as TextConfig

ROOT = Path(__file__).parents[1]


@pytest.fixture
def readme(page):
    return page(ROOT / "README.md")


def test_python_blocks_run(readme, tmp_path, monkeypatch, capsys):
    """In their order, each after the others, as a notebook would."""
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in readme.blocks("python"):
        exec(compile(code, "README.md", "exec"), names)
    out = capsys.readouterr().out
    assert "connected" in out
    assert "self-bleu-4" in out
    assert (tmp_path / "runs" / "x" / "config.toml").exists()
    assert len(names["tuned"].sample(3)) == 3


def test_commands_run_in_their_order(readme, run_command, tmp_path, monkeypatch, qm9_smiles):
    """Training is cut short; everything else is as written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mols.smi").write_text("\n".join(qm9_smiles))
    verbs = ["generate", "train", "generate", "evaluate", "score", "data", "evaluate", "compare", "report"]
    verbs += ["train", "train", "generate", "runs", "runs"]
    commands = readme.commands("molgan")
    assert [command[1] for command in commands] == verbs
    for command in commands:
        if command[1] != "data":  # needs a network
            run_command(command)
    assert (tmp_path / "scored.csv").exists()
    assert len((tmp_path / "best.smi").read_text().splitlines()) == 100
    assert (tmp_path / "curves.png").exists()
    assert (tmp_path / "report.html").exists()


def test_toml_blocks_are_settings(readme, tmp_path):
    score, plugins, watch = readme.blocks("toml")
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


def test_text_commands_run_in_their_order(readme, run_command, tmp_path, monkeypatch):
    """The demo has its own test, and fetching needs a network."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines.txt").write_text("\n".join(corpus(200)))
    commands = readme.commands("seqgan")
    assert [command[1] for command in commands] == ["demo", "train", "generate", "evaluate", "generate", "data"]
    for command in commands[1:5]:
        run_command(command)
    lines = (tmp_path / "new.txt").read_text().splitlines()
    assert len(lines) == 1000
    assert all(line.startswith("the") for line in lines)


def test_every_file_it_points_to_exists(readme):
    names = re.findall(r"`((?:molgan|seqgan|gancore|docs|data)/[\w./]+)`|\]\((docs/[\w.]+)\)", readme.text)
    for name in {first or second for first, second in names}:
        assert (ROOT / name).exists(), name
