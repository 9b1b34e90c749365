"""The notebooks run from their first cell to their last, and their committed outputs are theirs.

The longest run in a short form here, and as committed with `make test-slow`.
"""

import os
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("[0-9]*.py"))


SHORT = {
    "01_molecules": {
        "steps = 150": "steps = 20",
        "steps = 700": "steps = 100",
        "steps=500": "steps=250",
        "sample(1000": "sample(300",
        "collect(gan, 500": "collect(gan, 60",
        "top=100, n=500": "top=20, n=100",
    },
    "02_steering": {
        "10_000)": "2_000)",
        "pretrain.steps=1000": "pretrain.steps=100",
        "STEPS = 100": "STEPS = 20",
        "DRAWS, GOOD = 2000": "DRAWS, GOOD = 300",
    },
    "03_text": {
        "sample(4000)": "sample(800)",
        "likelihood.epochs=12": "likelihood.epochs=3",
        "steps=60": "steps=6",
        "critic.pretrain=60": "critic.pretrain=6",
        "critic.pretrain=250": "critic.pretrain=20",
        "N, TEMPERATURES = 1500": "N, TEMPERATURES = 200",
    },
    "04_smiles": {"likelihood.epochs=10": "likelihood.epochs=2", "N = 2000": "N = 300", "steps=50": "steps=6"},
    "06_extend": {"steps=400": "steps=40", "pretrain.steps=200": "pretrain.steps=20", "sample(200": "sample(30"},
    "07_judge": {"N = 300": "N = 100", "(50, 100, 200, 300)": "(50, 100)", "top=24": "top=6"},
    "08_control": {
        "pretrain.steps=300": "pretrain.steps=30",
        "sample(1000": "sample(200",
        "sample(200": "sample(40",
        "pretrain.steps=800": "pretrain.steps=40",
        "steps=500": "steps=20",
    },
    "09_fragments": {"sample(100,": "sample(12,"},
    "10_optimize": {"budget = 1500": "budget = 220"},
    "12_translate": {
        "JUDGED = 200": "JUDGED = 30",
        "pairs(2000 ": "pairs(400 ",
        "likelihood.epochs=7": "likelihood.epochs=1",
        "likelihood.epochs=4": "likelihood.epochs=1",
        '"steps=20", "critic.pretrain=20"': '"steps=2", "critic.pretrain=2"',
        '"steps=100", "critic.pretrain=20"': '"steps=2", "critic.pretrain=2"',
        "unpaired(1000)": "unpaired(100)",
        "sample(3000)": "sample(200)",
        "likelihood.epochs=13": "likelihood.epochs=1",
    },
    "13_peptides": {
        "amphipathic(4000": "amphipathic(400",
        "likelihood.epochs=12": "likelihood.epochs=2",
        "steps=60": "steps=4",
        "N = 1000": "N = 100",
    },
    "11_library": {"n = 600": "n = 60", '"moses"': '"qm9"', "qed > 0.7": "qed > 0.4"},
}
"""What makes the longest notebooks short: every cell runs, training and draws are fewer."""


def sources(notebook):
    return [(cell.cell_type, cell.source.strip()) for cell in notebook.cells]


def test_there_are_notebooks():
    assert NAMES


def run(source, folder, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    notebook = jupytext.reads(source, fmt="py:percent")
    NotebookClient(notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()


@pytest.mark.parametrize("name", NAMES)
def test_it_runs(name, tmp_path, monkeypatch):
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    for long, short in SHORT.get(name, {}).items():
        assert long in source, f"{long} is no longer in {name}"
        source = source.replace(long, short)
    run(source, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SHORT))
def test_it_runs_whole(name, tmp_path, monkeypatch):
    run((FOLDER / f"{name}.py").read_text(encoding="utf-8"), tmp_path, monkeypatch)


@pytest.mark.parametrize("name", NAMES)
def test_its_outputs_are_committed(name):
    written, kept = jupytext.read(FOLDER / f"{name}.py"), nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    assert sources(kept) == sources(written), "run `make notebooks`"
    code = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    shown = {kind for cell in code for output in cell.outputs for kind in output.get("data", {})}
    assert shown & {"image/png", "image/svg+xml", "text/html"}, "a picture or a table"
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 1_000_000
    assert "/home/" not in str(kept)
