"""Callbacks of the loop: functions of `(step, logs)`."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from gancore.errors import ConfigError
from gancore.training import distributed


class Means:
    """Running means of figures by name, between one `take` and the next."""

    def __init__(self):
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    def add(self, figures: Mapping[str, float]) -> None:
        """Take one reading of each figure in."""
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1

    def state(self) -> list[list]:
        """Name, sum and count of every figure, in order, JSON-able."""
        return [[name, total, self.counts[name]] for name, total in self.sums.items()]

    def restore(self, state: list[list]) -> None:
        """Put `state` back."""
        self.sums = {name: total for name, total, _ in state}
        self.counts = {name: count for name, _, count in state}

    def take(self) -> dict[str, float]:
        """The means, and start anew."""
        means = {name: total / self.counts[name] for name, total in self.sums.items()}
        self.sums, self.counts = {}, {}
        return means


class JsonLines:
    """Appends one JSON object every `every` steps to a file: the step and the mean of each figure since the last."""

    def __init__(self, path: Path, every: int = 50):
        self.path, self.every = Path(path), every
        self.means = Means()

    def __call__(self, step: int, logs: dict[str, float]) -> None:
        """Add one step's figures; write a line when it is due."""
        self.means.add(logs)
        if (step + 1) % self.every == 0:
            self.flush(step + 1)

    def flush(self, done: int) -> None:
        """Write what there is since the last line, after so many steps."""
        means = self.means.take()
        if means and not distributed.rank():
            with open(self.path, "a", encoding="utf-8") as out:
                out.write(json.dumps({"step": done} | means) + "\n")


class TensorBoard:
    """Writes the same means to TensorBoard, and every `show_every` steps what `show()` gives.

    show: names to texts or to pictures `(row, column, 3)` uint8. step: from which a resumed run writes again.
    Raises ConfigError where TensorBoard is not installed.
    """

    def __init__(self, folder: Path, every: int, show: Callable[[], Mapping[str, Any]], show_every: int, step: int = 0):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise ConfigError(
                "tensorboard = true needs the package tensorboard: pip install 'discretegan[tensorboard]'."
            ) from None
        self.every, self.show, self.show_every, self.means = every, show, show_every, Means()
        self.writer = SummaryWriter(str(folder), purge_step=step + 1)

    def __call__(self, step: int, logs: dict[str, float]) -> None:
        """Add one step's figures; write when it is due."""
        self.means.add(logs)
        if (step + 1) % self.every == 0:
            for name, value in self.means.take().items():
                self.writer.add_scalar(name, value, step + 1)
        if (step + 1) % self.show_every == 0:
            for name, shown in self.show().items():
                if isinstance(shown, str):
                    self.writer.add_text(name, shown, step + 1)
                else:
                    self.writer.add_image(name, shown, step + 1, dataformats="HWC")

    def close(self) -> None:
        """Flush what was written."""
        self.writer.close()


class ProgressBar:
    """One line that shows the step, the time left and a few figures, means over the last ten steps.

    show: figure -> label. Where the output is no terminal it prints a plain line every tenth of the way.
    """

    def __init__(self, title: str, steps: range, show: Mapping[str, str], console: Console):
        self.title, self.steps, self.show, self.console = title, steps, show, console
        self.means, self.figures = Means(), {}
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
        )
        self.live = console.is_terminal
        self.bar = Progress(*columns, console=console, disable=not self.live)
        self.task = self.bar.add_task(title, total=len(steps), figures="")

    def __enter__(self) -> "ProgressBar":
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def __call__(self, step: int, logs: dict[str, float]) -> None:
        """Show one more step done."""
        self.means.add(logs)
        done = step + 1 - self.steps.start
        every = 10 if self.live else max(1, len(self.steps) // 10)
        if done % every and done != len(self.steps):
            return
        self.figures |= self.means.take()
        line = " ".join(
            f"{label} {self.figures[name]:.2f}" for name, label in self.show.items() if name in self.figures
        )
        if self.live:
            self.bar.update(self.task, completed=done, figures=line)
        else:
            text = f"{self.title} {done}/{len(self.steps)} {line}"
            self.console.print(text, highlight=False, markup=False, soft_wrap=True)


class Due:
    """Whether a checkpoint is due after a step: every `every` steps, and `minutes` after the last one unless 0.

    Of several processes all agree.
    """

    def __init__(self, every: int, minutes: float):
        self.every, self.minutes = every, minutes
        self.last = time.monotonic()

    def __call__(self, step: int) -> bool:
        """Whether one is due now."""
        late = bool(self.minutes) and time.monotonic() - self.last >= 60 * self.minutes
        if (step + 1) % self.every and not (self.minutes and distributed.largest(float(late))):
            return False
        self.last = time.monotonic()
        return True
