"""Kinds of values and tables that the configurations of molgan and seqgan use."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval
from pydantic import ConfigDict
from pydantic_core import PydanticCustomError, core_schema

from gancore.errors import ConfigError

Count = Annotated[int, Ge(0)]
Positive = Annotated[int, Gt(0)]
Seed = Annotated[int, Interval(ge=0, lt=2**62)]
Weight = Annotated[float, Ge(0)]
Rate = Annotated[float, Gt(0)]
Share = Annotated[float, Interval(ge=0, le=1)]
Part = Annotated[float, Interval(ge=0, lt=1)]

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


class OneOf:
    """In `Annotated[str, OneOf(table)]`: a name in a table. The table is read when a value is checked, so that rows
    which others add to it count; `without` leaves some of its names out.

    >>> from pydantic import TypeAdapter
    >>> TypeAdapter(Annotated[str, OneOf({"lstm": 1, "memory": 2})]).validate_python("lstm")
    'lstm'
    """

    def __init__(self, table: Mapping[str, Any], without: Collection[str] = ()):
        self._table, self._without = table, frozenset(without)

    @property
    def names(self) -> list[str]:
        """The names that may be taken."""
        return [name for name in self._table if name not in self._without]

    def _check(self, value: str) -> str:
        if value not in self.names:
            *others, last = (repr(name) for name in self.names)
            said = f"{', '.join(others)} or {last}" if others else last
            raise PydanticCustomError("one_of", f"input should be {said}")  # pyright: ignore
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """pydantic's hook."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))


@dataclass(frozen=True)
class CheckpointConfig:
    """When training saves itself."""

    __pydantic_config__ = STRICT
    every: Positive = 1000
    """Steps between checkpoints; the end of training always saves."""
    minutes: Weight = 0.0
    """Minutes after which one is due even so; 0 leaves the clock out."""
    keep: Positive = 2
    """How many of the last ones are kept."""
    best: str = ""
    """A figure of metrics.jsonl, for instance sample/unique: the checkpoint where it was best is kept as well."""
    best_is: Literal["highest", "lowest"] = "highest"
    """Which value of that figure is best."""


@dataclass(frozen=True)
class RecoveryConfig:
    """What follows a loss or a gradient that is not finite, or a watch that rolls back."""

    __pydantic_config__ = STRICT
    times: Count = 3
    """How often training goes back to the last good checkpoint before it stops."""
    rate: Share = 0.5
    """Factor on all learning rates each time."""


@dataclass(frozen=True)
class WatchConfig:
    """A rule on a figure of metrics.jsonl: what happens when it stays out of bounds."""

    __pydantic_config__ = STRICT
    figure: str
    """The figure, for instance sample/unique, critic/accuracy, generator/gradient, sample/recall."""
    below: float | None = None
    """Out of bounds below this."""
    above: float | None = None
    """Out of bounds above this."""
    readings: Positive = 3
    """How many readings in a row must be out of bounds."""
    action: Literal["warn", "roll_back", "stop"] = "warn"
    """Say so; or go back to the last good checkpoint at a lower learning rate; or stop."""

    def __post_init__(self) -> None:
        if self.below is None and self.above is None:
            raise ConfigError(f"watch: the rule on {self.figure} has no bound; set below or above.")


@dataclass(frozen=True)
class ReplayConfig:
    """A memory of the best strings, learnt from again."""

    __pydantic_config__ = STRICT
    size: Count = 0
    """How many are kept; 0 leaves the memory out."""
    batch: Positive = 16
    """How many of them each training step of the generator learns from."""
    weight: Weight = 0.1
    """Weight of their likelihood (of its bound) in the loss."""
