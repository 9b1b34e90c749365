"""Whether a molecule can probably be bought: a Bloom filter of ZINC's molecules in stock, by molbloom.

Medina and White (Journal of Cheminformatics 2023). A filter never misses a molecule that is in it, and says yes to some
that are not: to 0.0003 of them, by molbloom's own figure.
"""

import ctypes
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from rdkit import Chem
from rdkit.Chem.EnumerateStereoisomers import EnumerateStereoisomers, StereoEnumerationOptions

from gancore.errors import ConfigError, RunError
from molgan.chemistry.molecule import Molecule

CATALOGUE = "zinc-instock"
"""The filter of molbloom; that of all of ZINC20 spells molecules otherwise than RDKit."""
ISOMERS = 16
"""Stereoisomers that are looked up of a molecule whose stereochemistry is open."""
_MEMBERS = ("NC(=O)c1ccc(F)cc1", "CCN(CC)C(N)=O")
_HEADER, _SECONDS = 18, 30.0


def purchasable(molecule: Molecule) -> bool:
    """Whether a molecule, or one of its stereoisomers where its stereochemistry is open, is probably in the catalogue.

    Raises what `open_catalogue` raises.
    """
    open_catalogue()
    return any(_listed(text) for text in _spellings(molecule))


def _spellings(molecule: Molecule) -> Iterator[str]:
    yield molecule.smiles
    options = StereoEnumerationOptions(onlyUnassigned=True, unique=True, maxIsomers=ISOMERS, rand=0)
    for one in EnumerateStereoisomers(molecule.mol, options):
        smiles = Chem.MolToSmiles(one)
        if smiles != molecule.smiles:
            yield smiles


def _listed(smiles: str, common: bool = True) -> bool:
    return bool(_molbloom().buy(smiles, catalog=CATALOGUE, canonicalize=True, check_common=common))


def _molbloom() -> Any:
    try:
        import molbloom
    except ImportError:
        raise ConfigError(
            "column purchasable: molbloom is not installed; pip install 'discretegan[purchasability]'."
        ) from None
    return molbloom


@lru_cache(maxsize=1)
def open_catalogue() -> None:
    """Load the filter of this process; the first time it is downloaded to ~/.cache/molbloom.

    Raises ConfigError without molbloom, RunError where the filter cannot be downloaded or is damaged.
    """
    library = _molbloom()
    place = _place(library)
    with _silent():
        if place is None or place.exists():
            _refuse_damaged(place)
            _load()
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.with_suffix(".lock")):
            existed = place.exists()  # another process may have been faster
            try:
                _load()
                _refuse_damaged(place)
            except BaseException:
                if not existed:
                    place.unlink(missing_ok=True)  # a part of it would count as the whole
                raise


def _place(library: Any) -> Path | None:
    """Where molbloom keeps the downloaded filter; None for one that the package has."""
    if not getattr(library, "_filter_urls", {}).get(CATALOGUE, True):
        return None
    return Path(getattr(library, "_DEFAULT_PATH", Path.home() / ".cache" / "molbloom")) / f"{CATALOGUE}.bloom"


def _load() -> None:
    """Look known members up. Raises RunError where there is no filter, or it is not the one that is meant."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SECONDS)
    try:
        missing = [text for text in _MEMBERS if not _listed(text, common=False)]
    except (OSError, MemoryError, ValueError) as error:
        raise RunError(
            f"column purchasable: the filter {CATALOGUE} of molbloom cannot be loaded "
            f"({getattr(error, 'reason', error)}); it is downloaded the first time, so connect once, or copy "
            "~/.cache/molbloom from another machine."
        ) from None
    finally:
        socket.setdefaulttimeout(before)
    if missing:
        raise RunError(
            f"column purchasable: the filter {CATALOGUE} of molbloom does not have {missing[0]}, which is in stock; "
            "this version of molbloom cannot be used."
        )


def _refuse_damaged(place: Path | None) -> None:
    """Raise RunError for a file that is shorter or longer than it says itself: a download that was cut."""
    if place is None:
        return
    with place.open("rb") as file:
        header = file.read(_HEADER)
    if header[:5] == b"BLOOM" and place.stat().st_size == _HEADER + int.from_bytes(header[10:], "little") // 8:
        return
    raise RunError(f"{place}: is no whole filter of molbloom; delete it, and it is downloaded again.")


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what C code prints off standard output, where results are."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 1)
        yield
    finally:
        with suppress(Exception):
            ctypes.CDLL(None).fflush(None)  # what waits in C's own buffer
        os.dup2(kept, 1)
        os.close(kept)
