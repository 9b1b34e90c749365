"""A parallel map over many small items, in processes that are started once."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from gancore.io.process_pool import Failure, Pool, usable_processes
from gancore.io.progress import over
from molgan import chemistry

Item = TypeVar("Item")
Result = TypeVar("Result")

LIMIT = 60.0
"""Seconds that an item may take."""
TITLES = {
    "read": "reading molecules",
    "judge": "reading molecules",
    "graph_or_reason": "reading molecules as graphs",
    "describe": "describing molecules",
    "fingerprint_bytes": "fingerprints of molecules",
    "packed_fingerprint": "fingerprints of molecules",
    "sketch": "fingerprints of molecules",
    "member": "fingerprints of molecules",
    "skeleton": "InChIKeys of molecules",
    "property_row": "properties of molecules",
    "examine": "reading molecules",
    "draw": "drawing molecules",
}
"""What the progress of a function over molecules is called."""


@lru_cache
def pool(processes: int) -> Pool:
    """The processes of this program, by their number."""
    return Pool(processes)


def map_chunks(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    chunk: int = 500,
    failed: Callable[[str], Result] | None = None,
    processes: int | None = None,
    seconds: float = LIMIT,
    title: str = "",
) -> list[Result]:
    """`[function(item) for item in items]`, on all cores once there are more than four chunks of work.

    `function` must be importable (or a partial of one that is) and its results picklable.
    failed: what an item gives that took longer than `seconds` or crashed its process, from the reason; without it
    nothing is limited, and a crash is a RuntimeError. processes: how many work, however few the items; 0 works here,
    without a limit. title: what the progress is called, `title_of` the function if not given.
    """
    if processes is None:
        processes = usable_processes() if len(items) > 4 * chunk else 0
        processes = 0 if processes == 1 else processes
    title = title or title_of(function)
    if not processes:
        return [function(item) for item in over(items, title, len(items))]
    answers = pool(processes).map(function, items, chunk, seconds if failed is not None else 0.0, title)
    for place, answer in enumerate(answers):
        if isinstance(answer, Failure):
            if failed is None:
                raise RuntimeError(f"item {place} of {len(items)}: {answer.reason}")
            answers[place] = failed(answer.reason)
    return answers  # pyright: ignore


def title_of(function: Callable) -> str:
    """What the progress of a function, or of a partial of one, is called."""
    name = getattr(getattr(function, "func", function), "__name__", "")
    return TITLES.get(name, "working through molecules")


def judge_all(texts: Sequence[str | None]) -> list[chemistry.Judged]:
    """`chemistry.judge` of each text; one that RDKit does not come to an end with is invalid."""
    return map_chunks(chemistry.judge, texts, failed=lambda reason: chemistry.Judged(False, None))
