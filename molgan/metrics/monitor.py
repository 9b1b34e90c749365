"""Metrics of a few draws during training: cheap, without intervals."""

from collections.abc import Sequence, Set

import torch
from jaxtyping import Float

from gancore.statistics.precision_recall import precision_recall
from molgan import chemistry

_NEIGHBOURS = 3


def monitor_metrics(
    smiles: Sequence[str | None], known: Set[str], reference: Float[torch.Tensor, "molecule bit"]
) -> dict[str, float]:
    """Shares of canonical SMILES; None stands for a draw that is no strictly valid molecule.

    connected: share of strictly valid draws; of those, unique: distinct ones; of those, novel: not in `known`;
    product of the three; precision and recall against the fingerprints of some real molecules (Kynkäänniemi et al.
    2019).
    """
    valid = [text for text in smiles if text]
    distinct = set(valid)
    connected = len(valid) / max(1, len(smiles))
    unique, novel = len(distinct) / max(1, len(valid)), len(distinct - known) / max(1, len(distinct))
    figures = {"connected": connected, "unique": unique, "novel": novel, "product": connected * unique * novel}
    if min(len(valid), len(reference)) > _NEIGHBOURS:
        drawn = torch.from_numpy(chemistry.fingerprints(valid))
        figures["precision"], figures["recall"] = precision_recall(reference, drawn, _NEIGHBOURS)
    return figures
