"""The commit line of a run: shards enter the library in order, each molecule with the first sample that gives it."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rdkit

from gancore.io.stage_times import stage
from molgan.chemistry import Rejected
from molgan.chemistry.parallel import map_chunks
from molgan.chemistry.parsed_text import ParsedText
from molgan.library.manifest import WORK, File, Manifest, Run, Shard, sha256, write_durably
from molgan.library.seen import Seen
from molgan.library.shards import INVALID, KNOWN, PASSED, REPEATED, UNSCORED, Candidate, rejected
from molgan.library.where import Term

SHARDS = "shards"
"""Folder within a library for its files."""
_ROWS = 50_000  # of a file, from which on it is written
_SECONDS = 60.0  # after which what there is is written


@dataclass(frozen=True)
class Limits:
    """When a run ends: after n molecules, or so many samples, minutes or bytes; 0 for no limit.

    patience: samples in a row that may give nothing new.
    """

    n: int
    samples: int = 0
    minutes: float = 0.0
    bytes: int = 0
    patience: int = 50_000


class Commits:
    """A run's end of the library: what is committed, and what is held until there is enough for a file."""

    def __init__(self, folder: Path, manifest: Manifest, run: Run, terms: tuple[Term, ...], limits: Limits):
        self.folder, self.manifest, self.run, self.terms, self.limits = folder, manifest, run, terms, limits
        self.work = folder / WORK
        self._number = manifest.runs.index(run)
        self._held: list[tuple[Shard, pa.Table]] = []
        self._taken_out: tuple[Shard, list[File]] | None = None
        self._flushed = time.monotonic()
        self.reclaim()
        self._uncut()
        self._texts = self.work / "smiles.txt"
        self._texts.unlink(missing_ok=True)  # of a run that was killed
        self._seen = Seen(self._texts)
        try:
            for texts in smiles_of(manifest, folder):
                self._seen.add(texts)
        except BaseException:
            self.close()
            raise
        self.line = len(run.shards)
        self.kept, self.samples = run.kept, run.samples
        self.vain = self._vain()
        self.so_far = run.counts
        self.exhausted = False

    def _uncut(self) -> None:
        """Take the shard within which the run ended out again, where more is wanted: it is made anew, and whole."""
        enough = self.run.kept >= self.limits.n or 0 < self.limits.samples <= self.run.samples
        if enough or not (self.run.shards and self.run.shards[-1].cut):
            return
        shard = self.run.shards.pop()
        files = [file for file in self.manifest.files if (file.run, file.last) == (self._number, shard.shard)]
        self.manifest.files = [file for file in self.manifest.files if file not in files]
        self._taken_out = shard, files

    def _put_back(self) -> None:
        """Put that shard back as it was, where the run ends before it is made anew."""
        if self._taken_out is not None and not self._held:
            shard, files = self._taken_out
            self.run.shards.append(shard)
            self.manifest.files = [*self.manifest.files, *files]
        self._taken_out = None

    def _vain(self) -> int:
        """Samples since the last one that was kept, by whole shards."""
        vain = 0
        for shard in reversed(self.run.shards):
            if shard.kept:
                break
            vain += shard.samples
        return vain

    # One shard --------------------------------------------------------------------------------

    def place(self, shard: int) -> Path:
        """Where a shard waits until it is committed."""
        return self.work / f"{self.run.key[:16]}-{shard:07d}.parquet"

    def store(self, shard: int, content: bytes) -> None:
        """Keep a shard that was made, so that a kill does not cost it. Raises OSError."""
        with stage("writing"):
            write_durably(self.place(shard), content)

    def waiting(self, shard: int) -> Candidate | None:
        """The shard, if it was made; one that cannot be read, or was made by another RDKit, is dropped."""
        place = self.place(shard)
        if not place.exists():
            return None
        with suppress(OSError, ValueError, KeyError, pa.ArrowException):
            found = Candidate.read(place)
            if found.about["key"] == self.run.key and found.about["rdkit"] == rdkit.__version__:
                return found
        place.unlink(missing_ok=True)
        return None

    def commit(self, made: Candidate) -> None:
        """Take the next shard in: what is new of it, up to the sample that completes the run."""
        with stage("deduplication"):
            fates, table = made.fates.copy(), made.table
            draws = table["draw"].to_numpy()
            new = ~self._seen.contains(table["smiles"].to_pylist())
            fates[draws[~new]] = REPEATED
            end = self._end(fates, draws[new])
            new &= draws < end
            kept = table.filter(pa.array(new))
            self._seen.add(kept["smiles"].to_pylist())
        shard = self._counted(fates[:end], cut=end < len(fates))
        for name, seconds in made.about["seconds"].items():
            self.run.seconds[name] = self.run.seconds.get(name, 0.0) + seconds
        if shard.unscored and not self.run.unscored:
            self.run.unscored = made.about.get("why", "")
        self._held.append((shard, kept))
        self._count(shard)
        self.line, self.kept, self.samples = self.line + 1, self.kept + shard.kept, self.samples + shard.samples
        self.vain = 0 if shard.kept else self.vain + shard.samples
        self.exhausted = self.exhausted or made.about["exhausted"]
        rows = sum(table.num_rows for _, table in self._held)
        if shard.cut or rows >= _ROWS or (rows and time.monotonic() - self._flushed > _SECONDS):
            self.flush()

    def _count(self, shard: Shard) -> None:
        """Add a shard to the counts of the run."""
        for name in ("samples", "invalid", "repeats", "known", "unscored", "kept"):
            self.so_far[name] += getattr(shard, name)
        for term, count in zip(self.terms, shard.rejected, strict=True):
            self.so_far["rejected"][term.text] += count

    def _end(self, fates: np.ndarray, new: np.ndarray) -> int:
        """How many samples of the shard count: up to the one that completes n, and within the budget."""
        missing = self.limits.n - self.kept
        end = int(new[missing - 1]) + 1 if len(new) >= missing else len(fates)
        return min(end, self.limits.samples - self.samples) if self.limits.samples else end

    def _counted(self, fates: np.ndarray, cut: bool) -> Shard:
        named = (INVALID, REPEATED, KNOWN, PASSED, UNSCORED)
        invalid, repeats, known, kept, unscored = (int((fates == fate).sum()) for fate in named)
        return Shard(self.line, len(fates), invalid, repeats, known, rejected(fates, self.terms), kept, cut, unscored)

    @property
    def size(self) -> int:
        """Bytes of the library's files."""
        return sum(file.size for file in self.manifest.files)

    # Files ------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what is held and then the manifest, which makes it part of the library. Raises OSError.

        An interrupt may come anywhere: what is held changes together with what the manifest says of it.
        """
        self._put_back()
        with stage("writing"):
            parts = ([held for held in self._held if held[0].cut is cut] for cut in (False, True))
            files = [*self.manifest.files, *(file for part in parts for file in self._written(part))]
            new = [shard for shard, _ in self._held]
            shards = [*self.run.shards, *new]
            self.manifest.files, self.run.shards, self._held = files, shards, []
            self.manifest.write(self.folder)
            for shard in new:
                self.place(shard.shard).unlink(missing_ok=True)
            self.reclaim()
            self._flushed = time.monotonic()

    def _written(self, part: list[tuple[Shard, pa.Table]]) -> list[File]:
        """The file of some shards; none where they have no molecules."""
        tables = [table for _, table in part if len(table)]
        if not tables:
            return []
        first, last = part[0][0].shard, part[-1][0].shard
        ending = f"-{part[-1][0].samples}" if part[-1][0].cut else ""
        name = f"{SHARDS}/{self._number:04d}-{first:07d}-{last:07d}{ending}.parquet"
        table = pa.concat_tables(tables).unify_dictionaries()
        return [write_table(self.folder, name, table, self._number, first, last)]

    def reclaim(self) -> None:
        """Remove files that no manifest names: what a kill left."""
        named = set(self.manifest.paths(self.folder))
        for path in (self.folder / SHARDS).iterdir():
            if path not in named and path.name.endswith((".parquet", ".parquet.tmp")):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file of strings, which the next run makes anew."""
        try:
            self._seen.close()
        finally:
            self._texts.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove what waits, of a run that takes no more shards."""
        for path in self.work.glob(f"{self.run.key[:16]}-*.parquet*"):
            path.unlink(missing_ok=True)


def write_table(folder: Path, name: str, table: pa.Table, run: int, first: int, last: int) -> File:
    """Write a file of a library; gives its row of the manifest. Raises OSError."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    write_durably(folder / name, sink.getvalue().to_pybytes())
    size = (folder / name).stat().st_size
    return File(name, sha256(folder / name), len(table), size, run, first, last, rdkit.__version__)


def smiles_of(manifest: Manifest, folder: Path) -> Iterator[list[str]]:
    """The molecules of each file as this RDKit spells them; what another RDKit wrote is spelt anew."""
    for file in manifest.files:
        texts: list[str] = pq.read_table(folder / file.name, columns=["smiles"])["smiles"].to_pylist()
        yield spelt_here(texts, file.rdkit)


def spelt_here(texts: list[str], version: str) -> list[str]:
    """SMILES that RDKit of a version wrote, as this one spells them; one that it does not read stays as it is."""
    if version == rdkit.__version__:
        return texts
    spelt = map_chunks(respelt, texts, failed=lambda reason: None)
    return [new or old for new, old in zip(spelt, texts, strict=True)]


def respelt(smiles: str) -> str | None:
    """A SMILES as this RDKit spells it, None where it does not read it.

    >>> respelt("OCC")
    'CCO'
    """
    with suppress(Rejected):
        return ParsedText(smiles).molecule.smiles
    return None
