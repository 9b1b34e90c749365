"""From a property's number to how much it is wanted, in [0, 1]: a literal table of shapes, each with its direction."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from gancore.errors import ConfigError
from gancore.training.settings import STRICT, Rate

Direction = Literal["rising", "falling"]
Curve = Callable[["Desirability", Float[ndarray, "molecule"]], Float[ndarray, "molecule"]]


@dataclass(frozen=True)
class Desirability:
    """A shape and its numbers, in the property's unit; which numbers a shape takes is in `SHAPES`.

    Raises ConfigError for numbers that are missing, of no use to the shape, or in the wrong order.
    """

    __pydantic_config__ = STRICT
    shape: Literal["maximize", "minimize", "target", "range", "sigmoid", "step", "table"]
    """maximize, minimize: linear between low and high. target: a bell. range: 1 inside, bells outside. sigmoid: a
    logistic curve. step: 0 or 1. table: straight lines between points."""
    low: float | None = None
    """maximize, minimize: where the line begins. range: the lower end, open if left out."""
    high: float | None = None
    """maximize, minimize: where the line ends. range: the upper end, open if left out."""
    at: float | None = None
    """target: the best value. sigmoid: where it is one half. step: the first value of the right-hand side."""
    width: Rate | None = None
    """target, range: standard deviation of the bell. sigmoid: scale of the logistic curve."""
    direction: Direction | None = None
    """sigmoid, step: whether more is better (rising) or worse (falling)."""
    points: tuple[tuple[float, float], ...] = ()
    """table: (value, desirability) pairs, values rising; constant outside."""

    def __post_init__(self) -> None:
        shape = SHAPES[self.shape]
        for name in ("low", "high", "at", "width", "direction", "points"):
            given = getattr(self, name) not in (None, ())
            if given and name not in shape.takes + shape.may_take:
                takes = ", ".join(shape.takes + shape.may_take)
                raise ConfigError(f"score: shape {self.shape} has no {name}; it takes {takes}.")
            if not given and name in shape.takes:
                raise ConfigError(f"score: shape {self.shape} needs {name}; it takes {', '.join(shape.takes)}.")
        if self.shape == "range" and self.low is None and self.high is None:
            raise ConfigError("score: shape range needs low, high or both.")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ConfigError(f"score: low {self.low:g} must be below high {self.high:g}.")
        values = [value for value, _ in self.points]
        if self.points and (len(values) < 2 or any(b <= a for a, b in pairwise(values))):
            raise ConfigError("score: the points of a table must be at least two, with rising values.")
        if not all(0 <= wanted <= 1 for _, wanted in self.points):
            raise ConfigError("score: the desirabilities of a table's points must lie in [0, 1].")

    def __call__(self, values: Float[ndarray, "molecule"]) -> Float[ndarray, "molecule"]:
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
            return "straight lines through " + ", ".join(f"{wanted:g} at {value:g}" for value, wanted in self.points)
        more = "more" if self.direction == "rising" else "less"
        return {
            "maximize": f"more is better, from 0 at {low} to 1 at {high}",
            "minimize": f"less is better, from 1 at {low} to 0 at {high}",
            "target": f"best at {self.at}, falling off over about {self.width}",
            "sigmoid": f"{more} is better, smoothly, one half at {self.at}, over about {self.width}",
            "step": f"1 from {self.at} on, else 0" if self.direction == "rising" else f"1 below {self.at}, else 0",
        }[self.shape]


class Shape(NamedTuple):
    """A curve, the numbers it must have, and those it may have."""

    curve: Curve
    takes: tuple[str, ...]
    may_take: tuple[str, ...] = ()


def _bell(distance: ndarray, width: float) -> ndarray:
    return np.exp(-0.5 * np.square(distance / width))


def _line(wanted: Desirability, values: ndarray) -> ndarray:
    return np.clip((values - wanted.low) / (wanted.high - wanted.low), 0, 1)  # pyright: ignore


def _target(wanted: Desirability, values: ndarray) -> ndarray:
    return _bell(values - wanted.at, wanted.width)  # pyright: ignore


def _range(wanted: Desirability, values: ndarray) -> ndarray:
    low = wanted.low if wanted.low is not None else -np.inf
    high = wanted.high if wanted.high is not None else np.inf
    return _bell(values - np.clip(values, low, high), wanted.width)  # pyright: ignore


def _sigmoid(wanted: Desirability, values: ndarray) -> ndarray:
    sign = 1 if wanted.direction == "rising" else -1
    return 0.5 + 0.5 * np.tanh(0.5 * sign * (values - wanted.at) / wanted.width)  # pyright: ignore


def _step(wanted: Desirability, values: ndarray) -> ndarray:
    above = (values >= wanted.at).astype(float)  # pyright: ignore
    return np.where(np.isnan(values), np.nan, above if wanted.direction == "rising" else 1 - above)


def _table(wanted: Desirability, values: ndarray) -> ndarray:
    places, heights = zip(*wanted.points, strict=True)
    return np.interp(values, places, heights)


SHAPES = {
    "maximize": Shape(_line, ("low", "high")),
    "minimize": Shape(lambda wanted, values: 1 - _line(wanted, values), ("low", "high")),
    "target": Shape(_target, ("at", "width")),
    "range": Shape(_range, ("width",), ("low", "high")),
    "sigmoid": Shape(_sigmoid, ("at", "width", "direction")),
    "step": Shape(_step, ("at", "direction")),
    "table": Shape(_table, ("points",)),
}
"""Every shape; what it needs, and what it may have besides (Derringer and Suich 1980; GuacaMol's modifiers, 2019)."""
