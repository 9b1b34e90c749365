"""Export of a library: SMILES, a table, or an SD file with coordinates."""

import csv
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from rdkit import Chem, rdBase
from rdkit.Chem import AllChem

from gancore.errors import ConfigError
from gancore.io.atomic_write import refuse_place, whole
from gancore.io.notes import note
from gancore.io.progress import progress
from molgan.chemistry.parallel import map_chunks
from molgan.library.query import LibraryFolder

SUFFIXES = (".smi", ".csv", ".sdf", ".parquet")
"""Files that a library can be exported to."""
_AT_ONCE = 5000  # molecules whose coordinates are worked out together
_EMBEDDED_IN = 30.0  # seconds that coordinates of one molecule may take


def export(library: LibraryFolder, out: Path, where: str = "", conformers: bool = False, seed: int = 0) -> int:
    """Write the molecules that a condition is true for, whole or not at all; gives how many there are.

    out: .smi (SMILES and a name), .csv and .parquet (all columns) or .sdf (columns as properties). conformers: of an
    .sdf, coordinates in space by ETKDG (Riniker and Landrum 2015) with hydrogens, instead of a drawing's; a molecule
    that has none within half a minute is left out, with a note. Raises ConfigError for another suffix, and what
    `LibraryFolder.query` raises.
    """
    suffix = out.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(f"{out}: write to a file that ends in {', '.join(SUFFIXES)}.")
    if conformers and suffix != ".sdf":
        raise ConfigError(f"{out}: coordinates go into an .sdf alone.")
    refuse_place(out)
    rows = _rows(library, where)
    with whole(out) as place:
        if suffix == ".parquet":
            return _write_parquet(library, where, place)
        with open(place, "w", encoding="utf-8", newline="") as file:
            if suffix == ".smi":
                return _counted(file.write(f"{row['smiles']} {_name(row)}\n") for row in rows)
            if suffix == ".csv":
                return _write_csv(rows, file)
            return _write_sdf(rows, file, partial(_placed, seed) if conformers else _drawn)


def _rows(library: LibraryFolder, where: str) -> Iterator[dict[str, Any]]:
    with progress("writing molecules", len(library) if not where else None) as tally:
        for batch in library.batches(where):
            yield from batch.to_pylist()
            tally(batch.num_rows)


def _name(row: dict[str, Any]) -> str:
    """Where a molecule comes from: seed, shard and draw."""
    return "-".join(str(row.get(name, "")) for name in ("seed", "shard", "draw"))


def _counted(items: Iterator[Any]) -> int:
    return sum(1 for _ in items)


def _write_parquet(library: LibraryFolder, where: str, place: Path) -> int:
    count, writer = 0, None
    for batch in library.batches(where):
        writer = writer or pq.ParquetWriter(place, batch.schema, compression="zstd")
        writer.write_batch(batch)
        count += batch.num_rows
    if writer is None:
        pq.write_table(library.answer("select * from library limit 0"), place)
    else:
        writer.close()
    return count


def _write_csv(rows: Iterator[dict[str, Any]], file: Any) -> int:
    writer, count = None, 0
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)
        count += 1
    return count


def _write_sdf(rows: Iterator[dict[str, Any]], file: Any, block: Callable[[str], str | None]) -> int:
    written = missed = 0
    while held := list(islice(rows, _AT_ONCE)):
        blocks = map_chunks(block, [row["smiles"] for row in held], 20, lambda reason: None, None, _EMBEDDED_IN)
        records = [_record(text, row) for row, text in zip(held, blocks, strict=True) if text is not None]
        file.writelines(records)
        written, missed = written + len(records), missed + len(held) - len(records)
    if missed:
        note(f"{missed:,} molecules have no coordinates and are left out.")
    return written


def _record(block: str, row: dict[str, Any]) -> str:
    properties = "".join(f">  <{name}>\n{_cell(value)}\n\n" for name, value in row.items() if value is not None)
    return f"{row['smiles']}{block[block.index(chr(10)) :]}{properties}$$$$\n"


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _drawn(smiles: str) -> str | None:
    """A mol block with the coordinates of a drawing."""
    mol = Chem.MolFromSmiles(smiles)
    AllChem.Compute2DCoords(mol)  # pyright: ignore
    return Chem.MolToMolBlock(mol)


def _placed(seed: int, smiles: str) -> str | None:
    """A mol block with coordinates in space, hydrogens among the atoms; None where none are found."""
    with rdBase.BlockLogs():
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        found = AllChem.EmbedMolecule(mol, _etkdg(seed))  # pyright: ignore
    return None if found else Chem.MolToMolBlock(mol)


def _etkdg(seed: int) -> Any:
    parameters = AllChem.ETKDGv3()  # pyright: ignore
    parameters.randomSeed = seed % 2**31
    return parameters
