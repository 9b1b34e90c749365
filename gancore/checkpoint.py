"""Checkpoints: tensors as safetensors, the rest as JSON, never pickle; whole or not there.

A checkpoint is one folder. It is written beside its place under a temporary name and renamed, so
a reader finds the old one or the new one and nothing between. The same state gives the same bytes.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim import Optimizer

from gancore.errors import CheckpointError

FORMAT = 1


def save(folder: Path, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
    """Write `tensors` and JSON-able `values` as the checkpoint `folder`, replacing one that is there.

    Raises OSError when the place cannot be written; whatever was there then remains.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(folder.name + ".new.tmp")
    stale = folder.with_name(folder.name + ".old.tmp")
    exists(folder)
    for leftover in (fresh, stale):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir()
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    save_file(contiguous, fresh / "tensors.safetensors")
    (fresh / "values.json").write_text(json.dumps(values, indent=1, sort_keys=True))
    digests = {path.name: _sha256(path) for path in sorted(fresh.iterdir())}
    (fresh / "manifest.json").write_text(json.dumps({"format": FORMAT, "sha256": digests}, indent=1))
    for path in (*fresh.iterdir(), fresh):
        _flush(path)
    if folder.exists():
        folder.rename(stale)
    fresh.rename(folder)
    _flush(folder.parent)
    shutil.rmtree(stale, ignore_errors=True)


def exists(folder: Path) -> bool:
    """Whether there is a checkpoint; puts the old one back where a save was killed between its two renames."""
    folder = Path(folder)
    stale = folder.with_name(folder.name + ".old.tmp")
    if stale.exists() and not folder.exists():
        stale.rename(folder)
    return folder.exists()


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    fresh = Path(path).with_name(Path(path).name + ".tmp")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def load(folder: Path, device: torch.device | str = "cpu") -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read a checkpoint back: `(tensors, values)`.

    Raises CheckpointError when a file is missing, damaged, or of a later format.
    """
    folder = Path(folder)
    exists(folder)
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except FileNotFoundError:
        raise CheckpointError(f"{folder}: no checkpoint here (manifest.json is missing).") from None
    except json.JSONDecodeError:
        raise CheckpointError(f"{folder}/manifest.json: damaged, not JSON.") from None
    if manifest.get("format") != FORMAT:
        raise CheckpointError(f"{folder}: checkpoint format {manifest.get('format')}, this version reads {FORMAT}.")
    for name, digest in manifest["sha256"].items():
        if not (folder / name).is_file() or _sha256(folder / name) != digest:
            raise CheckpointError(f"{folder}/{name}: missing or damaged (its sha256 is not the manifest's).")
    tensors = load_file(folder / "tensors.safetensors", device=str(device))
    return tensors, json.loads((folder / "values.json").read_text())


def pack(modules: dict[str, nn.Module], optimizers: dict[str, Optimizer]) -> dict[str, torch.Tensor]:
    """Everything tensor-shaped that training needs to go on, flat, by name."""
    tensors = {f"{name}/{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}
    for name, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"{name}.optimizer/{index}/{key}"] = torch.as_tensor(value)
    return tensors


def unpack(tensors: dict[str, torch.Tensor], modules: dict[str, nn.Module], optimizers: dict[str, Optimizer]) -> None:
    """Put what `pack` took back; raises CheckpointError when names or shapes do not match."""
    for name, module in modules.items():
        prefix = f"{name}/"
        own = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        try:
            module.load_state_dict(own)
        except RuntimeError:
            raise CheckpointError(
                f"checkpoint does not fit the model {name!r}: it has other layers or sizes."
            ) from None
    for name, optimizer in optimizers.items():
        prefix = f"{name}.optimizer/"
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith(prefix):
                index, field = key.removeprefix(prefix).split("/")
                state.setdefault(int(index), {})[field] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def generator_states(device: torch.device) -> dict[str, torch.Tensor]:
    """The state of torch's global generators, for a resume that goes on bit for bit."""
    states = {"random/cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["random/cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_generator_states(states: dict[str, torch.Tensor], device: torch.device) -> None:
    """Put `generator_states` back; a CUDA state on a machine without CUDA is left out."""
    torch.set_rng_state(states["random/cpu"].cpu())
    if device.type == "cuda" and "random/cuda" in states:
        torch.cuda.set_rng_state(states["random/cuda"].cpu(), device)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
