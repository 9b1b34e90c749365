"""Requested and obtained values: errors, and shares within a tolerance, for each property."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gancore.errors import ConfigError
from gancore.facade.conditions import Conditions, Request
from gancore.statistics.intervals import Estimate, mean_interval, wilson_interval
from molgan.scoring.properties import PROPERTIES
from molgan.scoring.records import Part
from molgan.scoring.tables import property_frame, property_row

_DEFAULT = 0.25  # standard deviations of the reference
_ENOUGH = 10_000  # molecules of the reference that its deviation is taken of


@dataclass(frozen=True)
class Requested:
    """Values that samples were asked for, by property, and how far from them they may be.

    tolerance: in the property's unit; of those that it lacks, a quarter of the reference's standard deviation.
    """

    values: Mapping[str, float]
    tolerance: Mapping[str, float]

    @classmethod
    def of(cls, condition: Mapping[str, Any], tolerance: Mapping[str, Any]) -> "Requested":
        """Raises ConfigError for what is no property, no number, or no width."""
        for name in (*condition, *tolerance):
            if name not in PROPERTIES:
                raise ConfigError(f"condition {name}: no such property; there are {', '.join(PROPERTIES)}.")
        stray = sorted(set(tolerance) - set(condition))
        if stray:
            raise ConfigError(f"tolerance {stray[0]}: was not asked for; give condition {stray[0]} as well.")
        values = {name: _number("condition", name, value) for name, value in condition.items()}
        return cls(values, {name: _width(name, width) for name, width in tolerance.items()})

    @property
    def part(self) -> Part:
        """What has to be known of each molecule."""
        names = list(self.values)
        return Part(partial(property_row, names=names), lambda reason: [math.nan] * len(names))

    def figures(
        self, rows: Sequence[Sequence[float]], reference: Sequence[str] | None
    ) -> tuple[dict[str, Estimate], list[str]]:
        """Figures of molecules `(molecule, property)`, and notes. reference: SMILES, for tolerances that are not given.

        requested/NAME/mean, requested/NAME/error: mean, and mean absolute difference from what was asked, in the
        property's unit. requested/NAME/within: share within the tolerance; requested/within: of all together.
        """
        table, notes = np.array(rows, float).reshape(len(rows), len(self.values)), []
        whole = np.isfinite(table).all(1)
        if not whole.any():
            return {}, ["requested: of no molecule can the properties be worked out."]
        table, widths = table[whole], dict(self.tolerance)
        missing = [name for name in self.values if name not in widths]
        if missing and reference is not None:
            spread = property_frame(reference[:_ENOUGH], missing).std().to_dict()
            widths |= {name: _DEFAULT * float(spread[name]) for name in missing}
        elif missing:
            notes.append(f"requested/{missing[0]}/within: needs a tolerance, or a reference to take one from.")
        figures, within = {}, np.ones(len(table), bool)
        for place, (name, value) in enumerate(self.values.items()):
            apart = np.abs(table[:, place] - value)
            figures[f"requested/{name}/mean"] = mean_interval(table[:, place])
            figures[f"requested/{name}/error"] = mean_interval(apart, (0.0, math.inf))
            if name in widths:
                near = apart <= widths[name]
                within &= near
                figures[f"requested/{name}/within"] = wilson_interval(int(near.sum()), len(near))
                notes.append(f"requested/{name}/within: at most {widths[name]:.3g} from {value:g}.")
        if len(self.values) > 1 and not set(self.values) - set(widths):
            figures["requested/within"] = wilson_interval(int(within.sum()), len(within))
        return figures, notes


class Within:
    """The requested values of `n` samples, one or one for each, and how far from them a property may be.

    tolerance: by name, in the property's unit. Raises ConfigError for a name that is not requested or cannot be
    computed of a molecule, and for what is no width.
    """

    def __init__(self, conditions: Conditions | None, request: Request, tolerance: Request, n: int):
        computed = {item.name: item.computed for item in conditions.items} if conditions is not None else {}
        self.widths: dict[str, float] = {}
        self.values: dict[str, np.ndarray] = {}
        for name, width in tolerance.items():
            if name not in request:
                raise ConfigError(f"tolerance {name}: is not requested; give condition {name} as well.")
            if name not in PROPERTIES or not computed.get(name, True):
                raise ConfigError(f"tolerance {name}: cannot be computed of a new molecule; leave it out.")
            self.widths[name], value = _width(name, width), request[name]
            several = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str)
            self.values[name] = np.array(value if several else [value] * n, float)

    def accepts(self, smiles: Sequence[str | None], rows: np.ndarray) -> np.ndarray:
        """Whether each molecule is near enough to the request of its row; None and what has no value are not."""
        names, near = list(self.widths), np.zeros(len(smiles), bool)
        valid = [place for place, text in enumerate(smiles) if text]
        if valid:
            obtained = property_frame([str(smiles[place]) for place in valid], names)
            of_row = np.minimum(rows[valid], len(self.values[names[0]]) - 1)
            close = [(obtained[name] - self.values[name][of_row]).abs() <= self.widths[name] for name in names]
            near[valid] = np.logical_and.reduce(close)
        return near


def _width(name: str, value: Any) -> float:
    width = _number("tolerance", name, value)
    if width < 0:
        raise ConfigError(f"tolerance {name}={width:g}: must be at least 0.")
    return width


def _number(what: str, name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(f"{what} {name}={value}: is no number.")
    return number
