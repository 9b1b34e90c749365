"""Conditions: from cells to values, from values to contexts, from requests to contexts, and back."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from gancore.errors import CheckpointError, ConfigError, DataError
from gancore.facade.condition_values import ConditionSource, Spec, column_values, read_conditions
from gancore.facade.conditions import Condition, Conditions
from gancore.facade.examples import Examples
from gancore.facade.labels import LabelFile
from gancore.io.inputs import Cell
from gancore.io.notes import Note
from gancore.layers.conditioning import hide_context
from gancore.types import Context

LOGP = Condition.of_numbers("logp", np.array([0.0, 2.0, 4.0, math.nan]))
LABEL = Condition.of_classes("label", ["a", "b", None, "b", "a"])
BOTH = Conditions((LOGP, LABEL))


def cells(*values):
    return [[Cell(row, "", value)] for row, value in enumerate(values, 2)]


def rows(columns, strings=("x", "y", "z", "w"), **more):
    return ConditionSource(
        strings, columns, lambda name: {"len": lambda texts: [len(text) for text in texts]}[name], **more
    )


# From cells ---------------------------------------------------------------------------------------


def test_a_column_is_one_of_numbers_or_of_classes():
    kind, values = column_values(Spec("x"), cells("1", " 2.5 ", "", None, "nan", 4, np.float64("nan"), "n/a"))
    assert kind == "number"
    assert values == pytest.approx([1, 2.5, math.nan, math.nan, math.nan, 4, math.nan, math.nan], nan_ok=True)
    assert column_values(Spec("x"), cells("active", "no", "", pd.NA, " no ")) == (
        "class",
        ["active", "no", None, None, "no"],
    )
    assert column_values(Spec("x", "class"), cells(1, 0, 1)) == ("class", ["1", "0", "1"])


def test_classes_written_as_numbers_are_the_same_from_a_file_and_from_a_frame_with_gaps():
    frame = pd.DataFrame({"label": [1, 0, None, 1]})["label"].tolist()  # floats
    assert column_values(Spec("label", "class"), cells(*frame))[1] == ["1", "0", None, "1"]
    assert column_values(Spec("label", "class"), cells("1", "0", "", "1"))[1] == ["1", "0", None, "1"]
    condition = Condition.of_classes("label", ["1", "0", "1", "0"])
    assert [condition.checked(value) for value in (1, 1.0, "1", np.float64(0))] == ["1", "1", "1", "0"]


def test_a_cell_that_holds_several_values_is_refused():
    with pytest.raises(DataError, match="condition x: row 3 holds no text but list"):
        column_values(Spec("x"), cells(1, [1, 2], 3))


def test_several_rows_of_one_molecule_are_their_mean_or_the_commonest():
    twice = [[Cell(1, "", "1"), Cell(4, "", "3"), Cell(5, "", "")], [Cell(2, "", "7")]]
    assert column_values(Spec("x"), twice) == ("number", [2.0, 7.0])
    voted = [[Cell(1, "", "b"), Cell(4, "", "a"), Cell(5, "", "a")], [Cell(2, "", "b")]]
    assert column_values(Spec("x"), voted) == ("class", ["a", "b"])


def test_text_among_numbers_names_the_first_row_and_the_way_out():
    with pytest.raises(DataError, match=r"row 4 has '>10', which is no number \(so has 1 more row\);"):
        column_values(Spec("pic50"), cells(1, 2, ">10", 5, 6, "<3", 7))
    with pytest.raises(DataError, match=r"row 3 has 'inf', which is no number; mend it, .* with pic50:class\.$"):
        column_values(Spec("pic50", "number"), cells(1, "inf", 2))
    with pytest.raises(DataError, match="101 different texts, and 100 classes are the most"):
        column_values(Spec("id"), cells(*(f"t{number}" for number in range(101))))


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        ([None, "", "nan"], "", "condition x: no row has a value of it."),
        ([5, 5.0, "", "5"], "", "condition x: all 3 rows with a value of it have 5; there is nothing to ask for."),
        (["a", "a", None], "", "condition x: all rows with a value of it have 'a'."),
        (["a", "a", "b"], "", "condition x: class 'b' has a single row"),
        (["a", "a", "b", "b"], "number", "condition x: row 2 has 'a', which is no number"),
    ],
)
def test_what_nothing_can_be_conditioned_on_is_one_sentence(values, kind, said):
    name = f"x:{kind}" if kind else "x"
    with pytest.raises(DataError) as refused:
        read_conditions(Spec.all_of([name]), rows({"x": cells(*values)}), None)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_names_that_lead_nowhere_are_refused():
    with pytest.raises(ConfigError, match=r"^condition ic50: the data have no such column\.$"):
        read_conditions(Spec.all_of(["ic50"]), rows({}), None)
    with pytest.raises(ConfigError, match=r"no such column, and no such property; there are logp, qed\.$"):
        read_conditions(Spec.all_of(["ic50"]), rows({}, properties=["logp", "qed"]), None)
    with pytest.raises(ConfigError, match="condition x: is asked for twice"):
        read_conditions(Spec.all_of(["x", "x:class"]), rows({"x": cells(1, 2, 3, 4)}), None)
    for bad in ("", "x=", "=len"):
        with pytest.raises(ConfigError, match="write it as NAME"):
            Spec.of(bad)


def test_columns_properties_and_functions_are_read_together():
    def compute(strings, names):
        assert names == ["size"]  # once, for all that is computed
        return {"size": [1.0, 2.0, 3.0, 4.0, 4.0]}

    source = rows({"y": cells("a", "b", "a", "b", "")}, ("p", "qq", "rrr", "ssss", "tttt"))
    source = source._replace(properties=["size"], compute=compute)
    conditions, context, _ = read_conditions(Spec.all_of(["size", "y", "n=len"]), source, None)
    assert conditions.about == "size from 1 to 4; y: a, b; n from 1 to 4"
    assert context.values[:, 0].tolist() == pytest.approx([-1.5435, -0.6860, 0.1715, 1.0290, 1.0290], abs=1e-4)
    assert context.values[:, 1:3].tolist() == [[1, 0], [0, 1], [1, 0], [0, 1], [0, 0]]
    assert context.known[:, 1:3].tolist() == [[True] * 2] * 4 + [[False] * 2]
    assert torch.equal(context.values[:, 0], context.values[:, 3])


def test_a_column_goes_before_a_property_of_its_name_and_says_so():
    with pytest.warns(Note, match="condition logp: taken from the column of that name"):
        conditions, _, _ = read_conditions(
            Spec.all_of(["logp"]), rows({"logp": cells(1, 2, 3, 4)}, properties=["logp"]), None
        )
    assert conditions.about == "logp from 1 to 4"


def test_a_start_keeps_its_scale_and_its_classes():
    more = {"logp": cells(2, 2, 2, 2), "label": cells("b", "b", "", "b")}  # nothing to learn a scale from
    conditions, context, _ = read_conditions(Spec.all_of([]), rows(more), BOTH)
    assert conditions is BOTH
    assert context.values[0].tolist() == [0.0, 0.0, 1.0]
    with pytest.raises(DataError, match=r"condition label: the start knows no class 'c'; it has a, b\."):
        read_conditions(Spec.all_of([]), rows(more | {"label": cells("c", "b", "a", "b")}), BOTH)
    with pytest.raises(ConfigError, match="the start was trained on logp, label; name these"):
        read_conditions(Spec.all_of(["label"]), rows(more), BOTH)


# Requests -----------------------------------------------------------------------------------------


def test_a_request_becomes_a_context():
    context = BOTH.context(2, {"logp": 4, "label": "b"})
    scale = float(np.std([0, 2, 4]))
    assert context.values.tolist() == [[pytest.approx(2 / scale), 0, 1]] * 2
    assert context.known.all()
    some = BOTH.context(3, {"label": ["a", "b", "a"]})
    assert some.known.tolist() == [[False, True, True]] * 3
    assert some.values[:, 1].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"qed": 1}, "condition qed: this model knows logp, label."),
        ({"label": "c"}, "condition label=c: no such class; there are a, b."),
        ({"logp": "high"}, "condition logp=high: is no number."),
        ({"logp": math.nan}, "condition logp=nan: is not finite; leave the name out to leave it open."),
        ({"logp": [1, 2]}, "condition logp: 2 values were given for 3 samples."),
    ],
)
def test_a_request_that_no_sample_can_meet_is_one_sentence(request_, said):
    with pytest.raises(ConfigError) as refused:
        BOTH.context(3, request_)
    assert str(refused.value) == said


def test_a_request_outside_the_training_rows_is_noted_with_their_range():
    with pytest.warns(Note, match=r"^condition logp=9: the training rows have 0 to 4 and samples may not reach it\.$"):
        BOTH.context(1, {"logp": 9})


def test_what_a_head_says_is_told_in_units_and_classes():
    scale = float(np.std([0, 2, 4]))
    told = BOTH.decode(np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0]]))
    assert told["logp"].tolist() == pytest.approx([2 + scale, 2])
    assert told["label"].tolist() == ["a", "b"]
    assert told["label_probability"].tolist() == pytest.approx([1 / (1 + math.exp(-2)), 1 / (1 + math.exp(-3))])
    assert Conditions.restore(BOTH.state()) == BOTH


# Examples -----------------------------------------------------------------------------------------


def test_examples_have_the_mix_of_the_data_and_sizes_near_a_request():
    n, random = 4000, torch.Generator().manual_seed(0)
    size = torch.arange(n) % 5 + 3
    values = torch.stack(((size - 5.0) / 2, torch.randn(n, generator=random)), 1)
    examples = Examples.of(Context(values, torch.ones(n, 2, dtype=torch.bool)), (1, 1), 0, size)
    drawn = examples.draw(3000, random)
    assert drawn.values.mean(0).tolist() == pytest.approx(values.mean(0).tolist(), abs=0.05)
    assert torch.corrcoef(drawn.values.T)[0, 1].abs() < 0.05
    asked = Context(torch.tensor([[1.0, 0.0]]).expand(50, 2), torch.tensor([[True, False]]).expand(50, 2))
    assert examples.sizes_near(asked, random).tolist() == [7] * 50
    open_ = Context(torch.zeros(500, 2), torch.tensor([[False, True]]).expand(500, 2))
    assert set(examples.sizes_near(open_, random).tolist()) == {3, 4, 5, 6, 7}
    again = Examples.restore(examples.state(), (1, 1))
    assert torch.equal(again.context.values, examples.context.values)
    assert torch.equal(again.sizes, examples.sizes)


def test_conditions_are_hidden_together_and_apart():
    torch.manual_seed(0)
    context = Context(torch.ones(20_000, 4), torch.ones(20_000, 4, dtype=torch.bool))
    hidden = hide_context(context, (1, 2, 1), hide_all=0.1, hide_some=0.4).known
    assert torch.equal(hidden[:, 1], hidden[:, 2]), "a class is hidden whole"
    groups = hidden[:, [0, 1, 3]]
    none = float((~groups).all(1).float().mean())
    assert none == pytest.approx(0.1 + 0.9 * 0.4 / 8, abs=0.01)
    assert float(groups.all(1).float().mean()) == pytest.approx(0.9 * (0.6 + 0.4 / 8), abs=0.012)
    assert float(groups[:, 0].float().mean()) == pytest.approx(0.9 * 0.8, abs=0.012)
    # a single condition is hidden by the first share alone: there are no others to keep
    alone = hide_context(Context(context.values[:, :1], context.known[:, :1]), (1,), 0.2, 0.9)
    assert float(alone.known.float().mean()) == pytest.approx(0.8, abs=0.012)


# Labels -------------------------------------------------------------------------------------------


def test_other_strings_are_labelled_by_what_can_be_computed():
    def compute(strings, names):
        return {"size": [float(len(text)) for text in strings]}

    source = rows({"y": cells("a", "b", "a", "b")}, ("p", "qq", "rrr", "ssss"))
    source = source._replace(
        properties=["size"], compute=compute, load=lambda name: lambda strings: [text[0] < "r" for text in strings]
    )
    _, context, label = read_conditions(Spec.all_of(["size", "y", "p:class=starts"]), source, None)
    own = label(["p", "qq", "rrr", "ssss"])
    assert torch.equal(own.values[:, 0], context.values[:, 0])
    assert torch.equal(own.values[:, 3:], context.values[:, 3:]), "what a function says of a few rows has its kind"
    assert not own.known[:, 1:3].any(), "a column says nothing of new strings"
    assert label(["t"]).values[0, 3:].tolist() == [1.0, 0.0]
    assert read_conditions(Spec.all_of(["y"]), source, None).labeller is None


def test_a_resumed_run_reads_the_labels_and_a_new_one_asks_anew(tmp_path):
    asked = []

    def count(strings):
        asked.append(len(strings))
        return np.array([len(text) for text in strings])

    strings = ["p", "qq", "\ud800"]
    assert LabelFile(tmp_path).labels("m:count", strings, count) == [1, 2, 1]
    assert LabelFile(tmp_path, resume=True).labels("m:count", strings, count) == [1, 2, 1]
    assert asked == [3]
    assert LabelFile(tmp_path, resume=True).labels("m:count", strings[:2], count) == [1, 2], "of other rows"
    assert LabelFile(tmp_path, resume=True).labels("m:other", strings, count) == [1, 2, 1], "of another function"
    assert LabelFile(tmp_path).labels("m:count", strings, count) == [1, 2, 1]
    assert asked == [3, 2, 3, 3]
    (tmp_path / "labels.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"labels\.json: damaged, not JSON"):
        LabelFile(tmp_path, resume=True)


def test_a_function_itself_labels_rows():
    label = np.array([1, 0, 1, 0], dtype=np.int64)
    specs = Spec.all_of({"active:class": lambda strings: label[: len(strings)], "n": "len"})
    conditions, context, _ = read_conditions(specs, rows({}, ("a", "bb", "ccc", "dddd")), None)
    assert conditions.about == "active: 0, 1; n from 1 to 4"
    assert context.values[:, :2].tolist() == [[0, 1], [1, 0], [0, 1], [1, 0]]
    with pytest.raises(ConfigError, match="<lambda> gave 4 values for 5 rows"):
        read_conditions(specs, rows({}, ("a", "bb", "ccc", "dddd", "e")), None)
