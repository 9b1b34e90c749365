"""The program of the documentation that asks AiZynthFinder, with a package of the same interface in its place."""

import re
import sys
from pathlib import Path

import pytest

from gancore.errors import RunError
from gancore.io import config as toml
from gancore.io.notes import Note
from molgan.library.settings import LibraryConfig
from molgan.scoring.definition import ScoreConfig, ScoreFile

PAGE = Path(__file__).parents[3] / "docs" / "plugins.md"
STAND_IN = """
import os

class Choice:
    def __init__(self, known):
        self.known, self.chosen = known, ""

    def select(self, name):
        if name not in self.known:
            raise KeyError(name)
        self.chosen = name

class AiZynthFinder:
    def __init__(self, configfile):
        os.stat(configfile)
        print("loading models")
        self.stock, self.expansion_policy, self.filter_policy = Choice(["zinc"]), Choice(["uspto"]), Choice(["uspto"])
        self.target_smiles, self.searched, self.built = "", "", ""

    def tree_search(self):
        assert self.stock.chosen and self.expansion_policy.chosen
        with open(os.environ["ASKED"], "a") as log:
            log.write(self.target_smiles + "\\n")
        if "S" in self.target_smiles:
            raise ValueError("no template")
        self.searched = self.target_smiles

    def build_routes(self):
        self.built = self.searched

    def extract_statistics(self):
        assert self.built == self.target_smiles, "routes are built first"
        solved = "Cl" not in self.built
        return {"target": self.built, "is_solved": solved, "number_of_steps": len(self.built), "top_score": 0.9}
"""


@pytest.fixture
def routes(tmp_path, monkeypatch):
    """The score of the page, with its program and the stand-in; and what the package was asked."""
    text = PAGE.read_text()
    (program,) = re.findall(r"```python\n(# routes\.py\n.*?)```", text, re.DOTALL)
    (settings,) = re.findall(r"```toml\n((?:(?!```).)*?routes\.py.*?)```", text, re.DOTALL)
    (tmp_path / "routes.py").write_text(program)
    (tmp_path / "config.yml").write_text("expansion: {}\n")
    (tmp_path / "aizynthfinder").mkdir()
    (tmp_path / "aizynthfinder" / "__init__.py").touch()
    (tmp_path / "aizynthfinder" / "aizynthfinder.py").write_text(STAND_IN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASKED", str(tmp_path / "asked.txt"))
    (tmp_path / "mine.toml").write_text(settings.replace("aizynth/bin/python", sys.executable))
    score: ScoreConfig = toml.load(ScoreFile, tmp_path / "mine.toml").score
    return score, lambda: (tmp_path / "asked.txt").read_text().split()


def test_a_library_is_filtered_by_routes(routes, make, content):
    score, asked = routes
    config = LibraryConfig(draws=40, workers=1, samples=40)
    with pytest.warns(Note, match="spent"):
        made = make(n=40, where="sa < 4 and score_steps <= 12", score=score, config=config)
    frame, counts = made.query("from library"), made.info()["runs"][0]["counts"]
    content(made.folder)
    assert (frame["score_steps"] == frame["smiles"].str.len()).all()
    assert not frame["smiles"].str.contains("Cl|S").any()
    solved = {text for text in asked() if "Cl" not in text and "S" not in text}
    assert set(frame["smiles"]) == {text for text in solved if len(text) <= 12}
    assert counts["unscored"] == len({text for text in asked() if "S" in text}) > 0
    assert counts["rejected"]["sa < 4"] > 0
    before = len(asked())
    with pytest.warns(Note, match="spent"):
        make(n=40, where="sa < 4 and score_steps <= 30", score=score, config=config)
    assert not [text for text in asked()[before:] if "S" not in text], "the cache has the others"


def test_a_configuration_that_is_not_there(routes, make, tmp_path):
    (tmp_path / "config.yml").unlink()
    with pytest.raises(RunError, match=r"^plugin steps: is down, it ended with .*FileNotFoundError.*config.yml"):
        make(where="score_steps <= 12", score=routes[0])
