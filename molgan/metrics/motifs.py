"""Motifs that a reference lacks, and how a list's scaffolds are spread over the reference's commonest ones.

That a molecule is odd where it holds what a large set of real molecules does not is an old idea: the fragments of the
synthetic accessibility score (Ertl and Schuffenhauer 2009) are weighed by how common they are in PubChem, and "silly
walks" (Walters 2018) are the share of fingerprint bits that no molecule of ChEMBL has. Here a motif is so small (at
most two bonds) that tens of thousands of molecules hold nearly all there are, and the share that real molecules
themselves have is told beside the figure.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from gancore.errors import CheckpointError, DataError
from gancore.runs import checkpoint
from gancore.statistics.intervals import Estimate, half_sample_interval, wilson_interval
from molgan.chemistry.motifs import Profile, profile
from molgan.chemistry.parallel import map_chunks
from molgan.metrics.basic import some_of
from molgan.metrics.reference import SAMPLE

RARE = 1e-4
"""A motif in a smaller share of the reference's molecules is absent from it."""
COMMONEST = 100
"""Scaffolds of the reference that are told apart."""
_TOLD = 50  # absent motifs in the table
_FORMAT = 1


@dataclass(frozen=True)
class Commonness:
    """How many of a reference's `n` molecules hold each motif, each listed one and each scaffold ("" counts none).

    odd: molecules with a motif that is absent from all the others. with_listed: those with a listed motif.
    """

    n: int
    motifs: dict[str, int]
    scaffolds: dict[str, int]
    odd: int
    with_listed: int

    @classmethod
    def of_smiles(cls, name: str, texts: Sequence[str | None], sample: int = SAMPLE, seed: int = 0) -> "Commonness":
        """Count a set, or a random `sample` of a larger one; what was counted before is read from the cache.

        Raises DataError when RDKit reads none of them.
        """
        picked, _, kept = some_of(texts, sample, seed, f"motifs-{_FORMAT}")
        try:
            return cls(**checkpoint.read(kept).values)
        except (CheckpointError, TypeError):
            pass
        commonness = cls.of_profiles(name, profiles(picked))
        checkpoint.save_once(kept, {"n": torch.tensor(commonness.n)}, asdict(commonness))
        return commonness

    @classmethod
    def of_profiles(cls, name: str, rows: Sequence[Profile]) -> "Commonness":
        """Count profiles. Raises DataError when there are none."""
        if not rows:
            raise DataError(f"{name}: RDKit reads none of its molecules, so no motif is known to be absent.")
        counts = Counter(motif for row in rows for motif in row.motifs)
        rare = {motif for motif, count in counts.items() if count - 1 < RARE * (len(rows) - 1)}
        scaffolds = Counter(row.scaffold for row in rows if row.scaffold)
        odd = sum(not rare.isdisjoint(row.motifs) for row in rows)
        return cls(len(rows), dict(counts), dict(scaffolds), odd, sum(bool(row.listed) for row in rows))

    def absent(self, row: Profile) -> list[str]:
        """The motifs of a molecule that the reference lacks: in less than `RARE` of its molecules.

        Of a reference of at most 10,000 molecules that is those which none of them has.
        """
        return [motif for motif in row.motifs if self.motifs.get(motif, 0) < RARE * self.n]

    def commonest(self) -> list[str]:
        """The reference's `COMMONEST` scaffolds, or all, by falling number; of equal numbers, by their SMILES."""
        return sorted(self.scaffolds, key=lambda scaffold: (-self.scaffolds[scaffold], scaffold))[:COMMONEST]


def profiles(texts: Sequence[str]) -> list[Profile]:
    """The profiles of what RDKit reads, in order, in parallel."""
    return [row for row in map_chunks(profile, texts, failed=lambda reason: None) if row is not None]


def motif_figures(rows: Sequence[Profile], reference: Commonness) -> tuple[dict[str, Estimate], dict[str, int]]:
    """Shares of molecules with an absent motif and a listed one, beside the reference's; the commonest absent ones.

    rows: at least one. The reference's own share of absent motifs is that of its molecules with a motif that is absent
    from all the others: what as good a list would have. The intervals are Wilson's.
    """
    lacking = [reference.absent(row) for row in rows]
    counted = Counter(motif for motifs in lacking for motif in motifs)
    figures = {
        "motifs/absent": wilson_interval(sum(map(bool, lacking)), len(rows)),
        "motifs/absent/reference": wilson_interval(reference.odd, reference.n),
        "motifs/listed": wilson_interval(sum(bool(row.listed) for row in rows), len(rows)),
        "motifs/listed/reference": wilson_interval(reference.with_listed, reference.n),
    }
    return figures, dict(counted.most_common(_TOLD))


def listed(rows: Sequence[Profile]) -> dict[str, int]:
    """How many molecules have each listed motif, by its name."""
    return dict(Counter(name for row in rows for name in row.listed).most_common())


def scaffold_figures(rows: Sequence[Profile], reference: Commonness) -> dict[str, Estimate]:
    """Share of molecules with one of the reference's `COMMONEST` scaffolds, beside its own; and total variation.

    The total variation distance, in [0, 1], is half the sum of the differences between the two shares of each of those
    scaffolds and of everything else, molecules without a ring among it. The first two intervals are Wilson's, the last
    one is of halves of `rows`; it takes the reference's shares as exact, and it is above 0 for other molecules of the
    same kind, the more the fewer there are.
    """
    commonest = reference.commonest()
    place = {scaffold: number for number, scaffold in enumerate(commonest)}
    codes = np.array([place.get(row.scaffold, len(place)) for row in rows])
    counts = np.array([reference.scaffolds[scaffold] for scaffold in commonest], float)
    shares = np.append(counts, reference.n - counts.sum()) / reference.n

    def variation(picked: np.ndarray) -> float:
        ours = np.bincount(codes[picked], minlength=len(shares)) / len(picked)
        return float(np.abs(ours - shares).sum() / 2)

    return {
        "scaffolds/mass": wilson_interval(int((codes < len(place)).sum()), len(codes)),
        "scaffolds/mass/reference": wilson_interval(int(counts.sum()), reference.n),
        "scaffolds/total variation": half_sample_interval(variation, len(codes)),
    }
