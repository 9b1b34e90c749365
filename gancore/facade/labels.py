"""What functions said of the training rows, kept in the run's folder, so that a resumed run does not ask again."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gancore.io.atomic_write import write_text
from gancore.runs.checked_files import read_json
from gancore.training import distributed

_FILE = "labels.json"
_KEPT = (str, int, float, bool, type(None))


class LabelFile:
    """`labels.json` of a run folder: by the function's name and the rows that it was asked about.

    folder: None keeps nothing. resume: only the labels of the run itself are read again: a new run asks anew, because
    a function may have changed under its name.
    """

    def __init__(self, folder: str | Path | None = None, resume: bool = False):
        self.path = Path(folder) / _FILE if folder is not None else None
        self._known = read_json(self.path) if resume and self.path is not None and self.path.exists() else {}

    def labels(self, function: str, strings: Sequence[str], ask: Callable[[Sequence[str]], Any]) -> list[Any]:
        """What the file has, or else what `ask` says, one label for each string."""
        key = f"{function} {hashlib.sha256(chr(10).join(strings).encode('utf-8', 'surrogatepass')).hexdigest()}"
        if key not in self._known:
            labels = [label.item() if hasattr(label, "item") else label for label in ask(strings)]
            if not all(isinstance(label, _KEPT) for label in labels):
                return labels
            if self.path is None:
                return labels
            self._known[key] = labels
            if not distributed.rank():
                write_text(self.path, json.dumps(self._known))
        return self._known[key]
