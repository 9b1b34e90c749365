"""The cache of scores on disk: one SQLite file that several processes may share."""

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from gancore.errors import RunError

_AT_ONCE = 500


class DiskCache:
    """Numbers by key (`molgan.scoring.cache_keys`) and SMILES. Raises RunError for a file that is not such a cache.

    Files of older versions can be used, but their table `known` is not read.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        with self._open() as table:
            table.execute(
                "CREATE TABLE IF NOT EXISTS numbers (component TEXT, smiles TEXT, number REAL NOT NULL, "
                "PRIMARY KEY (component, smiles)) WITHOUT ROWID"
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=60)) as table, table:
                yield table
        except sqlite3.Error as error:
            raise RunError(f"{self.path}: cannot be used as a cache of scores ({error}); name another file.") from None

    def get(self, key: str, smiles: Sequence[str]) -> dict[str, float]:
        """The numbers there are, by SMILES."""
        numbers: dict[str, float] = {}
        with self._open() as table:
            for start in range(0, len(smiles), _AT_ONCE):
                part = smiles[start : start + _AT_ONCE]
                marks = ",".join("?" * len(part))
                rows = f"SELECT smiles, number FROM numbers WHERE component = ? AND smiles IN ({marks})"
                numbers |= dict(table.execute(rows, [key, *part]))
        return numbers

    def one_of(self, key: str) -> str | None:
        """A molecule that has a number, None where none has."""
        with self._open() as table:
            row = table.execute("SELECT smiles FROM numbers WHERE component = ? LIMIT 1", [key]).fetchone()
        return row[0] if row else None

    def put(self, key: str, numbers: Mapping[str, float]) -> None:
        """Keep numbers; one that is not finite is a failure, which another run may not have."""
        rows = [(key, smiles, number) for smiles, number in numbers.items() if math.isfinite(number)]
        if rows:
            with self._open() as table:
                table.executemany("INSERT OR REPLACE INTO numbers VALUES (?, ?, ?)", rows)
