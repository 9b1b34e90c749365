"""The properties or columns that a model is conditioned on: their names, their scale, and what is asked of samples."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from gancore.errors import ConfigError, DataError
from gancore.types import Context

Request = Mapping[str, float]
"""Values asked for, by name, in their own units."""


@dataclass(frozen=True)
class Conditions:
    """Names and scale of the values that samples can be asked for.

    means, scales: over the training rows where the value is known; a `Context` holds (value - mean) / scale.

    >>> conditions = Conditions.of(["logp"], np.array([[1.0], [3.0], [np.nan]]))
    >>> conditions.context(1, {"logp": 4.0}).values.tolist()
    [[2.0]]
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]

    @classmethod
    def of(cls, names: Sequence[str], values: np.ndarray) -> "Conditions":
        """From training values `(row, name)`, NaN where unknown. Raises DataError for a name without two values."""
        for place, name in enumerate(names):
            known = values[:, place][np.isfinite(values[:, place])]
            if len(np.unique(known)) < 2:
                raise DataError(f"condition {name}: the rows have no two different values of it.")
        means, scales = np.nanmean(values, 0), np.nanstd(values, 0)
        return cls(tuple(names), tuple(means.tolist()), tuple(scales.tolist()))

    def standardised(self, values: np.ndarray) -> Context:
        """The context of rows of values `(row, name)`, NaN where unknown."""
        known = torch.from_numpy(np.isfinite(values))
        scaled = (np.nan_to_num(values) - np.array(self.means)) / np.array(self.scales)
        return Context(torch.from_numpy(scaled).float(), known)

    def context(self, n: int, request: Request) -> Context:
        """What is asked of `n` samples; what the request does not name is unknown.

        Raises ConfigError for a name that the model does not have, and a value that is no number.
        """
        unknown = [name for name in request if name not in self.names]
        if unknown:
            raise ConfigError(f"condition {unknown[0]}: this model knows {', '.join(self.names)}.")
        try:
            values = np.array([[float(request.get(name, "nan")) for name in self.names]])
        except (TypeError, ValueError):
            raise ConfigError(f"condition: {dict(request)} holds a value that is no number.") from None
        return self.standardised(np.repeat(values, n, 0))

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> "Conditions":
        """Back from `state`; raises KeyError or TypeError for what never was one."""
        names, means, scales = (tuple(state[key]) for key in ("names", "means", "scales"))
        return cls(tuple(map(str, names)), tuple(map(float, means)), tuple(map(float, scales)))
