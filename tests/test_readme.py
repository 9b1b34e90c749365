"""The README does what it says: it is short, its Python runs, its commands run, its pages exist."""

import random
import re
from pathlib import Path

import pytest

import seqgan
from seqgan.data.grammar import corpus

ROOT = Path(__file__).parents[1]
FEW = ["steps=2", "likelihood.epochs=2", "critic.pretrain=2"]
"""What the README trains in Python is cut short."""


@pytest.fixture
def readme(page):
    return page(ROOT / "README.md")


@pytest.fixture
def at_work(tmp_path, monkeypatch, qm9_smiles):
    """A folder with the files that the README begins with."""
    monkeypatch.chdir(tmp_path)
    mixed = random.Random(0).sample(qm9_smiles, len(qm9_smiles))
    (tmp_path / "mols.smi").write_text("\n".join(mixed[:400]))
    (tmp_path / "held_out.smi").write_text("\n".join(mixed[400:]))
    (tmp_path / "lines.txt").write_text("\n".join(corpus(200)))
    return tmp_path


def test_it_is_short(readme):
    assert len(readme.text.split()) <= 900
    assert len(readme.text) <= 9_000


def test_python_blocks_run(readme, at_work, capsys):
    """In their order, each after the others, as a notebook would."""
    names = {}
    blocks = readme.blocks("python")
    assert len(blocks) == 3, "a library, an evaluation, a text GAN"
    few = seqgan.Config.load("small", FEW)
    for code in blocks:
        short = code.replace('SeqGAN("small")', "SeqGAN(few)")
        names["few"] = few
        exec(compile(short, "README.md", "exec"), names)
    out = capsys.readouterr().out
    assert len(names["library"]) == 200
    assert (at_work / "library/library.sdf").exists()
    assert {"valid", "novel", "moses/fcd", "nearer to train"} <= set(names["results"])
    assert "self-bleu-4" in out
    assert (at_work / "report.html").exists()
    assert (at_work / "runs/text/config.toml").exists()


def test_commands_run_in_their_order(readme, at_work, run_command):
    """Training is cut short, and what make does has its own tests; everything else is as written."""
    commands = [words for block in readme.blocks("bash") for words in readme.words(block)]
    assert [words[:2] for words in commands] == [
        ["make", "demo"],
        ["make", "test"],
        ["molgan", "train"],
        ["molgan", "generate"],
        ["molgan", "evaluate"],
        ["molgan", "library"],
        ["seqgan", "generate"],
    ]
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{words[1]}:", makefile, re.MULTILINE) for words in commands[:2])
    for words in commands[2:]:
        run_command(words)
    assert len((at_work / "strings.smi").read_text().splitlines()) == 1000


def test_models_it_names_are_bundled(readme):
    """Names in parentheses after a data set in the table of results, but for a recipe."""
    named = {
        name for row in readme.text.splitlines() if row.startswith("| ") for name in re.findall(r"\(`([\w-]+)`\)", row)
    }
    there = {path.name for half in ("molgan", "seqgan") for path in (ROOT / half / "bundled/trained").iterdir()}
    assert named - {"residual"} == {"qm9", "moses", "drug", "smiles-moses"} <= there


def test_every_file_it_points_to_exists(readme):
    """Links, their headings, and files in code marks."""
    code = re.findall(r"`((?:molgan|seqgan|gancore|docs|data|notebooks)/[\w./-]+)`", readme.text)
    links = re.findall(r"\]\(((?!http)[\w./-]+)(?:#([\w-]+))?\)", readme.text)
    assert not [name for name in [*code, *(name for name, _ in links)] if not (ROOT / name).exists()]
    for name, heading in links:
        if heading:
            headings = re.findall(r"^#+ (.+)$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"\W+", "-", text.lower()) for text in headings}
