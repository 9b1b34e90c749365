"""Work that goes on beside this one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


class BackgroundCall(Generic[T]):
    """A function of arrays whose answer is wanted later: `start(...)` now, `result(...)` of the same arrays then.

    A thread works it out, so it gains where the function waits for other processes. `result` waits if it must; it works
    the answer out itself where nothing, or something else, was started (a resumed run), so the answer never depends on
    it. One call at a time.
    """

    def __init__(self, function: Callable[..., T]):
        self.function = function
        self._thread = ThreadPoolExecutor(1)
        self._started: tuple[tuple[np.ndarray, ...], Future[T]] | None = None

    def start(self, *arrays: np.ndarray) -> None:
        """Have the answer worked out meanwhile."""
        self._started = arrays, self._thread.submit(self.function, *arrays)

    def result(self, *arrays: np.ndarray) -> T:
        """The answer."""
        started, self._started = self._started, None
        if started is not None:
            answer = started[1].result()
            if all(map(np.array_equal, started[0], arrays)):
                return answer
        return self.function(*arrays)
