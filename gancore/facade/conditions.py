"""The properties or columns that a model is conditioned on: names, scales, and the context that a request makes."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from gancore.errors import ConfigError, DataError
from gancore.io.notes import note
from gancore.types import Context

Request = Mapping[str, Any]
"""Requested values by name: a number in its own unit, or the name of a class; or a list with one for each sample."""


def label_of(value: Any) -> str:
    """The name of a class: text as it is, a whole number without a point, as a column of numbers with gaps has it.

    >>> label_of(" a "), label_of(1), label_of(1.0)
    ('a', '1', '1')
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


@dataclass(frozen=True)
class Condition:
    """A number or a class that can be requested of samples.

    mean, scale: of a number, over the training rows where it is known; a `Context` holds (value - mean) / scale.
    least, most: its range there. classes: of a class, which takes a 0 or a 1 for each of them in a `Context`.
    computed: whether it is a property, which can be computed of a sample, and no column of the training file.
    """

    name: str
    mean: float = 0.0
    scale: float = 1.0
    least: float = 0.0
    most: float = 0.0
    classes: tuple[str, ...] = ()
    computed: bool = True

    @classmethod
    def of_numbers(cls, name: str, values: np.ndarray) -> "Condition":
        """From training values, NaN where unknown. Raises DataError where no two of them differ."""
        known = values[np.isfinite(values)]
        if not len(known):
            raise DataError(f"condition {name}: no row has a value of it.")
        if known.min() == known.max():
            raise DataError(
                f"condition {name}: all {len(known):,} rows with a value of it have {known[0]:g}; there is nothing to "
                "ask for."
            )
        mean, scale, least, most = (float(value) for value in (known.mean(), known.std(), known.min(), known.max()))
        return cls(name, mean, scale, least, most)

    @classmethod
    def of_classes(cls, name: str, values: Sequence[str | None]) -> "Condition":
        """From training classes, None where unknown. Raises DataError for fewer than two, or for one with one row."""
        counts = Counter(value for value in values if value is not None)
        if not counts:
            raise DataError(f"condition {name}: no row has a value of it.")
        if len(counts) == 1:
            raise DataError(f"condition {name}: all rows with a value of it have {next(iter(counts))!r}.")
        rare = sorted(value for value, count in counts.items() if count < 2)
        if rare:
            raise DataError(
                f"condition {name}: class {rare[0]!r} has a single row, and a class needs two; leave its cell "
                "empty, or group it with another."
            )
        return cls(name, classes=tuple(sorted(counts)))

    @property
    def features(self) -> int:
        """How many entries of a context it takes."""
        return len(self.classes) or 1

    @property
    def about(self) -> str:
        """The range or the classes that can be requested.

        >>> Condition("logp", 1.0, 1.0, -2.5, 4.0).about
        'logp from -2.5 to 4'
        """
        if self.classes:
            return f"{self.name}: {', '.join(self.classes)}"
        return f"{self.name} from {self.least:.4g} to {self.most:.4g}"

    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """Entries `(row, feature)` of values, NaN where one is unknown: NaN, None or, of a class, not of training."""
        if not self.classes:
            return ((np.asarray(values, np.float64) - self.mean) / self.scale)[:, None]
        rows = np.full((len(values), len(self.classes)), np.nan)
        for row, value in zip(rows, values, strict=True):
            if value in self.classes:
                row[:] = 0.0
                row[self.classes.index(value)] = 1.0
        return rows

    def checked(self, value: Any) -> Any:
        """A requested value: a finite number or the name of a class. Raises ConfigError for any other."""
        if self.classes:
            if label_of(value) not in self.classes:
                raise ConfigError(f"condition {self.name}={value}: no such class; there are {', '.join(self.classes)}.")
            return label_of(value)
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ConfigError(f"condition {self.name}={value}: is no number.") from None
        if not math.isfinite(number):
            raise ConfigError(f"condition {self.name}={value}: is not finite; leave the name out to leave it open.")
        return number


@dataclass(frozen=True)
class Conditions:
    """All that can be requested of the samples of a model, in the order of the context's entries.

    >>> conditions = Conditions((Condition.of_numbers("logp", np.array([1.0, 3.0, np.nan])),))
    >>> conditions.context(1, {"logp": 3.0}).values.tolist()
    [[1.0]]
    """

    items: tuple[Condition, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the conditions."""
        return tuple(item.name for item in self.items)

    @property
    def groups(self) -> tuple[int, ...]:
        """How many entries of a context each condition takes."""
        return tuple(item.features for item in self.items)

    @property
    def about(self) -> str:
        """All that can be requested, as a clause."""
        return "; ".join(item.about for item in self.items)

    def encode(self, columns: Mapping[str, Sequence[Any]]) -> Context:
        """The context of rows of values, by name."""
        entries = np.concatenate([item.encode(columns[item.name]) for item in self.items], 1)
        known = torch.from_numpy(np.isfinite(entries))
        return Context(torch.from_numpy(np.nan_to_num(entries)).float(), known)

    def context(self, n: int, request: Request) -> Context:
        """The context of `n` samples for a request; what it does not name is unknown.

        Raises ConfigError for a name or a class that the model does not have, for what is no number, and for a list
        that has not a value for each sample. A number that lies outside the training rows is noted.
        """
        unknown = [name for name in request if name not in self.names]
        if unknown:
            raise ConfigError(f"condition {unknown[0]}: this model knows {', '.join(self.names)}.")
        columns: dict[str, list[Any]] = {}
        for item in self.items:
            if item.name not in request:
                columns[item.name] = [None if item.classes else math.nan] * n
                continue
            value = request[item.name]
            several = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str)
            if several and len(value) != n:
                raise ConfigError(f"condition {item.name}: {len(value)} values were given for {n} samples.")
            values = [item.checked(each) for each in value] if several else [item.checked(value)]
            outside = [each for each in values if not item.classes and not item.least <= each <= item.most]
            if outside:
                note(
                    f"condition {item.name}={outside[0]:g}: the training rows have {item.least:.4g} to {item.most:.4g} "
                    "and samples may not reach it."
                )
            columns[item.name] = values if several else values * n
        return self.encode(columns)

    def decode(self, entries: Float[np.ndarray, "row feature"]) -> dict[str, Any]:
        """Values by name from what a head says: of a number, itself in its unit; of a class, the likeliest.

        Of a class there is also `<name>_probability`, by the softmax of its logits.
        """
        columns: dict[str, Any] = {}
        starts = np.cumsum((0, *self.groups))
        for item, start, end in zip(self.items, starts, starts[1:], strict=False):
            part = entries[:, start:end]
            if not item.classes:
                columns[item.name] = part[:, 0] * item.scale + item.mean
                continue
            likely = np.exp(part - part.max(1, keepdims=True))
            likely /= likely.sum(1, keepdims=True)
            columns[item.name] = np.array(item.classes, dtype=object)[part.argmax(1)]
            columns[f"{item.name}_probability"] = likely.max(1)
        return columns

    def state(self) -> list[dict[str, Any]]:
        """JSON-able."""
        return [asdict(item) for item in self.items]

    @classmethod
    def restore(cls, state: Sequence[Mapping[str, Any]]) -> "Conditions":
        """Back from `state`; raises KeyError or TypeError for what never was one."""
        numbers = ("mean", "scale", "least", "most")
        return cls(
            tuple(
                Condition(
                    name=str(entry["name"]),
                    classes=tuple(map(str, entry["classes"])),
                    computed=bool(entry.get("computed", True)),
                    **{key: float(entry[key]) for key in numbers},
                )
                for entry in state
            )
        )
