"""In which chunks draws are made: always the same, so that the first k of n draws do not depend on n."""

from collections.abc import Iterator
from itertools import chain, repeat

_FIRST, _SIZE = (50, 150, 300, 500), 1000  # a few draws are there soon; many are drawn many at a time


def chunks(n: int) -> Iterator[tuple[int, int, int]]:
    """`(number, size, kept)` of the chunks that hold `n` draws: how many to draw, and how many of them are wanted.

    >>> list(chunks(220))
    [(0, 50, 50), (1, 150, 150), (2, 300, 20)]
    """
    left = n
    for number, size in enumerate(chain(_FIRST, repeat(_SIZE))):
        if left <= 0:
            return
        yield number, size, min(size, left)
        left -= size
