"""The settings of a library's run."""

from dataclasses import asdict, dataclass
from typing import Annotated

from annotated_types import Ge

from gancore.io import config as toml
from gancore.training.settings import STRICT, Count, Positive, Seed


@dataclass(frozen=True)
class LibraryConfig:
    """What a library holds and when a run of it ends. Numbers of 0 mean no limit.

    >>> LibraryConfig(n=500, where="qed > 0.6").draws
    2000
    """

    __pydantic_config__ = STRICT
    n: Positive = 10_000
    """Distinct molecules that the run is to add."""
    where: str = ""
    """An SQL condition of DuckDB over the columns; what it is not true for is left out."""
    columns: tuple[str, ...] = ()
    """Columns to write beside the provenance and those that `where` and the score name."""
    score: str = ""
    """Name or TOML file of a score, which adds its columns."""
    cache: str = ""
    """File that keeps the score's numbers. Without a name, `scores.sqlite` in the library's folder for a score with a
    plug-in, and none with a scheduler."""
    known: tuple[str, ...] = ()
    """Files or data sets by name with the molecules that are not novel."""
    seed: Seed = 0
    """Of everything random."""
    draws: Positive = 2000
    """Samples of a shard, the unit of work."""
    samples: Count = 0
    """Samples after which the run ends."""
    minutes: Annotated[float, Ge(0)] = 0.0
    """Minutes after which it ends."""
    disk: Annotated[float, Ge(0)] = 0.0
    """Size of the library's files in GB (10^9 bytes) at which it ends."""
    patience: Positive = 50_000
    """Samples in a row that may add nothing; then the run ends."""
    workers: Count = 0
    """Local processes; 0 for one a usable core."""
    scheduler: str = ""
    """Address of a Dask scheduler that takes the place of local processes."""

    def validated(self) -> "LibraryConfig":
        """The same, its types and ranges checked. Raises ConfigError, naming the setting.

        >>> LibraryConfig(n=5).validated().n
        5
        """
        return toml.from_dict(LibraryConfig, asdict(self), "library")
