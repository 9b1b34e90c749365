"""Samplers of the tests of libraries: molecules of a few parts, some invalid, many repeated. No model, so no torch."""

import random
import time

PARTS = ("C", "N", "O", "c1ccccc1", "C(C)", "C(=O)", "S", "CC", "C1CC1", "c1ccncc1")


def draw(n, seed):
    """Some molecules."""
    chosen = random.Random(seed)
    texts = ("".join(chosen.choice(PARTS) for _ in range(chosen.randint(1, 6))) for _ in range(n))
    return [None if chosen.random() < 0.05 else text + chosen.choice(("", "F", "Cl")) for text in texts]


def slow(n, seed):
    """The same, slowly."""
    time.sleep(0.05)
    return draw(n, seed)


def poor(n, seed):
    """The same two, again and again."""
    return ["CCO", "OCC", "CCN"] * (n // 3) + [None] * (n % 3)


def failing(n, seed):
    """A sampler that fails."""
    raise OSError("the instrument is off")
