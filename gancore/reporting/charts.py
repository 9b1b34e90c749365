"""Charts as SVG that take the colours of the page around them: histograms beside a reference, curves over steps."""

import html
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike

WIDTH, HEIGHT = 300, 150
_BINS = 40
_LEFT, _TOP, _RIGHT, _BOTTOM = 8, 8, 292, 122


def histogram(title: str, ours: ArrayLike, theirs: ArrayLike | None) -> Markup:
    """The distribution of `ours` as bars and of `theirs` as a line; the bins span the middle 99% of both."""
    sets = [np.asarray(values, float) for values in (ours, theirs) if values is not None]
    sets = [values[np.isfinite(values)] for values in sets]
    pooled = np.concatenate(sets)
    low, high = np.quantile(pooled, [0.005, 0.995]) if len(pooled) else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    shares = [np.histogram(np.clip(values, low, high), _BINS, (low, high))[0] / max(1, len(values)) for values in sets]
    most = max(float(part.max()) for part in shares) or 1.0
    step = (_RIGHT - _LEFT) / _BINS
    bars = "".join(_bar(_LEFT + place * step, step, share / most) for place, share in enumerate(shares[0]))
    marks = [f'<path class="ours" d="{bars}"/>']
    if len(shares) > 1:
        heights = [f"V{_height(share / most):.1f}h{step:.2f}" for share in shares[1]]
        points = f"M{_LEFT},{_BOTTOM}{''.join(heights)}"
        marks.append(f'<path class="theirs" d="{points}"/>')
    return _frame(title, "".join(marks), f"{low:.3g}", f"{high:.3g}")


def _bar(left: float, width: float, share: float) -> str:
    return f"M{left:.1f},{_BOTTOM}V{_height(share):.1f}h{width - 0.6:.1f}V{_BOTTOM}Z" if share else ""


def _height(share: float) -> float:
    return _BOTTOM - share * (_BOTTOM - _TOP)


def curve(title: str, readings: Sequence[tuple[int, float]], events: Sequence[int] = ()) -> Markup:
    """A figure over the steps of a run; events are marked at their step."""
    steps, values = (np.array(column, float) for column in zip(*readings, strict=True))
    kept = np.isfinite(values)
    steps, values = steps[kept], values[kept]
    if not len(values):
        return Markup("")
    low, high = float(values.min()), float(values.max())
    scale = (_RIGHT - _LEFT) / max(1.0, steps[-1] - steps[0])
    points = " ".join(
        f"{_LEFT + (step - steps[0]) * scale:.1f},{_height((value - low) / ((high - low) or 1.0)):.1f}"
        for step, value in zip(steps, values, strict=True)
    )
    marks = "".join(
        f'<path class="event" d="M{_LEFT + (step - steps[0]) * scale:.1f},{_TOP}V{_BOTTOM}"/>' for step in events
    )
    line = f'<polyline class="line" points="{points}"/>'
    return _frame(f"{title}: {values[-1]:.4g}", marks + line, f"{low:.3g} to {high:.3g}", f"step {int(steps[-1]):,}")


def trade_off(
    title: str,
    points: Sequence[tuple[float, float, str]],
    intervals: Sequence[tuple[tuple[float, float], tuple[float, float]]] = (),
    reference: tuple[float, float, str] | None = None,
) -> Markup:
    """One figure against another, `(across, up, label)`, joined in their order.

    intervals: of each point (low, high) across and up, drawn as a cross. reference: one more point, which stands alone.
    """
    marked = [*points, *([reference] if reference is not None else [])]
    ends = [(across[side], up[side]) for across, up in intervals for side in (0, 1)]
    table = np.array([*(point[:2] for point in marked), *ends], float)
    low, high = table.min(0), table.max(0)
    span = np.where(high > low, high - low, 1.0)

    def place(across: float, up: float) -> tuple[float, float]:
        x, y = (np.array((across, up)) - low) / span
        return _LEFT + 16 + x * (_RIGHT - _LEFT - 40), _height(0.1 + 0.8 * y)

    places = [place(across, up) for across, up, _ in points]
    crosses = ""
    for (x, y), ((left, right), (bottom, top)) in zip(places, intervals, strict=False):
        (x0, y0), (x1, y1) = place(left, bottom), place(right, top)
        crosses += f'<path class="bar" d="M{x0:.1f},{y:.1f}H{x1:.1f}M{x:.1f},{y0:.1f}V{y1:.1f}"/>'
    line = f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>'
    kinds = ["point"] * len(points) + ["reference"]
    marks = "".join(
        f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
        f'<text x="{x + 5:.1f}" y="{y - 4:.1f}">{html.escape(label)}</text>'
        for (x, y), (_, _, label), kind in zip((place(*one[:2]) for one in marked), marked, kinds, strict=False)
    )
    across, up = (f"{least:.3g} to {most:.3g}" for least, most in zip(low, high, strict=True))
    return _frame(f"{title}; up: {up}", line + crosses + marks, f"across: {across}", "")


_SIDE = 400


def scatter(title: str, places: np.ndarray, groups: np.ndarray, most: int) -> Markup:
    """Points `(point, 2)` in the plane, both axes to one scale; groups below `most` have a colour."""
    low, span = places.min(0), float(np.ptp(places, axis=0).max()) or 1.0
    shifted = (places - low) / span * (_SIDE - 24) + 12
    height = float(np.ptp(shifted[:, 1])) + 24
    kinds = ["rest", *(f"g{group}" for group in range(most))]
    number = np.where(groups < most, groups, -1)
    points = {
        kind: "".join(f"M{x:.1f},{height - y:.1f}h0" for x, y in shifted[number == place])
        for place, kind in enumerate(kinds, start=-1)
    }
    marks = "".join(f'<path class="dots {kind}" d="{data}"/>' for kind, data in points.items() if data)
    title = html.escape(title)
    view = f'viewBox="0 0 {_SIDE} {height:.0f}"'
    return Markup(f'<figure><svg {view} role="img" aria-label="{title}">{marks}</svg></figure>')


def _frame(title: str, drawn: str, left: str, right: str) -> Markup:
    title, left, right = (html.escape(text) for text in (title, left, right))
    return Markup(
        f'<figure><figcaption>{title}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">'
        f'<path class="axis" d="M{_LEFT},{_BOTTOM}H{_RIGHT}"/>{drawn}<text x="{_LEFT}" y="140">{left}</text>'
        f'<text x="{_RIGHT}" y="140" text-anchor="end">{right}</text></svg></figure>'
    )


def curves(figures: Mapping[str, Sequence[tuple[int, float]]], events: Sequence[int] = ()) -> Markup:
    """One curve a figure."""
    return Markup("").join(curve(name, readings, events) for name, readings in figures.items() if readings)
