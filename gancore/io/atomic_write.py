"""Files that results go to: whole or not there, and looked at before the work that fills them."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gancore.errors import ConfigError, RunError


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Gives a place to write to, which becomes the file once all is written; after an error or an interrupt nothing

    is left of it and what was there remains. A link is followed; a device or a pipe is written to as it is.
    Raises OSError, naming the file, when it cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with whole(Path(folder, "new.txt")) as place:
    ...         _ = place.write_text("all of it")
    ...     [file.name for file in Path(folder).iterdir()]
    ['new.txt']
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            yield path
            return
        target = path.resolve()
        fresh = target.with_name(target.name + ".tmp")
        try:
            yield fresh
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from None


def write_text(path: str | Path, text: str) -> None:
    """Write a text file whole or not at all; raises what `whole` raises."""
    with whole(path) as place:
        place.write_text(text, encoding="utf-8", newline="\n")  # the same bytes on every system


def refuse_place(out: str | Path, *inputs: str | Path) -> None:
    """Make the folder that a result goes to; before the work, raise ConfigError for a place that cannot be meant:

    a folder, or a file that the result is made of; and RunError for one that cannot be written.
    """
    out = Path(out)
    if out.is_dir():
        raise ConfigError(f"{out}: is a folder; name a file in it.")
    if any(Path(path).exists() and out.exists() and out.samefile(path) for path in inputs):
        raise ConfigError(f"{out}: is what is read from; write to another file.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{out.parent}: cannot be made ({error.strerror}).") from None
    if not os.access(out if out.exists() and not out.is_file() else out.resolve().parent, os.W_OK):
        raise RunError(f"{out}: cannot be written (no permission).")
