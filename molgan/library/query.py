"""A library on disk: ask it by SQL, look at it, read its molecules."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from gancore.errors import ConfigError, DataError, UserError
from gancore.io.atomic_write import whole
from molgan.library.manifest import WORK, Manifest, Run, refuse_damaged
from molgan.library.where import first_line

if TYPE_CHECKING:
    import duckdb

PICKED = "picked.parquet"
"""The file of a library with its molecules that were picked; no shard."""
_SHOWN = 12
_AT_ONCE = 10_000
STAGES = ("network", "critic", "decoding", "description", "deduplication", "writing")
"""What time is spent on, as a manifest says it."""


class LibraryFolder:
    """A library on disk, as `molgan.library` makes it. Its files are read when something is asked.

    folder: with its manifest. Raises RunError where there is none.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.manifest = Manifest.read(self.folder)

    def __len__(self) -> int:
        return len(self.manifest)

    def query(self, sql: str) -> pd.DataFrame:
        """The answer to a DuckDB query about the table `library`; a run at work may go on meanwhile.

        Raises ConfigError for a query that cannot be answered, DataError for a damaged file.
        """
        return self.answer(sql).to_pandas()

    def answer(self, sql: str) -> pa.Table:
        """The same as a table of Arrow."""
        import duckdb

        database = duckdb.connect(":memory:", config={"python_enable_replacements": False})
        try:
            self._fill(database)
            answered = database.sql(sql)
            if answered is None:
                raise ConfigError(f"query {sql!r:.200}: gives no rows; ask by select.")
            return answered.to_arrow_table()
        except duckdb.Error as error:
            raise self._refusal(error, f"query {sql!r:.200}", self._columns(database)) from None
        finally:
            database.close()

    def _refusal(self, error: Exception, asked: str, columns: Sequence[str]) -> UserError:
        """What DuckDB could not do, as one sentence: of a file where one is damaged, else of what was asked."""
        import duckdb

        if not isinstance(error, (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)):
            refuse_damaged(self.manifest, self.folder)
        of_files = (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException)
        if not asked or isinstance(error, of_files):
            return DataError(f"{self.folder}: cannot be read ({first_line(error)}).")
        listed = ", ".join(columns)
        return ConfigError(f"{asked}: {first_line(error)}; the table is library, its columns are {listed}.")

    @staticmethod
    def _columns(database: "duckdb.DuckDBPyConnection") -> list[str]:
        import duckdb

        try:
            return [name for name, *_ in database.execute("describe library").fetchall()]
        except duckdb.Error:  # there is no table: its files could not be opened
            return ["unknown"]

    def _fill(self, database: "duckdb.DuckDBPyConnection") -> None:
        """Give a database the table `library`, also by the name `molecules`."""
        files = [str(path) for path in self.manifest.paths(self.folder)]
        if files:
            database.from_parquet(files, union_by_name=True).create_view("library")  # pyright: ignore
        else:
            database.execute("create view library as select null::varchar as smiles where false")
        database.execute("create view molecules as from library")

    def batches(self, where: str = "", columns: str = "*") -> Iterator[pa.RecordBatch]:
        """The rows that a condition is true for, some thousands at a time, in the library's order.

        Raises what `query` raises.
        """
        import duckdb

        database = duckdb.connect(":memory:", config={"python_enable_replacements": False})
        condition = f" where {where}" if where else ""
        try:
            self._fill(database)
            reader = database.sql(f"select {columns} from library{condition}").to_arrow_reader(_AT_ONCE)
            yield from reader
        except (duckdb.Error, pa.ArrowException) as error:
            asked = where and f"where {where!r:.200}"
            raise self._refusal(error, asked, self._columns(database)) from None
        finally:
            database.close()

    def smiles(self) -> Iterator[str]:
        """Its molecules, in its order."""
        for batch in self.batches(columns="smiles"):
            yield from batch["smiles"].to_pylist()

    def pick(self, n: int) -> pd.DataFrame:
        """Rows of `n` of its molecules that lie far apart (MaxMin), in the order of picking; also as `picked.parquet`.

        Fingerprints are kept beside the shards while it picks, 256 MB for a million molecules. Raises what `query`
        raises, and ConfigError for n below 1.
        """
        from molgan.library.bit_matrix import bit_matrix
        from molgan.library.picking import maxmin

        place = self.folder / WORK / "fingerprints.npy"
        try:
            rows = maxmin(bit_matrix(list(self.smiles()), place), n)
        finally:
            place.unlink(missing_ok=True)
        frame = self.query("select * from library").iloc[rows].reset_index(drop=True)
        with whole(self.folder / PICKED) as fresh:
            frame.to_parquet(fresh, index=False)
        return frame

    def info(self) -> dict[str, Any]:
        """Molecules, files, bytes, and of each run its model, settings, counts, state and time by stage."""
        runs = []
        for run in self.manifest.runs:
            counts, spent = run.counts, sum(run.seconds.values())
            share = {name: run.seconds.get(name, 0.0) / spent for name in STAGES if spent and name in run.seconds}
            told = {"model": run.source["name"], "sha256": run.source["sha256"][:16], "settings": run.settings}
            runs.append(
                {**told, "asked": run.n, "state": run.state, "counts": counts, "share of time": share, "wall": run.wall}
                | {"unused": {"shards": run.unused, "samples": _cut_off(run)}}
                | ({"unscored": run.unscored} if run.unscored else {})
            )
        size = sum(file.size for file in self.manifest.files)
        return {"molecules": len(self), "files": len(self.manifest.files), "bytes": size, "runs": runs}

    def __str__(self) -> str:
        told = self.info()
        size = f"{told['bytes'] / 1e6:,.1f} MB" if told["bytes"] >= 1e6 else f"{told['bytes'] / 1e3:,.1f} kB"
        files = "1 file" if told["files"] == 1 else f"{told['files']:,} files"
        lines = [f"{self.folder}: {told['molecules']:,} molecules, {files}, {size}"]
        for run in told["runs"]:
            lines += _lines_of(run)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The first dozen, drawn."""
        from molgan.library.collect import grid

        frame = self.query(f"select smiles from library limit {_SHOWN}")
        return f"<p>{len(self):,} distinct molecules</p>" + grid((smiles, "") for smiles in frame["smiles"])


def lines_of_losses(counts: Mapping[str, Any]) -> list[str]:
    """For what samples were left out, a line each with the share. counts: of a run, or of an estimate."""
    of = max(1, counts["samples"])
    losses = {name: counts[name] for name in ("invalid", "repeats", "known")}
    losses |= {name: counts[name] for name in ("unscored",) if counts.get(name)}
    losses |= {f"not {term}": count for term, count in counts["rejected"].items() if term != "novel"}
    return [f"  {name}: {count:,} ({count / of:.1%})" for name, count in losses.items()]


def _cut_off(run: Run) -> int:
    """Samples of the run's last shard that came after the last one it needed."""
    last = run.shards[-1] if run.shards else None
    return max(0, run.settings["draws"] - last.samples) if last is not None and last.cut else 0


def _lines_of(run: dict[str, Any]) -> list[str]:
    """What is said of a run: where its samples went, and its time."""
    counts, asked, seed = run["counts"], run["asked"], run["settings"]["seed"]
    kept, of = counts["kept"], max(1, counts["samples"])
    lines = ["", f"{run['model']}, seed {seed}: {kept:,} of {asked:,} molecules, {run['state']}"]
    lines += [f"  samples: {counts['samples']:,}", *lines_of_losses(counts)]
    lines.append(f"  kept: {kept:,} ({kept / of:.1%})")
    if run.get("unscored"):
        lines.append(f"  unscored, of the first shard with some: {run['unscored']}")
    if any(run["unused"].values()):
        shards, samples = run["unused"]["shards"], run["unused"]["samples"]
        lines.append(f"  drawn and not needed: {samples:,} samples of the last shard, {shards} shards beyond it")
    if run["share of time"]:
        shares = ", ".join(f"{name} {share:.1%}" for name, share in run["share of time"].items())
        lines.append(f"  time: {run['wall']:,.1f} s; of the work {shares}")
    return lines
