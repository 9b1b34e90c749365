"""What a score's numbers are kept by: asked for once, and anew exactly when what they depend on is another."""

import importlib
import json
import sqlite3
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from gancore.io.notes import Note
from molgan.scoring import cache_keys, sources
from molgan.scoring.benchmarks import OBJECTIVES, SCORES
from molgan.scoring.cache_keys import key_of
from molgan.scoring.definition import Component, PluginConfig, ScoreConfig
from molgan.scoring.desirability import Desirability
from molgan.scoring.properties import MAKERS, PROPERTIES, Property
from molgan.scoring.scorer import Scorer

UP = Desirability("maximize", low=0.0, high=100.0)
TEN = ["C" * n for n in range(1, 11)]
COUNTING = """
import pathlib
def dock(smiles):
    with open(pathlib.Path(__file__).with_name("asked"), "a") as out:
        out.writelines(f"{text}\\n" for text in smiles)
    if "F" in smiles: raise ValueError("no fluorine")
    return [len(text) + FACTOR for text in smiles]
"""


def score(*more, fragments="reject", **plugin):
    docking = Component("plugin", UP, name="docking", plugin=PluginConfig(**{"retries": 0} | plugin))
    return ScoreConfig("arithmetic", (docking, *more), fragments=fragments)


@pytest.fixture
def dock(tmp_path, monkeypatch):
    """A module `docks` with a function that counts; gives what it was asked for since the last look."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "docks", raising=False)
    (tmp_path / "docks.py").write_text(COUNTING.replace("FACTOR", "0"))

    def look():
        asked = tmp_path / "asked"
        found = asked.read_text().split() if asked.exists() else []
        asked.write_text("")
        return found

    return look


def numbers(definition, texts, cache):
    return Scorer(definition, processes=0, cache=cache).frame(texts)["docking"].tolist()


def test_ten_molecules_are_docked_once_whatever_else_the_score_is(dock, tmp_path):
    cache, one = tmp_path / "c.sqlite", score(function="docks:dock")
    first = numbers(one, TEN, cache)
    assert dock() == TEN
    component = one.components[0]
    others = [
        score(Component("logp", UP), function="docks:dock"),
        score(Component("logp", UP), function="docks:dock", seconds=1.0, batch=3, retries=2),
        replace(
            one, components=(replace(component, weight=3.0, desirability=replace(UP, high=7.0)),), aggregate="geometric"
        ),
        replace(one, fragments="largest"),
        replace(one, seconds=1.0),
    ]
    for other in others:
        assert numbers(other, TEN, cache) == first
    assert numbers(one, ["C(C)CC"], cache) == [4], "another spelling"
    assert dock() == []


def test_in_memory_another_spelling_is_not_asked_for_again(dock):
    scorer = Scorer(score(function="docks:dock"), processes=0)
    scorer(["CCO"])
    scorer(["OCC", "C(O)C", "CCO"])
    assert dock() == ["CCO"]
    assert scorer.spent == 1


def test_a_function_that_has_changed_is_asked_anew(dock, tmp_path):
    cache, one = tmp_path / "c.sqlite", score(function="docks:dock")
    held = Scorer(one, processes=0, cache=cache)
    assert held.values(["CC"]).tolist() == [[2]]
    (tmp_path / "docks.py").write_text(COUNTING.replace("FACTOR", "50"))
    importlib.invalidate_caches()
    assert numbers(one, ["CC"], cache) == [2], "what is loaded is the old one still"
    importlib.reload(sys.modules["docks"])
    assert numbers(one, ["CC"], cache) == [52]
    assert held.values(["CC"]).tolist() == [[52]], "and where it was remembered"
    assert numbers(score(function="docks:dock", version="receptor 2"), ["CC"], cache) == [52]
    assert dock() == ["CC"] * 3


def test_a_function_changed_behind_its_back_or_in_no_file_is_kept_for_nobody(dock, tmp_path):
    importlib.import_module("docks")
    (tmp_path / "docks.py").write_text("# a line more\n" + COUNTING.replace("FACTOR", "50"))
    for function, why in (("docks:dock", "was changed after it was loaded"), ("builtins:len", "is in no file")):
        with pytest.warns(Note, match=rf"keeps no numbers of docking: .*{why}; name what it is by plugin.version"):
            Scorer(score(function=function), processes=0, cache=tmp_path / "c.sqlite")
    Scorer(score(function="builtins:len", version="1"), cache=tmp_path / "c.sqlite")


def test_a_program_its_arguments_and_their_files_are_looked_at(tmp_path):
    script, data, cache = tmp_path / "dock.py", tmp_path / "receptor.txt", tmp_path / "c.sqlite"
    script.write_text("import sys\nfor line in sys.stdin: print(open(sys.argv[1].split('=')[1]).read())")
    data.write_text("1")
    definition = score(command=(sys.executable, str(script), f"--receptor={data}"))
    held = Scorer(definition, processes=0, cache=cache)
    assert held.values(["C"]).tolist() == [[1]]
    data.write_text("22")
    assert numbers(definition, ["C"], cache) == [22]
    assert held.values(["C"]).tolist() == [[22]]
    script.write_text("import sys\nfor line in sys.stdin: print(3)")
    assert numbers(definition, ["C"], cache) == [3]
    data.write_text("1")
    assert numbers(definition, ["C"], cache) == [3]


def test_a_service_is_kept_by_its_version_alone(tmp_path):
    asked = []

    class Service(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["smiles"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"scores": [5]}')

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url, cache = f"http://127.0.0.1:{server.server_port}/", tmp_path / "c.sqlite"
    for _ in range(2):
        with pytest.warns(Note, match="a service is not seen to change"):
            assert numbers(score(url=url), ["C"], cache) == [5]
    for version in ("1", "1", "2"):
        assert numbers(score(url=url, version=version), ["C"], cache) == [5]
    server.shutdown()
    server.server_close()
    assert asked == ["C"] * 4


def test_what_failed_is_not_kept(dock, tmp_path):
    cache, one = tmp_path / "c.sqlite", score(Component("logp", UP), function="docks:dock")
    assert np.isnan(numbers(one, ["C", "F"], cache)).tolist() == [False, True]
    dock()
    (tmp_path / "docks.py").write_text(COUNTING.replace("FACTOR", "0").replace('"F" in smiles', "False"))
    assert np.isnan(numbers(one, ["C", "F"], cache)).tolist() == [False, True]
    assert dock() == ["F"]


def test_what_failed_for_all_is_asked_again_in_this_process(dock, tmp_path):
    (tmp_path / "docks.py").write_text(
        "down = True\n" + COUNTING.replace("FACTOR", "0").replace('"F" in smiles', "down")
    )
    scorer = Scorer(score(function="docks:dock"), processes=0)
    assert np.isnan(scorer(TEN)).all()
    assert scorer.broken(TEN) == "plugin docking: failed for all 10 molecules: raised ValueError: no fluorine."
    sys.modules["docks"].down = False
    assert scorer.values(TEN)[:, 0].tolist() == list(range(1, 11))
    assert scorer.broken(TEN) == ""


def test_rdkits_numbers_hang_on_its_version_and_on_what_is_scored(dock, tmp_path, monkeypatch):
    cache, one = tmp_path / "c.sqlite", score(Component("heavy_atoms", UP), function="docks:dock")
    salt, measured = "CCO.CC", []

    def counted(definition, task, measure=sources.measure_some):
        measured.append(task[0].text)
        return measure(definition, task)

    monkeypatch.setattr(sources, "measure_some", counted)
    for fragments, count in (("keep", 5), ("largest", 3), ("keep", 5)):
        frame = Scorer(replace(one, fragments=fragments), processes=0, cache=cache).frame([salt])
        assert frame["heavy_atoms"].tolist() == [count]
    assert measured == [salt] * 2
    monkeypatch.setattr(cache_keys.rdkit, "__version__", "2099.1")
    dock()
    Scorer(replace(one, fragments="keep"), processes=0, cache=cache).frame([salt])
    assert measured == [salt] * 3
    assert dock() == [], "a program does not hang on RDKit"


def test_every_component_that_comes_along_has_a_key_of_its_own():
    components = [Component(name, UP) for name in dict.fromkeys((*PROPERTIES, *OBJECTIVES))]
    asking = {(part.property, str(part.settings())): part for score in SCORES.values() for part in score.components
              if part.property in MAKERS and part.property not in OBJECTIVES}  # fmt: skip
    components += asking.values()
    found = [key_of(part, ScoreConfig()).digest for part in components]
    assert "" not in found
    assert len(set(found)) == len(found) > 60


def test_a_property_of_the_users_own_is_told_by_its_file_and_what_it_closes_over(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine.py").write_text(
        "def times(n):\n    return lambda molecule: n * molecule.mol.GetNumAtoms()\n"
        "def of(held):\n    return lambda molecule: id(held)\n"
    )
    mine, found = importlib.import_module("mine"), []
    for function in (mine.times(2), mine.times(3), mine.times(2)):
        monkeypatch.setitem(PROPERTIES, "mine", Property(function, "", 0, 1, ""))
        found.append(key_of(Component("mine", UP), ScoreConfig()).digest)
    assert found[0] == found[2] != found[1] != ""
    monkeypatch.setitem(PROPERTIES, "mine", Property(mine.of(object()), "", 0, 1, ""))
    assert key_of(Component("mine", UP), ScoreConfig()) == ("", "what a object holds cannot be seen", None)


def test_a_cache_of_before_is_gone_on_with(dock, tmp_path):
    cache = tmp_path / "c.sqlite"
    with sqlite3.connect(cache) as table:
        table.execute("CREATE TABLE known (definition TEXT, key TEXT, numbers TEXT, PRIMARY KEY (definition, key))")
        table.execute("INSERT INTO known VALUES ('x', 'CC', '[99.0]')")
    table.close()
    assert numbers(score(function="docks:dock"), ["CC"], cache) == [2]


def test_nothing_is_docked_beyond_the_budget(dock):
    scorer = Scorer(score(function="docks:dock"), processes=0, budget=3)
    frame = scorer.frame([*TEN, "C"])
    assert dock() == TEN[:3]
    assert frame["docking"].notna().tolist() == [True] * 3 + [False] * 7 + [True]
    assert set(frame["reason"][3:10]) == {"the budget of 3 molecules is spent"}
    scorer.budget = 5
    assert np.isnan(scorer(TEN)).sum() == 5
    other = Scorer(score(function="docks:dock"), processes=0, budget=5)
    other.restore(json.loads(json.dumps(scorer.state())))
    assert np.isnan(other(TEN)).sum() == 5
    assert other.spent == 5
