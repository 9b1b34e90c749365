"""Checkpoints: tensors as safetensors, the rest as JSON, never pickle; whole or not there.

A checkpoint is one folder. It is written beside its place under a temporary name, flushed to disk and renamed, so a
reader finds it whole or not at all. The same state gives the same bytes. Reading never executes anything, and believes
nothing: names, sizes and digests are checked before a file is parsed, shapes before memory is taken.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim import Optimizer
from torch.overrides import TorchFunctionMode

from gancore.errors import CheckpointError
from gancore.io.platforms import flush
from gancore.runs.checked_files import as_os_error, read_json, sha256_of, shapes_of, size_of

State = tuple[dict[str, torch.Tensor], dict[str, Any]]


@runtime_checkable
class Networks(Protocol):
    """What has weights and optimisers."""

    modules: dict[str, nn.Module]

    @property
    def optimizers(self) -> dict[str, Optimizer]:
        """By name, every one with state."""
        ...

    @property
    def sampling_modules(self) -> tuple[str, ...]:
        """Names of the modules that sampling needs beside the generator."""
        ...


N = TypeVar("N", bound=Networks)

FORMAT = 2
_TENSORS, VALUES, _MANIFEST = "tensors.safetensors", "values.json", "manifest.json"


def save(
    folder: Path, tensors: dict[str, torch.Tensor], values: dict[str, Any], figures: dict[str, float] | None = None
) -> None:
    """Write `tensors` and JSON-able `values` as the checkpoint `folder`, replacing one that is there.

    figures: what was last measured, kept in the manifest so that checkpoints can be compared without reading them.
    Raises OSError when the place cannot be written; whatever was there then remains.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(folder.name + ".new.tmp")
    stale = folder.with_name(folder.name + ".old.tmp")
    exists(folder)
    for leftover in (fresh, stale):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        fresh.mkdir()
        (fresh / VALUES).write_text(json.dumps(values, indent=1, sort_keys=True))
        contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
        with as_os_error(fresh / _TENSORS):
            save_file(contiguous, fresh / _TENSORS)
        files = {
            path.name: {"sha256": sha256_of(path), "bytes": path.stat().st_size} for path in sorted(fresh.iterdir())
        }
        manifest = {"format": FORMAT, "files": files, "figures": dict(sorted((figures or {}).items()))}
        (fresh / _MANIFEST).write_text(json.dumps(manifest, indent=1))
        for path in (*fresh.iterdir(), fresh):
            flush(path)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)  # a full disk gets its space back
        raise
    if folder.exists():
        folder.rename(stale)
    fresh.rename(folder)
    flush(folder.parent)
    shutil.rmtree(stale, ignore_errors=True)


def save_once(folder: Path, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
    """`save` what several processes may work out at the same time: what is there whole already stays.

    Raises OSError as `save` does.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", suffix=".tmp", dir=folder.parent) as aside:
        made = Path(aside) / "made"
        save(made, tensors, values)
        try:
            made.rename(folder)
        except OSError:
            with suppress(CheckpointError):
                read(folder)
                return
            shutil.rmtree(folder, ignore_errors=True)  # damaged
            made.rename(folder)


def exists(folder: Path) -> bool:
    """Whether there is a checkpoint; puts the old one back where a save was killed between its two renames."""
    folder = Path(folder)
    stale = folder.with_name(folder.name + ".old.tmp")
    if stale.exists() and not folder.exists():
        stale.rename(folder)
    return folder.exists()


def remove(folder: Path) -> None:
    """Remove a checkpoint, or what is left of one; a kill in between leaves none that looks whole."""
    gone = folder if folder.name.endswith(".tmp") else folder.with_name(folder.name + ".gone.tmp")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


@dataclass
class CheckpointFile:
    """A checkpoint whose files are whole: its values, the shapes of its tensors, and how to fetch those.

    weights: the file they are in. figures: what was last measured when it was written. whole: whether it is a state of
    training, or only what can be sampled from (`gancore.runs.pretrained`).
    """

    folder: Path
    values: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]
    weights: Path
    figures: dict[str, float] = field(default_factory=dict)
    whole: bool = True

    def tensors(self, device: torch.device | str = "cpu") -> dict[str, torch.Tensor]:
        """All tensors, on the device."""
        return load_file(self.weights, device=str(device))

    def part(self, *names: str) -> dict[str, torch.Tensor]:
        """The tensors whose names begin with one of these, up to a slash; no other is loaded."""
        with safe_open(self.weights, framework="pt") as file:
            found = [key for key in self.shapes if key.split("/")[0] in names]
            return {key: file.get_tensor(key) for key in found}

    @contextmanager
    def as_checkpoint_error(self) -> Iterator[None]:
        """Turns whatever goes wrong inside, where the values are made use of, into a CheckpointError."""
        try:
            yield
        except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
            why = " ".join(f"{type(error).__name__}: {error}".split())
            where = self.folder / VALUES if self.whole else self.weights
            raise CheckpointError(
                f"{where}: does not hold what a model needs ({why:.100}); "
                "it was not written by this program or has been changed."
            ) from None


def read(folder: Path) -> CheckpointFile:
    """Check a checkpoint and read its values; no tensor is loaded yet.

    Raises CheckpointError, one sentence, for a file that is missing, damaged, no plain file or of another format.
    """
    folder = Path(folder)
    exists(folder)
    if not os.path.lexists(folder / _MANIFEST):
        raise CheckpointError(f"{folder}: no checkpoint here ({_MANIFEST} is missing).")
    manifest = read_json(folder / _MANIFEST)
    if manifest.get("format") != FORMAT:
        raise CheckpointError(
            f"{folder}: checkpoint format {manifest.get('format')!r:.40}, this version reads {FORMAT}."
        )
    files = manifest.get("files")
    if not isinstance(files, dict) or set(files) != {_TENSORS, VALUES}:
        raise CheckpointError(f"{folder}/{_MANIFEST}: damaged, it must list {_TENSORS} and {VALUES} and no other file.")
    for name, expected in files.items():
        path = folder / name
        size = size_of(path)
        if not isinstance(expected, dict) or size != expected.get("bytes"):
            raise CheckpointError(f"{path}: damaged, it has {size:,} bytes and not those of the manifest.")
        if name == _TENSORS:
            shapes = shapes_of(path)  # before the digest: a header that lies is found without reading the rest
        if sha256_of(path) != expected.get("sha256"):
            raise CheckpointError(f"{path}: damaged, its sha256 is not the manifest's.")
    figures = manifest.get("figures")
    figures = {str(k): float(v) for k, v in figures.items() if isinstance(v, (int, float))} if figures else {}
    return CheckpointFile(folder, read_json(folder / VALUES), shapes, folder / _TENSORS, figures)


def pack(modules: dict[str, nn.Module], optimizers: dict[str, Optimizer]) -> dict[str, torch.Tensor]:
    """Everything tensor-shaped that training needs to go on, flat, by name."""
    tensors = {f"{name}/{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}
    for name, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"{name}.optimizer/{index}/{key}"] = torch.as_tensor(value)
    return tensors


def refuse_misfit(
    shapes: dict[str, tuple[int, ...]], modules: dict[str, nn.Module], where: Path | str = "checkpoint"
) -> None:
    """Raise CheckpointError unless the stored shapes are those of the modules, which may be on the meta device."""
    for name, module in modules.items():
        prefix = f"{name}/"
        own = {key.removeprefix(prefix): shape for key, shape in shapes.items() if key.startswith(prefix)}
        if own != {key: tuple(value.shape) for key, value in module.state_dict().items()}:
            raise CheckpointError(f"{where}: does not fit the model {name!r}: it has other layers or sizes.")


def revive(stored: CheckpointFile, build: Callable[[torch.device], N], device: torch.device) -> tuple[N, State]:
    """`build(device)` with the stored weights, and the whole stored state; shapes are checked before memory is taken.

    build: makes what has `modules` and `optimizers`. Raises CheckpointError when the weights are not of its shapes.
    """
    refuse_misfit(stored.shapes, sized(stored, build).modules, stored.folder)
    networks, tensors = build(device), stored.tensors(device)
    unpack(tensors, networks.modules, networks.optimizers)
    return networks, (tensors, stored.values)


def sized(stored: CheckpointFile, build: Callable[[torch.device], N]) -> N:
    """`build` on the meta device: shapes without memory. Raises CheckpointError where even these are too much."""
    try:
        with torch.device("meta"), _Blank():
            return build(torch.device("meta"))
    except (RuntimeError, MemoryError):
        raise CheckpointError(f"{stored.folder}: its configuration asks for networks that nothing can hold.") from None


class _Blank(TorchFunctionMode):
    """Leaves new weights blank: to draw them on the meta device, torch imports its compiler, which takes seconds."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        given = kwargs or {}
        if getattr(func, "__module__", "") == nn.init.__name__:
            return given["tensor"] if "tensor" in given else args[0]
        return func(*args, **given)


def unpack(tensors: dict[str, torch.Tensor], modules: dict[str, nn.Module], optimizers: dict[str, Optimizer]) -> None:
    """Put what `pack` took back; raises CheckpointError when names or shapes do not match."""
    refuse_misfit({name: tuple(tensor.shape) for name, tensor in tensors.items()}, modules)
    for name, module in modules.items():
        prefix = f"{name}/"
        module.load_state_dict(
            {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        )
    for name, optimizer in optimizers.items():
        own = {key.split("/", 1)[1]: value for key, value in tensors.items() if key.startswith(f"{name}.optimizer/")}
        optimizer.load_state_dict({"state": _moments(name, own, optimizer)} | _groups(optimizer))


def _moments(name: str, tensors: dict[str, torch.Tensor], optimizer: Optimizer) -> dict[int, dict[str, torch.Tensor]]:
    """The state of an optimizer by parameter number; each tensor is of its parameter's shape, or a number."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        index, _, field_name = key.partition("/")
        number = int(index) if index.isdecimal() else len(parameters)
        if number >= len(parameters) or value.shape not in (parameters[number].shape, torch.Size([])):
            raise CheckpointError(f"checkpoint does not fit the optimizer {name!r}: {key} has no parameter to go with.")
        state.setdefault(number, {})[field_name] = value
    return state


def _groups(optimizer: Optimizer) -> dict[str, Any]:
    return {"param_groups": optimizer.state_dict()["param_groups"]}
