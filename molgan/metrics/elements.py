"""The composition of a list of molecules: atoms of each element, and aromaticity."""

from collections import Counter
from collections.abc import Sequence

from molgan import chemistry
from molgan.chemistry.parallel import map_chunks


def composition(smiles: Sequence[str | None]) -> dict[str, float]:
    """Heavy atoms of each element a molecule, and `aromatic`, the share of molecules with an aromatic atom.

    Strings that are no molecule are left out; the elements are sorted by name.

    >>> composition(["c1ccccc1", "CO"])
    {'C': 3.5, 'O': 0.5, 'aromatic': 0.5}
    """
    counts = [row for row in map_chunks(_count_atoms, smiles, failed=lambda reason: None) if row is not None]
    atoms: Counter[str] = Counter()
    for row in counts:
        atoms.update(row)
    aromatic = atoms.pop("aromatic", 0)
    shares = {symbol: count / len(counts) for symbol, count in sorted(atoms.items())}
    return shares | ({"aromatic": aromatic / len(counts)} if counts else {})


def _count_atoms(text: str | None) -> Counter[str] | None:
    try:
        mol = chemistry.parse(text or "")
    except chemistry.Rejected:
        return None
    counts = Counter(atom.GetSymbol() for atom in mol.GetAtoms())
    counts["aromatic"] = int(any(atom.GetIsAromatic() for atom in mol.GetAtoms()))
    return counts
