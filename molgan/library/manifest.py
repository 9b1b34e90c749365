"""The manifest of a library: which runs made it, by which settings, and what is in its files."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gancore.errors import RunError
from gancore.io.platforms import flush

WORK = ".work"
"""Folder within a library for shards that are not committed yet; nothing in it is part of the library."""
NAME = "manifest.json"
"""The file of a library that says what is in it; files that it does not name are no part of the library."""
FORMAT = 2
"""Of the manifest. Format 1 lacks `unscored`."""


@dataclass
class Shard:
    """The counts of one shard: samples = invalid + repeats + known + unscored + the sum of rejected + kept.

    repeats: of an earlier sample, or of a molecule that the library has. known: among the known molecules. rejected: by
    each term of the filter, the first that fails. cut: whether the run ended within it. unscored: the filter asks for a
    number of the score that the molecule does not have.
    """

    shard: int
    samples: int
    invalid: int
    repeats: int
    known: int
    rejected: list[int]
    kept: int
    cut: bool = False
    unscored: int = 0


@dataclass
class Run:
    """One run: what made its molecules.

    key: digest of all that they depend on. n: how many distinct molecules were asked for. terms: of the filter.
    settings: seed, samples a shard, where, columns, score. seconds: by stage. state: running, or why it ended.
    unscored: why samples lacked a number of the score, of the first shard with some. unused: shards that were made or
    begun when it ended, and that it did not need.
    """

    key: str
    n: int
    source: dict[str, Any]
    settings: dict[str, Any]
    terms: list[str]
    shards: list[Shard] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    state: str = "running"
    wall: float = 0.0
    unscored: str = ""
    unused: int = 0

    @property
    def counts(self) -> dict[str, Any]:
        """The sums over the shards, in total and of each term."""
        names = ("samples", "invalid", "repeats", "known", "unscored", "kept")
        sums: dict[str, Any] = {name: sum(getattr(shard, name) for shard in self.shards) for name in names}
        columns = zip(*(shard.rejected for shard in self.shards), strict=True)
        sums["rejected"] = dict(
            zip(self.terms, map(sum, columns) if self.shards else [0] * len(self.terms), strict=True)
        )
        return sums

    @property
    def kept(self) -> int:
        """Molecules that it added."""
        return sum(shard.kept for shard in self.shards)

    @property
    def samples(self) -> int:
        """Samples so far."""
        return sum(shard.samples for shard in self.shards)


@dataclass
class File:
    """A Parquet file: where in the library, its sha256, its rows, the run and the shards that are in it."""

    name: str
    sha256: str
    rows: int
    size: int
    run: int
    first: int
    last: int
    rdkit: str


@dataclass
class Manifest:
    """What a library says of itself."""

    runs: list[Run] = field(default_factory=list)
    files: list[File] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Raises RunError where there is none, or it is damaged or of a later version."""
        path = folder / NAME
        try:
            told = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise RunError(f"{folder}: holds no library (it has no {NAME}).") from None
        except ValueError:
            raise RunError(f"{path}: damaged, not JSON; restore it from a copy.") from None
        if not isinstance(told, dict) or told.get("format") not in (1, FORMAT):
            raise RunError(f"{path}: is no manifest of a library that this version reads.")
        try:
            told_runs = [{key: value for key, value in run.items() if key != "counts"} for run in told["runs"]]
            runs = [Run(**{**run, "shards": [Shard(**one) for one in run["shards"]]}) for run in told_runs]
            return cls(runs, [File(**one) for one in told["files"]])
        except (KeyError, TypeError, AttributeError) as error:
            raise RunError(f"{path}: damaged, it lacks what a library says ({error!s:.60}).") from None

    def write(self, folder: Path) -> None:
        """Write it whole, on disk when this returns. Raises OSError."""
        runs = [{**asdict(run), "counts": run.counts} for run in self.runs]
        told = {"format": FORMAT, "molecules": len(self), "runs": runs, "files": [asdict(one) for one in self.files]}
        write_durably(folder / NAME, json.dumps(told, indent=1).encode())

    def __len__(self) -> int:
        return sum(file.rows for file in self.files)

    def run(self, key: str) -> Run | None:
        """The run of this key, if it was begun."""
        return next((run for run in self.runs if run.key == key), None)

    def paths(self, folder: Path) -> list[Path]:
        """Its files, in order."""
        return [folder / file.name for file in self.files]

    def damaged(self, folder: Path) -> Iterator[tuple[File, str]]:
        """Files that are not as they were written, and what is wrong with each."""
        for file in self.files:
            try:
                if sha256(folder / file.name) != file.sha256:
                    yield file, "its sha256 is not the one it was written with"
            except OSError as error:
                yield file, error.strerror or "cannot be read"


def refuse_damaged(manifest: Manifest, folder: Path) -> None:
    """Raise RunError that names the first file that is not as it was written."""
    for file, reason in manifest.damaged(folder):
        raise RunError(
            f"{folder / file.name}: damaged ({reason}); restore it from a copy, or go on without it in a new library: "
            f"molgan library merge {folder} --out NEW."
        )


@contextmanager
def as_run_error(
    folder: Path, then: str = "what was written stays whole: make room, and the same command goes on"
) -> Iterator[None]:
    """A full disk, or a folder that cannot be written, as one sentence. then: what becomes of it, and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # not of a file
            raise
        raise RunError(f"{error.filename or folder}: cannot be written ({error.strerror}); {then}.") from None


def sha256(path: Path) -> str:
    """Of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a temporary name, on disk, then its own. Raises OSError, naming the file."""
    fresh = path.with_name(path.name + ".tmp")
    try:
        fresh.write_bytes(content)
        flush(fresh)
        fresh.replace(path)
        flush(path.parent)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None
