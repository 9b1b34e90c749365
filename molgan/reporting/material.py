"""What a report is about: a list of molecules, a file, or draws of a run, with its provenance."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

from gancore.facade.conditions import Request
from gancore.io.text_files import name_of
from gancore.runs.compare import Run
from gancore.runs.pretrained import is_model
from molgan.chemistry.identity import COMPARED, Policy
from molgan.data.inputs import read_named
from molgan.gan import MolGAN


@dataclass
class Material:
    """Strings to report on. names: by string, of a file that has some. source: the file they are rows of."""

    title: str
    texts: list[str | None]
    names: dict[str | None, str] = field(default_factory=dict)
    provenance: dict[str, object] = field(default_factory=dict)
    config: str = ""
    run: Run | None = None
    policy: Policy = COMPARED
    source: Path | None = None
    model: MolGAN | None = None


def gather(
    source: str | Path | Sequence[str | None],
    n: int,
    seed: int,
    column: str,
    condition: Request = MappingProxyType({}),
    guidance: float = 1.0,
) -> Material:
    """The material of a list, of a file's column, or of `n` draws of a run or a shared model.

    condition, guidance: of the draws.
    """
    versions = {name: version(name) for name in ("discretegan", "torch", "rdkit")} | {
        "python": platform.python_version()
    }
    if not isinstance(source, (str, Path)):
        return Material("Molecules", list(source), provenance={"versions": _listing(versions)})
    path = Path(source)
    if is_model(path, "molgan"):
        return _of_run(path, n, seed, versions, condition, guidance)
    return _of_file(path, column, versions)


def _of_file(path: Path, column: str, versions: Mapping[str, object]) -> Material:
    rows = list(read_named(path, column))
    provenance: dict[str, object] = {"file": name_of(path), "versions": _listing(versions)}
    if path.is_file():  # a pipe is read once
        provenance["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    names = {row.smiles: row.name for row in rows if row.name}
    return Material(path.name, [row.smiles for row in rows], names, provenance, source=path)


def _of_run(
    path: Path, n: int, seed: int, versions: Mapping[str, object], condition: Request, guidance: float
) -> Material:
    gan = MolGAN.load(path)
    training = gan.provenance
    provenance = {
        "run": path,
        "draws": f"{n:,}, seed {seed}",
        "seed of training": gan.config.seed,
        "data": _listing(training["data"]),
        "trained with": _listing(training["versions"]) + f", python {training['python']}",
        "reported with": _listing(versions),
    }
    if condition:
        provenance["request"] = _listing(condition)
        provenance["guidance"] = f"{guidance:g}"
    run = Run.read(path) if (path / "config.toml").is_file() else None
    drawn = gan.sample(n, seed, condition=condition, guidance=guidance)
    return Material(f"Run {path.name}", drawn, {}, provenance, gan.config.dump(), run, policy=gan.policy, model=gan)


def _listing(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
