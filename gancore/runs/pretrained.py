"""Models to share: one safetensors file that can be sampled from, and the card that says what it is.

The file holds the averaged weights, and a critic's where sampling asks it; configuration, vocabulary and provenance
are its metadata. It is read as checkpoints are: nothing is executed, sizes, digest and shapes are checked before memory
is taken.
"""

import hashlib
import json
import re
from collections.abc import Callable, Container, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from gancore.errors import CheckpointError, RunError
from gancore.io.atomic_write import whole, write_text
from gancore.runs import checkpoint
from gancore.runs.checked_files import as_os_error
from gancore.runs.checkpoint import CheckpointFile, N, State
from gancore.runs.config import RunConfig
from gancore.runs.folder import RunFolder
from gancore.runs.folder import find as find_run
from gancore.runs.model_card import About, card
from gancore.statistics.evaluation import Evaluation

FILE, CARD = "model.safetensors", "README.md"
_FORMAT, _KEY = 1, "discretegan"
_AVERAGED, _GENERATOR = "averaged", "generator"
_MOST_METADATA = 64 * 2**20  # bytes
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def write(
    folder: str | Path,
    config: RunConfig,
    state: State,
    about: About,
    figures: Evaluation | None,
    compact: bool = False,
    also: tuple[str, ...] = (),
) -> None:
    """Write the model to share from a state of training: FILE, config.toml, and the card with `figures` in it.

    compact: round the weights to 16 bits. also: modules that sampling needs beside the generator. Raises RunError for
    the folder of a run, OSError when the place cannot be written.
    """
    folder = Path(folder)
    refuse_run(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors, values = state
    shared = (_drawn_from({name.split("/")[0] for name in tensors}), *also)
    kept = {
        name: (tensor.half() if compact and tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in tensors.items()
        if name.split("/")[0] in (*shared, "sizes", "examples", "exemplars")
    }
    told = ("config", "vocabulary", "length", "groups", "conditions", "provenance", "step")
    values = {key: values[key] for key in told if key in values} | {"half": about.half}
    pack(folder / FILE, kept, values)
    write_text(folder / "config.toml", config.dump())
    write_text(folder / CARD, card(config, values, about, figures))


def refuse_run(folder: Path) -> None:
    """Raise RunError for the folder of a run: a model in it would be loaded in its place."""
    if RunFolder(folder).checkpoints.is_dir():
        raise RunError(f"{folder}: is the folder of a run; give another for the model to share.")


def _drawn_from(modules: Container[str]) -> str:
    """The module that is sampled from."""
    return _AVERAGED if _AVERAGED in modules else _GENERATOR


def pack(file: Path, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
    """Write one file, whole or not at all; the same content gives the same bytes, so it has one entry of metadata."""
    told = {"format": _FORMAT, "sha256": _digest(values, tensors), "values": values}
    with whole(file) as fresh, as_os_error(fresh):
        save_file(tensors, fresh, {_KEY: json.dumps(told, sort_keys=True)})
        fresh.chmod(0o644)  # a model to share; safetensors makes it its owner's alone


def bundled(half: str) -> dict[str, Path]:
    """The models that come with a package, by name: the folders of its folder `trained`."""
    home = Path(str(resources.files(half))) / "bundled" / "trained"
    return {path.parent.name: path.parent for path in sorted(home.glob(f"*/{FILE}"))}


def is_model(source: str | Path, half: str) -> bool:
    """Whether `find` would take this for a model, trained or shared, and not for a file of rows."""
    path = Path(source)
    return path.is_dir() or path.suffix == ".safetensors" or (not path.exists() and str(path) in bundled(half))


def settings(source: str | Path, half: str) -> Path:
    """The config.toml of a run folder, a shared model or a bundled one. Raises RunError where there is none."""
    folder = _place(source, half)
    found = (folder.parent if folder.is_file() else folder) / "config.toml"
    if not found.is_file():
        raise RunError(f"{source}: no run here, it has no config.toml; give the folder of a run or of a model.")
    return found


def _place(source: str | Path, half: str) -> Path:
    """The path of a model, that of a bundled one by its name; raises RunError where there is nothing."""
    path, known = Path(source), bundled(half)
    if path.exists():
        return path
    if str(source) not in known:
        there = f" (models that come with {half}: {', '.join(known)})" if known else ""
        raise RunError(f"{path}: no run here, there is no such folder{there}; train one first.")
    return known[str(source)]


def find(source: str | Path, which: str, half: str) -> CheckpointFile:
    """What to load: a run folder or its checkpoint, a shared model's folder or file, or the name of a bundled one.

    Raises RunError or CheckpointError, one sentence each.
    """
    path = _place(source, half)
    shared = path if path.is_file() else path / FILE
    if not shared.is_file():
        stored = find_run(path, which)
        if stored.values.get("half", half) != half:
            raise RunError(f"{path}: is a run of {stored.values['half']!s:.20}, not of {half}.")
        return stored
    if which != "last":
        raise RunError(f"{path}: is one model and no run, so there is no checkpoint {which!r} of it.")
    return read(shared, half)


def read(file: Path, half: str) -> CheckpointFile:
    """Check a shared model; no network is made yet. Raises CheckpointError, one sentence, for any other file."""
    told, shapes = _checked(file)
    stored = CheckpointFile(file.parent, told["values"], shapes, weights=file, whole=False)
    if _digest(stored.values, stored.tensors()) != told.get("sha256"):
        raise CheckpointError(f"{file}: damaged, its sha256 is not the one it was written with.")
    if stored.values.get("half") != half:
        raise CheckpointError(f"{file}: is a model of {stored.values.get('half')!s:.20}, not of {half}.")
    return stored


def _checked(file: Path) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """What the metadata of a shared model says, and the shapes of its tensors."""
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            shapes = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{file}: no run and no model to share, or a damaged one ({error!s:.80}).") from None
    return _told(file, metadata.get(_KEY, "")), shapes


def half_of(source: str | Path, which: str, halves: Sequence[str]) -> str:
    """Which of these packages a model is of: a run, a shared model, or the name of a bundled one.

    A run of an early version does not say, and is taken for one of the package that has its recipe: "" then.
    Raises RunError or CheckpointError, one sentence each, where there is no model.
    """
    path = Path(source)
    if not path.exists():
        known = {half: bundled(half) for half in halves}
        there = "; ".join(f"{half}: {', '.join(models)}" for half, models in known.items() if models)
        found = next((half for half, models in known.items() if str(source) in models), None)
        if found is None:
            raise RunError(f"{path}: no run here, there is no such folder (models that come with {there}).")
        return found
    shared = path if path.is_file() else path / FILE
    if not shared.is_file():
        return str(find_run(path, which).values.get("half", ""))
    return str(_checked(shared)[0]["values"].get("half", ""))


def revive(stored: CheckpointFile, build: Callable[[torch.device], N], device: torch.device) -> tuple[N, State]:
    """`checkpoint.revive`, also for a shared model: what is not in it is new; an averaged generator stands for both.

    Its modules are in evaluation mode and stay in it.
    """
    networks, state = _revive(stored, build, device)
    for module in networks.modules.values():  # whoever samples from them, in whatever thread, switches nothing
        module.eval()
    return networks, state


def _revive(stored: CheckpointFile, build: Callable[[torch.device], N], device: torch.device) -> tuple[N, State]:
    if stored.whole:
        return checkpoint.revive(stored, build, device)
    sized = checkpoint.sized(stored, build)
    shared = (_drawn_from(sized.modules), *sized.sampling_modules)
    checkpoint.refuse_misfit(stored.shapes, {name: sized.modules[name] for name in shared}, stored.folder)
    networks, tensors = build(device), stored.tensors(device)
    checkpoint.unpack(tensors, {name: networks.modules[name] for name in shared}, {})
    if _AVERAGED in shared:
        average = networks.modules[_AVERAGED].average
        networks.modules[_GENERATOR].load_state_dict(average.state_dict())  # pyright: ignore
    return networks, (tensors | checkpoint.pack(networks.modules, {}), stored.values)


def fetched(source: str | Path, revision: str | None = None) -> str | Path:
    """`source`; what is nothing on this machine and reads like a hub id, `owner/name`, as the file fetched from there.

    Files stay in the hub's cache. Raises RunError when the hub does not give it.
    """
    name = str(source)
    if isinstance(source, Path) or Path(name).exists() or not _HUB_ID.fullmatch(name):
        return source
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(name, FILE, revision=revision))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        why = " ".join(str(error).split())
        raise RunError(f"{name}: no such folder here, and the hub gives no {FILE} of that name ({why:.120}).") from None


def _told(file: Path, metadata: str) -> dict[str, Any]:
    """What the metadata says, its values a table."""
    if len(metadata) > _MOST_METADATA:
        raise CheckpointError(f"{file}: its metadata is larger than {_MOST_METADATA:,} bytes.")
    try:
        told = json.loads(metadata)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or told.get("format") != _FORMAT or not isinstance(told.get("values"), dict):
        raise CheckpointError(f"{file}: is no model that save_pretrained of this version wrote.")
    return told


def _digest(values: dict[str, Any], tensors: Mapping[str, torch.Tensor]) -> str:
    """sha256 over the values and every tensor's name and bytes."""
    found = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    for name in sorted(tensors):
        found.update(name.encode())
        found.update(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
