"""Where samples are from: versions, the run they were drawn of, the file they were read from, how training went."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gancore.io.text_files import name_of
from gancore.runs.compare import Run


@dataclass
class History:
    """How samples came about: the heading, a note, figures over steps or calls, events."""

    title: str
    note: str
    curves: Mapping[str, Sequence[tuple[int, float]]]
    events: Sequence[str] = ()


def listing(values: Mapping[str, object]) -> str:
    """Names and values in one line.

    >>> listing({"lines": 3, "valid": 1})
    'lines 3, valid 1'
    """
    return ", ".join(f"{name} {value}" for name, value in values.items())


def versions(*packages: str) -> dict[str, str]:
    """Versions of this package, of `packages` and of Python, by name."""
    return {name: version(name) for name in ("discretegan", *packages)} | {"python": platform.python_version()}


def of_file(path: Path, made_with: Mapping[str, object]) -> dict[str, object]:
    """The provenance of a file's rows: its name, its digest unless it is a pipe, and the versions at hand."""
    provenance: dict[str, object] = {"file": name_of(path), "versions": listing(made_with)}
    if path.is_file():  # a pipe is read once
        provenance["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return provenance


def of_run(gan: Any, source: str | Path, n: int, seed: int, made_with: Mapping[str, object]) -> dict[str, object]:
    """The provenance of `n` draws of a trained model: its data, its seed, and the versions of training and now."""
    training = gan.provenance
    return {
        "run": source,
        "draws": f"{n:,}, seed {seed}",
        "seed of training": gan.config.seed,
        "data": listing(training["data"]),
        "trained with": listing(training["versions"]) + f", python {training['python']}",
        "reported with": listing(made_with),
    }


def training_of(path: Path, names: Sequence[str], note: str) -> History | None:
    """How the training of a run folder went, by the figures with these names; None for a shared model.

    note: what the figures are of.
    """
    if not (path / "config.toml").is_file():
        return None
    run = Run.read(path)
    shown = {name: run.curves[name] for name in names if name in run.curves}
    return History("Training", f"{run.steps:,} steps; {note}", shown, run.events)
