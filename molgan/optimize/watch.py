"""The progress of a search: one line, and in a notebook curves of the best scores."""

from collections.abc import Iterator
from contextlib import contextmanager

from gancore.io.progress import Tally, hushed, is_hushed, progress
from gancore.training.notebook import NotebookView, in_notebook
from molgan.optimize.optimizer import Optimizer

SHOWN = {"best": "best score", "ten": "mean of the best 10", "scaffolds": "scaffolds of the best 100"}
"""Figure -> label of its curve."""


class Watch:
    """Call it with the number of molecules that were scored since the last call."""

    def __init__(self, optimizer: Optimizer, tally: Tally, view: NotebookView | None):
        self._optimizer, self._tally, self._view = optimizer, tally, view
        tally(optimizer.calls)

    def __call__(self, scored: int) -> None:
        """Count, and show it when it is due."""
        self._tally(scored)
        if self._view is not None:
            self._view.say(str(self._tally))

    def batch(self) -> None:
        """A batch is told: work out what is shown of it."""
        found = self._optimizer.found
        best = found.best(10)["score"]
        if not len(best):
            return
        figures = {"best": float(best[0]), "ten": float(best.mean()), "scaffolds": float(found.scaffolds)}
        said = f"best {figures['best']:.3f}, ten best {figures['ten']:.3f}, {found.scaffolds} scaffolds"
        self._tally.title = f"scoring, {said}"
        if self._view is not None:
            self._view.add(self._optimizer.calls, figures)


@contextmanager
def watched(optimizer: Optimizer, budget: int) -> Iterator[Watch]:
    """Show a search while it goes on; nothing where progress is hushed."""
    view = NotebookView(SHOWN) if in_notebook() and not is_hushed() else None
    with hushed(is_hushed() or view is not None), progress("scoring", budget) as tally:
        try:
            yield Watch(optimizer, tally, view)
        finally:
            if view is not None:
                view.close()
