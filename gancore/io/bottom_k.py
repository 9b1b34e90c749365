"""A sample of distinct texts of a stream, in bounded memory, that depends neither on their order nor on copies."""

import hashlib
from typing import Any


def place_of(text: str, seed: int = 0) -> float:
    """A number from 0 to below 1 by a text and a seed, evenly spread (BLAKE2b).

    >>> place_of("a dog") == place_of("a dog") != place_of("a dog", seed=1)
    True
    """
    digest = hashlib.blake2b(text.encode(), digest_size=8, key=seed.to_bytes(8, "little", signed=True)).digest()
    return (int.from_bytes(digest, "little") >> 11) / (1 << 53)


class BottomK:
    """The texts with the smallest places: a uniform sample of the distinct ones (Cohen and Kaplan 2007).

    most: texts that are kept in the end; characters: of all of them together. Up to twice as many are in memory.
    items: what was kept with each, by its text, once `close` was called.

    >>> sample = BottomK(most=1)
    >>> [left for place, text in ((0.7, "a"), (0.2, "b"), (0.7, "a"), (0.2, "b")) for left in sample.add(place, text)]
    []
    >>> sample.close(), sample.items
    (['a', 'a'], {'b': None})
    """

    def __init__(self, most: int, characters: int = 1 << 62):
        self.most, self.characters, self.below = most, characters, 1.0
        self._held: dict[str, tuple[float, Any]] = {}
        self._copies: dict[str, int] = {}
        self._size = 0

    @property
    def items(self) -> dict[str, Any]:
        """What is kept, by text, the smallest place first."""
        ordered = sorted(self._held.items(), key=lambda item: (item[1][0], item[0]))
        return {text: item for text, (_, item) in ordered}

    def add(self, place: float, text: str, item: Any = None) -> list[str]:
        """Take a text in; gives those that are in the sample no more, this one or others, as often as they came."""
        if place >= self.below:
            return [text]
        self._copies[text] = self._copies.get(text, 0) + 1
        if text in self._held:
            return []
        self._held[text] = place, item
        self._size += len(text)
        return self.close() if len(self._held) > 2 * self.most or self._size > 2 * self.characters else []

    def close(self) -> list[str]:
        """Leave what is beyond the size; gives it as `add` does."""
        left: list[str] = []
        size = 0
        ordered = sorted(self._held, key=lambda text: (self._held[text][0], text))
        for number, text in enumerate(ordered):
            size += len(text)
            if number < self.most and (size <= self.characters or not number):
                continue
            self.below = min(self.below, self._held[text][0])
            for gone in ordered[number:]:
                left += [gone] * self._copies.pop(gone)
                self._size -= len(gone)
                del self._held[gone]
            break
        return left
