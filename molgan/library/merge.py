"""Several libraries as one: each molecule once, from the first that has it, in files of a good size."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gancore.errors import RunError
from gancore.io.notes import note
from gancore.io.platforms import only_one
from gancore.io.progress import progress
from molgan.library.commits import SHARDS, spelt_here, write_table
from molgan.library.manifest import WORK, File, Manifest, as_run_error
from molgan.library.query import LibraryFolder
from molgan.library.seen import Seen

_ROWS = 250_000  # of a file


def merge(folders: Sequence[str | Path], out: str | Path) -> LibraryFolder:
    """Write the molecules of libraries to a new one; of a molecule that several have, the first one's row.

    What another RDKit wrote is compared as this one spells it. A damaged file is left out, with a note. The runs are
    told in the manifest as they were. Raises RunError where `out` holds anything, where one of the folders is no
    library, and where the disk is full; then nothing is left there.
    """
    out = Path(out)
    manifests = [(Path(folder), Manifest.read(Path(folder))) for folder in folders]
    if out.exists() and not out.is_dir():
        raise RunError(f"{out}: is there already; give a new or empty folder.")
    made = Manifest()
    with as_run_error(out, "nothing of it stays: make room, or name another folder"), _new_folder(out):
        with Seen(out / WORK / "smiles.txt") as seen:
            for folder, manifest in manifests:
                first = len(made.runs)
                # Their files are no longer by shards, so none of them can be gone on with.
                made.runs += [
                    replace(run, key=f"merged {run.key}", state=f"merged ({run.state})") for run in manifest.runs
                ]
                _take(folder, manifest, out, made, seen, first)
        (out / WORK / "smiles.txt").unlink()
        made.write(out)
    return LibraryFolder(out)


@contextmanager
def _new_folder(out: Path) -> Iterator[None]:
    """Hold an empty folder for a library; after an error or an interrupt nothing that was written into it is left."""
    fresh = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    with only_one(out, "run of molgan library"):
        if any(out.iterdir()):
            raise RunError(f"{out}: is there already; give a new or empty folder.")
        try:
            for path in (out / WORK, out / SHARDS):
                path.mkdir()
            yield
        except BaseException:
            for path in (out / WORK, out / SHARDS, *([out] if fresh else [])):
                shutil.rmtree(path, ignore_errors=True)
            raise


def _take(folder: Path, manifest: Manifest, out: Path, made: Manifest, seen: Seen, first: int) -> None:
    """Take in one library; `first`: the number that its first run has now."""
    damaged = {file.name: reason for file, reason in manifest.damaged(folder)}
    for name, reason in damaged.items():
        note(f"{folder / name}: is left out ({reason}).")
    whole = [file for file in manifest.files if file.name not in damaged]
    with progress(f"merging {folder}", sum(file.rows for file in whole)) as tally:
        for part in _parts(whole):
            tables = [_new(folder, file, seen) for file in part]
            tally(sum(file.rows for file in part))
            table = pa.concat_tables(tables, promote_options="default").unify_dictionaries()
            if not len(table):
                continue
            name = f"{SHARDS}/{first + part[0].run:04d}-{len(made.files):07d}.parquet"
            about = write_table(out, name, table, first + part[0].run, part[0].first, part[-1].last)
            made.files.append(replace(about, rdkit=part[0].rdkit))


def _parts(files: list[File]) -> Iterator[list[File]]:
    """Files of one run and one RDKit that make one of a good size together."""
    part: list[File] = []
    for file in files:
        fits = part and (part[0].run, part[0].rdkit) == (file.run, file.rdkit)
        if part and (not fits or sum(one.rows for one in part) + file.rows > _ROWS):
            yield part
            part = []
        part.append(file)
    if part:
        yield part


def _new(folder: Path, file: File, seen: Seen) -> pa.Table:
    """The rows of a file whose molecule is not there yet."""
    table = pq.read_table(folder / file.name)
    return table.filter(pa.array(seen.add(spelt_here(table["smiles"].to_pylist(), file.rdkit))))
