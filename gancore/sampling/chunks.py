"""In which chunks draws are made: the same for any n, so that the first k of n draws do not depend on n.

Where that is not asked for, and n is always the same, `large_chunks` saves time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain, repeat

_FIRST, _SIZE = (50, 150, 300, 500), 1000  # a few draws are there soon; many are drawn many at a time
_LARGEST = 2000  # draws of a chunk where all are waited for
_large: ContextVar[bool] = ContextVar("large", default=False)


def chunks(n: int) -> Iterator[tuple[int, int, int]]:
    """`(number, size, kept)` of the chunks that hold `n` draws: how many to draw, and how many of them are wanted.

    >>> list(chunks(220))
    [(0, 50, 50), (1, 150, 150), (2, 300, 20)]
    """
    left = n
    if _large.get():
        count = -(-n // _LARGEST)  # of about one size
        for number in range(count):
            size = n * (number + 1) // count - n * number // count
            yield number, size, size
        return
    for number, size in enumerate(chain(_FIRST, repeat(_SIZE))):
        if left <= 0:
            return
        yield number, size, min(size, left)
        left -= size


@contextmanager
def large_chunks() -> Iterator[None]:
    """Draws within are made in as few chunks as memory allows, which takes less time; they depend on how many are made.

    >>> with large_chunks():
    ...     list(chunks(4500))
    [(0, 1500, 1500), (1, 1500, 1500), (2, 1500, 1500)]
    """
    token = _large.set(True)
    try:
        yield
    finally:
        _large.reset(token)
