"""Libraries with a plug-in in their score: one that is down, lacks numbers, is edited, is remembered."""

import json
import sqlite3
import stat
import subprocess
import sys

import pytest

import molgan.__main__
from gancore.errors import ConfigError, RunError
from gancore.io.notes import Note
from molgan.library.jobs import cached, prepare
from molgan.library.manifest import Manifest
from molgan.library.settings import LibraryConfig
from molgan.scoring.cache import DiskCache
from molgan.scoring.definition import Component, PluginConfig, ScoreConfig
from molgan.scoring.desirability import Desirability
from molgan.scoring.plugin_calls import Calls

UP = Desirability("maximize", low=0.0, high=20.0)
LENGTHS = "print(*map(len, lines), sep='\\n')"
NAN_FOR_S = "print(*['nan' if 'S' in line else len(line) for line in lines], sep='\\n')"
DIES_OF_S = f"any('S' in line for line in lines) and sys.exit('sulfur')\n{LENGTHS}"
ONE_SHARD = LibraryConfig(draws=100, workers=1, samples=100)


@pytest.fixture
def program(tmp_path):
    """`program(name, script)`: a component that a program computes, and what it is asked, call by call."""

    def made(name, script=LENGTHS, **settings):
        path, log = tmp_path / f"{name}.py", tmp_path / f"{name}.log"
        path.write_text(
            f"#!{sys.executable} -S\nimport os, sys, time\nlines = sys.stdin.read().split()\n"
            f"open({str(log)!r}, 'a').write(' '.join(lines) + '\\n')\n{script}\n"
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        plugin = PluginConfig(command=(str(path),), **{"seconds": 20.0, "retries": 0} | settings)
        return Component("plugin", UP, name=name, plugin=plugin), lambda: [
            row.split() for row in log.read_text().splitlines()
        ]

    return made


def score(*components):
    return ScoreConfig(components=components)


# Down ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("sys.exit('no licence')", "ended with exit code 1: no licence"),
        ("time.sleep(60)", "took longer than 0.3 s"),
        ("print(*['nan'] * len(lines), sep='\\n')", "gave nan"),
        ("", "gave 0 numbers for 1 molecules"),
    ],
)
@pytest.mark.parametrize("where", ["score > 0", ""])
def test_a_plugin_that_is_down_ends_the_run(script, said, where, program, make, tmp_path):
    component, _ = program("docking", script, seconds=0.3 if "sleep" in script else 20.0, batch=50)
    with pytest.raises(RunError, match=rf"^plugin docking: is down, it {said}; .*the same command goes on\.$") as ended:
        make(where=where, score=score(component))
    assert "\n" not in str(ended.value)
    (run,) = Manifest.read(tmp_path / "lib").runs
    assert run.samples == 0, "none counts as rejected"


def test_a_program_that_cannot_be_started(make):
    plugin = PluginConfig(command=("no-such-program",), version="1", retries=0)
    with pytest.raises(RunError, match="plugin: is down, it no-such-program cannot be started"):
        make(where="score > 0", score=score(Component("plugin", UP, plugin=plugin)))


def test_one_that_goes_down_costs_nothing_but_the_wait(program, make, content, tmp_path):
    calls, repaired = tmp_path / "calls", tmp_path / "repaired"
    script = f"open({str(calls)!r}, 'a').write('.')\nnumber = len(open({str(calls)!r}).read())\n"
    script += f"number > 8 and not os.path.exists({str(repaired)!r}) and sys.exit('down')\n{LENGTHS}"
    component, asked = program("docking", script, batch=10)
    with pytest.raises(RunError, match="is down, it ended with exit code 1: down"):
        make(n=20, where="score > 0.3", score=score(component), config=ONE_SHARD)
    repaired.touch()
    first = {text for call in asked()[:8] for text in call}
    before = len(asked())
    made = make(n=20, where="score > 0.3", score=score(component), config=ONE_SHARD)
    again = {text for call in asked()[before:] for text in call}
    assert len(first) == 80, "eight calls of ten had worked"
    assert again, "the rest is asked when the run goes on"
    assert not first & again, "what it gave before it went down was kept"
    assert len(made.manifest.runs) == 1
    whole = make("whole", 20, "score > 0.3", score=score(component), config=ONE_SHARD)
    assert content(made.folder) == content(whole.folder)


def test_the_command_line_says_one_sentence(program, command_line, tmp_path, samplers):
    component, _ = program("docking", "sys.exit('no licence')")
    (tmp_path / "mine.toml").write_text(score(component).dump())
    code, _, told = command_line("molgan", molgan.__main__.main)(
        *("library", "samplers:draw", "-n", "5", "--where", "score > 0", "--score", str(tmp_path / "mine.toml")),
        *("--out", str(tmp_path / "lib"), "--workers", "1", "--draws", "10", "--quiet"),
    )
    assert code == 1
    assert told.strip().startswith("molgan: plugin docking: is down")
    assert told.strip().count("\n") == 0


# Without a number ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("script", "batch"), [(NAN_FOR_S, 30), (DIES_OF_S, 5)])
def test_molecules_without_a_number_are_counted_apart(script, batch, program, make, content):
    component, asked = program("docking", script, batch=batch)
    with pytest.warns(Note, match="the samples allowed are spent"):
        made = make(n=90, where="score_docking > 6", score=score(component), config=ONE_SHARD)
    counts = made.info()["runs"][0]["counts"]
    every = {text for call in asked() for text in call}
    without = {text for text in every if "S" in text}
    assert counts["unscored"] == len(without) > 3
    assert counts["rejected"] == {"score_docking > 6": sum(len(text) <= 6 for text in every - without)}
    assert counts["kept"] == sum(len(text) > 6 for text in every - without)
    content(made.folder)
    assert f"unscored: {len(without)} (" in str(made)
    reason = "gave nan" if "nan" in script else "ended with exit code 1: sulfur"
    assert made.info()["runs"][0]["unscored"] == f"{len(without)} x docking: {reason}"


def test_a_filter_that_needs_no_number_keeps_or_rejects(program, make):
    component, asked = program("docking", NAN_FOR_S)
    where = "(score_docking > 6 or qed > 0.5) and (score_docking > 1 or qed > 0.4 or weight < 0)"
    with pytest.warns(Note, match="spent"):
        made = make(n=90, where=where, score=score(component), config=ONE_SHARD, column=["qed"])
    frame = made.query("from library where score is null")
    assert len(frame) > 0
    assert (frame["qed"] > 0.5).all()
    assert frame["smiles"].str.contains("S").all()
    without = {text for call in asked() for text in call if "S" in text}
    assert made.info()["runs"][0]["counts"]["unscored"] == len(without) - len(frame)


def test_a_library_of_a_version_before_is_read(make):
    made = make(n=20)
    path = made.folder / "manifest.json"
    told = json.loads(path.read_text())
    told["format"] = 1
    for run in told["runs"]:
        for shard in run["shards"]:
            del shard["unscored"]
    path.write_text(json.dumps(told))
    assert Manifest.read(made.folder).runs[0].counts["unscored"] == 0


# The cache ----------------------------------------------------------------------------------------


def test_a_molecule_is_asked_for_once(program, make, tmp_path):
    component, asked = program("docking")
    made = make(n=120, where="score_docking > 4", score=score(component), config=LibraryConfig(draws=60, workers=1))
    every = [text for call in asked() for text in call]
    assert len(made.manifest.runs[0].shards) > 2
    assert len(every) == len(set(every))
    with sqlite3.connect(made.folder / "scores.sqlite") as table:
        assert dict(table.execute("select smiles, number from numbers")) == {text: len(text) for text in every}
    before = len(asked())
    make("b", 60, "score_docking > 5", score=score(component), cache=made.folder / "scores.sqlite")
    assert not {text for call in asked()[before:] for text in call} & set(every)
    assert not (tmp_path / "b" / "scores.sqlite").exists()


def test_without_a_plugin_there_is_none(make):
    assert not (make(n=10, where="score > 0.1", score="qed").folder / "scores.sqlite").exists()


def test_with_a_scheduler_there_is_none_unless_it_is_named(program, samplers, tmp_path):
    component, _ = program("docking")
    local = prepare(samplers.draw, LibraryConfig(), score(component))
    assert cached(local, tmp_path) == str(tmp_path / "scores.sqlite")
    afar = prepare(samplers.draw, LibraryConfig(scheduler="tcp://there:1"), score(component))
    assert cached(afar, tmp_path) == ""
    assert afar.plan.key == local.plan.key
    named = LibraryConfig(scheduler="tcp://there:1", cache=str(tmp_path / "shared.sqlite"))
    assert cached(prepare(samplers.draw, named, score(component)), tmp_path) == str(tmp_path / "shared.sqlite")


def test_a_cache_without_a_score_is_refused(make):
    with pytest.raises(ConfigError, match="cache: keeps the numbers of a score"):
        make(cache="scores.sqlite")


def test_a_cache_that_cannot_be_used_is_one_sentence(program, make, tmp_path):
    with pytest.raises(RunError, match="cannot be used as a cache of scores"):
        make(where="score > 0", score=score(program("docking")[0]), cache=tmp_path / "absent" / "scores.sqlite")


FILL = """
import sys
from molgan.scoring.cache import DiskCache
first = int(sys.argv[1])
for start in range(first, first + 400, 20):
    DiskCache("one.sqlite").put("key", {f"C{place}": float(place) for place in range(start, start + 20)})
    assert DiskCache("one.sqlite").get("key", [f"C{start}"]) == {f"C{start}": float(start)}
"""


def test_several_processes_may_share_one(tmp_path, samplers):
    workers = [subprocess.Popen([sys.executable, "-c", FILL, str(300 * place)], cwd=tmp_path) for place in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    every = {f"C{place}": float(place) for place in range(1000)}
    assert DiskCache(tmp_path / "one.sqlite").get("key", list(every)) == every


# What is asked for --------------------------------------------------------------------------------


def test_only_components_that_the_filter_reads_are_asked_for(program, make):
    cheap, asked_cheap = program("cheap")
    dear, asked_dear = program("dear", "print(*(2 * len(line) for line in lines), sep='\\n')")
    with pytest.warns(Note, match="spent"):
        made = make(n=90, where="score_cheap > 8", score=score(cheap, dear), config=ONE_SHARD)
    every = {text for call in asked_cheap() for text in call}
    passed = {text for call in asked_dear() for text in call}
    assert passed == {text for text in every if len(text) > 8} != every
    frame = made.query("from library")
    assert set(frame["smiles"]) == passed
    length = frame["smiles"].str.len()
    wanted = ((length / 20).clip(upper=1) + (2 * length / 20).clip(upper=1)) / 2
    assert frame["score"].sub(wanted).abs().max() < 1e-12
    assert (frame["score_dear"] == 2 * length).all()


def test_an_edited_plugin_begins_another_run(program, make, content):
    component, _ = program("docking")
    make(n=10, where="score_docking > 8", score=score(component))
    with pytest.warns(Note, match="has the 10 molecules"):
        make(n=10, where="score_docking > 8", score=score(component))
    component, _ = program("docking", LENGTHS + "  # of another receptor")
    made = make(n=10, where="score_docking > 8", score=score(component))
    assert len(made.manifest.runs) == 2
    assert content(made.folder)[1] == 20


def test_one_that_is_edited_while_the_run_goes_on_is_refused(program, make, samplers):
    component, _ = program("docking")

    def draw(n, seed):
        program("docking", LENGTHS + f"  # {seed}")
        return samplers.draw(n, seed)

    with pytest.raises(RunError, match="plugin docking: was changed while the run went on"):
        make(source=draw, where="score_docking > 8", score=score(component))


# Calls --------------------------------------------------------------------------------------------


def test_a_molecule_that_fails_alone_is_told_from_a_plugin_that_is_down(program):
    component, asked = program("docking", DIES_OF_S, batch=1)
    calls = Calls(component, strict=True)
    found = {
        smiles: answer
        for each in calls.answers(["CC", "CS", "CCS", "CCCS", "SCCC", "CO"])
        for smiles, answer in each.items()
    }
    assert {smiles: answer for smiles, answer in found.items() if "S" not in smiles} == {"CC": 2.0, "CO": 2.0}
    assert sum("S" in smiles for smiles in found) == 4
    assert [call for call in asked() if call == ["CC"]] == [["CC"]] * 5, "asked once, and after each failure"
    fresh = Calls(component, strict=True)
    with pytest.raises(RunError, match="is down, it ended with exit code 1: sulfur"):
        list(fresh.answers(["CS"]))
    assert len(list(fresh.answers(["CS"], lambda: "CCCC"))) == 2, "an earlier run has a molecule that it works for"
    assert len(list(Calls(component).answers(["CS"]))) == 1, "others are not so strict"
