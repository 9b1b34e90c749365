"""The best strings so far, to learn from again."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch


class Replay:
    """The best strings so far, each once: to learn from again (Lin 1992; hill climbing, Neil et al. 2018).

    size: how many are kept. Of equal scores the first in the alphabet stay.
    """

    def __init__(self, size: int):
        self.size = size
        self.best: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self.best)

    def add(self, strings: Sequence[str], scores: np.ndarray) -> None:
        """Take in what scored above 0."""
        for text, score in zip(strings, scores.tolist(), strict=True):
            if score > 0:
                self.best[text] = score
        if len(self.best) > self.size:
            kept = sorted(self.best.items(), key=lambda entry: (-entry[1], entry[0]))[: self.size]
            self.best = dict(kept)

    def draw(self, n: int) -> list[str]:
        """`n` of them at random, fewer if there are fewer; from torch's generator on the CPU."""
        strings = list(self.best)
        return [strings[place] for place in torch.randperm(len(strings))[:n].tolist()]

    def state(self) -> list[list]:
        """Strings and scores."""
        return [[text, score] for text, score in self.best.items()]

    def restore(self, state: Any) -> None:
        """Put it back."""
        best = {str(text): float(score) for text, score in state}
        if not all(math.isfinite(score) for score in best.values()):
            raise ValueError("a score is not finite")
        self.best = best
