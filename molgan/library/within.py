"""Which molecules are near enough to their request, by the properties that can be computed of them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gancore.errors import ConfigError
from gancore.facade.conditions import Conditions, Request
from molgan.scoring.properties import PROPERTIES
from molgan.scoring.tables import property_frame


class Within:
    """The requested values of `n` samples, and how far from them each property may be.

    tolerance: by name, in the property's unit. Raises ConfigError for a name that is not requested or cannot be
    computed of a molecule, and for what is no width.
    """

    def __init__(self, conditions: Conditions | None, request: Request, tolerance: Mapping[str, Any], n: int):
        computed = {item.name: item.computed for item in conditions.items} if conditions is not None else {}
        self.widths: dict[str, float] = {}
        self.values: dict[str, np.ndarray] = {}
        for name, width in tolerance.items():
            if name not in request:
                raise ConfigError(f"tolerance {name}: is not requested; give condition {name} as well.")
            if name not in PROPERTIES or not computed.get(name, True):
                raise ConfigError(f"tolerance {name}: cannot be computed of a new molecule; leave it out.")
            self.widths[name] = _width(name, width)
            value = request[name]
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


def _width(name: str, given: Any) -> float:
    try:
        width = float(given)
    except (TypeError, ValueError):
        width = math.nan
    if not width >= 0:
        raise ConfigError(f"tolerance {name}={given}: must be a number of at least 0.")
    return width
