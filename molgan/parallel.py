"""A parallel map over many small items."""

import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

from joblib import Parallel, delayed

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_chunks(function: Callable[[Item], Result], items: Sequence[Item], chunk: int = 500) -> list[Result]:
    """`[function(item) for item in items]`, on all cores once there are more than four chunks of work.

    `function` must be importable (or a partial of one that is) and its results picklable.
    """
    if len(items) <= 4 * chunk:
        return [function(item) for item in items]
    parts = (items[start : start + chunk] for start in range(0, len(items), chunk))
    with warnings.catch_warnings():
        # workers that idled through minutes of training were let go: started anew, nothing to tell
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
        done = Parallel(n_jobs=-1)(delayed(_apply)(function, part) for part in parts)
    return [result for part in done for result in part]  # pyright: ignore


def _apply(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [function(item) for item in items]
