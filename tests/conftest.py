import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import hypothesis
import pytest
import torch

import molgan.__main__
import seqgan
import seqgan.__main__
from gancore.runs import pretrained
from gancore.runs.folder import RunFolder
from gancore.runs.settings_keys import has
from molgan.data.dataset import MoleculeDataset, embedded, read_rows
from molgan.data.settings import DataConfig
from molgan.recipes.config import Config
from molgan.recipes.one_shot_config import AutoencoderConfig, OneShotModelConfig
from seqgan.networks.architectures import GeneratorConfig
from seqgan.recipes.config import LikelihoodConfig
from seqgan.recipes.reinforce import PolicyConfig
from seqgan.recipes.seqgan_config import SeqGANCriticConfig

# The same examples every time, so that a red test is the change's own; HYPOTHESIS_PROFILE=default looks for new ones.
hypothesis.settings.register_profile("same", derandomize=True, database=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(autouse=True)
def _one_seed():
    torch.manual_seed(0)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a benchmark's `main`; gives what it printed, line by line."""
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)

    def call(module, *arguments):
        monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
        module.main()
        return capsys.readouterr().out.splitlines()

    return call


@pytest.fixture(scope="session")
def qm9_smiles() -> list[str]:
    """Every 200th embedded molecule, the charged ones among them."""
    rows = [text for _, text in read_rows(embedded()) if text]
    return rows[::200]


@pytest.fixture(scope="session")
def small_data(qm9_smiles) -> MoleculeDataset:
    return MoleculeDataset.from_smiles(qm9_smiles, min_atom_share=0.005)


@pytest.fixture
def small_config() -> Config:
    """A run of a second: narrow networks, a few steps of each phase."""
    return Config(
        steps=6,
        batch=16,
        device="cpu",
        monitor_every=4,
        log_every=2,
        data=DataConfig(min_atom_share=0.005),
        model=OneShotModelConfig(
            noise=8, generator=(16,), critic=(16,), encoder=(16,), relational_layers=1, relational_width=8
        ),
        pretrain=AutoencoderConfig(steps=4, batch=16),
    )


@pytest.fixture
def small_text_config() -> seqgan.Config:
    """The same for text: likelihood, a dense critic alone, both in turns."""
    return seqgan.Config(
        steps=4,
        batch=8,
        device="cpu",
        monitor_every=2,
        log_every=2,
        model=GeneratorConfig(embedding=8, width=8),
        likelihood=LikelihoodConfig(epochs=1, batch=16),
        recipe="seqgan",
        critic=SeqGANCriticConfig("recurrent", embedding=8, width=8, pretrain=2, steps=1, pool=16),
        policy=PolicyConfig("dense"),
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of further data sets; tests that need it are skipped, saying so, where it is not."""
    folder = Path(os.environ.get("GAN_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no further data sets at {folder}; set GAN_DATA")
    return folder


class Killed(Exception):
    """What ends a run in `dying_after`."""


@pytest.fixture
def dying_after(monkeypatch):
    """`with dying_after(step):` a run that is trained there ends as soon as it has saved that step."""

    @contextmanager
    def dying(step: int) -> Iterator[None]:
        save = RunFolder.save

        def save_then_die(self, at, *state):
            save(self, at, *state)
            if at == step:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(RunFolder, "save", save_then_die)
            with pytest.raises(Killed):
                yield

    return dying


@pytest.fixture
def run_state():
    """Everything in a run's folder that must not depend on when it was stopped, to compare.

    Python's own generator is left out: the type checks of these tests draw from it.
    """

    def state(folder: Path) -> dict[str, object]:
        found: dict[str, object] = {}
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = str(path.relative_to(folder))
            if path.name == "values.json":
                found[name] = json.loads(path.read_text())
                del found[name]["random"]["python"]
            elif path.name == "manifest.json":
                found[name] = json.loads(path.read_text())["figures"]
            else:
                found[name] = path.read_bytes()
        return found

    return state


@pytest.fixture
def command_line(monkeypatch, capsys, tmp_path):
    """Make a caller of a program's `main` in an empty folder; it gives (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def caller(program, main):
        def call(*arguments):
            monkeypatch.setattr(sys, "argv", [program, *map(str, arguments)])
            try:
                main()
                code = 0
            except SystemExit as end:
                code = end.code or 0
            out, err = capsys.readouterr()
            return code, out, err

        return call

    return caller


# Pages of Markdown that do what they say -----------------------------------------------------------

MAINS = {"molgan": molgan.__main__.main, "seqgan": seqgan.__main__.main}
SHORT = {
    "molgan": (
        *("steps=2", "pretrain.steps=2", "monitor_every=4", "log_every=1", "model.noise=16", "model.generator=[32]"),
        *("model.critic=[32]", "model.encoder=[32]", "model.recurrent=32", "model.pair=16", "critic.pretrain=2"),
    ),
    "seqgan": ("steps=2", "likelihood.epochs=2", "critic.pretrain=2", "model.width=32", "critic.width=32"),
}
"""Settings that cut training short and networks small, wherever a page trains on the command line."""
ILLUSTRATION = re.compile(r"<!-- not run: (.+?) -->\n+$")
FENCED = re.compile(r"^```([\w{}-]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Page:
    """A page's fenced blocks, (language, text) in order; those after `<!-- not run: why -->` in `illustrations`."""

    def __init__(self, path: Path):
        self.path, self.text = path, path.read_text(encoding="utf-8")
        self.fenced: list[tuple[str, str]] = []
        self.illustrations: dict[str, str] = {}
        for found in FENCED.finditer(self.text):
            why = ILLUSTRATION.search(self.text[: found.start()])
            if why is not None:
                self.illustrations[found[2]] = why[1]
            else:
                self.fenced.append((found[1], found[2]))

    def blocks(self, language: str) -> list[str]:
        return [text for kind, text in self.fenced if kind == language]

    def commands(self, program: str, language: str = "") -> list[list[str]]:
        return [words for block in self.blocks(language) for words in self.words(block) if words[0] == program]

    @staticmethod
    def words(block: str) -> list[list[str]]:
        """The commands of a block, as words; comments are left out, and a line may go on after a backslash."""
        lines = block.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]


@pytest.fixture
def page():
    """`page(path)`: a page of Markdown."""
    return Page


def shortened(words: list[str]) -> list[str]:
    """The settings of SHORT that the recipe of a `train` command has; a bundled model to start from keeps its sizes."""
    options = dict(pairwise(words))
    program, start = words[0], options.get("--start")
    union = {"molgan": molgan.Config, "seqgan": seqgan.Config}[program]
    default = {"molgan": "default" if "--data" in words else "qm9", "seqgan": "small"}[program]
    name = options.get("--config") or (pretrained.settings(start, program) if start else default)
    chosen = [value for option, value in pairwise(words) if option == "--set" and value.startswith("recipe=")]
    kind = type(union.load(name, chosen))
    kept = ("model.", "likelihood.") if start in pretrained.bundled(program) else ()
    return [
        setting for setting in SHORT[program] if has(kind, setting.partition("=")[0]) and not setting.startswith(kept)
    ]


@pytest.fixture
def run_command(monkeypatch):
    """Run a command line in this process, its training cut short; it must end well."""

    def run(words: list[str]) -> None:
        program = words[0]
        short = shortened(words) if words[1] == "train" else ()
        monkeypatch.setattr(sys, "argv", words + [part for setting in short for part in ("--set", setting)])
        with pytest.raises(SystemExit) as end:
            MAINS[program]()
        assert not end.value.code, words

    return run
