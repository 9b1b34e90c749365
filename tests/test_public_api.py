"""What is public says what it is: what it raises, an example that runs, where its mathematics is from."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
from itertools import pairwise
from pathlib import Path

import pytest

import molgan
import seqgan
from gancore.errors import UserError

ROOMS = (
    *("types", "losses.adversarial", "losses.penalties", "losses.policy_gradient", "losses.elbo", "losses.adversary"),
    *(
        "losses.settings",
        "layers.spectral_norm",
        "sampling.estimators",
        "training.loop",
        "training.schedules",
        "training.ema",
    ),
)
SOURCED = {room for room in ROOMS if room not in ("types", "training.loop")}
"""Rooms of published mathematics: what is in them has a paper."""
SILENT = {"Config.dump", "Config.kinds"}
"""Raises nothing that a user can cause."""
HALVES = ("gancore", "molgan", "seqgan")
YEAR = re.compile(r"\b(19|20)\d\d\b")


def methods(kind):
    """Public methods that a class has of its own or from a class of the project, by name."""
    ours = [base for base in reversed(kind.__mro__) if base.__module__.partition(".")[0] in HALVES]
    for name, held in {name: held for base in ours for name, held in vars(base).items()}.items():
        function = held.__func__ if isinstance(held, classmethod) else held
        if not name.startswith("_") and inspect.isfunction(function):
            yield f"{kind.__name__}.{name}", function


def front_door():
    """The names of both `__all__`s and the methods of their classes: (what to call it, object)."""
    for package in (molgan, seqgan):
        for name in package.__all__:
            made = getattr(package, name)
            yield f"{package.__name__}.{name}", made
            if inspect.isclass(made):
                yield from ((f"{package.__name__}.{title}", method) for title, method in methods(made))


def shared():
    """The classes and functions of gancore's modules, and their methods: (module, what to call it, object)."""
    for room in ROOMS:
        module = importlib.import_module(f"gancore.{room}")
        for name, made in vars(module).items():
            if name.startswith("_") or getattr(made, "__module__", "") != module.__name__ or not callable(made):
                continue
            yield room, name, made
            if inspect.isclass(made):
                yield from ((room, title, method) for title, method in methods(made))


DOOR, SHARED = dict(front_door()), [pytest.param(*row, id=f"{row[0]}.{row[1]}") for row in shared()]


def raised(function):
    """The exceptions that a function raises in its own body, by name."""
    if inspect.isclass(function):
        return set()
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    calls = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)}


def test_there_is_something_to_check():
    assert {"molgan.MolGAN.fit", "seqgan.SeqGAN.evaluate", "molgan.Config.load", "molgan.report"} <= DOOR.keys()
    assert {"gumbel_softmax", "Player.step", "wgan_gp", "EMA"} <= {row.values[1] for row in SHARED}


@pytest.mark.parametrize("title", DOOR)
def test_the_front_door_says_what_it_is_with_an_example(title):
    told = inspect.getdoc(DOOR[title]) or ""
    assert told.partition("\n")[0].rstrip().endswith((".", ")", "`", ":"))
    assert ">>> " in told, "an example, which pytest runs"


@pytest.mark.parametrize("title", [title for title, made in DOOR.items() if not inspect.isclass(made)])
def test_the_front_door_says_what_it_raises(title):
    told = inspect.getdoc(DOOR[title]) or ""
    assert title.partition(".")[2] in SILENT or "Raises " in told
    assert not [name for name in raised(DOOR[title]) if name not in told]


@pytest.mark.parametrize(("room", "title", "made"), SHARED)
def test_gancore_says_what_it_is(room, title, made):
    told = inspect.getdoc(made) or ""
    assert told.strip()
    assert not re.match(rf"{re.escape(made.__name__)}\(", told), "made up by dataclass or NamedTuple"
    assert not [name for name in raised(made) if name not in told]


@pytest.mark.parametrize(("room", "title", "made"), [row for row in SHARED if row.values[0] in SOURCED])
def test_gancore_says_where_its_mathematics_is_from(room, title, made):
    if "." not in title:  # a method speaks through its class
        assert YEAR.search(inspect.getdoc(made) or "")


def test_every_objective_says_where_it_is_from():
    body = ast.parse((Path(__file__).parents[1] / "gancore/losses/adversarial.py").read_text()).body
    told = {
        first.targets[0].id: second.value.value
        for first, second in pairwise(body)
        if isinstance(first, ast.Assign) and isinstance(second, ast.Expr) and isinstance(second.value, ast.Constant)
    }
    for name in importlib.import_module("gancore.losses.adversarial").OBJECTIVES:
        assert YEAR.search(told[name]), name


@pytest.mark.parametrize("gan", [molgan.MolGAN, seqgan.SeqGAN], ids=lambda gan: gan.__name__)
@pytest.mark.parametrize("use", ["sample", "save", "save_pretrained"])
def test_without_weights_each_use_says_so(gan, use, tmp_path):
    argument = 1 if use == "sample" else tmp_path / "nothing"
    with pytest.raises(UserError, match="has no weights yet"):
        getattr(gan(), use)(argument)
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("program", ["molgan", "seqgan"])
def test_help_loads_nothing_heavy(program):
    """It shall be there at once: in a third of a second of CPU time, where torch alone takes several."""
    heavy = "{'torch', 'numpy', 'pandas', 'rdkit', 'pydantic', 'matplotlib', 'tokenizers'}"
    code = f"import sys, {program}.__main__ as m; sys.argv = ['{program}', '--help']\n"
    code += f"try: m.main()\nexcept SystemExit: print('loaded', sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "loaded []"
    assert "generate" in out
