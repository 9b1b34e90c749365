"""Whether molecules are among tens of millions of known ones, exactly and in little memory.

A folder holds the strings in the order of their digests, the digests, and where each string begins. A question searches
the digests, which are mapped into memory, and reads the strings of those that it finds.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import rdkit

from gancore.errors import DataError, RunError
from gancore.io.atomic_write import write_text
from gancore.io.downloads import cache
from gancore.io.inputs import called, paths_of, rows_of
from gancore.io.progress import over
from molgan.chemistry.identity import COMPARED, Policy, identity
from molgan.chemistry.parallel import map_chunks
from molgan.data.inputs import FORM
from molgan.library.digests import BITS, digest_of_file, digests
from molgan.library.sorted_texts import SortedTexts, merge, write_run

CHUNK = 500_000
"""Strings that are in memory at once."""
_FORMAT = 1
_MANIFEST = "manifest.json"


class Known:
    """The canonical SMILES of references in a folder; `contains` says which of some are among them.

    Processes and threads may ask the same folder. `len` gives the number of distinct molecules.

    >>> with TemporaryDirectory() as folder:
    ...     known = Known.build(["OCC", "CCN", "CCN"], folder)
    ...     len(known), known.contains(["CCO", "CCC", None]).tolist()
    (2, [True, False, False])
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        try:
            held = json.loads((self.folder / _MANIFEST).read_text(encoding="utf-8"))
            if held["format"] != _FORMAT:
                raise ValueError
            self.bits, self._texts = int(held["bits"]), SortedTexts(self.folder)
            if len(self._texts) != held["count"]:
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError):
            raise DataError(
                f"{self.folder}: holds no known molecules, or not all that were written; build them anew."
            ) from None

    def __len__(self) -> int:
        return len(self._texts)

    @classmethod
    def build(
        cls,
        source: Any,
        folder: str | Path,
        policy: Policy | None = COMPARED,
        column: str = "",
        chunk: int = CHUNK,
        bits: int = BITS,
    ) -> "Known":
        """Write the molecules of files into a folder, whole or not at all; what it held is replaced.

        source: a path, paths, the name of a data set, a frame, or any iterable of SMILES. It is read once, `chunk` rows
        at a time, and sorted on disk, beside the folder. policy: how a molecule is prepared before its canonical SMILES
        is written; None takes the strings as they are, which must be canonical then. Rows that are no molecule are left
        out. bits: of the digests; fewer are a test of what happens when they collide.
        Raises DataError where no row is a molecule, RunError for a folder that holds something else, and what reading
        files raises.
        """
        from molgan.data.downloads import DATA  # torch, which those who only ask do without

        folder = Path(folder)
        if folder.exists() and not (folder.is_dir() and ((folder / _MANIFEST).exists() or not any(folder.iterdir()))):
            raise RunError(f"{folder}: holds something else than known molecules; name another folder.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f"{folder.name}.", suffix=".tmp", dir=folder.parent) as place:
            runs, rows = [], 0
            for number, texts in enumerate(_parts(DATA.files(source), column, chunk)):
                rows += len(texts)
                distinct = list(dict.fromkeys(_canonical(texts, policy)))
                runs.append(write_run(distinct, digests(distinct, bits), Path(place, f"run-{number}")))
            fresh = Path(place, "known")
            count = merge(runs, fresh, chunk)
            if not count:
                raise DataError(f"{called(source, 'SMILES')}: none of {rows:,} rows is a molecule.")
            about = {"format": _FORMAT, "count": count, "bits": bits, "rdkit": rdkit.__version__}
            prepared = None if policy is None else asdict(policy)
            write_text(fresh / _MANIFEST, json.dumps({**about, "policy": prepared}, indent=1) + "\n")
            if folder.exists():
                shutil.rmtree(folder)
            fresh.replace(folder)
        return cls(folder)

    @classmethod
    def of(cls, source: Any, policy: Policy | None = COMPARED, column: str = "") -> "Known":
        """The same in the user's cache, by what the files hold, the policy and RDKit's version; built only once.

        source: a path, paths, or the name of a data set. Raises DataError for anything else, and what `build` raises.
        """
        from molgan.data.downloads import DATA

        files = paths_of(DATA.files(source))
        if files is None:
            raise DataError(f"cannot keep {source!r:.50} in the cache: give files, or a folder to build in.")
        for file in files:
            if not file.is_file():
                raise DataError(f"{file}: no such file.")
        keys = [*map(digest_of_file, files), str(policy), column, rdkit.__version__, str(_FORMAT)]
        folder = cache() / "known" / f"{int(digests([json.dumps(keys)])[0]):016x}"
        try:
            return cls(folder)
        except DataError:
            pass
        try:
            return cls.build(files, folder, policy, column)
        except OSError:  # another process has put its own there meanwhile
            if not (folder / _MANIFEST).exists():
                raise
            return cls(folder)

    def contains(self, smiles: Sequence[str | None]) -> np.ndarray:
        """Which of some canonical SMILES are among the known ones, `(string,)` bool; None never is.

        They must be canonical as those of `build` are, by `chemistry.identity` under the same policy.
        """
        found = np.zeros(len(smiles), bool)
        for start in range(0, len(smiles), CHUNK):
            rows = [row for row in range(start, min(start + CHUNK, len(smiles))) if smiles[row] is not None]
            texts: list[str] = [smiles[row] for row in rows]  # pyright: ignore
            found[rows] = self._texts.contain(texts, digests(texts, self.bits))
        return found

    def texts(self) -> list[str]:
        """All the molecules, in the order of their digests; they are read into memory."""
        return [text.decode(errors="surrogatepass") for text in self._texts.between(0, 1 << 64)[1]]

    def __contains__(self, smiles: str) -> bool:
        return bool(self.contains([smiles])[0])


def _parts(source: Any, column: str, chunk: int) -> Iterator[list[str]]:
    rows = rows_of(source, FORM, "SMILES", column, prefer=True)
    texts = (text for _, text, _ in over(rows, "reading known molecules") if text)
    while part := list(islice(texts, chunk)):
        yield part


def _canonical(texts: list[str], policy: Policy | None) -> Iterable[str]:
    if policy is None:
        return texts
    read = map_chunks(partial(identity, policy=policy), texts, failed=lambda reason: None)
    return (text for text in read if text is not None)
