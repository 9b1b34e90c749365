"""UTF-8 as an automaton over tokens of bytes: which tokens can follow, so that what is drawn is always text."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

_MOVES: dict[int, list[tuple[int, int, int]]] = {
    0: [
        (0x00, 0x7F, 0),
        (0xC2, 0xDF, 1),
        (0xE0, 0xE0, 4),
        (0xE1, 0xEC, 2),
        (0xED, 0xED, 5),
        (0xEE, 0xEF, 2),
        (0xF0, 0xF0, 6),
        (0xF1, 0xF3, 3),
        (0xF4, 0xF4, 7),
    ],
    1: [(0x80, 0xBF, 0)],
    2: [(0x80, 0xBF, 1)],
    3: [(0x80, 0xBF, 2)],
    4: [(0xA0, 0xBF, 1)],
    5: [(0x80, 0x9F, 1)],
    6: [(0x90, 0xBF, 2)],
    7: [(0x80, 0x8F, 2)],
}
"""State -> (first byte, last byte, next state): the well-formed sequences of the Unicode standard (15.0, table 3-7).

State 0 is between two characters; 1, 2 and 3 wait for so many further bytes; 4 to 7 follow a first byte whose second
is restricted (no overlong forms, no surrogates, nothing above U+10FFFF).
"""
_DEAD = len(_MOVES)


class Automaton(NamedTuple):
    """What may be drawn next, from the state that the tokens so far lead to; the first state is 0.

    allowed: `(state, token)`, tokens that continue valid UTF-8; the end token between characters alone.
    following: `(state, token)`, the next state, 0 to 7. left: `(state,)`, the fewest tokens to the end of a character.
    """

    allowed: Bool[Tensor, "state token"]
    following: Int[Tensor, "state token"]
    left: Int[Tensor, "state"]

    def closed(self, room: int) -> Bool[Tensor, "state token"]:
        """The tokens that must not be drawn where `room` more can follow: those after which a character is cut off."""
        return ~self.allowed | (self.left[self.following] > room)

    def to(self, device: torch.device | str) -> "Automaton":
        """The same on another device."""
        return Automaton(*(part.to(device) for part in self))


def automaton(tokens: Sequence[bytes], end: int) -> Automaton:
    """The automaton of a vocabulary. tokens: the bytes of each, none for special tokens. end: the end token.

    >>> rule = automaton([b"", b"a", b"\\xc3", b"\\xa9"], end=0)
    >>> rule.allowed[0].tolist(), rule.allowed[1].tolist()
    ([True, True, True, False], [False, False, False, True])
    >>> rule.closed(0)[0].tolist()
    [False, False, True, True]
    """
    moves = np.full((_DEAD + 1, 256), _DEAD)
    for state, ranges in _MOVES.items():
        for first, last, following in ranges:
            moves[state, first : last + 1] = following
    lengths = np.array([len(token) for token in tokens])
    spelt = np.zeros((len(tokens), int(lengths.max(initial=0))), dtype=np.int64)
    for row, token in zip(spelt, tokens, strict=True):
        row[: len(token)] = list(token)
    states = np.repeat(np.arange(_DEAD)[:, None], len(tokens), 1)
    for place in range(spelt.shape[1]):
        states = np.where(place < lengths, moves[states, spelt[:, place]], states)
    allowed = (states != _DEAD) & (lengths > 0)
    allowed[0, end] = True
    following = torch.from_numpy(np.where(allowed, states, 0))
    return Automaton(torch.from_numpy(allowed), following, _left(allowed, following.numpy()))


def _left(allowed: np.ndarray, following: np.ndarray) -> Tensor:
    """The fewest tokens from each state to state 0; a number beyond all where there is no way."""
    left = np.full(_DEAD, len(allowed))
    left[0] = 0
    for _ in range(_DEAD):  # a way visits a state once at most
        left[1:] = np.where(allowed, left[following] + 1, len(allowed)).min(1)[1:].clip(max=len(allowed))
    return torch.from_numpy(left)
