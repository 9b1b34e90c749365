"""Runs beside one another: which there are, in what two of them differ, how their figures went."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gancore.errors import RunError
from gancore.io.atomic_write import whole
from gancore.runs.folder import RunFolder, differences, read_log

_KEY = ("sample/connected", "sample/unique", "sample/recall", "valid/nll")


@dataclass
class Run:
    """What a run folder says without its weights: steps done, settings, and every figure's readings `(step, value)`.

    conditions: names of what its samples can be asked for.
    """

    folder: Path
    steps: int
    config: dict[str, Any]
    curves: dict[str, list[tuple[int, float]]]
    events: list[str]
    conditions: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: str | Path) -> "Run":
        """Raises RunError when the folder holds no run."""
        run = RunFolder(folder)
        try:
            config = tomllib.loads((run.folder / "config.toml").read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError):
            raise RunError(f"{folder}: no run here (it has no readable config.toml).") from None
        curves: dict[str, dict[int, float]] = {}
        events, last = [], 0
        for line in read_log(run.log) if run.log.exists() else ():
            last = line["step"]
            if "event" in line:
                events.append(line["event"])
            for name, value in line.items():
                if name != "step" and isinstance(value, (int, float)):
                    curves.setdefault(name, {})[last] = value  # after going back a step is played again
        steps = last or max(run.steps(), default=0)  # a phase that ended early counts in full in a checkpoint's
        held = {name: sorted(readings.items()) for name, readings in curves.items()}
        return cls(run.folder, steps, config, held, events, run.conditions)

    @property
    def last(self) -> dict[str, float]:
        """The last reading of every figure."""
        return {name: held[-1][1] for name, held in self.curves.items()}


def find_runs(folder: str | Path) -> list[Run]:
    """The runs in a folder and its sub-folders, the latest first; raises RunError when there are none."""
    logs = sorted(Path(folder).glob("**/metrics.jsonl"), key=lambda path: -path.stat().st_mtime)
    runs = [Run.read(path.parent) for path in logs if (path.parent / "config.toml").is_file()]
    if not runs:
        raise RunError(f"{folder}: holds no runs; train one, or give the folder that your runs are in.")
    return runs


def overview(runs: list[Run]) -> list[dict[str, Any]]:
    """One row a run: folder, steps, seed, conditions where there are some, the figures that matter, how many events."""
    named = [name for name in _KEY if any(name in run.last for run in runs)]
    asked = any(run.conditions for run in runs)
    return [
        {"run": str(run.folder), "steps": run.steps, "seed": run.config.get("seed")}
        | ({"conditions": " ".join(run.conditions)} if asked else {})
        | {name: run.last.get(name) for name in named}
        | {"events": len(run.events)}
        for run in runs
    ]


def compare(first: Run, second: Run) -> dict[str, Any]:
    """`settings`: key -> both values, where they differ; `figures`: name -> both last readings."""
    settings = {key: [then, now] for key, then, now in differences(first.config, second.config)}
    names = sorted(first.last.keys() | second.last.keys())
    return {
        "runs": [str(first.folder), str(second.folder)],
        "settings": settings,
        "figures": {name: [run.last.get(name) for run in (first, second)] for name in names},
    }


def draw_curves(runs: list[Run], path: str | Path) -> None:
    """Every figure that all runs have, against the step, as one PNG of small panels.

    Raises RunError when they have none in common.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = sorted(set.intersection(*(set(run.curves) for run in runs)))
    if not names:
        raise RunError("the runs have no figure in common, so there is nothing to draw.")
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(3.4 * columns, 2.4 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for panel, name in zip(panels, names, strict=False):
        for run in runs:
            panel.plot(*zip(*run.curves[name], strict=True), label=str(run.folder), linewidth=1)
        panel.set_title(name, fontsize="small")
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize="x-small")
    for panel in panels[len(names) :]:
        panel.axis("off")
    panels[0].legend(frameon=False, fontsize="x-small")
    with whole(path) as place:
        figure.savefig(place, dpi=120, format="png")
