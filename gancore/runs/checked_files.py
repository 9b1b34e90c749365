"""The files of a checkpoint, believed only after a check: plain, of a bounded size, JSON or safetensors as they say.

Everything here raises CheckpointError, one sentence that names the file.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from gancore.errors import CheckpointError

_MOST_JSON = 64 * 2**20  # bytes; the vocabulary of a large corpus takes one or two million


def size_of(path: Path) -> int:
    """Bytes of a plain file; links, pipes and devices are refused."""
    try:
        about = os.lstat(path)
    except OSError:
        raise CheckpointError(f"{path}: missing.") from None
    if not stat.S_ISREG(about.st_mode):
        raise CheckpointError(f"{path}: no plain file; a checkpoint holds no links or devices.")
    return about.st_size


def read_json(path: Path) -> dict[str, Any]:
    """The table of values in a JSON file."""
    if size_of(path) > _MOST_JSON:
        raise CheckpointError(f"{path}: larger than {_MOST_JSON:,} bytes; no such file is written by this program.")
    try:
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path}: damaged, not JSON.") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: damaged, it holds no table of values.")
    return values


def shapes_of(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes by name, from the header alone; safetensors refuses a header that the file's size does not bear out."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path}: damaged, no safetensors file ({error!s:.80}).") from None


@contextmanager
def as_os_error(path: Path) -> Iterator[None]:
    """safetensors reports a full disk as an error of its own."""
    try:
        yield
    except SafetensorError as error:
        raise OSError(None, str(error), str(path)) from None


def sha256_of(path: Path) -> str:
    """The digest of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
