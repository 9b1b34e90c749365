"""The README does what it says: its Python runs, its commands run, its table is the demo's."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from molgan.__main__ import main

README = (Path(__file__).parents[1] / "README.md").read_text()


def blocks(language):
    return [
        text
        for kind, text in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
        if kind == language
    ]


def test_python_blocks_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    exec(compile(code, "README.md", "exec"), {})
    assert "connected" in capsys.readouterr().out
    assert (tmp_path / "runs" / "x" / "config.toml").exists()


def test_commands_run_in_their_order(tmp_path, monkeypatch, qm9_smiles):
    """Training is cut short; everything else is as written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mols.smi").write_text("\n".join(qm9_smiles))
    commands = [line.split("#")[0] for block in blocks("") for line in block.splitlines() if line.startswith("molgan ")]
    assert [command.split()[1] for command in commands] == ["train", "generate", "evaluate", "score"]
    for command in commands:
        arguments = shlex.split(command)
        if arguments[1] == "train":
            arguments += ["--set", "steps=2", "--set", "pretrain.steps=2"]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code, command
    assert (tmp_path / "scored.csv").exists()


def test_every_file_it_points_to_exists():
    root = Path(__file__).parents[1]
    names = re.findall(r"`((?:molgan|gancore|docs|data)/[\w./]+)`|\]\((docs/[\w.]+)\)", README)
    for name in {first or second for first, second in names}:
        assert (root / name).exists(), name
