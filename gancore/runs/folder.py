"""A run folder: the configuration, the checkpoints that are kept, the log, and what was left out of the data."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from gancore.errors import CheckpointError, ConfigError, RunError
from gancore.io.atomic_write import write_text
from gancore.io.config import from_dict
from gancore.io.platforms import only_one
from gancore.runs import checkpoint
from gancore.runs.checked_files import read_json
from gancore.runs.checkpoint import CheckpointFile
from gancore.runs.config import RunConfig
from gancore.training import distributed
from gancore.training.settings import CheckpointConfig

# Settings that may change between a run and its resumption: none of them moves a weight.
# What a reward does with mixtures does not either: it is asked for connected molecules.
FREE = {"device", "log_every", "monitor_every", "tensorboard", "checkpoint", "watch"}
FREE |= {"reward.cache", "reward.score.fragments"}
_PREFIX = "step-"
_OURS = re.compile(rf"{_PREFIX}\d+(\.\w+\.tmp)?")  # checkpoints and what is left of one


class RunFolder:
    """The folder of one run: config.toml, metrics.jsonl, rejected.csv and checkpoints/step-00001000 and so on.

    Of several processes only the first one writes.
    """

    def __init__(self, folder: str | Path, settings: CheckpointConfig | None = None):
        self.folder, self.settings = Path(folder), settings or CheckpointConfig()
        self.log = self.folder / "metrics.jsonl"

    # Checkpoints ------------------------------------------------------------------------------

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints are."""
        return self.folder / "checkpoints"

    def steps(self) -> list[int]:
        """Steps of the checkpoints that are there, whole or damaged, in order."""
        if not self.checkpoints.is_dir():
            return []
        for stale in self.checkpoints.glob(f"{_PREFIX}*.old.tmp"):  # a kill between the two renames of a save
            checkpoint.exists(stale.with_name(stale.name.removesuffix(".old.tmp")))
        names = (path.name.removeprefix(_PREFIX) for path in self.checkpoints.glob(f"{_PREFIX}*"))
        return sorted(int(name) for name in names if name.isdecimal())

    def at(self, step: int) -> Path:
        """Where the checkpoint of a step is or will be."""
        return self.checkpoints / f"{_PREFIX}{step:08d}"

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of what samples of the newest checkpoint can be asked for; none where it cannot be read."""
        for step in reversed(self.steps()):
            with suppress(CheckpointError, KeyError, TypeError):
                values = read_json(self.at(step) / checkpoint.VALUES)
                return tuple(str(one["name"]) for one in values.get("conditions", ()))
        return ()

    def save(
        self,
        step: int,
        tensors: dict[str, torch.Tensor],
        values: dict[str, Any],
        figures: dict[str, float] | None = None,
    ) -> None:
        """Write a checkpoint; then drop those of later steps, which belong to a past that was left, and surplus ones.

        What else lies there is left alone.

        Raises OSError when it cannot be written; all that was there then remains.
        """
        if distributed.rank():
            return
        checkpoint.save(self.at(step), tensors, values, figures)
        steps = [other for other in self.steps() if other <= step]
        kept = {*steps[-self.settings.keep :], self._best(steps)}
        whole = {self.at(other) for other in kept if other is not None}
        for path in self.checkpoints.iterdir():
            if _OURS.fullmatch(path.name) and path not in whole:
                checkpoint.remove(path)

    def _best(self, steps: list[int]) -> int | None:
        """The step whose checkpoint has the best figure; the first of equals."""
        sign = 1 if self.settings.best_is == "highest" else -1
        found = []
        for step in steps if self.settings.best else ():
            try:
                manifest = json.loads((self.at(step) / "manifest.json").read_bytes())
                found.append((-sign * manifest["figures"][self.settings.best], step))
            except (OSError, ValueError, KeyError, TypeError):
                continue  # damaged, or from before the first reading
        return min(found)[1] if found else None

    def newest(self, say: Callable[[str], None]) -> CheckpointFile | None:
        """The newest checkpoint that is whole; what is wrong with later ones is said. None where there is none.

        Raises CheckpointError when all of them are damaged.
        """
        steps = self.steps()
        error = None
        for step in reversed(steps):
            try:
                return checkpoint.read(self.at(step))
            except CheckpointError as found:
                error = found
                say(f"{found} The checkpoint before it is tried.")
        if error is not None:
            raise CheckpointError(f"{self.folder}: none of its {len(steps)} checkpoints is whole; start a new run.")
        return None

    def pick(self, which: str = "last") -> CheckpointFile:
        """A checkpoint to sample from: "last", "best" by `checkpoint.best`, or a step's number.

        Raises CheckpointError, RunError or, for anything else, ConfigError, one sentence each.
        """
        steps = self.steps()
        if not steps:
            raise RunError(f"{self.folder}: no run here, it holds no checkpoints; train one first.")
        if which == "last":
            return checkpoint.read(self.at(steps[-1]))
        if which != "best" and not which.isdecimal():
            raise ConfigError(f"no checkpoint {which!r}: give last, best or the number of a step.")
        step = self._best(steps) if which == "best" else int(which)
        if step not in steps:
            why = ", the run was told of no figure to tell by (checkpoint.best)" if which == "best" else ""
            there = ", ".join(map(str, steps))
            raise RunError(f"{self.folder}: no checkpoint {which!r}{why}; there are last and those of steps {there}.")
        return checkpoint.read(self.at(step))

    # The log ----------------------------------------------------------------------------------

    def cut_log(self, step: int) -> None:
        """Drop the lines that a run gone on from `step` will write again."""
        if distributed.rank():
            return
        lines = read_log(self.log) if self.log.exists() else ()
        kept = (json.dumps(line) + "\n" for line in lines if line["step"] <= step)
        write_text(self.log, "".join(kept))

    def note(self, step: int, event: str) -> None:
        """Add an event to the log."""
        if not distributed.rank():
            with open(self.log, "a", encoding="utf-8") as out:
                out.write(json.dumps({"step": step, "event": event}) + "\n")


def claim(folder: str | Path | None, resume: bool) -> None:
    """Make the folder of a run, if one is wanted, before any work is done for it.

    Raises RunError when it holds a run that is not to be resumed, or one that is at work; ConfigError when there is
    none to resume from, OSError when it cannot be made.
    """
    if folder is None:
        if resume:
            raise ConfigError("resume needs the run's folder: give it as out.")
        return
    if not str(folder).strip():
        raise ConfigError("the run's folder has no name.")
    if not resume and RunFolder(folder).steps():
        raise RunError(f"{folder}: holds a trained run already; resume it, or give another folder.")
    Path(folder).mkdir(parents=True, exist_ok=True)
    with alone(folder):
        pass


@contextmanager
def alone(folder: str | Path, who: str = "training") -> Iterator[None]:
    """Keeps others of the same kind (`who`) out of a folder meanwhile; raises RunError when there is one.

    A lock on the folder ends with the process that has it, however that ends; a file system without locks is trusted.
    Of several processes the first has it for all.
    """
    with ExitStack() as held:
        if not distributed.rank():
            held.enter_context(only_one(folder, who))
        yield


def write_held_out(path: Path, lines: Iterable[str], gone_on_with: bool) -> None:
    """Write what was kept from training, a line each; of a run that is gone on with, what is there stays."""
    rows = [" ".join(line.splitlines()) for line in lines]
    if rows and not distributed.rank() and not (gone_on_with and path.exists()):
        write_text(path, "".join(f"{row}\n" for row in rows))


def find(path: str | Path, which: str = "last") -> CheckpointFile:
    """The checkpoint of a run folder, or the one that `path` itself is; raises RunError or CheckpointError."""
    path = Path(path)
    if (path / "manifest.json").exists():
        return checkpoint.read(path)
    run = RunFolder(path)
    if which == "best":  # what is best is written in the run's own configuration
        last = run.pick()
        with last.as_checkpoint_error():
            run.settings = from_dict(CheckpointConfig, last.values["config"]["checkpoint"], str(last.folder))
    return run.pick(which)


def write(folder: str | Path, config: RunConfig, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
    """Write a state as the last checkpoint of a run folder, its configuration beside it."""
    run = RunFolder(folder, config.checkpoint)
    run.folder.mkdir(parents=True, exist_ok=True)
    write_text(run.folder / "config.toml", config.dump())
    run.save(values["step"], tensors, values)


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a metrics.jsonl; one that was cut off in the middle by a kill is passed over."""
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            values = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(values, dict) and isinstance(values.get("step"), int):
            yield values


def refuse_changes(folder: Path, stored: CheckpointFile, config: RunConfig, values: dict[str, Any]) -> None:
    """Raise RunError, naming what differs, when a run cannot be resumed bit for bit.

    config: the present configuration, a dataclass. values: those of the present training that never move.
    """
    then = _filled(stored.values["config"], config)
    now = json.loads(json.dumps(asdict(config)))
    if then.get("recipe") != now["recipe"]:  # its settings are others altogether
        then, now = ({"recipe": one.get("recipe")} for one in (then, now))
    changed = list(differences(then, now, free=FREE))
    if changed:
        what = ", ".join(f"{key} ({then} then, {now} now)" for key, then, now in changed)
        raise RunError(f"{folder}: cannot resume, the configuration differs in {what}; --force goes on all the same.")
    same = stored.values["provenance"]["data"]["sha256"] == values["provenance"]["data"]["sha256"]
    if stored.values.get("conditions") != json.loads(json.dumps(values.get("conditions"))):
        raise RunError(f"{folder}: cannot resume, it was trained with other conditions; --force goes on all the same.")
    if not same or stored.values.get("vocabulary") != json.loads(json.dumps(values.get("vocabulary"))):
        raise RunError(
            f"{folder}: cannot resume, it was trained on other data, or began from a --start that must be given again; "
            "--force goes on all the same."
        )


def _filled(then: dict[str, Any], config: RunConfig) -> dict[str, Any]:
    """A stored configuration with the defaults of settings that are newer than it."""
    with suppress(ConfigError):  # what this configuration cannot be is told as a difference
        then = asdict(config.revive(then, Path("checkpoint")))
    return json.loads(json.dumps(then))


def differences(
    then: dict[str, Any], now: dict[str, Any], prefix: str = "", free: frozenset[str] | set[str] = frozenset()
) -> Iterator[tuple[str, Any, Any]]:
    """`(key, then, now)` of every setting that differs, tables gone into, but for those in `free`."""
    for key in sorted(then.keys() | now.keys()):
        old, new = then.get(key), now.get(key)
        if f"{prefix}{key}" in free:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            yield from differences(old, new, f"{prefix}{key}.", free)
        elif old != new:
            yield f"{prefix}{key}", old, new
