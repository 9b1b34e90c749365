"""A run: phases played one after the other, saved to a folder and gone on from it bit for bit."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn
from torch.optim import Optimizer

from gancore import checkpoint
from gancore.callbacks import Checkpoints, JsonLines, ProgressBar
from gancore.errors import RunError
from gancore.loop import Callback, Player, play
from gancore.rows import Rejection, write_rejected

# Settings that may change between a run and its resumption: none of them moves a weight.
FREE = {"device", "log_every", "monitor_every", "checkpoint.every"}


@dataclass
class Phase:
    """A stretch of training: who plays on which batches from which step to which.

    batches: an endless iterator with a `position` to go on from.
    set_rates: sets the learning rates a step is to be played with. callbacks: what follows each step; one that
    returns True ends the phase. enter: called once, before the phase's first step.
    """

    name: str
    players: list[Player]
    batches: Iterator[Any]
    steps: range
    set_rates: Callable[[int], None] = lambda step: None
    callbacks: list[Callback] = field(default_factory=list)
    enter: Callable[[], None] = lambda: None


class Training:
    """The phases and everything that moves in them: what a checkpoint holds, and where it stands.

    modules, optimizers: by name, every one with state. step: steps done, over all phases; a phase that ended
    early counts in full.
    """

    def __init__(
        self,
        modules: dict[str, nn.Module],
        optimizers: dict[str, Optimizer],
        phases: list[Phase],
        device: torch.device,
    ):
        self.modules, self.optimizers, self.phases, self.device = modules, optimizers, phases, device
        self.step = 0

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors and JSON-able values to go on from."""
        tensors = checkpoint.pack(self.modules, self.optimizers) | checkpoint.generator_states(self.device)
        positions = {phase.name: phase.batches.position for phase in self.phases}  # pyright: ignore
        return tensors, {"step": self.step, "positions": positions}

    def restore(self, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
        """Put `state` back; raises CheckpointError when it does not fit."""
        checkpoint.unpack(tensors, self.modules, self.optimizers)
        checkpoint.set_generator_states(tensors, self.device)
        self.step = values["step"]
        for phase in self.phases:
            phase.batches.position = values["positions"].get(phase.name, 0)  # pyright: ignore

    def run(
        self,
        folder: Path | None,
        restore: Callable[[Path], None] | None,
        rejected: Sequence[Rejection],
        console: Console,
        **settings: Any,
    ) -> None:
        """Play all phases in a run folder, from where `restore(folder)` puts them if it is given, and save at the end.

        rejected: goes to the folder's rejected.csv. settings: those of `play`.
        """
        if folder is not None:
            if restore is not None:
                restore(folder)
                console.print(f"resuming {folder} at step {self.step}", highlight=False)
            write_rejected(rejected, folder / "rejected.csv")
            cut_metrics(folder, self.step)
        self.play(console, folder, **settings)
        if folder is not None:
            settings["save"](folder)

    def play(
        self,
        console: Console,
        folder: Path | None,
        shown: dict[str, str],
        monitor: Callback,
        log_every: int,
        save: Callable[[Path], None],
        save_every: int,
    ) -> None:
        """Play what is left of every phase.

        shown: figure -> label in the progress bar. monitor: called after each step, may add to its logs.
        folder: of the run, where metrics.jsonl goes and for which `save(folder)` is called every `save_every` steps.
        """
        for phase in self.phases:
            left = range(max(self.step, phase.steps.start), phase.steps.stop)
            if not left:
                continue
            if left.start == phase.steps.start:
                phase.enter()
            phase.set_rates(left.start)
            callbacks: list[Callback] = [
                lambda step, logs, phase=phase: self._advance(phase, step, logs),
                lambda step, logs, phase=phase: phase.set_rates(step + 1),
                monitor,
            ]
            if folder is not None:
                callbacks.append(JsonLines(folder / "metrics.jsonl", log_every))
                callbacks.append(Checkpoints(lambda step, folder=folder: save(folder), save_every))
            with ProgressBar(phase.name, left, shown, console) as bar:
                play(phase.players, phase.batches, left, [*callbacks, bar])

    def _advance(self, phase: Phase, step: int, logs: dict[str, float]) -> bool:
        """Count the step; when the phase ends early, count it in full before a checkpoint is written."""
        enough = any([callback(step, logs) for callback in phase.callbacks])  # noqa: C419, each must be called
        self.step = phase.steps.stop if enough else step + 1
        return enough


def open_run(folder: Path, resume: bool) -> bool:
    """Make the run folder ready; whether there is a checkpoint to go on from.

    Raises RunError when it holds a run that is not to be resumed.
    """
    found = checkpoint.exists(folder / "checkpoint")
    if found and not resume:
        raise RunError(f"{folder}: holds a trained run already; resume it, or give another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    return found


def refuse_changes(folder: Path, saved: dict[str, Any], now: dict[str, Any], same_data: bool) -> None:
    """Raise RunError, naming what differs, when a run cannot be resumed bit for bit."""
    changed = _differences(saved, now)
    if changed:
        raise RunError(f"{folder}: cannot resume, the configuration differs in {', '.join(changed)}.")
    if not same_data:
        raise RunError(f"{folder}: cannot resume, it was trained on other data.")


def _differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in new.items():
        if isinstance(value, dict):
            found += _differences(old[key], value, f"{prefix}{key}.")
        elif old[key] != value and f"{prefix}{key}" not in FREE:
            found.append(f"{prefix}{key} ({old[key]} then, {value} now)")
    return found


def cut_metrics(folder: Path, step: int) -> None:
    """Drop the lines of the folder's metrics.jsonl that a run resumed at `step` will write again."""
    path = folder / "metrics.jsonl"
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            done = json.loads(line)["step"] <= step
        except (json.JSONDecodeError, KeyError, TypeError):  # cut off in the middle by a kill
            continue
        if done:
            kept.append(line + "\n")
    checkpoint.write_text(path, "".join(kept))
