"""Progressive growing: a phase that begins with small samples (Karras et al. 2018)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from gancore.errors import ConfigError
from gancore.training.run import Phase


def require_growing(sizes: Sequence[int], steps: int) -> None:
    """Raise ConfigError for sizes that do not grow, or for fewer steps than parts (Karras et al. 2018)."""
    if list(sizes) != sorted(set(sizes)):
        raise ConfigError(f"grow: {list(sizes)} does not grow; give each size once, the smallest first.")
    if sizes and steps <= len(sizes):
        raise ConfigError(f"grow: {steps} steps cannot be split into {len(sizes) + 1} parts; leave some sizes out.")


def starts(steps: range, parts: int) -> list[int]:
    """The first step of each of so many equal parts.

    >>> starts(range(10, 19), 3)
    [10, 13, 16]
    """
    return [steps.start + len(steps) * part // parts for part in range(parts)]


def grown(phase: Phase, streams: Sequence[Iterator[Any]]) -> list[Phase]:
    """A phase in equal parts: one on each stream, the last, under the phase's name, on its own (Karras et al. 2018)."""
    if not streams:
        return [phase]
    first = [*starts(phase.steps, len(streams) + 1), phase.steps.stop]
    parts = [
        replace(phase, name=f"{phase.name} {part + 1}", batches=stream, steps=range(*first[part : part + 2]))
        for part, stream in enumerate(streams)
    ]
    entered = replace(phase, steps=range(*first[-2:]), enter=lambda: None)
    return [parts[0], *(replace(part, enter=lambda: None) for part in parts[1:]), entered]


def size_at(step: int, steps: range, sizes: Sequence[int], last: int) -> int:
    """The greatest size at a step of a phase that grows (Karras et al. 2018): one of `sizes`, in the last part `last`.

    >>> [size_at(step, range(6), [3, 5], 9) for step in range(6)]
    [3, 3, 5, 5, 9, 9]
    """
    all_sizes = [*sizes, last]
    part = sum(step >= first for first in starts(steps, len(all_sizes))) - 1
    return min(all_sizes[max(0, part)], last)
