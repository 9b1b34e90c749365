"""Where a run speaks and writes: the console or a notebook, metrics.jsonl, TensorBoard, the notes of its folder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from gancore.errors import RunError
from gancore.runs.folder import RunFolder
from gancore.training import distributed
from gancore.training.callbacks import JsonLines, ProgressBar, TensorBoard
from gancore.training.notebook import NotebookBar, NotebookView, in_notebook


class Output:
    """What a run tells and logs.

    console: quiet, or the standard error. shown: figure -> label in the progress bar. folder, lines, board: of a run
    folder; None where there is none.
    """

    def __init__(self, console: Console | None = None, shown: dict[str, str] | None = None):
        self.console, self.shown = console or Console(quiet=True), shown or {}
        self.folder: RunFolder | None = None
        self.lines: JsonLines | None = None
        self.board: TensorBoard | None = None
        self._view = NotebookView(self.shown) if in_notebook() and not self.console.quiet else None

    def open(self, folder: RunFolder, log_every: int) -> None:
        """Log to a run folder."""
        self.folder, self.lines = folder, JsonLines(folder.log, log_every)

    def open_board(self, log_every: int, show: Callable[[], dict[str, Any]], show_every: int, step: int) -> None:
        """Log to TensorBoard as well, from a step on. show: texts and pictures for it."""
        assert self.folder is not None
        self.board = TensorBoard(self.folder.folder / "tensorboard", log_every, show, show_every, step)

    def close(self) -> None:
        """Nothing more is shown."""
        for shown_live in (self.board, self._view):
            if shown_live is not None:
                shown_live.close()

    def bar(self, title: str, steps: range) -> ProgressBar | NotebookBar:
        """What shows how far a phase is."""
        if self._view is not None:
            return NotebookBar(title, steps, self._view)
        return ProgressBar(title, steps, self.shown, self.console)

    def log(self, step: int, figures: dict[str, float]) -> None:
        """Write the figures of a step down. Raises RunError as `writing` does."""
        with self.writing(step + 1):
            for log in (self.lines, self.board):
                if log is not None:
                    log(step, figures)

    def flush(self, step: int) -> None:
        """Write down what is left of the last figures. Raises RunError as `writing` does."""
        if self.lines is not None:
            with self.writing(step):
                self.lines.flush(step)

    @contextmanager
    def writing(self, step: int) -> Iterator[None]:
        """Raises RunError, which says how to go on, when the run folder cannot be written: a full disk, say."""
        try:
            yield
        except OSError as error:
            if self.folder is None:
                raise
            last = self.folder.steps()[-1:]
            after = f"the checkpoint of step {last[0]} is whole" if last else "there is no checkpoint yet"
            raise RunError(
                f"{self.folder.folder}: step {step} could not be written ({error.strerror or error}); {after}. "
                "Make room and go on with --resume."
            ) from None

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def note(self, done: int, text: str) -> None:
        """Say something that happened after so many steps, and keep it with the run."""
        self.say(text)
        if self.folder is not None:
            self.folder.note(done, text)

    def how_to_go_on(self) -> str:
        """What someone whose run has stopped can do, as a clause."""
        if self.folder is None:
            return "no run folder was given, so it cannot be gone on with; what was trained can be used"
        if distributed.processes() > 1:
            return "go on from the last checkpoint with --resume"
        return f"saved in {self.folder.folder}; go on with --resume, in Python with fit(..., resume=True)"
