"""A score of proteins and peptides as a reward: properties, a desirability for each, and their mean.

[score]
aggregate = "geometric"

[[score.components]]
property = "charge"
desirability = { shape = "range", low = 4, high = 9, width = 1 }
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from gancore.errors import ConfigError
from gancore.io import config as toml
from gancore.rewards.desirability import Desirability
from gancore.training.settings import STRICT, Rate
from seqgan.scoring.properties import PROPERTIES, check_properties, measure
from seqgan.text.proteins import refusal

_EXAMPLE = '"charge=4:9, hydrophobic_moment=0.5:"'


@dataclass(frozen=True)
class ProteinComponent:
    """A property, its desirability and its weight."""

    __pydantic_config__ = STRICT
    property: str
    """A name in `PROPERTIES`."""
    desirability: Desirability
    """Maps the property's value to [0, 1]."""
    weight: Rate = 1.0
    """Weight in the mean, above 0."""

    def __post_init__(self) -> None:
        if self.property not in PROPERTIES:
            check_properties([self.property])

    def __str__(self) -> str:
        """In words."""
        explained = f"{self.property} ({PROPERTIES[self.property].source})"
        return f"{explained}: {self.desirability}; weight {self.weight:g}"


@dataclass(frozen=True)
class ProteinScoreConfig:
    """A score in [0, 1]: property -> desirability -> mean."""

    __pydantic_config__ = STRICT
    components: tuple[ProteinComponent, ...]
    """The properties that count, each once."""
    aggregate: Literal["arithmetic", "geometric"] = "geometric"
    """Weighted mean of the desirabilities."""

    def __post_init__(self) -> None:
        names = [component.property for component in self.components]
        if not names:
            raise ConfigError("score: there are no components, so there is nothing to score.")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"score: {twice[0]} is there twice; a property counts once.")


@dataclass(frozen=True)
class ProteinScoreFile:
    """A TOML file that defines a score of proteins."""

    __pydantic_config__ = STRICT
    score: ProteinScoreConfig = field()
    """The score."""


def read_definition(text: str) -> ProteinScoreConfig:
    """A definition from a TOML file, or from ranges: "NAME=LOW:HIGH, ...", an end left out where it is open.

    Inside a range the desirability is 1, outside it falls off over the property's `width`.
    Raises ConfigError for a file that cannot be read, a range that is none, and a property that there is not.

    >>> [component.property for component in read_definition("charge=4:9, hydrophobic_moment=0.5:").components]
    ['charge', 'hydrophobic_moment']
    """
    if text.strip().endswith(".toml"):
        return toml.load(ProteinScoreFile, Path(text.strip())).score
    return ProteinScoreConfig(tuple(_ranged(part.strip()) for part in text.split(",") if part.strip()))


def _ranged(part: str) -> ProteinComponent:
    name, equals, ends = part.partition("=")
    low, colon, high = ends.partition(":")
    try:
        if not equals or not colon:
            raise ValueError
        numbers = [float(end) if end.strip() else None for end in (low, high)]
        if not all(end is None or np.isfinite(end) for end in numbers):
            raise ValueError
    except ValueError:
        raise ConfigError(f"score: {part!r} is no range of a property; write {_EXAMPLE}, or a .toml file.") from None
    name = name.strip()
    if name not in PROPERTIES:
        check_properties([name])
    return ProteinComponent(name, Desirability("range", *numbers, width=PROPERTIES[name].width))


class ProteinScore:
    """A `Reward`: sequences -> scores in [0, 1], NaN for what has anything but the 20 amino acids.

    definition: ranges of properties as in `read_definition`, a TOML file, or a `ProteinScoreConfig`. A configuration
    says `reward.function = "seqgan.scoring:ProteinScore"`, and the definition in `reward.argument`.
    Raises ConfigError for a definition that cannot be used, and where a property's package is not installed.

    >>> ProteinScore("hydrophobic_moment=0.5:, length=5:20")(["KLLKLLKKLLK", "KKKKK", "KLX"]).round(2)
    array([1.  , 0.65,  nan])
    """

    def __init__(self, definition: str | Path | ProteinScoreConfig = ""):
        if not isinstance(definition, ProteinScoreConfig):
            if not str(definition).strip():
                raise ConfigError(f"score: name the properties that count, for instance {_EXAMPLE}.")
            definition = read_definition(str(definition))
        self.definition = definition
        self.names = [component.property for component in definition.components]
        check_properties(self.names)

    def __call__(self, strings: Sequence[str | None]) -> np.ndarray:
        """One score a sequence, float64."""
        return self._together(self._desired(measure(strings, self.names)))

    def frame(self, strings: Sequence[str | None]) -> pd.DataFrame:
        """A table: sequence, score, reason (why there is no score), and each property with its `.desirability`."""
        values = measure(strings, self.names)
        desired = self._desired(values)
        table = pd.DataFrame({"sequence": list(strings), "score": self._together(desired)})
        table["reason"] = [refusal(text or "") for text in strings]
        for place, name in enumerate(self.names):
            table[name], table[f"{name}.desirability"] = values[:, place], desired[:, place]
        return table

    def _desired(self, values: np.ndarray) -> np.ndarray:
        components = self.definition.components
        columns = [one.desirability(column) for one, column in zip(components, values.T, strict=True)]
        return np.stack(columns, 1)

    def _together(self, desired: np.ndarray) -> np.ndarray:
        weights = np.array([component.weight for component in self.definition.components])
        weights /= weights.sum()
        return desired @ weights if self.definition.aggregate == "arithmetic" else np.prod(desired**weights, 1)

    def __str__(self) -> str:
        return f"The weighted {self.definition.aggregate} mean of " + " | ".join(map(str, self.definition.components))
