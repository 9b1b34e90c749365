"""Kinds of values and tables that the configurations of both halves use."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Interval
from pydantic import ConfigDict

Count = Annotated[int, Ge(0)]
Positive = Annotated[int, Gt(0)]
Seed = Annotated[int, Interval(ge=0, lt=2**62)]
Weight = Annotated[float, Ge(0)]
Rate = Annotated[float, Gt(0)]
Share = Annotated[float, Interval(ge=0, le=1)]
Part = Annotated[float, Interval(ge=0, lt=1)]

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class CheckpointConfig:
    """When training saves itself."""

    __pydantic_config__ = STRICT
    every: Positive = 1000
    """Steps between checkpoints; the end of training always saves."""
