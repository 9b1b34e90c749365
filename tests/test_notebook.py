"""What a notebook shows: one line and one picture that are drawn over, results as tables and pictures."""

import jupytext
import pytest
from nbclient import NotebookClient

from gancore.training.notebook import Curve
from molgan.library.collect import Draws
from seqgan.text.vocabulary import Texts

CELLS = """\
# %%
import molgan

few = ["steps=60", "pretrain.steps=60", "batch=16", "pretrain.batch=16", "monitor_every=20", "device=cpu"]
gan = molgan.MolGAN(molgan.Config.load("default", few)).fit(["CCO", "CCN", "C1CC1O", "CC(=O)N"] * 5)

# %%
gan.sample(20, seed=0)

# %%
import seqgan

few = ["likelihood.epochs=30", "steps=12", "critic.pretrain=12", "device=cpu"]
text = seqgan.SeqGAN(seqgan.Config.load("small", few)).fit(["the cat sat", "a dog ran", "the dog sat"] * 10)

# %%
text.sample(30, prefix="the")

# %%
import os, signal
from gancore.training.callbacks import Due

saved = Due.__call__
Due.__call__ = lambda self, step: os.kill(os.getpid(), signal.SIGINT) or False  # as an interrupted cell
text = seqgan.SeqGAN(seqgan.Config.load("small", few)).fit(["the cat sat", "a dog ran", "the dog sat"] * 10)
Due.__call__ = saved
len(text.sample(3))
"""


@pytest.fixture(scope="module")
def cells():
    notebook = jupytext.reads(CELLS, fmt="py:percent")
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


def shown(outputs, kind):
    return [output.data[kind] for output in outputs if "data" in output and kind in output.data]


@pytest.mark.parametrize(("cell", "phase", "label"), [(0, "adversarial", "critic"), (2, "adversarial", "reward")])
def test_fit_shows_one_line_and_one_picture(cells, cell, phase, label):
    lines = [page for page in shown(cells[cell], "text/html") if "[####" in page]
    assert len(lines) == 1
    assert phase in lines[0]
    assert label in lines[0]
    assert len(shown(cells[cell], "image/png")) == 1
    assert not [output for output in cells[cell] if output.output_type == "stream"]


def test_results_show_themselves(cells):
    (page,) = shown(cells[1], "text/html")
    assert page.startswith("<p>20 draws")
    assert "<svg" in page
    (page,) = shown(cells[3], "text/html")
    assert page.startswith("<p>30 texts")


def test_an_interrupted_cell_leaves_a_model(cells):
    (told,) = [page for page in shown(cells[4], "text/html") if "stopped by signal 2" in page]
    assert "what was trained can be used" in told
    assert shown(cells[4], "text/plain")[-1] == "3"


def test_what_they_show_is_escaped():
    assert "<b>" not in Texts(["<b>"])._repr_html_()
    assert Draws([None])._repr_html_().startswith("<p>1 draws, 0 distinct")


def test_a_curve_keeps_few_points_and_their_mean():
    curve = Curve()
    for step in range(5000):
        curve.add(step, float(step % 2))
    assert 100 <= len(curve.points) <= 200
    assert all(value == pytest.approx(0.5) for _, value in curve.points)
    assert [step for step, _ in curve.points] == sorted(step for step, _ in curve.points)
