"""Desirability functions: they map a property's value to [0, 1]. A literal table of shapes."""

from collections.abc import Callable
from dataclasses import InitVar, dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from gancore.errors import ConfigError
from gancore.io.notes import OldName, note
from gancore.training.settings import STRICT, Rate

Direction = Literal["rising", "falling"]
Curve = Callable[["Desirability", Float[ndarray, "sample"]], Float[ndarray, "sample"]]


@lru_cache
def note_new_name(old: str, new: str) -> None:
    """Say once that a setting has another name now."""
    note(f"score: the setting {old} is now called {new}; the old name still works.", OldName)


@dataclass(frozen=True)
class Desirability:
    """A shape and its numbers, in the property's unit. `SHAPES` lists the numbers that each shape takes.

    Raises ConfigError for numbers that are missing, that the shape does not take, or that are in the wrong order.
    """

    __pydantic_config__ = STRICT
    shape: Literal["maximize", "minimize", "target", "range", "sigmoid", "step", "table"]
    """maximize, minimize: linear between low and high. target: a bell. range: 1 inside, bells outside. sigmoid: a
    logistic curve. step: 0 or 1. table: straight lines between points."""
    low: float | None = None
    """maximize, minimize: where the line begins. range: the lower end, open if left out."""
    high: float | None = None
    """maximize, minimize: where the line ends. range: the upper end, open if left out."""
    midpoint: float | None = None
    """target: the best value. sigmoid: where it is one half. step: the first value of the right-hand side."""
    width: Rate | None = None
    """target, range: standard deviation of the bell. sigmoid: scale of the logistic curve."""
    direction: Direction | None = None
    """sigmoid, step: rising where more is better, falling where less is."""
    points: tuple[tuple[float, float], ...] = ()
    """table: (value, desirability) pairs, values rising; constant outside."""
    at: InitVar[float | None] = None
    """The old name of midpoint."""

    def __post_init__(self, at: float | None) -> None:
        if at is not None:
            note_new_name("at", "midpoint")
            object.__setattr__(self, "midpoint", at)
        shape = SHAPES[self.shape]
        for name in ("low", "high", "midpoint", "width", "direction", "points"):
            is_set = getattr(self, name) not in (None, ())
            if is_set and name not in shape.takes + shape.may_take:
                takes = ", ".join(shape.takes + shape.may_take)
                raise ConfigError(f"score: shape {self.shape} has no {name}; it takes {takes}.")
            if not is_set and name in shape.takes:
                raise ConfigError(f"score: shape {self.shape} needs {name}; it takes {', '.join(shape.takes)}.")
        if self.shape == "range" and self.low is None and self.high is None:
            raise ConfigError("score: shape range needs low, high or both.")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ConfigError(f"score: low {self.low:g} must be below high {self.high:g}.")
        values = [value for value, _ in self.points]
        if self.points and (len(values) < 2 or any(b <= a for a, b in pairwise(values))):
            raise ConfigError("score: the points of a table must be at least two, with rising values.")
        if not all(0 <= height <= 1 for _, height in self.points):
            raise ConfigError("score: the desirabilities of a table's points must lie in [0, 1].")

    def __call__(self, values: Float[ndarray, "sample"]) -> Float[ndarray, "sample"]:
        """Desirability of each value; NaN stays NaN.

        >>> Desirability("minimize", low=1.0, high=10.0)(np.array([1.0, 5.5, 12.0]))
        array([1. , 0.5, 0. ])
        """
        return SHAPES[self.shape].curve(self, values)

    def __str__(self) -> str:
        """In words."""
        low, high = (f"{end:g}" if end is not None else "" for end in (self.low, self.high))
        if self.shape == "range":
            inside = f"{low} to {high}" if low and high else f"{low} and more" if low else f"up to {high}"
            return f"1 in the range {inside}, falling off over about {self.width:g} outside"
        if self.shape == "table":
            return "straight lines through " + ", ".join(f"{height:g} at {value:g}" for value, height in self.points)
        rising, midpoint = self.direction == "rising", self.midpoint
        more = "more" if rising else "less"
        return {
            "maximize": f"more is better, from 0 at {low} to 1 at {high}",
            "minimize": f"less is better, from 1 at {low} to 0 at {high}",
            "target": f"best at {midpoint}, falling off over about {self.width}",
            "sigmoid": f"{more} is better, smoothly, one half at {midpoint}, over about {self.width}",
            "step": f"1 from {midpoint} on, else 0" if self.direction == "rising" else f"1 below {midpoint}, else 0",
        }[self.shape]


class Shape(NamedTuple):
    """A curve, the numbers it must have, and those it may have."""

    curve: Curve
    takes: tuple[str, ...]
    may_take: tuple[str, ...] = ()


def _bell(distance: ndarray, width: float) -> ndarray:
    return np.exp(-0.5 * np.square(distance / width))


def _line(shape: Desirability, values: ndarray) -> ndarray:
    return np.clip((values - shape.low) / (shape.high - shape.low), 0, 1)  # pyright: ignore


def _target(shape: Desirability, values: ndarray) -> ndarray:
    return _bell(values - shape.midpoint, shape.width)  # pyright: ignore


def _range(shape: Desirability, values: ndarray) -> ndarray:
    low = shape.low if shape.low is not None else -np.inf
    high = shape.high if shape.high is not None else np.inf
    return _bell(values - np.clip(values, low, high), shape.width)  # pyright: ignore


def _sigmoid(shape: Desirability, values: ndarray) -> ndarray:
    sign = 1 if shape.direction == "rising" else -1
    return 0.5 + 0.5 * np.tanh(0.5 * sign * (values - shape.midpoint) / shape.width)  # pyright: ignore


def _step(shape: Desirability, values: ndarray) -> ndarray:
    above = (values >= shape.midpoint).astype(float)  # pyright: ignore
    return np.where(np.isnan(values), np.nan, above if shape.direction == "rising" else 1 - above)


def _table(shape: Desirability, values: ndarray) -> ndarray:
    places, heights = zip(*shape.points, strict=True)
    return np.interp(values, places, heights)


SHAPES = {
    "maximize": Shape(_line, ("low", "high")),
    "minimize": Shape(lambda shape, values: 1 - _line(shape, values), ("low", "high")),
    "target": Shape(_target, ("midpoint", "width")),
    "range": Shape(_range, ("width",), ("low", "high")),
    "sigmoid": Shape(_sigmoid, ("midpoint", "width", "direction")),
    "step": Shape(_step, ("midpoint", "direction")),
    "table": Shape(_table, ("points",)),
}
"""Shapes by name, with the numbers each needs and those it may have (Derringer and Suich 1980; Brown et al. 2019)."""
