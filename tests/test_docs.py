"""The documentation does what it says: blocks and commands run, names and files are there, messages are the code's."""

import ast
import dataclasses
import gzip
import importlib
import re
from pathlib import Path

import pytest

import molgan
import seqgan
from gancore.io import config as toml
from gancore.io.fasta import fasta_lines
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.penalties import PENALTIES
from gancore.sampling.estimators import ESTIMATORS
from molgan.metrics import GROUPS
from molgan.recipes import RECIPES as GRAPHS
from molgan.scoring.benchmarks import SCORES
from molgan.scoring.definition import AGGREGATES, ScoreFile
from molgan.scoring.desirability import SHAPES
from molgan.scoring.properties import FINGERPRINTS, MAKERS, PROPERTIES
from seqgan.data.dialects import pairs
from seqgan.data.grammar import corpus
from seqgan.data.peptides import amphipathic
from seqgan.recipes import RECIPES as TEXTS
from seqgan.scoring.proteins import ProteinScoreFile

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("**/*.md"))
READMES = [ROOT / folder / "README.md" for folder in (".", "data", "notebooks")]
ELSEWHERE = {"make", "pip", "torchrun"}
"""Programs of blocks that are not ours to run."""
FILE = re.compile(r"# ([\w/]+\.\w+)\n")
MOST = {"-n": 60, "--budget": 20}
"""What makes commands short: the largest number of an option."""


@pytest.fixture(params=PAGES, ids=lambda path: str(path.relative_to(ROOT / "docs")))
def document(request, page):
    return page(request.param)


@pytest.fixture
def at_work(tmp_path, monkeypatch, qm9_smiles):
    """A folder with what the commands of the pages begin with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    small = sorted(qm9_smiles, key=len)[:100]
    molecules = "\n".join(small[:60])
    held, leads = "\n".join(small[60:]), "\n".join(small[-3:])
    for name, text in (("mols.smi", molecules), ("new.smi", molecules), ("held.smi", held), ("leads.smi", leads)):
        (tmp_path / name).write_text(text)
    for name, seed in (("lines.txt", 0), ("new.txt", 1)):
        (tmp_path / name).write_text("\n".join(corpus(200, seed)))
    (tmp_path / "peptides.fasta").write_text("\n".join(fasta_lines(amphipathic(100))))
    pairs(200).to_csv(tmp_path / "pairs.csv", index=False)
    cells = "".join(f"{text},{len(text) / 3:.2f}\n" for text in small[:60])
    (tmp_path / "assay.csv").write_text(f"smiles,pIC50\n{cells}")
    (tmp_path / "data").mkdir()
    with gzip.open(tmp_path / "data" / "qm9.smi.gz", "wt") as out:
        out.write(molecules)
    return tmp_path


def test_its_blocks_run_in_their_order(document, at_work, run_command, capsys):
    """A block that begins with the name of a file is that file; draws are few, and training is short."""
    names = {}
    for kind, text in document.fenced:
        named = FILE.match(text)
        if named is not None:
            (at_work / named[1]).write_text(text)
        if kind == "python" and named is None:
            exec(compile(text, document.path.name, "exec"), names)
        elif kind == "bash":
            run_block(document.words(text), run_command)
        elif kind == "toml":
            check_settings(text)
        else:
            assert kind in ("python", "text", "{toctree}", "{eval-rst}"), kind


def run_block(commands, run_command):
    for words in commands:
        if words[0] in ("molgan", "seqgan"):
            fewer = [
                str(min(int(word), MOST[before])) if before in MOST else word
                for before, word in zip(["", *words], words, strict=False)
            ]
            builds = words[:2] == ["molgan", "library"] and words[2] not in ("query", "export", "merge", "info")
            run_command([*fewer, "--draws", "200"] if builds else fewer)
        else:
            assert words[0] in ELSEWHERE, words


def check_settings(text):
    """A block of TOML is a score, or settings of both programs or of molgan's."""
    path = Path("block.toml")
    path.write_text(text)
    if re.search(r"^\[\[?score", text, re.MULTILINE):
        kind = ProteinScoreFile if text.startswith("# peptides") else ScoreFile
        assert toml.load(kind, path).score.components
        return
    assert molgan.Config.load(path).watch
    if "[reward" not in text:
        assert seqgan.Config.load(path).watch


def test_what_is_not_run_is_little_and_says_why(page):
    left = [(path.name, why) for path in PAGES for why in page(path).illustrations.values()]
    assert {name for name, _ in left} <= {"plugins.md", "hardware.md", "share.md", "text.md"}
    assert len(left) == 6


# How the pages are written -----------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, *READMES], ids=lambda path: str(path.relative_to(ROOT)))
def test_numbers_have_a_leading_zero(path):
    """In prose and tables; code is as it is."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert not [found[0].strip() for found in re.finditer(r".{,20}(?<![\w.)\]])\.\d.{,20}", prose)]


def test_the_front_page_has_three_doors(page):
    """Each an ordered list whose items lead to a page, or name a file of the repository."""
    index = page(ROOT / "docs/index.md").text
    doors = re.findall(r"^## (I .+)\n\n((?:\d\. .+\n)+)", index, re.MULTILINE)
    assert [name.split()[-1] for name, _ in doors] == ["chemist", "generation", "developer"]
    for _, items in doors:
        rows = items.splitlines()
        assert 4 <= len(rows) <= 7
        assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
        assert all(re.search(r"\]\([\w/-]+\.md\)|`CONTRIBUTING.md`", row) for row in rows)


def test_every_page_is_in_the_table_of_contents(page):
    listed = {
        name for kind, text in page(ROOT / "docs/index.md").fenced if kind == "{toctree}" for name in text.split()
    }
    there = {str(path.relative_to(ROOT / "docs").with_suffix("")) for path in PAGES} - {"index"}
    assert not there - listed


def test_the_glossary_has_fourteen_terms_in_order():
    terms = re.findall(r"^## (.+)$", (ROOT / "docs/glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(terms) == 14
    assert terms == sorted(terms, key=str.lower)


# What the pages name ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written():
    return "\n".join(path.read_text(encoding="utf-8") for path in PAGES)


TABLES = {
    "molgan": [f"molgan.{name}" for name in molgan.__all__],
    "seqgan": [f"seqgan.{name}" for name in seqgan.__all__],
    "objectives": OBJECTIVES,
    "penalties": PENALTIES,
    "estimators": ESTIMATORS,
    "recipes of molecules": GRAPHS,
    "recipes of text": TEXTS,
    "properties": PROPERTIES,
    "properties that ask": MAKERS,
    "fingerprints": FINGERPRINTS,
    "shapes": SHAPES,
    "aggregates": AGGREGATES,
    "scores": SCORES,
    "groups of figures": GROUPS,
    "configurations": [*toml.bundled("molgan"), *toml.bundled("seqgan")],
}


@pytest.mark.parametrize("table", TABLES)
def test_every_public_name_is_there(written, table):
    assert not [name for name in TABLES[table] if f"`{name}`" not in written]


@pytest.mark.parametrize("name", molgan.__all__)
def test_every_public_name_of_molgan_has_its_reference(name):
    assert re.search(rf"^\.\. auto\w+:: molgan\.{name}$", (ROOT / "docs/api/molgan.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", seqgan.__all__)
def test_every_public_name_of_seqgan_has_its_reference(name):
    assert re.search(rf"^\.\. auto\w+:: seqgan\.{name}$", (ROOT / "docs/api/seqgan.md").read_text(), re.MULTILINE)


HALVES = ("gancore", "molgan", "seqgan")


@pytest.mark.parametrize("half", HALVES)
def test_every_module_has_its_reference_and_an_introduction(half):
    """Modules of the packages of each half; its front door is told by the public names."""
    text = (ROOT / f"docs/api/{half}.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\.\. automodule:: ([\w.]+)$", text, re.MULTILINE))
    paths = [path for path in (ROOT / half).glob("*/*.py") if path.stem != "__init__"]
    modules = {f"{half}.{path.parent.name}.{path.stem}" for path in paths}
    assert told - {"gancore.types", "gancore.errors"} == modules
    introduced = re.findall(
        r"^### ([\w.]+)\n\n(?!```).+\n\n```\{eval-rst\}\n\.\. automodule:: ([\w.]+)$", text, re.MULTILINE
    )
    assert {module for title, module in introduced if module.endswith(title)} == told
    packages = re.findall(r"^## ([\w.]+)\n\n\w", text, re.MULTILINE)
    assert {module.rpartition(".")[0] for module in modules} == set(packages)


def test_every_file_it_names_exists(document):
    """Files of the repository in code marks, and pages and pictures that links lead to."""
    code = re.findall(r"`((?:molgan|seqgan|gancore|docs|data|tests|benchmarks|notebooks)/[\w./-]*)`", document.text)
    links = re.findall(r"\]\(((?!http)[\w./-]+)\)", document.text)
    places = [ROOT / name for name in code] + [document.path.parent / name for name in links]
    assert not [place for place in places if not place.exists()]


@pytest.mark.parametrize(
    "module",
    [
        *(f"molgan.recipes.{name}" for name in ("config", "one_shot_config", "autoregressive_config", "molgan")),
        *(f"seqgan.recipes.{name}" for name in ("config", "seqgan_config", "reinforce", "external_reward")),
        *(f"seqgan.recipes.{name}" for name in ("mle", "gumbel", "residual", "gad", "leakgan", "judged_sampling")),
        *(f"seqgan.recipes.{name}" for name in ("pix2pix", "cyclegan", "stargan", "maskgan")),
        *(f"seqgan.recipes.{name}" for name in ("translation", "unpaired")),
        "seqgan.networks.translator",
        *("molgan.data.settings", "seqgan.data.settings", "seqgan.networks.architectures", "seqgan.networks.critics"),
        "molgan.scoring.definition",
        "gancore.rewards.desirability",
        "seqgan.scoring.proteins",
        "gancore.training.settings",
        "gancore.losses.settings",
    ],
)
def test_every_table_of_settings_is_told(module):
    held = vars(importlib.import_module(module)).items()
    classes = {name: kind for name, kind in held if isinstance(kind, type) and kind.__module__ == module}
    tables = {name for name, kind in classes.items() if dataclasses.is_dataclass(kind)}
    told = re.findall(rf"<!-- settings: {module} (.+) -->", (ROOT / "docs/api/settings.md").read_text())
    assert tables - {"ScoreFile", "ProteinScoreFile"} == set(", ".join(told).split(", "))


# Messages ---------------------------------------------------------------------------------------


def literals(folder):
    """Every string of the code; what a formatted one puts in is a NUL."""
    for path in sorted((ROOT / folder).glob("**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)


def test_every_message_is_one_of_the_code():
    quoted = re.findall(r"^\*\*`(.+)`\*\*$", (ROOT / "docs/troubleshooting.md").read_text(), re.MULTILINE)
    assert len(quoted) >= 20
    code = [text for folder in ("gancore", "molgan", "seqgan") for text in literals(folder)]
    for message in quoted:
        spelt = re.escape(re.sub(r"<\w+>", "\0", message)).replace("\0", "[\0]+")
        assert any(re.fullmatch(spelt, text) for text in code), message
