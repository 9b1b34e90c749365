"""The molecules of a report: what is asked of each text, and the rows that the page's script reads."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase

from gancore.errors import ConfigError
from molgan.chemistry.identity import Policy, Rejected
from molgan.chemistry.parsed_text import ParsedText
from molgan.library.drawing import draw
from molgan.metrics.basic import Known, Molecules, prepare, texts_of
from molgan.metrics.groups import ALERTS
from molgan.metrics.neighbours import Neighbours
from molgan.metrics.similarity import nearest
from molgan.scoring.description import NO_BITS, NOT_READ, fingerprint, fingerprint_bytes, read
from molgan.scoring.measurement import Measured
from molgan.scoring.properties import alert_names
from molgan.scoring.records import Part, Parts, Record, examine_all
from molgan.scoring.scorer import Scorer
from molgan.scoring.tables import DESCRIBED, flat_properties

SUBSTRUCTURES = {
    "aromatic ring": "a",
    "carboxylic acid": "C(=O)[OX2H]",
    "ester": "[CX3](=O)[OX2][#6]",
    "amide": "[NX3][CX3]=O",
    "amine": "[NX3;!$(N[C,S]=[O,S,N]);!$(N=*);!$(N#*)]",
    "alcohol": "[OX2H][CX4]",
    "phenol": "[OX2H]c",
    "ether": "[OX2]([#6;!$(C=O)])[#6;!$(C=O)]",
    "aldehyde": "[CX3H1]=O",
    "ketone": "[#6][CX3](=O)[#6]",
    "nitrile": "C#N",
    "alkyne": "C#C",
    "nitro": "[$([NX3](=O)=O),$([NX3+](=O)[O-])]",
    "sulfonamide": "S(=O)(=O)N",
    "halogen": "[F,Cl,Br,I]",
    "ring of three": "*1**1",
    "charged": "[+,-]",
}
"""What the molecules can be filtered by: name -> SMARTS."""


def patterns(named: Mapping[str, str]) -> dict[str, Chem.Mol]:
    """Queries by name. Raises ConfigError for what is no SMARTS."""
    with rdBase.BlockLogs():
        queries = {name: Chem.MolFromSmarts(smarts) for name, smarts in named.items()}
    for name, query in queries.items():
        if query is None:
            raise ConfigError(f"report: {named[name]!r} ({name}) is no SMARTS.")
    return queries


# Every text -----------------------------------------------------------------------------------


def parts_of_texts(scorer: Scorer) -> Parts:
    """What a report asks of every text: its molecule without stereo, with properties and numbers for the score."""
    nothing = [float("nan")] * len(DESCRIBED)
    return {
        "molecule": Part(_flat, lambda reason: None),
        "values": Part(partial(flat_properties, names=DESCRIBED), lambda reason: nothing),
        "measured": Part(partial(_measured, function=scorer.part.function), scorer.part.failed),
    }


def _flat(parsed: ParsedText) -> ParsedText | None:
    """The molecule of a connected one without stereo, None for any other text."""
    return parsed.flat if parsed.strict_smiles is not None else None


def _measured(parsed: ParsedText, function: Any) -> Measured | None:
    return function(parsed.flat) if parsed.strict_smiles is not None else None


class Listed(NamedTuple):
    """Distinct molecules in order of appearance: parsed texts, properties, scores; names by SMILES."""

    molecules: list[ParsedText]
    properties: pd.DataFrame
    scores: np.ndarray
    names: dict[str, str]

    @property
    def smiles(self) -> list[str]:
        """Canonical, without stereo."""
        return [one.text for one in self.molecules]

    def best(self, top: int) -> "Listed":
        """The `top` ones by score; those without a score come last."""
        rows = np.argsort(-np.nan_to_num(self.scores, nan=-1.0), kind="stable")[:top]
        molecules = [self.molecules[row] for row in rows]
        return Listed(molecules, self.properties.iloc[rows], self.scores[rows], self.names)


def listed(
    texts: Sequence[str | None],
    records: Sequence[Record],
    names: Mapping[str | None, str],
    scorer: Scorer,
    known: Mapping[str, float] = MappingProxyType({}),
) -> Listed:
    """The distinct molecules of texts whose records have `parts_of_texts`; names, known scores: by text."""
    distinct: dict[str, Record] = {}
    named: dict[str, str] = {}
    own: list[float] = []
    for text, record in zip(texts, records, strict=True):
        flat = record["molecule"]
        if flat is not None:
            if flat.text not in distinct:
                distinct[flat.text] = record
                own.append(known.get(text or "", float("nan")))
            if names.get(text):
                named[flat.text] = names[text]
    properties = pd.DataFrame([record["values"] for record in distinct.values()], columns=list(DESCRIBED), dtype=float)
    measured: dict[str | None, Measured] = {smiles: record["measured"] for smiles, record in distinct.items()}
    scores = np.array(own) if known else scorer.scores(scorer.values(list(distinct), measured))
    return Listed([record["molecule"] for record in distinct.values()], properties, scores, named)


# Those that are drawn -------------------------------------------------------------------------


class Training:
    """Training molecules that others are compared with, under a policy."""

    def __init__(self, train: Molecules, known: Known, policy: Policy, seed: int):
        self.known, self.policy = known, policy
        self.neighbours = Neighbours.of_smiles(prepare(texts_of(train), policy), seed=seed)

    @property
    def parts(self) -> Parts:
        """What the comparison asks of each molecule."""
        return {
            "read": Part(partial(read, policy=self.policy), lambda reason: NOT_READ),
            "fingerprint": Part(partial(_fingerprint_under, policy=self.policy), lambda reason: NO_BITS),
        }


def _fingerprint_under(parsed: ParsedText, policy: Policy) -> bytes:
    """The packed fingerprint of a molecule under a policy, or as it is where the policy rejects it."""
    try:
        return fingerprint(parsed.under(policy).mol).tobytes()
    except Rejected:
        return fingerprint_bytes(parsed)


def _alerts(parsed: ParsedText) -> list[str]:
    return [f"{name}: {hit}" for name in ALERTS for hit in alert_names(parsed.molecule, [name])]


def _places_of(parsed: ParsedText, queries: Sequence[Chem.Mol]) -> list[int]:
    return [place for place, query in enumerate(queries) if parsed.mol.HasSubstructMatch(query)]


def rows_of(best: Listed, training: Training | None, flags: Mapping[str, Chem.Mol]) -> dict[str, Any]:
    """What the page's script reads: columns, rows, and the training molecules that are some row's nearest."""
    parts = {
        "alerts": Part(_alerts, lambda reason: []),
        "flags": Part(partial(_places_of, queries=list(flags.values())), lambda reason: []),
        "drawing": Part(draw, lambda reason: ([], [])),
    }
    if training is not None:
        parts |= training.parts
    records = examine_all(best.molecules, parts, chunk=50)
    neighbours: list[str] = []
    beside: list[dict[str, Any]] = [{"novel": False, "nearest": None, "similarity": 0.0} for _ in records]
    if training is not None:
        beside, neighbours = _beside_training(records, training)
    frame = best.properties.assign(score=best.scores)
    values = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    rows = [
        {
            "rank": row + 1,
            "smiles": text,
            "name": best.names.get(text, ""),
            "values": [None if value is None else round(float(value), 4) for value in values[row]],
            **{name: records[row][name] for name in ("alerts", "flags", "drawing")},
            **beside[row],
        }
        for row, text in enumerate(best.smiles)
    ]
    return {
        "columns": list(frame),
        "rows": rows,
        "flags": list(flags),
        "neighbours": [{"smiles": text, "drawing": draw(text)} for text in neighbours],
    }


def _beside_training(records: Sequence[Record], training: Training) -> tuple[list[dict[str, Any]], list[str]]:
    """Of each molecule whether it is novel and its nearest training molecule, by its place among those returned."""
    novel = ~np.isin([record["read"].strict for record in records], training.known.strict)
    packed = np.frombuffer(b"".join(record["fingerprint"] for record in records), np.uint8).reshape(len(records), -1)
    neighbours = nearest(packed, training.neighbours.fingerprints)
    places: dict[int, int] = {}
    rows = [
        {"novel": is_novel, "nearest": places.setdefault(row, len(places)), "similarity": similarity}
        for is_novel, row, similarity in zip(
            novel.tolist(), neighbours.row.tolist(), neighbours.similarity.round(3).tolist(), strict=True
        )
    ]
    return rows, [training.neighbours.smiles[row] for row in places]
