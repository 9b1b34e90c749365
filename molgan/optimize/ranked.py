"""Scored molecules, and how often each is chosen by its rank."""

from typing import NamedTuple

_RANK = 10  # a molecule of rank r is chosen in proportion to 1 / (_RANK + r)


class Ranked(NamedTuple):
    """A molecule and what it scored, or is predicted to score."""

    smiles: str
    value: float


def rank_weights(n: int) -> list[float]:
    """Weights of `n` molecules, the best first.

    >>> [round(one, 3) for one in rank_weights(3)]
    [0.1, 0.091, 0.083]
    """
    return [1 / (_RANK + rank) for rank in range(n)]
