"""What both command lines share: how they fail, and how they write lines."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from gancore.errors import ConfigError, UserError


def run(app: Callable[[], object], name: str) -> None:
    """Run a command line; a foreseeable failure is one sentence on standard error.

    Exit codes: 0 done, 1 it failed, 2 it was asked for wrongly.
    """
    try:
        app()
    except UserError as error:
        _fail(name, str(error), 2 if isinstance(error, ConfigError) else 1)
    except OSError as error:
        _fail(name, f"{error.filename}: {error.strerror}." if error.filename else str(error), 1)


def _fail(name: str, message: str, code: int) -> None:
    print(f"{name}: {message}", file=sys.stderr)
    sys.exit(code)


def write_lines(lines: Iterable[str], out: Path | None) -> None:
    """Write lines to a file, whole or not at all, or to standard output."""
    ended = (f"{line}\n" for line in lines)
    if out is None:
        sys.stdout.writelines(ended)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".tmp")
    with open(part, "w", encoding="utf-8") as file:
        file.writelines(ended)
    part.replace(out)
