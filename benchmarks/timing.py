"""Process CPU time of a call: warmed up, repeated, the median."""

import statistics
import time
from collections.abc import Callable


def cpu_seconds(call: Callable[[], object], repeat: int = 5, warm_up: int = 1) -> float:
    """Median CPU seconds of one call, all threads counted."""
    for _ in range(warm_up):
        call()
    times = []
    for _ in range(repeat):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return statistics.median(times)
