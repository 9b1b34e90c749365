"""Properties of a molecule: a literal table of functions `Mol -> float`, each with unit, range and source."""

from collections.abc import Callable
from typing import NamedTuple

from rdkit import Chem
from rdkit.Chem import QED, Crippen, Descriptors
from rdkit.Contrib.SA_Score import sascorer  # pyright: ignore


class Property(NamedTuple):
    """A function of a sanitised molecule, and what its number means."""

    function: Callable[[Chem.Mol], float]
    unit: str
    low: float
    high: float
    source: str


PROPERTIES = {
    "qed": Property(QED.qed, "", 0, 1, "drug-likeness, Bickerton et al. 2012"),
    "sa": Property(
        sascorer.calculateScore, "", 1, 10, "synthetic accessibility, 1 is easy, Ertl and Schuffenhauer 2009"
    ),
    "logp": Property(
        Crippen.MolLogP,  # pyright: ignore
        "log10",
        float("-inf"),
        float("inf"),
        "octanol-water partition, Wildman and Crippen 1999",
    ),
    "weight": Property(Descriptors.MolWt, "g/mol", 0, float("inf"), "average molecular weight"),  # pyright: ignore
}
