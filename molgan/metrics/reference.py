"""Reference sets: statistics of real molecules, computed once and kept in the user's cache."""

import pickle
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gancore.errors import CheckpointError, DataError
from gancore.io.downloads import cache
from gancore.runs import checkpoint
from gancore.statistics.frechet import Moments, moments
from molgan.data.downloads import DATA
from molgan.metrics import chemnet
from molgan.metrics.basic import some_of, texts_of
from molgan.scoring.description import BITS, MEASURED, WIDE_BITS, Described

SAMPLE = 30_000
"""Molecules of a larger set that are described."""
_FORMAT = 3


@dataclass
class Reference:
    """Statistics of a set of molecules. ChemNet is asked when `activations` or `moments` are first used.

    name: its name in results. n: molecules behind the statistics; of: molecules in the set. fingerprints
    `(molecule, 128)` uint8, packed. fragments, scaffolds: how often each occurs. properties: values by name.
    wide `(molecule, 512)` uint8: empty where only moments are known. published: moments that come without activations.
    chemnet_cache: the folder that keeps the activations; None for none.
    """

    name: str
    n: int
    of: int
    fingerprints: np.ndarray
    fragments: dict[str, int]
    scaffolds: dict[str, int]
    properties: dict[str, np.ndarray]
    wide: np.ndarray
    smiles: list[str]
    published: Moments | None = None
    chemnet_cache: Path | None = None

    @classmethod
    def of_smiles(cls, name: str, texts: Sequence[str | None], sample: int = SAMPLE, seed: int = 0) -> "Reference":
        """Describe a set, or a random `sample` of a larger one. Results are kept in the user's cache.

        Raises DataError when RDKit reads fewer than two of them.
        """
        picked, of, kept = some_of(texts, sample, seed, f"references-{_FORMAT}")
        chemnet_cache = kept.with_name(f"{kept.name}-chemnet")
        try:
            return cls._from(checkpoint.read(kept), name, of, chemnet_cache)
        except CheckpointError:
            pass
        described = Described.of(picked)
        if len(described) < 2:
            raise DataError(f"{name}: RDKit reads {len(described)} of its molecules; a reference needs two.")
        reference = cls(
            name,
            len(described),
            of,
            described.fingerprints,
            dict(Counter(part for parts in described.fragments for part in parts)),
            dict(Counter(part for parts in described.moses_scaffolds() for part in parts)),
            {column: described.column(column) for column in MEASURED},
            described.wide,
            described.smiles,
            chemnet_cache=chemnet_cache,
        )
        reference.save(kept)
        return reference

    @cached_property
    def activations(self) -> np.ndarray:
        """ChemNet's activations `(molecule, 512)` float32; empty where only moments are known."""
        if self.published is not None:
            return np.empty((0, chemnet.WIDTH), np.float32)
        if self.chemnet_cache is None:
            return chemnet.activations(self.smiles)
        try:
            return checkpoint.read(self.chemnet_cache).tensors()["activations"].numpy()
        except CheckpointError:
            rows = chemnet.activations(self.smiles)
            checkpoint.save_once(self.chemnet_cache, {"activations": torch.from_numpy(rows)}, {})
            return rows

    @cached_property
    def moments(self) -> Moments:
        """Mean and covariance of the activations."""
        return self.published if self.published is not None else moments(self.activations)

    # On disk ----------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write it as a folder of tensors and JSON, without activations."""
        arrays = {"fingerprints": self.fingerprints, "wide": self.wide}
        arrays |= {f"property.{name}": values for name, values in self.properties.items()}
        if self.published is not None:
            arrays |= {"mean": self.published.mean, "covariance": self.published.covariance}
        values = {
            "n": self.n,
            "of": self.of,
            "fragments": self.fragments,
            "scaffolds": self.scaffolds,
            "smiles": self.smiles,
        }
        checkpoint.save_once(folder, {name: torch.from_numpy(array) for name, array in arrays.items()}, values)

    @classmethod
    def load(cls, folder: Path, name: str) -> "Reference":
        """Read one that was saved; raises CheckpointError."""
        stored = checkpoint.read(folder)
        return cls._from(stored, name, stored.values["of"])

    @classmethod
    def _from(
        cls, stored: checkpoint.CheckpointFile, name: str, of: int, chemnet_cache: Path | None = None
    ) -> "Reference":
        arrays = {key: tensor.numpy() for key, tensor in stored.tensors().items()}
        values = stored.values
        return cls(
            name,
            values["n"],
            of,
            arrays["fingerprints"],
            values["fragments"],
            values["scaffolds"],
            {key.removeprefix("property."): arrays[key] for key in arrays if key.startswith("property.")},
            arrays["wide"],
            values["smiles"],
            Moments(arrays["mean"], arrays["covariance"], values["n"]) if "mean" in arrays else None,
            chemnet_cache,
        )


def references(source: "str | Path | Sequence[str]", seed: int = 0, column: str = "") -> list[Reference]:
    """The reference that a data set's name (`moses`: its test set and scaffold test set), a file or a list stands for.

    column: of a table, the one to read if it is there. Raises DataError for a data set that has not been fetched, and
    what reading a file raises.
    """
    if DATA.named(source) == "moses":
        return [_moses(split) for split in ("test", "test_scaffolds")]
    name = str(source) if isinstance(source, (str, Path)) else "the reference"
    return [Reference.of_smiles(name, texts_of(source, "test", column), seed=seed)]


def _moses(split: str) -> Reference:
    """A test set of MOSES, from the statistics that its package publishes."""
    published = DATA.path("moses") / f"{split}_stats.npz"
    kept = cache() / "references" / f"moses-{split}-{_FORMAT}"
    if not checkpoint.exists(kept):
        with zipfile.ZipFile(published) as archive, archive.open("stats.npy") as file:
            _published(file, split).save(kept)
    return Reference.load(kept, split)


class OnlyNumbers(pickle.Unpickler):
    """Reads the published statistics, which are pickled: arrays, counters and nothing else that could act."""

    def find_class(self, module: str, name: str) -> Any:
        """What the statistics are made of; raises UnpicklingError for anything else."""
        from numpy._core.multiarray import _reconstruct  # pyright: ignore

        known = {
            ("collections", "Counter"): Counter,
            ("numpy", "dtype"): np.dtype,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
            ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
            ("_codecs", "encode"): lambda text, _: text.encode("latin1"),
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in statistics")
        return known[module, name]


def _published(file: Any, name: str) -> Reference:
    """The statistics of an open .npy of one pickled dict, read without running anything."""
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_1_0(file)
    statistics = OnlyNumbers(file).load().item()
    fingerprints = np.packbits(statistics["SNN"]["fps"], axis=1)
    if fingerprints.shape[1] != BITS // 8:
        raise DataError(f"the statistics of {name} hold fingerprints of another size.")
    n = len(fingerprints)
    names = {"logp": "logP", "sa": "SA", "qed": "QED", "weight": "weight"}
    return Reference(
        name,
        n,
        n,
        fingerprints,
        {str(key): int(count) for key, count in statistics["Frag"]["frag"].items()},
        {str(key): int(count) for key, count in statistics["Scaf"]["scaf"].items()},
        {ours: np.asarray(statistics[theirs]["values"], float) for ours, theirs in names.items()},
        np.empty((0, WIDE_BITS // 8), np.uint8),
        [],
        Moments(np.asarray(statistics["FCD"]["mu"], float), np.asarray(statistics["FCD"]["sigma"], float), n),
    )
