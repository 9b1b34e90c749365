"""Folders of a cache that are made once: whole or not there, whatever is killed, however many want them."""

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gancore.errors import RunError
from gancore.io.platforms import locked

_STALE = 3600  # seconds after which a folder that nobody holds was left by a kill


def cached_folder(home: Path, name: str, make: Callable[[Path], None], is_whole: Callable[[Path], bool]) -> Path:
    """The folder `home/name`, which `make` fills where it is not there or not whole.

    It is made under a temporary name and renamed, so another process sees all of it or nothing; where two make it at
    once, one result is kept. What a kill left is removed an hour later, the next time something is made.
    Raises what `make` raises, nothing being left of it then, and RunError for an OSError of it: the disk is full, or
    may not be written.

    >>> with tempfile.TemporaryDirectory() as home:
    ...     made = cached_folder(
    ...         Path(home), "x", lambda at: (at / "a").write_text("1"), lambda at: (at / "a").exists()
    ...     )
    ...     [path.name for path in made.iterdir()], [path.name for path in Path(home).iterdir()]
    (['a'], ['x'])
    """
    target = home / name
    if is_whole(target):
        return target
    try:
        home.mkdir(parents=True, exist_ok=True)
        _sweep(home)
        place = Path(tempfile.mkdtemp(prefix=f"{name}.", suffix=".tmp", dir=home))
        try:
            with locked(place):
                make(place)
            _put(place, target, is_whole)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    except OSError as error:
        raise RunError(
            f"{home}: cannot be written ({error.strerror or error}); make room, or set DISCRETEGAN_DATA to another "
            "folder."
        ) from None
    return target


def _put(place: Path, target: Path, is_whole: Callable[[Path], bool]) -> None:
    """Rename; what is there and not whole goes, what another process has put there meanwhile stays."""
    try:
        place.rename(target)
    except OSError:
        if is_whole(target):
            return
        damaged = target.with_name(f"{place.name}.old.tmp")
        target.rename(damaged)
        shutil.rmtree(damaged, ignore_errors=True)
        place.rename(target)


def _sweep(home: Path) -> None:
    for left in home.glob("*.tmp"):
        with suppress(OSError):  # held by a process at work, or gone
            if time.time() - left.stat().st_mtime > _STALE:
                with locked(left):
                    shutil.rmtree(left, ignore_errors=True)
