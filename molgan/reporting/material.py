"""What a report is about: a list of molecules, a file, or draws of a run, with its provenance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from gancore.errors import DataError
from gancore.facade.conditions import Request
from gancore.reporting.origin import History, listing, of_file, of_run, training_of, versions
from gancore.runs.pretrained import is_model
from molgan.chemistry.identity import COMPARED, Policy
from molgan.data.inputs import read_named
from molgan.gan import MolGAN
from molgan.library.manifest import NAME
from molgan.library.query import LibraryFolder
from molgan.optimize.found import read_search
from molgan.optimize.journal import JOURNAL
from molgan.reporting.survey import ranked_by

_CURVES = (
    *("sample/connected", "sample/unique", "sample/novel", "sample/product"),
    *("sample/precision", "sample/recall", "critic/accuracy"),
)


@dataclass
class Material:
    """Strings to report on.

    names: by string, of a file that has some. source: the file they are rows of. scores: by string, where they were
    scored already by `scored_by`; they rank. sample: rows of a library, those that `texts` are of.
    """

    title: str
    texts: list[str | None]
    names: dict[str | None, str] = field(default_factory=dict)
    provenance: dict[str, object] = field(default_factory=dict)
    config: str = ""
    history: History | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    scored_by: str = ""
    policy: Policy = COMPARED
    source: Path | None = None
    model: MolGAN | None = None
    library: LibraryFolder | None = None
    sample: pd.DataFrame = field(default_factory=pd.DataFrame)


def gather(
    source: str | Path | Sequence[str | None],
    n: int,
    seed: int,
    column: str,
    condition: Request = MappingProxyType({}),
    guidance: float = 1.0,
) -> Material:
    """The material of a list, of a file's column, of a search, or of `n` draws of a run, a shared model or a library.

    condition, guidance: of the draws.
    """
    made_with = versions("torch", "rdkit")
    if not isinstance(source, (str, Path)):
        return Material("Molecules", list(source), provenance={"made_with": listing(made_with)})
    path = Path(source)
    if (path / JOURNAL).is_file():
        return _of_search(path, made_with)
    if (path / NAME).is_file():
        return _of_library(path, n, seed, made_with)
    if is_model(path, "molgan"):
        return _of_run(path, n, seed, made_with, condition, guidance)
    return _of_file(path, column, made_with)


def _of_search(path: Path, made_with: Mapping[str, object]) -> Material:
    """The hundred best of a folder that `optimize` wrote."""
    found = read_search(path)
    best = found.best()
    names = {smiles: f"call {call:,}" for smiles, call in zip(best["smiles"], best["call"], strict=True)}
    scores = dict(zip(best["smiles"], best["score"].astype(float), strict=True))
    figures = ", ".join(f"{name} {value:.4g}" for name, value in found.to_dict().items() if value is not None)
    provenance: dict[str, object] = {"search": path, "figures": figures, "reported with": listing(made_with)}
    note_text = f"{found.calls:,} calls of the score; of the molecules so far."
    history = History("Search", note_text, found.curves(), [])
    return Material(
        f"Search {path.name}",
        list(scores),
        dict(names),
        provenance,
        history=history,
        scores=scores,
        scored_by="the search",
    )


def _of_library(path: Path, n: int, seed: int, made_with: Mapping[str, object]) -> Material:
    """At most `n` random molecules of a library."""
    made = LibraryFolder(path)
    chosen = made.query(f"from library order by md5(smiles || '{seed}') limit {n}")
    if not len(chosen):
        raise DataError(f"{path}: holds no molecules to report on.")
    places = zip(chosen["seed"], chosen["shard"], chosen["draw"], strict=True)
    names = [f"seed {one}, shard {shard}, draw {draw}" for one, shard, draw in places]
    texts: list[str | None] = chosen["smiles"].tolist()
    provenance: dict[str, object] = {"library": path, "molecules": f"{len(texts):,} of {len(made):,}"}
    for number, run in enumerate(made.info()["runs"], 1):
        counts = {name: run["counts"][name] for name in ("samples", "invalid", "repeats", "known")}
        counts |= {name: run["counts"][name] for name in ("unscored",) if run["counts"][name]}
        counts |= {f"not {term}": count for term, count in run["counts"]["rejected"].items()}
        told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        provenance[f"run {number}"] = f"{run['model']}, {told}, kept {run['counts']['kept']:,}"
    provenance["reported with"] = listing(made_with)
    found = Material(f"Library {path.name}", texts, dict(zip(texts, names, strict=True)), provenance)
    found.library, found.sample = made, chosen
    if ranked_by(chosen) == "score":
        found.scored_by = "the library"
        found.scores = dict(zip(chosen["smiles"], chosen["score"].astype(float), strict=True))
    return found


def _of_file(path: Path, column: str, made_with: Mapping[str, object]) -> Material:
    rows = list(read_named(path, column))
    names = {row.smiles: row.name for row in rows if row.name}
    return Material(path.name, [row.smiles for row in rows], names, of_file(path, made_with), source=path)


def _of_run(
    path: Path, n: int, seed: int, made_with: Mapping[str, object], condition: Request, guidance: float
) -> Material:
    gan = MolGAN.load(path)
    provenance = of_run(gan, path, n, seed, made_with)
    if condition:
        provenance["request"] = listing(condition)
        provenance["guidance"] = f"{guidance:g}"
    history = training_of(path, _CURVES, "each figure of raw draws, as the monitors saw it.")
    drawn = gan.sample(n, seed, condition=condition, guidance=guidance)
    return Material(f"Run {path.name}", drawn, {}, provenance, gan.config.dump(), history, policy=gan.policy, model=gan)
