"""Lead optimisation: better molecules that stay similar to a given one, within a budget of calls for each.

Similarity is Tanimoto's on binary Morgan fingerprints, radius 2, 2,048 bits, as in the published tasks (Jin et al.
2018). Every property that is to move is a part of the score, and so is the similarity up to its limit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs

from gancore.errors import ConfigError, DataError
from gancore.io.process_pool import usable_processes
from molgan.chemistry.fingerprints import morgan
from molgan.chemistry.identity import Rejected
from molgan.chemistry.molecule import Molecule
from molgan.chemistry.parallel import map_chunks
from molgan.optimize.optimizer import Optimizer
from molgan.optimize.settings import GeneticConfig, OptimizeConfig
from molgan.optimize.stock import canonical
from molgan.scoring.properties import PROPERTIES, property_value

DEFAULT = OptimizeConfig(budget=500, batch=20, initial=1, genetic=GeneticConfig(nearness=0.0, mutation=0.7))
"""Settings of the search for each lead."""
MET = 1 - 1e-9
"""The score of a molecule that is all that is requested."""


class Move(NamedTuple):
    """How far a property is to move from its value in the lead; below 0 downwards."""

    property: str
    by: float


class Improved(NamedTuple):
    """A molecule that was made of a lead."""

    smiles: str
    score: float
    similarity: float
    values: tuple[float, ...]
    met: bool
    call: int


class LeadScore:
    """How near a molecule is to what is requested of it: 1 where all properties have moved and it is similar enough.

    The score is the product of parts from 0 to 1: similarity over its limit, and for each property the way from one
    move in the wrong direction (0) over the lead's value (0.5) to the requested one (1).

    >>> score = LeadScore("CCO", [Move("logp", 1.0)], 0.2)
    >>> [round(float(one), 2) for one in score(["CCO", "CCCO"])]
    [0.5, 0.7]
    """

    def __init__(self, lead: str, moves: Sequence[Move], similarity: float):
        self.moves, self.similarity = moves, similarity
        self._print = morgan().GetFingerprint(Chem.MolFromSmiles(lead))
        self.before = self._values(lead)
        self._measured: dict[str, tuple[float, tuple[float, ...]]] = {}

    def _values(self, smiles: str) -> tuple[float, ...]:
        molecule = Molecule(Chem.MolFromSmiles(smiles))
        return tuple(property_value(molecule, move.property) for move in self.moves)

    def measured(self, smiles: str) -> tuple[float, tuple[float, ...]]:
        """The similarity to the lead, and the value of each property; worked out once."""
        if smiles not in self._measured:
            own = morgan().GetFingerprint(Chem.MolFromSmiles(smiles))
            self._measured[smiles] = DataStructs.TanimotoSimilarity(self._print, own), self._values(smiles)
        return self._measured[smiles]

    def score(self, similarity: float, values: Sequence[float]) -> float:
        """The score of these values."""
        near = min(1.0, similarity / self.similarity) if self.similarity else 1.0
        moved = [
            min(1.0, max(0.0, 0.5 + 0.5 * (now - then) / move.by))
            for move, now, then in zip(self.moves, values, self.before, strict=True)
        ]
        return near * float(np.prod(moved))

    def met(self, similarity: float, values: Sequence[float]) -> bool:
        """Whether everything that is requested is there."""
        return self.score(similarity, values) >= MET

    def is_similar(self, mol: Chem.Mol) -> bool:
        """Whether a candidate is similar enough to be scored: similarity costs no call."""
        return DataStructs.TanimotoSimilarity(self._print, morgan().GetFingerprint(mol)) >= self.similarity

    def __call__(self, smiles: Sequence[str]) -> list[float]:
        """The score of each molecule."""
        return [self.score(*self.measured(text)) for text in smiles]


def moves_of(properties: Mapping[str, Any]) -> list[Move]:
    """Properties by name and how far each is to move. Raises ConfigError for a name or a number that is none.

    >>> moves_of({"logp": "+1"})
    [Move(property='logp', by=1.0)]
    """
    found = []
    for name, by in properties.items():
        if name not in PROPERTIES:
            raise ConfigError(f"property: no property {name!r}; there are {', '.join(PROPERTIES)}.")
        try:
            number = float(by)
        except ValueError:
            number = 0.0
        if not number or not np.isfinite(number):
            raise ConfigError(f"property {name}={by}: give how far it is to move, for instance {name}=+1.")
        found.append(Move(name, number))
    if not found:
        raise ConfigError("property: name at least one that is to move, for instance logp=+1.")
    return found


def improve(
    leads: Iterable[str | None],
    properties: Mapping[str, Any],
    similarity: float = 0.4,
    n: int = 10,
    config: OptimizeConfig | None = None,
    processes: int | None = None,
) -> pd.DataFrame:
    """For each lead the `n` best molecules that are similar to it, and whether they are what is requested.

    properties: how far each is to move, for instance `{"logp": +1, "qed": 0.1}`. similarity: Tanimoto, the least, from
    0 to 1. config: settings of the search; `budget` is the most molecules that are scored for each lead, the lead
    among them. A search ends when `n` molecules are what is requested. processes: how many leads are worked on at a
    time; all usable cores if not given.

    Columns: lead (its number, from 1), origin (the lead's SMILES), smiles, met, similarity, each property as NAME and
    its change as NAME_change, score, call. A lead that is no molecule has one row without a SMILES, and its reason in
    the column reason. Raises ConfigError for settings that cannot be used, DataError where there is no lead.

    >>> better = improve(["CCO"], {"logp": +0.5}, 0.2, n=1, config=OptimizeConfig(40, initial=1), processes=0)
    >>> bool(better["met"][0])
    True
    """
    moves = moves_of(properties)
    if not 0 <= similarity <= 1:
        raise ConfigError(f"similarity must be from 0 to 1; got {similarity}.")
    if n < 1:
        raise ConfigError(f"cannot give {n} molecules a lead.")
    texts = list(leads)
    if not texts:
        raise DataError("there is no lead to improve.")
    settings = (config or DEFAULT).validated()
    work = partial(_improved, moves=tuple(moves), similarity=similarity, n=n, settings=settings)
    if processes is None:
        processes = usable_processes() if len(texts) > 1 else 0
    found = map_chunks(work, list(enumerate(texts)), chunk=1, processes=processes, title="improving leads")
    rows = []
    for number, (text, (before, best)) in enumerate(zip(texts, found, strict=True), 1):
        if isinstance(before, str):
            rows.append({"lead": number, "origin": text, "reason": before})
        for one in best:
            values = zip(moves, one.values, before, strict=True)
            columns = {}
            for move, now, then in values:
                columns |= {move.property: now, f"{move.property}_change": now - float(then)}
            head = {"lead": number, "origin": text, "smiles": one.smiles, "met": one.met, "similarity": one.similarity}
            rows.append(head | columns | {"score": one.score, "call": one.call, "reason": ""})
    moved = [name for move in moves for name in (move.property, f"{move.property}_change")]
    columns = ["lead", "origin", "smiles", "met", "similarity", *moved, "score", "call", "reason"]
    return pd.DataFrame(rows, columns=columns)


def _improved(
    numbered: tuple[int, str | None], moves: Sequence[Move], similarity: float, n: int, settings: OptimizeConfig
) -> tuple[tuple[float, ...] | str, list[Improved]]:
    """The lead's values and the best molecules, without the lead; or why it is no molecule."""
    number, text = numbered
    try:
        lead = canonical(text or "")
    except Rejected as error:
        return str(error), []
    if "." in lead:
        return "has several fragments", []
    score = LeadScore(lead, moves, similarity)
    optimizer = Optimizer([lead], replace(settings, seed=settings.seed + number), accepts=score.is_similar)
    reached = 0
    while reached < n and (asked := optimizer.ask()):
        scores = score(asked)
        optimizer.tell(asked, scores)
        reached += sum(one >= MET for one in scores)
    found = []
    for row in optimizer.frame().to_dict("records"):
        if row["smiles"] != lead:
            similar, values = score.measured(row["smiles"])
            met = score.met(similar, values)
            found.append(Improved(row["smiles"], row["score"], similar, values, met, row["call"]))
    found.sort(key=lambda one: (-one.score, -one.similarity, one.call))
    return score.before, found[:n]
