"""How often tokens occur in lines, in bounded memory where that is asked for."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from gancore.errors import UserError


def count_tokens(lines: Iterable[str], split: Callable[[str], Sequence[str]], most: int = 0) -> Counter[str]:
    """The tokens of lines and how often each occurs; a line that `split` refuses is passed over.

    most: tokens that are counted at a time; 0 for all. Beyond that the rarest are dropped until half are left, as in
    lossy counting (Manku and Motwani 2002): a count is then too low by what was dropped of it, so it is exact for what
    is never among the rarest.

    >>> count_tokens(["a b a", "c"], str.split)
    Counter({'a': 2, 'b': 1, 'c': 1})
    """
    counts: Counter[str] = Counter()
    for line in lines:
        try:
            counts.update(split(line))
        except UserError:  # it has no tokens
            continue
        if 0 < most < len(counts):
            least = 1
            while len(counts) > most // 2:
                counts = Counter({token: count for token, count in counts.items() if count > least})
                least += 1
    return counts
