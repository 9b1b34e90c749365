"""The journal of an optimisation: what was asked and told, a line each, on disk before it is used."""

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gancore.errors import RunError

JOURNAL = "journal.jsonl"
"""The file of a folder that holds what was asked and told."""


def told(event: dict[str, Any]) -> dict[str, float]:
    """The scores that an event tells, by molecule; NaN for one without; none for an event of another kind.

    >>> told({"told": [["CCO", 0.5], ["CCN", None]]})
    {'CCO': 0.5, 'CCN': nan}
    """
    return {smiles: math.nan if score is None else score for smiles, score in event.get("told", [])}


class Journal:
    """Events in the order in which they happened. `path` None keeps nothing.

    A line that a kill cut short is taken off when the journal is opened: what it was to say has not happened.
    Raises RunError for a file that is no journal, or that cannot be written.
    """

    def __init__(self, path: Path | None):
        self.path = path
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a+b") as file:
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
        except OSError as error:
            raise RunError(f"{path}: cannot be written ({error.strerror}).") from None

    def events(self) -> Iterator[dict[str, Any]]:
        """Everything so far. Raises RunError, with the line, for what is no event."""
        if self.path is None:
            return
        with self.path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    event = json.loads(line)
                except ValueError:
                    event = None
                if not isinstance(event, dict):
                    raise RunError(f"{self.path}, line {number}: is no event of an optimisation; the file is damaged.")
                yield event

    def write(self, event: dict[str, Any]) -> None:
        """Add an event; it is on disk when this returns. Raises RunError where the disk is full."""
        if self.path is None:
            return
        try:
            with self.path.open("ab") as file:
                file.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RunError(f"{self.path}: cannot be written ({error.strerror}); make room and go on.") from None
