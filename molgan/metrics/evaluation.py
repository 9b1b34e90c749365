"""Valid, connected, unique, novel and their product, with intervals; what the molecules are made of."""

from collections import Counter
from collections.abc import Sequence, Set
from pathlib import Path

import numpy as np
import pandas as pd

from gancore.errors import DataError
from gancore.statistics import Evaluation, half_sample_interval, wilson_interval
from molgan import chem
from molgan.data import MoleculeDataset, as_rows
from molgan.parallel import judge_all, map_chunks


def known_smiles(train: "MoleculeDataset | Set[str] | pd.DataFrame | Sequence[str] | str | Path") -> Set[str]:
    """Canonical SMILES of a training set: a data set, a path, a frame or a list; a set is taken as canonical."""
    if isinstance(train, MoleculeDataset):
        return set(train.smiles)
    if isinstance(train, Set):
        return train
    return {one.smiles for one in judge_all(as_rows(train)) if one.smiles is not None}


def evaluate(
    smiles: Sequence[str | None],
    train: "MoleculeDataset | Set[str] | pd.DataFrame | Sequence[str] | str | Path | None" = None,
    ks: Sequence[int] = (1000, 10000),
) -> Evaluation:
    """Judge a list of generated SMILES; None and "" stand for draws without a molecule and count as invalid.

    valid: share that RDKit parses and sanitises (MOSES, Polykovskiy et al. 2020).
    connected: share that is valid, one fragment and without wildcard. What follows counts only these.
    unique: distinct canonical SMILES / connected ones. unique@k: the same among the first k of them,
        where there are k.
    novel: share of the distinct ones that are not in `train` (MOSES's convention; stereo ignored).
    product: connected x unique x novel, the figure that a collapsed generator cannot raise.

    `novel` and `product` need `train`. Each comes with a 95% interval: Wilson's for plain shares, resampled halves
    for those of distinct molecules.
    Raises DataError for an empty list.

    >>> figures = evaluate(["CCO", "OCC", "C", "not a molecule"], train=["C"])
    >>> [round(figures[name].value, 2) for name in ("valid", "unique", "novel", "product")]
    [0.75, 0.67, 0.5, 0.25]
    """
    smiles = as_rows(smiles)
    if not smiles:
        raise DataError("there is nothing to evaluate: the list of SMILES is empty.")
    verdicts = judge_all(smiles)
    codes, distinct = _codes([one.smiles for one in verdicts])
    strict = codes[codes >= 0]
    figures = {
        "valid": wilson_interval(sum(one.valid for one in verdicts), len(verdicts)),
        "connected": wilson_interval(len(strict), len(codes)),
    }
    if len(strict):
        figures["unique"] = half_sample_interval(lambda rows: _distinct(strict[rows]) / len(rows), len(strict))
        for k in ks:
            if len(strict) >= k:
                figures[f"unique@{k}"] = half_sample_interval(lambda rows: _distinct(strict[rows]) / len(rows), k)
    if train is not None:
        known = known_smiles(train)
        new = np.array([text not in known for text in distinct], dtype=bool)
        if len(strict):
            figures["novel"] = wilson_interval(int(new.sum()), len(new))
        figures["product"] = half_sample_interval(lambda rows: _product(codes[rows], new), len(codes))
    return Evaluation(figures)


def _codes(smiles: Sequence[str | None]) -> tuple[np.ndarray, list[str]]:
    """A number for each string, the same for the same, -1 for None; and the distinct strings by number."""
    numbers: dict[str, int] = {}
    codes = [-1 if text is None else numbers.setdefault(text, len(numbers)) for text in smiles]
    return np.array(codes), list(numbers)


def _distinct(codes: np.ndarray) -> int:
    return int((np.bincount(codes) > 0).sum())


def _product(codes: np.ndarray, new: np.ndarray) -> float:
    """connected x unique x novel = distinct novel molecules a draw."""
    present = np.bincount(codes[codes >= 0], minlength=len(new)) > 0
    return float((present & new).sum() / len(codes))


def composition(smiles: Sequence[str | None]) -> dict[str, float]:
    """Heavy atoms of each element a molecule, and `aromatic`, the share of molecules with an aromatic atom.

    Strings that are no molecule are left out; the elements are sorted by name.

    >>> composition(["c1ccccc1", "CO"])
    {'C': 3.5, 'O': 0.5, 'aromatic': 0.5}
    """
    made_of = [made for made in map_chunks(_made_of, smiles, failed=lambda reason: None) if made is not None]
    atoms: Counter[str] = Counter()
    for made in made_of:
        atoms.update(made)
    aromatic = atoms.pop("aromatic", 0)
    shares = {symbol: count / len(made_of) for symbol, count in sorted(atoms.items())}
    return shares | ({"aromatic": aromatic / len(made_of)} if made_of else {})


def _made_of(text: str | None) -> Counter[str] | None:
    try:
        mol = chem.parse(text or "")
    except chem.Rejected:
        return None
    made = Counter(atom.GetSymbol() for atom in mol.GetAtoms())
    made["aromatic"] = int(any(atom.GetIsAromatic() for atom in mol.GetAtoms()))
    return made
