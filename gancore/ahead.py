"""Work that another process does while this one goes on."""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import BrokenProcessPool

T = TypeVar("T")


class Ahead(Generic[T]):
    """A function of arrays whose answer is wanted later: `start(...)` now, `result(...)` of the same arrays then.

    `result` waits if it must. It works the answer out here where nothing, or something else, was started (a resumed
    run) or the other process died; so the answer never depends on it. One call at a time; the process starts with the
    first and ends with this program.
    """

    def __init__(self, function: Callable[..., T]):
        self.function = function
        self._pool: ProcessPoolExecutor | None = None
        self._started: tuple[tuple[np.ndarray, ...], object] | None = None

    def start(self, *arrays: np.ndarray) -> None:
        """Have the answer worked out elsewhere."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(max_workers=1)
        try:
            self._started = arrays, self._pool.submit(self.function, *arrays)
        except BrokenProcessPool:
            self._pool = self._started = None

    def result(self, *arrays: np.ndarray) -> T:
        """The answer."""
        started, self._started = self._started, None
        if started is not None and all(map(np.array_equal, started[0], arrays)):
            try:
                return started[1].result()  # pyright: ignore
            except BrokenProcessPool:
                self._pool = None
        return self.function(*arrays)
