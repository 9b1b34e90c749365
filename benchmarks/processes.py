"""What a command takes: seconds, CPU seconds and memory of all its processes together."""

import os
import resource
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gancore.errors import RunError

_EVERY = 0.2  # seconds between two looks at the memory


class Taken(NamedTuple):
    """What a command printed and took. cpu, memory: of all its processes together; memory in bytes, at its peak."""

    output: str
    wall: float
    cpu: float
    memory: int


def measured(command: Sequence[str], threads: int = 1) -> Taken:
    """Run a command, each of its processes with so many threads. Raises RunError where it fails.

    Memory is the sum over the processes of what each has in memory, where pages that several share count once (PSS of
    Linux), at the largest of looks five times a second; 0 on other systems.

    >>> import sys
    >>> measured([sys.executable, "-c", "print(2)"]).output
    '2\\n'
    """
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    began, before, most = time.perf_counter(), _spent(), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        while True:
            try:
                output, _ = process.communicate(timeout=_EVERY)
                break
            except subprocess.TimeoutExpired:
                most = max(most, memory_of(process.pid))
    if process.returncode:
        raise RunError(f"{' '.join(command)}: ended with exit code {process.returncode}.")
    return Taken(output, time.perf_counter() - began, _spent() - before, most)


def memory_of(process: int) -> int:
    """Bytes that a process and its descendants have in memory, shared pages once; 0 where `/proc` is not there."""
    parents: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
    family, more = {process}, {process}
    while more:
        more = {one for one, parent in parents.items() if parent in more}
        family |= more
    return sum(map(_resident, family))


def _resident(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _spent() -> float:
    """CPU seconds of the processes that this one has waited for, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
