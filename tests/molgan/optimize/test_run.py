"""`molgan.optimize` and the command: scores of all kinds, results on disk, kills, and scores that fail."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import molgan
from gancore.errors import ConfigError, RewardError, RunError
from gancore.training.notebook import NotebookView
from molgan.optimize import GeneticConfig, OptimizeConfig, SurrogateConfig
from molgan.scoring.definition import Component, ScoreConfig
from molgan.scoring.desirability import Desirability

LOGP = Component("logp", Desirability("maximize", low=0.0, high=5.0))
START = ["CCO", "CCN", "c1ccccc1O", "CC(=O)O", "C1CCNCC1", "CC(C)C", "OCCO", "c1ccncc1"]
FEW = OptimizeConfig(40, batch=5, initial=8, genetic=GeneticConfig(12, 2, 20), surrogate=SurrogateConfig(most=40))


def oxygens(smiles):
    """Oxygens of each molecule, up to 4, as a share."""
    return [min(4, text.upper().count("O")) / 4 for text in smiles]


def test_scores_of_all_kinds(tmp_path):
    for score in (oxygens, "qed", ScoreConfig(components=(LOGP,)), molgan.optimize.run.Scorer("qed")):
        found = molgan.optimize(score, 15, START, config=FEW)
        assert found.calls == 15
        assert found.to_dict()["calls"] == 15


def test_results_are_written_and_a_search_can_be_lengthened(tmp_path):
    found = molgan.optimize(oxygens, 20, START, tmp_path, config=FEW)
    table = pd.read_parquet(tmp_path / "scored.parquet")
    assert table.equals(found.frame)
    assert list(table) == ["smiles", "score", "call"]
    best = (tmp_path / "best.smi").read_text().splitlines()
    assert len(best) == 20
    assert float(best[0].split()[1]) == found.frame["score"].max()
    with pytest.raises(RunError, match="holds an optimisation already; resume it"):
        molgan.optimize(oxygens, 20, START, tmp_path, config=FEW)
    with pytest.raises(RunError, match="another score"):
        molgan.optimize("qed", 30, START, tmp_path, config=FEW, resume=True)
    longer = molgan.optimize(oxygens, 30, START, tmp_path, config=FEW, resume=True)
    assert longer.frame[:20].equals(found.frame)
    assert longer.calls == 30


def test_no_molecule_is_scored_twice_when_the_score_dies(tmp_path):
    asked = []

    def dies(smiles):
        asked.extend(smiles)
        if len(asked) % 9 == 0:
            raise OSError("the licence server is away")
        return oxygens(smiles)

    whole = molgan.optimize(oxygens, 40, START, config=FEW)
    failed, found = 0, None
    while found is None and failed < 20:
        try:
            found = molgan.optimize(dies, 40, START, tmp_path, config=FEW, resume=True)
        except RewardError as error:
            failed += "OSError: the licence server is away" in str(error)
    assert failed >= 3
    assert found.frame.equals(whole.frame)
    assert len(asked) == 40 + failed


def test_a_score_that_gives_nothing_is_given_up():
    config = OptimizeConfig(3000, batch=50, at_once=50, genetic=FEW.genetic, surrogate=FEW.surrogate)
    with pytest.raises(RewardError, match="no molecule has a score so far"):
        molgan.optimize(lambda smiles: [np.nan] * len(smiles), 3000, START, config=config)


@pytest.mark.parametrize(
    ("score", "sentence"),
    [
        (lambda smiles: [0.1, 0.2, 0.3], "it takes one number each"),
        (lambda smiles: ["high"] * len(smiles), "the score failed"),
        (lambda smiles: None, "the score failed"),
    ],
)
def test_odd_scores_are_one_sentence(score, sentence):
    with pytest.raises(RewardError, match=sentence):
        molgan.optimize(score, 10, START, config=FEW)


def test_settings_and_starts_that_cannot_be_are_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="budget"):
        molgan.optimize(oxygens, 0, START)
    with pytest.raises(ConfigError, match="resume needs the folder"):
        molgan.optimize(oxygens, 10, START, resume=True)
    with pytest.raises(RunError, match="no-such-model"):
        molgan.optimize(oxygens, 10, "no-such-model")


def test_a_small_space_ends_with_a_note():
    config = OptimizeConfig(
        500, 20, 2, genetic=GeneticConfig(5, 1, 10, most_atoms=2), surrogate=SurrogateConfig("none")
    )
    with pytest.warns(UserWarning, match="nothing new was found after"):
        found = molgan.optimize(oxygens, 500, ["CO", "CC"], config=config)
    assert 2 <= found.calls < 500


def test_a_notebook_shows_curves(monkeypatch):
    class View(NotebookView):
        def __init__(self, shown):
            self.shown, self.lines, self.added, self.closed = shown, [], [], False
            views.append(self)

        def say(self, text, at_once=False):
            self.lines.append(text)

        def add(self, step, logs):
            self.added.append((step, logs))

        def close(self):
            self.closed = True

    views: list = []
    monkeypatch.setattr("molgan.optimize.watch.in_notebook", lambda: True)
    monkeypatch.setattr("molgan.optimize.watch.NotebookView", View)
    found = molgan.optimize(oxygens, 20, START, config=FEW)
    (view,) = views
    step, figures = view.added[-1]
    assert step == 20
    assert figures["best"] == found.best(1)["score"][0]
    assert figures["ten"] == pytest.approx(found.best(10)["score"].mean())
    assert figures["scaffolds"] == found.scaffolds
    assert set(figures) == set(view.shown)
    assert view.closed
    assert "20 of 20" in view.lines[-1]
    molgan.optimize(oxygens, 20, START, config=FEW, quiet=True)
    assert len(views) == 1


SCRIPT = """
import sys, time, molgan
from tests.molgan.optimize.test_run import FEW, START, oxygens
def slow(smiles):
    with open(sys.argv[2], "a") as log:
        log.write("".join(text + "\\n" for text in smiles))
    time.sleep(0.01)
    return oxygens(smiles)
molgan.optimize(slow, 40, START, sys.argv[1], config=FEW, resume=True, quiet=True)
"""


@pytest.mark.parametrize("every", [12, pytest.param(2, marks=pytest.mark.slow)])
def test_kills_change_nothing(tmp_path, every):
    """Kills after every so many calls: three, or twenty."""
    whole = molgan.optimize(oxygens, 40, START, config=FEW)
    log, kills = tmp_path / "asked.txt", 0
    for place in range(1, 41, every):
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path / "out"), str(log)])
        journal = tmp_path / "out" / "journal.jsonl"
        while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"told") >= place):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path / "out"), str(log)], check=True)
    assert kills >= len(range(1, 41, every)) - 2
    assert pd.read_parquet(tmp_path / "out" / "scored.parquet").equals(whole.frame)
    assert len(log.read_text().split()) <= 40 + kills  # what was being scored when the kill came


def test_the_command(tmp_path):
    start = tmp_path / "start.smi"
    start.write_text("\n".join(START))
    command = [sys.executable, "-m", "molgan", "optimize", "--score", "qed", "--budget", "20", "--start", str(start)]
    command += ["--out", str(tmp_path / "out"), "--set", "initial=8", "--set", "batch=6"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["calls"] == 20
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    wrong = subprocess.run([*command, "--set", "bacth=3"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "batch" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_the_page_of_a_search(tmp_path):
    found = molgan.optimize(oxygens, 40, START, tmp_path / "search", config=FEW)
    page = molgan.report(tmp_path / "search").page
    assert "Search" in page
    assert "mean of the best 10" in page
    assert "Ranked by the score of the search." in page
    best = found.best(1)
    rows = json.loads(page.partition('<script id="data" type="application/json">')[2].partition("</script>")[0])["rows"]
    assert len(rows) == 40
    assert rows[0]["values"][-1] == pytest.approx(best["score"][0])
    assert rows[0]["name"] == f"call {best['call'][0]}"
    curve = found.curves()["best score"]
    assert curve == [(40, best["score"][0])]
