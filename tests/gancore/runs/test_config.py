from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
from annotated_types import Gt
from pydantic import ConfigDict

from gancore.errors import ConfigError
from gancore.io import config


@dataclass(frozen=True)
class Inner:
    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)
    kind: Literal["mlp", "graph"] = "mlp"
    widths: tuple[int, ...] = (4, 4)


@dataclass(frozen=True)
class Outer:
    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)
    steps: Annotated[int, Gt(0)] = 5
    rate: float = 0.1
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self):
        if self.rate > 1:
            raise ConfigError("rate above 1 cannot learn; lower it.")


def test_round_trip(tmp_path):
    path = tmp_path / "c.toml"
    original = Outer(steps=7, rate=0.5, inner=Inner("graph", (1, 2, 3)))
    path.write_text(config.dump(original))
    assert config.load(Outer, path) == original


def test_overrides_take_toml_values_and_bare_words(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("steps = 3\n[inner]\nkind = 'mlp'\n")
    loaded = config.load(Outer, path, ["steps=9", "inner.kind=graph", "inner.widths=[8]"])
    assert loaded == Outer(steps=9, inner=Inner("graph", (8,)))


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("stepz = 1", [], "unknown key stepz; did you mean steps"),
        ("[inner]\nkindd = 'mlp'", [], "unknown key inner.kindd; did you mean inner.kind"),
        ("", ["inner.zzz=1"], "unknown key inner.zzz; Valid here: kind, widths"),
        ("steps = 'many'", [], "steps = 'many': input should be a valid integer"),
        ("steps = '600'", [], "steps = '600': input should be a valid integer"),
        ("steps = true", [], "steps = True: input should be a valid integer"),
        ("steps = 4.0", [], "steps = 4.0: input should be a valid integer"),
        ("rate = inf", [], "rate"),
        ("steps = 0", [], "steps = 0: input should be greater than 0"),
        ("[inner]\nkind = 'cnn'", [], "inner.kind = 'cnn': input should be 'mlp' or 'graph'"),
        ("rate = 2.0", [], "rate above 1 cannot learn"),
        ("inner = 3", [], "inner = 3"),
        ("steps = = 1", [], "not a TOML file"),
        ("", ["steps"], "write it as key=value"),
        ("steps = 1", ["steps.x=1"], "'steps' is a value, not a table"),
    ],
)
def test_faults_are_one_sentence_that_names_the_place(tmp_path, text, overrides, message):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        config.load(Outer, path, overrides)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_override_of_a_table_in_a_table_is_named(tmp_path):
    values = {"a": {"b": {"c": 1}}}
    assert config.apply_overrides(values, ["a.b.c=2"]) == {"a": {"b": {"c": 2}}}
    assert values == {"a": {"b": {"c": 1}}}


def test_missing_file():
    with pytest.raises(ConfigError, match=r"nowhere\.toml: no such configuration file"):
        config.load(Outer, Path("nowhere.toml"))
