"""What was worked out before, on disk: one SQLite file that several processes may share."""

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from gancore.errors import RunError

_AT_ONCE = 500


class DiskCache:
    """Rows of numbers by (definition, key); NaN is kept as null. Raises RunError for a file that is none of ours."""

    def __init__(self, path: str | Path, definition: str):
        self.path, self.definition = Path(path), definition
        with self._open() as table:
            table.execute(
                "CREATE TABLE IF NOT EXISTS known (definition TEXT, key TEXT, numbers TEXT, "
                "PRIMARY KEY (definition, key)) WITHOUT ROWID"
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=60)) as table, table:
                yield table
        except sqlite3.Error as error:
            raise RunError(f"{self.path}: cannot be used as a cache of scores ({error}); name another file.") from None

    def get(self, keys: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """The rows there are."""
        found = {}
        with self._open() as table:
            for start in range(0, len(keys), _AT_ONCE):
                part = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(part))
                rows = table.execute(
                    f"SELECT key, numbers FROM known WHERE definition = ? AND key IN ({marks})",
                    [self.definition, *part],
                )
                found |= {
                    key: tuple(math.nan if value is None else float(value) for value in json.loads(numbers))
                    for key, numbers in rows
                }
        return found

    def put(self, rows: dict[str, tuple[float, ...]]) -> None:
        """Keep rows."""
        with self._open() as table:
            table.executemany(
                "INSERT OR REPLACE INTO known VALUES (?, ?, ?)",
                [
                    (self.definition, key, json.dumps([None if math.isnan(value) else value for value in numbers]))
                    for key, numbers in rows.items()
                ],
            )
