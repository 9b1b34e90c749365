"""Rows that can be read once, such as those of a pipe or of a streamed data set, put into a file to be read again."""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from gancore.errors import RunError
from gancore.io.progress import over


class Spool:
    """A temporary file of rows in a folder; it ends with the block, and with the process.

    digest: of what it holds. Raises RunError where it cannot be written.

    >>> with tempfile.TemporaryDirectory() as folder, Spool(Path(folder), [(1, "a dog", "")]) as spool:
    ...     list(spool.rows()) == list(spool.rows()) == [(1, "a dog", "")]
    True
    """

    def __init__(self, folder: Path, rows: Iterable[tuple[int, str, str]]):
        digest = hashlib.blake2b(digest_size=16)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with ExitStack() as held:
                self._file = held.enter_context(tempfile.TemporaryFile(dir=folder))
                for row in over(rows, "fetching lines"):
                    line = json.dumps(row).encode() + b"\n"
                    digest.update(line)
                    self._file.write(line)
                self._file.flush()
                held.pop_all()  # stays open until the end of the block
        except OSError as error:
            raise RunError(
                f"{folder}: the lines cannot be kept there ({error.strerror or error}); make room, or set "
                "DISCRETEGAN_DATA to another folder."
            ) from None
        self.digest = digest.hexdigest()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def rows(self) -> Iterator[tuple[int, str, str]]:
        """The rows, from the first on."""
        self._file.seek(0)
        for line in self._file:
            number, text, file = json.loads(line)
            yield number, text, file
