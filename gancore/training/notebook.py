"""What `fit` shows in a notebook: one line of progress and one small picture of curves, both drawn over in place."""

import html
import io
import sys
import time
from collections.abc import Mapping

from gancore.training.callbacks import Means

_EVERY = 1.0  # seconds between lines; pictures take ten times as long to make, and come that much more seldom
_POINTS = 200  # most points of a curve
_PANELS = 6


def in_notebook() -> bool:
    """Whether the output goes to the cells of a notebook, which can be drawn over.

    >>> in_notebook()
    False
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class Curve:
    """Readings of a figure by step; neighbours are averaged when there are too many."""

    def __init__(self):
        self.points: list[tuple[float, float]] = []
        self.width, self.held = 1, []

    def add(self, step: int, value: float) -> None:
        """One more reading."""
        self.held.append((step, value))
        if len(self.held) < self.width:
            return
        self.points.append(_middle(self.held))
        self.held = []
        if len(self.points) == _POINTS:
            self.points = [_middle(self.points[i : i + 2]) for i in range(0, len(self.points), 2)]
            self.width *= 2


def _middle(points: list) -> tuple[float, float]:
    return tuple(sum(part) / len(points) for part in zip(*points, strict=True))  # pyright: ignore


class NotebookView:
    """The line and the picture under one cell, over all phases of a run.

    show: figure -> label, those of the line and of the curves.
    """

    def __init__(self, show: Mapping[str, str]):
        from IPython.display import HTML, Image, display

        self.show, self.html, self.image = show, HTML, Image
        self.curves: dict[str, Curve] = {}
        self.text = "starting"
        self.line = display(HTML(f"<pre>{self.text}</pre>"), display_id=True)
        self.display, self.picture = display, None
        self.said = self.drawn = time.monotonic()

    def add(self, step: int, logs: Mapping[str, float]) -> None:
        """Take a step's figures in; draw again when some time has passed."""
        for name in self.show:
            if name in logs:
                self.curves.setdefault(name, Curve()).add(step + 1, logs[name])
        if time.monotonic() - self.drawn > 10 * _EVERY:
            self.draw()

    def say(self, text: str, at_once: bool = False) -> None:
        """Replace the line; those that come too fast are passed over."""
        self.text = text
        if self.line is not None and (at_once or time.monotonic() - self.said > _EVERY):
            self.said = time.monotonic()
            self.line.update(self.html(f"<pre>{html.escape(text)}</pre>"))

    def draw(self) -> None:
        """Replace the picture."""
        curves = {name: curve.points for name, curve in self.curves.items() if len(curve.points) > 1}
        if not curves:
            return
        self.drawn = time.monotonic()
        shown = self.image(_picture({self.show[name]: points for name, points in curves.items()}), width=_width(curves))
        if self.picture is None:
            self.picture = self.display(shown, display_id=True)
        else:
            self.picture.update(shown)

    def close(self) -> None:
        """The last line and the last picture."""
        self.say(self.text, at_once=True)
        self.draw()


class NotebookBar:
    """One phase's progress in the line of a view; the same methods as `callbacks.ProgressBar`."""

    def __init__(self, title: str, steps: range, view: NotebookView):
        self.title, self.steps, self.view, self.means = title, steps, view, Means()
        self.figures: dict[str, float] = {}

    def __enter__(self) -> "NotebookBar":
        self.begun = time.monotonic()
        return self

    def __exit__(self, *error: object) -> None:
        self.view.say(self.view.text, at_once=True)

    def __call__(self, step: int, logs: dict[str, float]) -> None:
        """Show one more step done."""
        self.means.add(logs)
        self.view.add(step, logs)
        done, total = step + 1 - self.steps.start, len(self.steps)
        if done % 10 and done != total:
            return
        self.figures |= self.means.take()
        spent = time.monotonic() - self.begun
        left = spent / done * (total - done)
        bar = "#" * (20 * done // total)
        shown = [f"{label} {self.figures[name]:.2f}" for name, label in self.view.show.items() if name in self.figures]
        line = f"{self.title} [{bar:.<20}] {done}/{total}, {_clock(spent)}, left {_clock(left)}  {' '.join(shown)}"
        self.view.say(line, at_once=done == total)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _width(curves: Mapping[str, list]) -> int:
    return 150 * min(_PANELS, len(curves))


def _picture(curves: Mapping[str, list[tuple[float, float]]]) -> bytes:
    """Curves side by side, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = list(curves.items())[:_PANELS]
    figure = Figure(figsize=(1.9 * len(shown), 1.5), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, (label, points) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        axis.plot(*zip(*points, strict=True), linewidth=1.2)
        axis.set_title(label, fontsize=8)
        axis.tick_params(labelsize=6)
        axis.spines[["top", "right"]].set_visible(False)
    out = io.BytesIO()
    figure.savefig(out, dpi=120)
    return out.getvalue()
