"""One shard of a library: a task that gives the same bytes wherever and whenever it is done."""

import json
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rdkit
from rdkit import Chem

from gancore.errors import RunError, UserError
from gancore.io.notes import collected
from gancore.io.progress import hushed
from gancore.io.stage_times import stage, timed
from molgan.chemistry.molecule import Molecule
from molgan.chemistry.parsed_text import ParsedText
from molgan.library.columns import ARROW, PROVENANCE, Describer
from molgan.library.scored_columns import refuse_changed, without_number
from molgan.library.sources import Source
from molgan.library.where import NOVEL, Term, passing
from molgan.scoring.definition import ScoreConfig

INVALID, REPEATED, KNOWN, PASSED, REJECTED = range(5)
"""What became of a sample: it is no molecule, one that the shard has already, a known one; it passes; it fails the
first term of the filter. The numbers after that stand for the further terms."""
UNSCORED = -1
"""It lacks a number of the score, so that the filter cannot tell."""
_ABOUT = b"molgan.shard"
_FATES = b"molgan.fates"


@dataclass(frozen=True)
class Plan:
    """All that a shard depends on. key: names it. draws: samples a shard. known: the folder of an index, or "".

    columns: what is written beyond `PROVENANCE`. cache: a file of the score's numbers, or "". plugins: digest of each
    plug-in of the score by its name, where it is seen to change.
    """

    key: str
    source: Source
    seed: int
    draws: int
    terms: tuple[Term, ...] = ()
    columns: tuple[str, ...] = ()
    score: ScoreConfig | None = None
    known: str = ""
    cache: str = ""
    plugins: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Failed:
    """A task that could not be done for a reason that a person can act on: the error as it was raised."""

    error: UserError


class _Maker:
    """What a process keeps between the shards of a plan: the model, and what describes molecules."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.sample = plan.source.open()
        names = [name for term in plan.terms for name in term.columns]
        self.describer = Describer([*names, *plan.columns], plan.score, plan.known, plan.cache)

    def make(self, shard: int) -> bytes:
        """Sample, filter and describe one shard."""
        plan = self.plan
        refuse_changed(plan.score, plan.plugins)
        with timed() as seconds:
            with stage("network"):
                texts = self._sampled(shard)
            with stage("description"):
                fates, table, why = self._described(texts, shard)
                self.describer.forget()
        about = {"shard": shard, "key": plan.key, "rdkit": rdkit.__version__, "seconds": seconds, "why": why}
        return _packed(table, fates, about | {"exhausted": plan.source.kind == "file" and len(texts) < plan.draws})

    def _sampled(self, shard: int) -> list[str | None]:
        source = self.plan.source
        try:
            return list(self.sample(shard, self.plan.draws, self.plan.seed))
        except UserError:
            raise
        except Exception as error:  # whatever somebody else's function raises
            if source.kind != "function":
                raise
            raise RunError(f"{source.name}: failed ({type(error).__name__}: {error}).") from error

    def _described(self, texts: Sequence[str | None], shard: int) -> tuple[np.ndarray, pa.Table, str]:
        """What becomes of each sample, the rows of those that pass, and why some have no score."""
        fates = np.zeros(len(texts), np.int16)
        seen: dict[str, int] = {}
        molecules: dict[int, Molecule] = {}
        for draw, text in enumerate(texts):
            smiles, molecule = self._read(text)
            if smiles is None:
                continue
            if smiles in seen:
                fates[draw] = REPEATED
                continue
            seen[smiles], molecules[draw] = draw, molecule
            fates[draw] = PASSED
        rows = _Rows(list(seen), list(seen.values()), list(molecules.values()), self.describer)
        for place, term in enumerate(self.plan.terms):
            rows = rows.filtered(term, self.plan, fates, place, shard)
        return fates, rows.written(self.plan, shard), rows.why

    def _read(self, text: str | None) -> tuple[str | None, Any]:
        """The canonical SMILES of a sample, and its molecule; that of a trusted one is made when it is needed."""
        if text is None:
            return None, None
        if self.plan.source.trusted:
            return text, _Later(text)
        parsed = ParsedText(text)
        if parsed.strict_smiles is None:
            return None, None
        return parsed.molecule.smiles, parsed.molecule


class _Later(Molecule):
    """A molecule whose SMILES is parsed when something else of it is asked for."""

    def __init__(self, smiles: str):
        self.smiles, self.values = smiles, {}

    @cached_property
    def mol(self) -> Chem.Mol:
        """The molecule in normal form."""
        return ParsedText(self.smiles).mol


class _Rows:
    """Molecules that passed so far, with what has been worked out of them."""

    def __init__(
        self,
        smiles: list[str],
        draws: list[int],
        molecules: list[Molecule],
        describer: Describer,
        table: pa.Table | None = None,
        why: str = "",
    ):
        self.smiles, self.draws, self.molecules, self.describer = smiles, draws, molecules, describer
        self.why = why  # some have no score
        self.table = table if table is not None else pa.table({"smiles": pa.array(smiles, pa.string())})

    def filtered(self, term: Term, plan: Plan, fates: np.ndarray, place: int, shard: int) -> "_Rows":
        """Those that pass a term; the fates of the others are written."""
        if term.text == NOVEL:
            passed, fate = self.describer.novel(self.smiles), KNOWN
        else:
            self.table = self.with_columns(term.columns, plan, shard)
            read = self.table.select(term.columns or ["smiles"])
            passed, fate = passing(term.text, read), REJECTED + place
        kept = np.flatnonzero(passed)
        fates[[self.draws[row] for row in np.flatnonzero(~passed)]] = fate
        if term.text != NOVEL and (scored := self.describer.scored(term.columns)):
            unknown = without_number(read, scored) & passing(f"({term.text}) is null", read)
            fates[[self.draws[row] for row in np.flatnonzero(unknown)]] = UNSCORED
            self.why = self.why or self.describer.why([self.smiles[row] for row in np.flatnonzero(unknown)])
        parts = ([values[row] for row in kept.tolist()] for values in (self.smiles, self.draws, self.molecules))
        return _Rows(*parts, self.describer, self.table.take(pa.array(kept)), self.why)  # pyright: ignore

    def with_columns(self, names: Sequence[str], plan: Plan, shard: int) -> pa.Table:
        """The table with some columns, each worked out once."""
        table = self.table
        told = {"seed": plan.seed, "shard": shard, "model": plan.source.sha256[:16], "rdkit": rdkit.__version__}
        missing = [name for name in names if name not in table.column_names]
        for name in missing:
            if name == "draw":
                table = table.append_column(name, pa.array(self.draws, ARROW["INTEGER"]))
            elif name in PROVENANCE:
                column = pa.array([told[name]] * len(self.smiles), ARROW[PROVENANCE[name]])
                table = table.append_column(name, column)
        asked = [name for name in missing if name not in PROVENANCE]
        described = self.describer.table(asked, self.smiles, self.molecules, table)
        for name in asked:
            table = table.append_column(name, described[name])
        return table

    def written(self, plan: Plan, shard: int) -> pa.Table:
        """All columns that go to disk, in their order; repetitive text as a dictionary."""
        names = [*PROVENANCE, *plan.columns]
        table = self.with_columns(names, plan, shard).select(names)
        for name in ("model", "rdkit"):
            place = table.column_names.index(name)
            table = table.set_column(place, name, table[name].combine_chunks().dictionary_encode())
        return table


_makers: dict[str, _Maker] = {}
_at_work = threading.Lock()  # one shard at a time: a worker of Dask may have several threads


def make_shard(plan: Plan, shard: int) -> bytes | Failed:
    """The task: a Parquet file of the molecules of a shard that pass, with the fate of every sample.

    The same plan and shard give the same molecules in any process. An error a person can act on is given back.
    """
    try:
        with _at_work, hushed(), collected():
            if plan.key not in _makers:
                forget_models()  # the model of another plan
                _makers[plan.key] = _Maker(plan)
            return _makers[plan.key].make(shard)
    except UserError as error:
        return Failed(error)


def _packed(table: pa.Table, fates: np.ndarray, about: dict[str, Any]) -> bytes:
    told = {_ABOUT: json.dumps(about).encode(), _FATES: zlib.compress(fates.astype("<i2").tobytes())}
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(told), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


@dataclass(frozen=True)
class Candidate:
    """A shard as it was made: its molecules, the fate of each of its samples, and what it says of itself."""

    table: pa.Table
    fates: np.ndarray
    about: dict[str, Any]

    @classmethod
    def read(cls, place: Path | bytes) -> "Candidate":
        """What `make_shard` gave. Raises ValueError or OSError for anything else."""
        table = pq.read_table(pa.BufferReader(place) if isinstance(place, bytes) else place)
        told = table.schema.metadata or {}
        if _ABOUT not in told:
            raise ValueError("is no shard")
        fates = np.frombuffer(zlib.decompress(told[_FATES]), "<i2").astype(np.int16)
        return cls(table.replace_schema_metadata(None), fates, json.loads(told[_ABOUT]))


def forget_models() -> None:
    """Let go of the model that this process holds for its shards."""
    _makers.clear()


def rejected(fates: np.ndarray, terms: Sequence[Term]) -> list[int]:
    """How many samples each term rejected; a term `novel` rejects none, for its molecules count as known."""
    return [int((fates == REJECTED + place).sum()) for place in range(len(terms))]
