"""Sets of structural alerts, RDKit's and `HAZARD`, without matching what its SMILES or fingerprint rules out."""

import re
from collections.abc import Sequence
from functools import lru_cache

from rdkit import Chem
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogEntry, FilterCatalogParams

from gancore.errors import ConfigError
from molgan.chemistry.molecule import Molecule
from molgan.chemistry.substructures import Substructures
from molgan.scoring.hazards import catalog, is_exempt

ALERT_SETS = {
    name: getattr(FilterCatalogParams.FilterCatalogs, name) for name in sorted(FilterCatalogParams.FilterCatalogs.names)
}
"""RDKit's sets of structural alerts: BRENK, NIH, PAINS, ZINC, those of ChEMBL; ALL has them all."""
HAZARD = "HAZARD"
"""Our set of hazardous patterns (`hazards.HAZARDS`); ALL is without it."""
_PICKLED = re.compile(rb"(\d+) (?=\xef\xbe\xad\xde)")  # the length of a pickled molecule, which begins so


def alert_names(molecule: Molecule, sets: Sequence[str]) -> list[str]:
    """The names of the structural alerts a molecule has, in the sets' own order.

    Raises ConfigError for a set that there is not.
    """
    return alerts_of(tuple(sets)).names(molecule)


class Alerts:
    """The entries of some catalogs. Those whose pattern is ruled out by a SMILES or a fingerprint are not matched."""

    def __init__(self, catalogs: Sequence[FilterCatalog]):
        self._entries = [one.GetEntry(place) for one in catalogs for place in range(one.GetNumEntries())]
        self._patterns = Substructures([_pattern(entry) for entry in self._entries])

    def names(self, molecule: Molecule) -> list[str]:
        """Those that the molecule has."""
        possible = (self._entries[place] for place in self._patterns.possible_in(molecule))
        found = [entry.GetDescription() for entry in possible if entry.HasFilterMatch(molecule.mol)]
        return [name for name in found if not is_exempt(name, molecule.mol)]


@lru_cache
def alerts_of(sets: tuple[str, ...]) -> Alerts:
    """The alerts of some sets together. Raises ConfigError for a set that there is not."""
    params, ours = FilterCatalogParams(), False
    for name in sets:
        if name not in ALERT_SETS and name != HAZARD:
            raise ConfigError(f"alerts: no set {name!r}; there are {', '.join([*ALERT_SETS, HAZARD])}.")
        ours = ours or name == HAZARD
        if name != HAZARD:
            params.AddCatalog(ALERT_SETS[name])
    catalogs = [FilterCatalog(params)] if set(sets) - {HAZARD} else []
    return Alerts([*catalogs, *([catalog()] if ours else [])])


def _pattern(entry: FilterCatalogEntry) -> Chem.Mol:
    """The pattern without which an entry does not match; one of no atoms where an entry has not exactly one."""
    written = entry.Serialize()
    found = list(_PICKLED.finditer(written))
    if len(found) != 1:
        return Chem.Mol()
    return Chem.Mol(written[found[0].end() : found[0].end() + int(found[0][1])])
