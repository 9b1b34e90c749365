"""The columns of a library: what can be said of a molecule, worked out where a filter or the user names it."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from rdkit import Chem

from gancore.errors import ConfigError
from molgan import chemistry
from molgan.chemistry.molecule import Molecule
from molgan.library.known_molecules import KnownMolecules
from molgan.library.scored_columns import ScoredColumns
from molgan.scoring.definition import ScoreConfig
from molgan.scoring.description import ring_systems
from molgan.scoring.filters import passes_filters, passes_reos
from molgan.scoring.properties import MAKERS, PROPERTIES, alert_names, property_value, scaffold_of

ALERTS = ("PAINS", "BRENK", "NIH")
"""The sets of structural alerts that `alerts` counts and `alert_names` names."""
PROVENANCE = {
    "smiles": "VARCHAR",
    "seed": "BIGINT",
    "shard": "INTEGER",
    "draw": "INTEGER",
    "model": "VARCHAR",
    "rdkit": "VARCHAR",
}
"""What every row says: the molecule, and where it comes from; types of DuckDB."""
ARROW = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
}
"""The types of Parquet files."""


class Column(NamedTuple):
    """A column: its type in DuckDB, what it says, a function of one molecule, and what it needs beside, if anything."""

    type: str
    about: str
    function: Callable[[Molecule], Any] | None = None
    needs: str = ""


def _alerts(molecule: Molecule) -> list[str]:
    return [f"{name}: {hit}" for name in ALERTS for hit in alert_names(molecule, [name])]


def _classified(name: str) -> Callable[[Molecule], float]:
    """A column that needs a fetched classifier, which is read with the first molecule."""
    return lambda molecule: _made(name)(molecule)


def _purchasable(molecule: Molecule) -> bool:
    """An optional package, which is imported with the first molecule."""
    from molgan.library.purchasable import purchasable

    return purchasable(molecule)


_made = lru_cache(lambda name: MAKERS[name].make())

COLUMNS: dict[str, Column] = {
    **{name: Column("DOUBLE", one.source, partial(property_value, name=name)) for name, one in PROPERTIES.items()},
    **{name: Column("DOUBLE", one.source, _classified(name)) for name, one in MAKERS.items() if not one.takes},
    "alerts": Column("INTEGER", f"structural alerts of {', '.join(ALERTS)}", lambda molecule: len(_alerts(molecule))),
    "alert_names": Column("VARCHAR", "their names, with semicolons", lambda molecule: "; ".join(_alerts(molecule))),
    "moses_filters": Column(
        "BOOLEAN", "whether it passes the filters of MOSES", lambda one: passes_filters(one.mol, one.smiles)
    ),
    "reos": Column("BOOLEAN", "whether its properties are within the ranges of REOS", lambda one: passes_reos(one.mol)),
    "ring_systems": Column("VARCHAR", "its ring systems, with dots", lambda one: ".".join(ring_systems(one.mol))),
    "scaffold": Column("VARCHAR", "Bemis-Murcko scaffold, 1996", lambda molecule: scaffold_of(molecule.mol)),
    "inchikey": Column("VARCHAR", "InChIKey", lambda molecule: Chem.MolToInchiKey(molecule.mol)),
    "purchasable": Column("BOOLEAN", "whether it is probably in stock (ZINC, by molbloom)", _purchasable),
    "novel": Column("BOOLEAN", "whether it is not among the known molecules", needs="known"),
    "nearest": Column("VARCHAR", "the most similar known molecule", needs="known"),
    "similarity": Column("DOUBLE", "Tanimoto similarity to it, Morgan fingerprints of radius 2", needs="known"),
}
"""What can be asked for by name."""


def score_columns(score: ScoreConfig | None) -> dict[str, Column]:
    """The columns that a score adds: itself, and the number of each of its components as `score_NAME`."""
    if score is None:
        return {}
    components = {f"score_{one.title}": Column("DOUBLE", one.title, needs="score") for one in score.components}
    return {"score": Column("DOUBLE", "the score of --score", needs="score"), **components}


def types(score: ScoreConfig | None = None) -> dict[str, str]:
    """All columns that can be asked for, with their types in DuckDB."""
    return PROVENANCE | {name: one.type for name, one in (COLUMNS | score_columns(score)).items()}


def chosen(names: Sequence[str], score: ScoreConfig | None) -> tuple[str, ...]:
    """Columns beyond `PROVENANCE` in their order, each once, those of the score among them.

    Raises ConfigError for a name that there is not.
    """
    known = COLUMNS | score_columns(score)
    for name in names:
        if name not in known and name not in PROVENANCE:
            hint = "; the score's need --score" if name.startswith("score") else ""
            raise ConfigError(f"column {name}: there is none; the columns are {', '.join(PROVENANCE | known)}{hint}.")
    wanted = [*names, *score_columns(score)]
    return tuple(name for name in dict.fromkeys(wanted) if name not in PROVENANCE)


class Describer:
    """Works columns out for molecules.

    known: the folder of an index of known molecules; "" where there is none. cache: a file of the score's numbers.
    """

    def __init__(self, names: Sequence[str], score: ScoreConfig | None, known: str = "", cache: str = ""):
        self.names = tuple(names)
        self._columns = COLUMNS | score_columns(score)
        self._scored = ScoredColumns(score, cache) if score is not None else None
        self._known = KnownMolecules.open(Path(known)) if known else None

    def forget(self) -> None:
        """Let go of what a score remembers."""
        if self._scored is not None:
            self._scored.forget()

    def scored(self, names: Sequence[str]) -> list[str]:
        """Those of some columns that the score gives."""
        return [name for name in names if name in self._columns and self._columns[name].needs == "score"]

    def why(self, smiles: Sequence[str]) -> str:
        """Why some molecules have no score: the commonest reason."""
        return self._scored.why(smiles) if self._scored is not None else ""

    def table(
        self, names: Sequence[str], smiles: Sequence[str], molecules: Sequence[Molecule], have: pa.Table
    ) -> pa.Table:
        """Columns of molecules; `smiles` has their canonical SMILES. have: columns that there are already."""
        found: dict[str, Any] = {}
        asked = self.scored(names)
        batch = self._scored.numbers(asked, smiles, have) if self._scored is not None and asked else {}
        batch |= self._of_known(names, smiles, molecules)
        for name in names:
            column = self._columns[name]
            values = batch[name] if column.function is None else [column.function(one) for one in molecules]
            found[name] = pa.array(values, ARROW[column.type], from_pandas=True)
        return pa.table(found)

    def novel(self, smiles: Sequence[str]) -> np.ndarray:
        """Which molecules are not among the known ones: bool, one a molecule."""
        assert self._known is not None
        return ~self._known.contains([_flat(text) for text in smiles])

    def _of_known(self, names: Sequence[str], smiles: Sequence[str], molecules: Sequence[Molecule]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if "novel" in names:
            found["novel"] = self.novel(smiles)
        if "nearest" in names or "similarity" in names:
            assert self._known is not None
            near = [self._known.nearest(molecule.mol) for molecule in molecules]
            found |= {"nearest": [text for text, _ in near], "similarity": [value for _, value in near]}
        return found


def _flat(smiles: str) -> str:
    """Without stereo, as known molecules are compared."""
    return chemistry.flat(smiles) if any(sign in smiles for sign in "@/\\") else smiles
