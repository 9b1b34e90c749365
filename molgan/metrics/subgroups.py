"""Shares and recall of subgroups of a reference: which molecules a generator leaves out (bias)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from gancore.errors import DataError
from gancore.io.beside import full_records
from gancore.io.columns import find_column
from gancore.io.inputs import called
from gancore.statistics.intervals import Estimate, wilson_interval
from gancore.statistics.precision_recall import covered
from gancore.training.batching import sampled
from molgan.chemistry.identity import COMPARED, Policy
from molgan.chemistry.parallel import map_chunks
from molgan.data.downloads import DATA
from molgan.data.inputs import FORM
from molgan.metrics.basic import texts_of
from molgan.scoring.subgroups import Member, member

MOST = 2000
"""Molecules of either side at most."""
LEAST = 10
"""Molecules of the reference without which a subgroup has no figures."""
_NEIGHBOURS = 3
_BINS = 4
_LABELS = 50  # of a column; more are no subgroups


@dataclass(frozen=True)
class Members:
    """Molecules of a reference, and of each its label in a column. name: of that column; "" for none."""

    members: list[Member]
    labels: list[str]
    name: str

    @classmethod
    def read(
        cls, source: Any, subgroup: str = "", column: str = "", policy: Policy = COMPARED, seed: int = 0
    ) -> "Members":
        """At most `MOST` molecules of a reference, at random. subgroup: its column of labels, in any case.

        Raises DataError for a column that it does not have, and for one with no more molecules than labels.
        """
        texts, labels = _rows(source, subgroup, column)
        rows = sampled(len(texts), MOST, seed)
        found = map_chunks(partial(member, policy=policy), [texts[row] for row in rows], failed=lambda reason: None)
        kept = [(one, labels[row]) for one, row in zip(found, rows, strict=True) if one is not None]
        return cls([one for one, _ in kept], [label for _, label in kept], subgroup)

    def figures(self, drawn: Sequence[Member], seed: int = 0) -> tuple[dict[str, Estimate], list[str]]:
        """Of each subgroup its share in the sample and in the reference, and its recall; notes, the smallest recall.

        subgroups/KIND/NAME/recall: share of the subgroup's reference molecules that lie in the ball of some sample,
        whose radius is the distance to its third nearest other sample (Kynkäänniemi et al. 2019), in fingerprint space.
        KIND: rings, elements, size (quarters of the reference by heavy atoms) and the column, whose labels the samples
        do not have, so there is no share. A molecule may be in several subgroups of a kind. Wilson's intervals.
        """
        if min(len(drawn), len(self.members)) <= _NEIGHBOURS:
            return {}, ["subgroups: there are too few molecules for a recall."]
        near = covered(_points(self.members), _points(drawn), _NEIGHBOURS).numpy()
        edges = _edges([one.size for one in self.members])
        theirs = [_groups(one, edges, label, self.name) for one, label in zip(self.members, self.labels, strict=True)]
        ours = [_groups(one, edges) for one in drawn]
        figures: dict[str, Estimate] = {}
        recalls: dict[tuple[str, str], Estimate] = {}
        few = 0
        for group in sorted({group for groups in theirs for group in groups}, key=_place):
            inside = np.array([group in groups for groups in theirs])
            if inside.sum() < LEAST:
                few += 1
                continue
            title = "/".join(("subgroups", *group))
            recalls[group] = wilson_interval(int(near[inside].sum()), int(inside.sum()))
            figures[f"{title}/recall"] = recalls[group]
            if not self.name or group[0] != self.name:
                figures[f"{title}/share"] = wilson_interval(sum(group in groups for groups in ours), len(ours))
            figures[f"{title}/share/reference"] = wilson_interval(int(inside.sum()), len(inside))
        return figures, _said(recalls, figures, few)


def _said(recalls: Mapping[tuple[str, str], Estimate], figures: Mapping[str, Estimate], few: int) -> list[str]:
    """Which subgroup has the smallest recall, and which are left out."""
    notes = []
    if recalls:
        least = min(recalls, key=lambda group: recalls[group].value)
        name = "/".join(least)
        share = figures.get(f"subgroups/{name}/share")
        held = figures[f"subgroups/{name}/share/reference"]
        ours = f", {share.value:.3f} of the samples" if share is not None else ""
        notes.append(
            f"The smallest recall of a subgroup is {recalls[least].value:.3f}, of {name}: "
            f"{held.value:.3f} of the reference{ours}."
        )
    if few:
        notes.append(f"subgroups: {few:,} with fewer than {LEAST} molecules of the reference are left out.")
    return notes


def _rows(source: Any, subgroup: str, column: str) -> tuple[list[str | None], list[str]]:
    """The SMILES of a reference, and their labels, "" where there is none."""
    source = DATA.files(source, "test")
    if not subgroup:
        texts = texts_of(source, "test", column)
        return texts, [""] * len(texts)
    records = list(full_records(source, FORM, "SMILES", column))
    names = list(dict.fromkeys(name for *_, others in records for name in others))
    place, where = find_column("the reference", names, [], subgroup), called(source, "SMILES")
    if place is None:
        known = f"its columns are {', '.join(names)}" if names else "it has no column but the molecules"
        raise DataError(f"{where}: has no column {subgroup!r} for subgroups; {known}.")
    values = [others.get(names[place]) for *_, others in records]
    labels = ["" if value is None or value != value else str(value).strip() for value in values]
    different = len(set(labels) - {""})
    if different > _LABELS:
        raise DataError(
            f"{where}: the column {names[place]!r} has {different:,} different labels, and subgroups are at most "
            f"{_LABELS}; put its values into bins."
        )
    return [text for _, text, *_ in records], labels


def _points(members: Sequence[Member]) -> torch.Tensor:
    return torch.from_numpy(np.unpackbits(np.array([one.fingerprint for one in members]), axis=1)).float()


def _edges(sizes: Sequence[int]) -> list[int]:
    """The largest sizes of the bins but the last: quarters of the reference, as far as sizes allow."""
    edges = {int(edge) for edge in np.quantile(sizes, np.arange(1, _BINS) / _BINS, method="lower")}
    return sorted(edge for edge in edges if edge < max(sizes))


def _groups(one: Member, edges: Sequence[int], label: str = "", name: str = "") -> set[tuple[str, str]]:
    """All subgroups of a molecule: (kind, name)."""
    place = int(np.searchsorted(edges, one.size))
    low = edges[place - 1] + 1 if place else 1
    size = f"{low} to {edges[place]}" if place < len(edges) else f"{low} and more"
    own = {(name, label)} if name and label else set()
    return {("size", size), *((kind, group) for kind, groups in one.groups.items() for group in groups)} | own


def _place(group: tuple[str, str]) -> tuple[int, str, int, str]:
    """The order of figures: rings, elements, size by number, the column."""
    kinds = ("rings", "elements", "size")
    kind, name = group
    number = int(name.split()[0]) if kind == "size" else 0
    return (kinds.index(kind) if kind in kinds else len(kinds), kind, number, name)
