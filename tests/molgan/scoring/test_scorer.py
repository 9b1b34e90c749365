import os
import random
import signal
import subprocess
import threading
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from gancore.errors import ConfigError, RunError
from gancore.io import config as toml
from gancore.io.notes import Note
from gancore.types import Reward
from molgan.scoring import desirability
from molgan.scoring.benchmarks import DRUGLIKE, SCORES, load_score
from molgan.scoring.definition import AGGREGATES, Component, ScoreConfig, ScoreFile
from molgan.scoring.desirability import SHAPES, Desirability
from molgan.scoring.scorer import Scorer, property_frame, score_frame

UNIT = 'desirability = {shape = "maximize", low = 0, high = 1}'
ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
UP = Desirability("maximize", low=0.0, high=1.0)
EXAMPLES = {
    "maximize": Desirability("maximize", low=1.0, high=3.0),
    "minimize": Desirability("minimize", low=1.0, high=3.0),
    "target": Desirability("target", midpoint=2.0, width=0.5),
    "range": Desirability("range", low=1.0, high=3.0, width=0.5),
    "sigmoid": Desirability("sigmoid", midpoint=2.0, width=0.5, direction="rising"),
    "step": Desirability("step", midpoint=2.0, direction="falling"),
    "table": Desirability("table", points=((0.0, 0.0), (2.0, 1.0), (3.0, 0.5))),
}


# Desirability ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_desirabilities_lie_in_the_unit_interval_and_keep_nan(shape):
    out = EXAMPLES[shape](np.array([-1e9, 0.0, 1.9, 2.0, 1e9, np.nan]))
    assert ((out[:5] >= 0) & (out[:5] <= 1)).all()
    assert np.isnan(out).tolist() == [False] * 5 + [True]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("maximize", [0.0, 0.5, 1.0]),
        ("minimize", [1.0, 0.5, 0.0]),
        ("target", [np.exp(-2), 1.0, np.exp(-2)]),
        ("range", [1.0, 1.0, 1.0]),
        ("sigmoid", [1 / (1 + np.exp(2)), 0.5, 1 / (1 + np.exp(-2))]),
        ("step", [1.0, 0.0, 0.0]),
        ("table", [0.5, 1.0, 0.5]),
    ],
)
def test_shapes_at_three_places(shape, expected):
    assert EXAMPLES[shape](np.array([1.0, 2.0, 3.0])) == pytest.approx(expected, abs=1e-12)


def test_an_open_range_is_half_a_bell():
    up_to = Desirability("range", high=0.85, width=0.1)
    assert up_to(np.array([0.2, 0.85, 0.95])) == pytest.approx([1.0, 1.0, np.exp(-0.5)])


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"shape": "maximize", "low": 1.0}, "shape maximize needs high"),
        ({"shape": "maximize", "low": 2.0, "high": 1.0}, "low 2 must be below high 1"),
        (
            {"shape": "target", "midpoint": 1.0, "width": 1.0, "low": 1.0},
            "shape target has no low; it takes midpoint, width",
        ),
        ({"shape": "sigmoid", "midpoint": 1.0, "width": 1.0}, "shape sigmoid needs direction"),
        ({"shape": "range", "width": 1.0}, "shape range needs low, high or both"),
        ({"shape": "table", "points": ((1.0, 0.0),)}, "at least two, with rising values"),
        ({"shape": "table", "points": ((1.0, 0.0), (2.0, 1.5))}, r"must lie in \[0, 1\]"),
    ],
)
def test_shapes_that_mean_nothing_are_refused(given, complaint):
    with pytest.raises(ConfigError, match=complaint):
        Desirability(**given)


# Definition -----------------------------------------------------------------------------------


def two(aggregate, weights=(1.0, 3.0)):
    return ScoreConfig(
        aggregate,
        (Component("qed", UP, weights[0]), Component("sa", Desirability("minimize", low=1.0, high=10.0), weights[1])),
    )


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_scores_of_aspirin_and_of_nothing(aggregate):
    scorer = Scorer(two(aggregate))
    assert isinstance(scorer, Reward)
    values = property_frame([ASPIRIN])
    qed, sa = values["qed"][0], (10 - values["sa"][0]) / 9
    expected = {
        "arithmetic": (qed + 3 * sa) / 4,
        "geometric": (qed * sa**3) ** 0.25,
        "product": qed * sa**3,
        "pareto": (qed + 3 * sa) / 4,  # alone on its front
    }[aggregate]
    assert scorer([ASPIRIN, "bad smiles", ASPIRIN]) == pytest.approx([expected, np.nan, expected], nan_ok=True)


def test_pareto_ranks_are_those_of_a_slow_reference():
    desired = np.random.default_rng(0).random((60, 3)).round(1)
    scores = AGGREGATES["pareto"](desired, np.ones(3))
    assert ((scores >= 0) & (scores <= 1)).all()
    for one, other in combinations(range(60), 2):
        if (desired[one] >= desired[other]).all() and (desired[one] > desired[other]).any():
            assert scores[one] > scores[other]


@pytest.mark.parametrize("name", SCORES)
def test_definitions_are_toml_and_back_and_a_sentence(name, tmp_path):
    definition = SCORES[name]
    (tmp_path / "score.toml").write_text(definition.dump())
    assert load_score(tmp_path / "score.toml") == definition
    assert "\n" not in str(definition)
    assert all(component.title in str(definition) for component in definition.components)


def test_the_sentence_says_what_a_chemist_would_check():
    assert str(DRUGLIKE) == (
        "The weighted geometric mean of "
        "qed (drug-likeness, Bickerton et al. 2012): more is better, from 0 at 0 to 1 at 1; weight 1 | "
        "sa (synthetic accessibility, Ertl and Schuffenhauer 2009): less is better, from 1 at 1 to 0 at 10; weight 1 | "
        "logp (octanol-water partition, Wildman and Crippen 1999): 1 in the range 0 to 5, falling off over "
        "about 1 outside; weight 1."
    )


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ('[score]\naggregate = "mean"\n', "score.aggregate = 'mean'"),
        ("[score]\ncomponents = []\n", "no components"),
        (
            '[[score.components]]\nproperty = "charm"\n' + UNIT,
            "no property 'charm'",
        ),
        (
            '[[score.components]]\nproperty = "similarity"\n' + UNIT,
            "needs molecules",
        ),
        (
            '[[score.components]]\nproperty = "qed"\nsmarts = "C"\n' + UNIT,
            "property qed takes no smarts",
        ),
        (
            2 * ('[[score.components]]\nproperty = "qed"\n' + UNIT + "\n"),
            "two components are called 'qed'",
        ),
        (
            '[[score.components]]\nproperty = "plugin"\nplugin = {}\n' + UNIT,
            "exactly one of function, command and url",
        ),
        ('[[score.components]]\nproperty = "qed"\ndesirability = {shape = "up"}', "desirability.shape"),
        (
            '[[score.components]]\nproperty = "qed"\nname = "score"\n' + UNIT,
            "a column 'score' already",
        ),
        ("[score]\nweights = 3\n", "unknown key score.weights"),
    ],
)
def test_definitions_that_mean_nothing_are_one_sentence(table, complaint, tmp_path):
    (tmp_path / "score.toml").write_text(table)
    with pytest.raises(ConfigError) as raised:
        Scorer(tmp_path / "score.toml")
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


OLD_NAMES = """
[[score.components]]
property = "logp"
wanted = { shape = "target", at = 2.0, width = 0.5 }
[[score.components]]
property = "sa"
wanted = { shape = "step", at = 3, direction = "falling" }
"""


def test_the_old_names_of_settings_work_with_one_line_each(tmp_path):
    desirability.note_new_name.cache_clear()
    (tmp_path / "score.toml").write_text(OLD_NAMES)
    with pytest.warns(Note) as notes:
        old = load_score(tmp_path / "score.toml")
    assert [str(one.message) for one in notes] == [
        "score: the setting at is now called midpoint; the old name still works.",
        "score: the setting wanted is now called desirability; the old name still works.",
    ]
    (tmp_path / "score.toml").write_text(OLD_NAMES.replace("wanted", "desirability").replace("at =", "midpoint ="))
    assert load_score(tmp_path / "score.toml") == old
    assert "wanted" not in old.dump()
    assert "\nat = " not in old.dump()


def test_the_old_names_work_in_python_and_a_desirability_is_needed():
    desirability.note_new_name.cache_clear()
    with pytest.warns(Note, match="is now called midpoint"):
        target = Desirability("target", at=2.0, width=0.5)
    with pytest.warns(Note, match="is now called desirability"):
        assert Component("logp", wanted=target) == Component("logp", EXAMPLES["target"])
    with pytest.raises(ConfigError, match="property logp needs a desirability"):
        Component("logp")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match="charm: no such score file, and no score of that name; there are albuterol"):
        Scorer("charm")


def test_an_objective_is_a_property_too():
    component = Component("osimertinib_mpo", UP)
    osimertinib = "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1Nc1nccc(-c2cn(C)c3ccccc23)n1"
    one, other = (
        Scorer(score)([osimertinib])[0] for score in ("osimertinib_mpo", ScoreConfig(components=(component,)))
    )
    assert one == pytest.approx(other)
    assert one > 0.1


# Molecules ------------------------------------------------------------------------------------


def test_salts_are_rejected_kept_or_desalted():
    salt = "[Na+].CC(=O)Oc1ccccc1C(=O)[O-]"
    definition = ScoreConfig(components=(Component("heavy_atoms", Desirability("maximize", low=0.0, high=100.0)),))
    frame = Scorer(definition).frame([salt])
    assert frame["reason"].tolist() == ["more than one fragment"]
    assert Scorer(replace(definition, fragments="largest")).frame([salt])["heavy_atoms"].tolist() == [13]
    assert Scorer(replace(definition, fragments="keep")).frame([salt])["heavy_atoms"].tolist() == [14]
    charged = replace(definition, components=(Component("charge", Desirability("target", midpoint=0.0, width=1.0)),))
    largest = replace(charged, fragments="largest")
    assert Scorer(largest).frame([salt])["charge"].tolist() == [-1]
    assert Scorer(replace(largest, standardize=True)).frame([salt])["charge"].tolist() == [0]


def test_each_component_is_told_with_its_desirability():
    frame = Scorer("druglike").frame(["CCO", "C(", None])
    assert list(frame) == [
        "score",
        *(f"{name}{end}" for name in ("qed", "sa", "logp") for end in ("", ".desirability")),
        "reason",
    ]
    assert frame["reason"].tolist() == ["", "not a SMILES", "empty"]
    assert frame["score"][0] == pytest.approx(
        float(np.prod([frame[f"{name}.desirability"][0] for name in ("qed", "sa", "logp")])) ** (1 / 3)
    )
    assert frame.iloc[1:, :-1].isna().all(axis=None)


def test_alerts_are_told_by_name():
    component = Component("alerts", Desirability("step", midpoint=1.0, direction="falling"), sets=("PAINS", "BRENK"))
    frame = Scorer(ScoreConfig(components=(component,))).frame(["CCO", "O=C1C=CC(=O)C=C1", "C("])
    assert frame["alerts"].fillna(-1).tolist()[0::2] == [0, -1]
    assert frame["alerts.names"].tolist()[0::2] == ["", ""]
    assert len(frame["alerts.names"][1].split("; ")) == frame["alerts"][1] > 1
    assert "quinone" in frame["alerts.names"][1]
    assert frame["score"][0] == 1.0 > frame["score"][1]


def test_frames_are_the_same_serial_and_in_parallel(qm9_smiles):
    many = property_frame(qm9_smiles[:450], ("logp",))
    few = property_frame(qm9_smiles[:30], ("logp",))
    assert many["logp"][:30].tolist() == few["logp"].tolist()


def test_score_frame_keeps_every_row_in_order():
    frame = score_frame(["OCC", None, "C.C", "C"], Scorer(ScoreConfig()), known={"C"})
    assert frame["smiles"].tolist() == ["CCO", None, None, "C"]
    assert frame["connected"].tolist() == [True, False, False, True]
    assert frame["novel"].tolist()[0] is True
    assert frame["novel"].isna().tolist() == [False, True, True, False]
    assert frame["novel"].tolist()[3] is False
    assert frame["score"].isna().tolist() == [False, True, True, False]
    assert frame["score"][0] == frame["qed"][0]
    assert list(frame).count("qed") == 1


# Speed, cache, budget, processes --------------------------------------------------------------


def test_nothing_is_measured_twice(monkeypatch):
    scorer = Scorer(processes=0)
    first = scorer(["CCO", "OCC", "C1CC1", "no"])
    monkeypatch.setattr("molgan.scoring.scorer.measure", None)
    assert np.array_equal(scorer(["no", "OCC", "CCO", "C1CC1"]), first[[3, 1, 0, 2]], equal_nan=True)


def test_a_disk_cache_serves_another_run_and_other_weights(tmp_path, monkeypatch):
    path = tmp_path / "known.sqlite"
    first = Scorer(two("arithmetic"), cache=path)(["CCO", "C1CC1", "C("])
    monkeypatch.setattr("molgan.scoring.sources.measure_some", None)
    assert Scorer(two("arithmetic"), cache=path)(["CCO", "C1CC1"]).tolist() == first[:2].tolist()
    other = Scorer(two("geometric", (2.0, 5.0)), cache=path)(["CCO"])
    assert 0 < other[0] < 1
    with pytest.raises(TypeError):  # another question is not answered by it
        Scorer("druglike", cache=path)(["CCO"])


def test_a_file_that_is_no_cache_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("not a database, and longer than a header of sixteen bytes" * 10)
    with pytest.raises(RunError, match="cannot be used as a cache"):
        Scorer(cache=tmp_path / "notes.txt")


def test_a_budget_counts_distinct_molecules():
    scorer = Scorer(budget=2)
    frame = scorer.frame(["CCO", "OCC", "C(", "CC", "CCC", "CC"])
    assert scorer.spent == 2
    assert frame["reason"].tolist() == ["", "", "not a SMILES", "", "the budget of 2 molecules is spent", ""]
    assert np.isnan(scorer(["CCCC"]))[0]


def test_killed_workers_cost_no_score(qm9_smiles):
    """SIGKILL three times while 800 molecules are scored; the long version is benchmarks.hostile."""
    scorer = Scorer("druglike", processes=2)
    expected = Scorer("druglike", processes=0)
    texts = [smiles + tail for smiles in qm9_smiles[:200] for tail in ("", "C", "O", "N")]
    done = threading.Event()

    def kill():
        for _ in range(3):
            if done.wait(0.7):
                return
            started = subprocess.run(
                ["pgrep", "-P", str(os.getpid()), "-f", "gancore.io.process_pool"], stdout=subprocess.PIPE
            )
            for line in started.stdout.split()[:1]:
                os.kill(int(line), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        scored = scorer.values(texts)
    finally:
        done.set()
        killer.join()
    picked = random.Random(0).sample(range(len(texts)), 200)
    assert np.array_equal(scored[picked], expected.values([texts[row] for row in picked]), equal_nan=True)
    assert len(scored) == 800


def test_a_molecule_that_takes_too_long_has_a_reason():
    """A pharmacophore fingerprint of a long peptide takes RDKit many minutes."""
    peptide = "N" + "CC(=O)N" * 120 + "CC(=O)O"
    definition = ScoreConfig(components=(Component("deco_hop", UP),), seconds=2.0)
    frame = Scorer(definition, processes=2).frame([ASPIRIN, peptide, "CCO"])
    assert frame["reason"].tolist() == ["", "took longer than its time limit", ""]
    assert frame["score"].notna().tolist() == [True, False, True]


def test_a_score_file_is_one_table():
    assert toml.from_dict(ScoreFile, {}) == ScoreFile()
