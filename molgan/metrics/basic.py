"""Valid, connected, unique and novel under each convention, for any number of SMILES in little memory."""

import hashlib
from collections.abc import Iterable, Sequence, Set
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd
import rdkit

from gancore.errors import DataError
from gancore.io.downloads import cache
from gancore.statistics.intervals import Estimate, share_kept, wilson_interval
from molgan.chemistry.identity import COMPARED, Policy, identity, judge, prepared
from molgan.chemistry.parallel import map_chunks
from molgan.data.dataset import MoleculeDataset, as_rows
from molgan.data.downloads import DATA
from molgan.scoring.description import NOT_READ, NOTHING, Read, digest, read
from molgan.scoring.records import NO_PARTS, Part, Parts, Record, examine_all

Molecules: TypeAlias = MoleculeDataset | Set[str] | pd.DataFrame | Sequence[str | None] | str | Path
CANONICAL = ("moses", "qm9")
"""Sets by name; their SMILES are canonical, by the RDKit that they were made with."""
GUACAMOL_N = 10_000
"""Molecules that GuacaMol asks a model for."""
_CHUNK = 100_000
_LOOKED_AT = 300  # molecules of a set by name; RDKit's canonical SMILES have changed between releases
_DIGESTS = ("full", "strict", "flat")


def texts_of(source: Molecules, split: str = "train", column: str = "") -> list[str | None]:
    """The SMILES of a data set, by its name too (of `moses` the `split`), of a set, and of whatever `as_rows` reads.

    column: of a table, the one to read if it is there.
    """
    if isinstance(source, MoleculeDataset):
        return list(source.smiles)
    return [*sorted(source)] if isinstance(source, Set) else as_rows(DATA.files(source, split), column, prefer=True)


def in_memory(train: Molecules | None, column: str = "") -> Molecules | None:
    """Training molecules of a file or a frame as a list, so that it is read once; anything else as it is."""
    if train is None or DATA.named(train) in CANONICAL or isinstance(train, (MoleculeDataset, Set)):
        return train
    return texts_of(train, column=column)


def some_of(texts: Sequence[str | None], most: int, seed: int, kind: str) -> tuple[list[str], int, Path]:
    """At most so many of the strings, at random, in order; how many there are; and where what is worked out of them is

    kept in the user's cache: a folder named by a digest of them, and of RDKit's version.
    """
    strings = [text for text in texts if text]
    picked = [strings[row] for row in np.sort(np.random.default_rng(seed).permutation(len(strings))[:most])]
    key = hashlib.sha256("\n".join((rdkit.__version__, *picked)).encode()).hexdigest()
    return picked, len(strings), cache() / kind / key[:32]


class Known(NamedTuple):
    """Digests of a training set's SMILES, sorted, as in `Read`; how many of its rows are no molecule, and mixtures."""

    full: np.ndarray
    strict: np.ndarray
    flat: np.ndarray
    unread: int = 0
    mixtures: int = 0

    @classmethod
    def of(cls, train: Molecules, policy: Policy = COMPARED) -> "Known":
        """Those of anything that `texts_of` takes. A data set, `moses` and `qm9` are not read again where they are

        canonical. policy: what counts of a salt or mixture, and whether molecules are standardised.
        Raises DataError where no row is a molecule: then all that is generated would be novel.
        """
        texts = texts_of(train)
        if not policy.standardize and _canonical(train, texts):
            digests = np.unique(np.fromiter(map(digest, texts), np.int64, len(texts)))
            return cls(digests, digests, digests)
        reading = map_chunks(partial(read, policy=policy, drawn=False), texts, failed=lambda reason: NOT_READ)
        table = _table(reading)
        unread = int((~table["valid"]).sum())
        refuse_unread(len(table) - unread, len(table), first=bool(len(table) and table["valid"][0]))
        full, strict, flat = (np.unique(table[name][table[name] != NOTHING]) for name in _DIGESTS)
        mixtures = sum("." in (text or "") and one.valid for text, one in zip(texts, reading, strict=True))
        return cls(full, strict, flat, unread, mixtures)


def _canonical(train: Molecules, texts: Sequence[str | None]) -> bool:
    """Whether a data set, or a set by name, is spelt as the RDKit at hand spells it: some of it are looked at."""
    if not isinstance(train, MoleculeDataset) and DATA.named(train) not in CANONICAL:
        return False
    picked = np.random.default_rng(0).permutation(len(texts))[:_LOOKED_AT]
    return all(judge(texts[row]).smiles == texts[row] for row in picked.tolist())


def known_smiles(train: Molecules, policy: Policy = COMPARED, column: str = "") -> Set[str]:
    """Canonical SMILES, without stereo, of the molecules of a training set, what `texts_of` takes, under a policy.

    Raises DataError where no row is a molecule.
    """
    if isinstance(train, MoleculeDataset) and not policy.standardize:
        return set(train.smiles)
    texts = texts_of(train, column=column)
    compared = map_chunks(partial(identity, policy=policy), texts, failed=lambda reason: None)
    known = {text for text in compared if text is not None}
    refuse_unread(len(known), len(texts))
    return known


def refuse_unread(read: int, of: int, first: bool = False) -> None:
    """Raise DataError where no training molecule could be read, or the first alone, which may be a header."""
    if read == 1 and first and of > 2:
        raise DataError(
            f"the training molecules: only the first of {of:,} rows is a SMILES that can be read, so novel means "
            "nothing."
        )
    if not read:
        raise DataError(
            f"the training molecules: none of {of:,} rows is a SMILES that can be read, so novel means nothing."
        )


def _table(rows: Sequence[Read]) -> np.ndarray:
    return np.array(rows, dtype=[("valid", bool), *((name, np.int64) for name in _DIGESTS)])


class Reading(NamedTuple):
    """A list of strings that was read.

    table: all of them as a table of `Read`. picked: records of some that are valid, in their order. records: of every
    string, where more than `Read` was asked for.
    """

    table: np.ndarray
    picked: list[Record]
    records: list[Record]


def read_all(
    texts: Iterable[str | None],
    sample: int,
    seed: int = 0,
    policy: Policy = COMPARED,
    parts: Parts = NO_PARTS,
    more: Parts = NO_PARTS,
) -> Reading:
    """Read strings a chunk at a time; `sample` of the valid ones are picked at random.

    parts: what is asked of the picked ones. more: what is asked of every string. Up to `sample` strings are each parsed
    once; of a longer list the picked ones are parsed again.
    """
    texts = iter(texts)
    each = {"read": Part(partial(read, policy=policy), lambda reason: NOT_READ), **more}
    head = list(islice(texts, sample + 1))
    if len(head) <= sample:
        records = examine_all(head, {**each, **parts})
        return Reading(_rows_of(records), [row for row in records if row["read"].valid], records)
    rng, tables, candidates, kept, done = np.random.default_rng(seed), [], [], [], 0
    texts = chain(head, texts)
    while chunk := list(islice(texts, _CHUNK)):
        records = examine_all(chunk, each, chunk=500)
        tables.append(_rows_of(records))
        keys = rng.random(len(chunk))
        candidates += [(keys[row], done + row, chunk[row]) for row in np.flatnonzero(tables[-1]["valid"]).tolist()]
        if len(candidates) > sample:
            candidates = sorted(candidates)[:sample]
        kept += records if more else []
        done += len(chunk)
    picked = [text for _, _, text in sorted(candidates, key=lambda one: one[1])]
    return Reading(np.concatenate(tables), examine_all(picked, parts), kept)


def _rows_of(records: Sequence[Record]) -> np.ndarray:
    return _table([record["read"] for record in records])


def prepare(texts: Sequence[str | None], policy: Policy = COMPARED) -> list[str]:
    """Strings as they enter a comparison, without those that the policy rejects (`identity.prepared`).

    What RDKit does not read stays as it is, unless the policy has to look at it.
    """
    strings = [text for text in texts if text]
    if not policy.standardize and not any("." in text for text in strings):
        return strings
    compared = map_chunks(partial(prepared, policy=policy), strings, failed=lambda reason: None)
    return [text for text in compared if text is not None]


def basic_figures(table: np.ndarray, known: Known | None, ks: Sequence[int]) -> dict[str, Estimate]:
    """The figures that `evaluate` has for any list."""
    strict = _codes(table["strict"][table["strict"] != NOTHING])
    figures = {
        "valid": wilson_interval(int(table["valid"].sum()), len(table)),
        "connected": wilson_interval(len(strict), len(table)),
    }
    if len(strict):
        figures |= _unique(strict, "unique", ks)
    if known is not None:
        distinct = np.unique(table["strict"][table["strict"] != NOTHING])
        new = ~np.isin(distinct, known.strict)
        if len(strict):
            figures["novel"] = wilson_interval(int(new.sum()), len(new))
        codes = np.full(len(table), -1)
        codes[table["strict"] != NOTHING] = np.searchsorted(distinct, table["strict"][table["strict"] != NOTHING])
        figures["product"] = share_kept(
            lambda rows: _product(codes[rows], new), len(codes), len(codes) - int(new.sum())
        )
    return figures


def moses_basics(table: np.ndarray, known: Known | None, ks: Sequence[int]) -> dict[str, Estimate]:
    """MOSES's own: every valid string counts, stereo is kept; novel is of the distinct ones."""
    full = table["full"][table["valid"]]
    figures = {"moses/valid": wilson_interval(len(full), len(table))}
    figures |= _unique(_codes(full), "moses/unique", ks, all_of_them=False)
    if known is not None and len(full):
        distinct = np.unique(full)
        figures["moses/novel"] = wilson_interval(int((~np.isin(distinct, known.full)).sum()), len(distinct))
    return figures


def guacamol_basics(table: np.ndarray, known: Known | None) -> dict[str, Estimate]:
    """GuacaMol's own: of the first 10,000 draws, or all; stereo is dropped, mixtures count as they are.

    novel is a share of what was asked for.
    """
    asked = min(GUACAMOL_N, len(table))
    valid = table["flat"][table["valid"]]
    figures = {"guacamol/valid": wilson_interval(int(table["valid"][:asked].sum()), asked)}
    figures |= {"guacamol/unique": wilson_interval(len(np.unique(valid[:asked])), asked)} if len(valid) else {}
    if known is not None:
        _, first = np.unique(valid, return_index=True)
        distinct = valid[np.sort(first)[:asked]]
        figures["guacamol/novel"] = wilson_interval(int((~np.isin(distinct, known.flat)).sum()), asked)
    return figures


def _codes(digests: np.ndarray) -> np.ndarray:
    return np.unique(digests, return_inverse=True)[1]


def _unique(codes: np.ndarray, name: str, ks: Sequence[int], all_of_them: bool = True) -> dict[str, Estimate]:
    counts = {f"{name}@{k}": k for k in ks if len(codes) >= k}
    counts = ({name: len(codes)} if all_of_them else {}) | counts
    return {
        key: share_kept(lambda rows: _distinct(codes[rows]) / len(rows), k, k - _distinct(codes[:k]))
        for key, k in counts.items()
    }


def _distinct(codes: np.ndarray) -> int:
    return int((np.bincount(codes) > 0).sum())


def _product(codes: np.ndarray, new: np.ndarray) -> float:
    """Connected x unique x novel = distinct novel molecules a draw."""
    present = np.bincount(codes[codes >= 0], minlength=len(new)) > 0
    return float((present & new).sum() / len(codes))
