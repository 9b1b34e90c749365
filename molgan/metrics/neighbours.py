"""Nearest training molecules: fingerprints and InChIKey blocks of a training set, kept in the cache."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gancore.errors import CheckpointError
from gancore.runs import checkpoint
from gancore.statistics.intervals import Estimate, half_sample_interval, mean_interval, wilson_interval
from molgan.chemistry.parallel import map_chunks
from molgan.metrics.basic import some_of
from molgan.metrics.similarity import nearest
from molgan.scoring.description import BITS, NO_BITS, NOTHING, fingerprint_bytes, skeleton

MOST = 200_000
"""Molecules of a larger set that are looked at."""
NEAR = 0.9
"""Similarity from which a molecule counts as nearly one of the training set."""
_FORMAT = 2


@dataclass
class Neighbours:
    """Some or all molecules of a set, `of` so many: SMILES, fingerprints `(molecule, 128)` and digests of the first

    InChIKey block, 0 where there is none.
    """

    smiles: list[str]
    fingerprints: np.ndarray
    blocks: np.ndarray
    of: int

    @classmethod
    def of_smiles(cls, texts: Sequence[str | None], most: int = MOST, seed: int = 0) -> "Neighbours":
        """Look at a set, or at `most` random ones of a larger; what was worked out before is read from the cache.

        What RDKit does not read is left out.
        """
        picked, of, kept = some_of(texts, most, seed, f"neighbours-{_FORMAT}")
        try:
            arrays = checkpoint.read(kept).tensors()
        except CheckpointError:
            arrays = {
                "fingerprints": torch.from_numpy(packed(picked)),
                "blocks": torch.from_numpy(blocks(picked)),
            }
            checkpoint.save_once(kept, arrays, {})
        fingerprints, skeletons = arrays["fingerprints"].numpy(), arrays["blocks"].numpy()
        read = np.flatnonzero(fingerprints.any(axis=1))
        unread = len(picked) - len(read)
        return cls([picked[row] for row in read.tolist()], fingerprints[read], skeletons[read], of - unread)


def packed(texts: Sequence[str]) -> np.ndarray:
    """Fingerprints `(molecule, 128)` uint8; empty ones for what RDKit does not read."""
    rows = map_chunks(fingerprint_bytes, texts, failed=lambda reason: NO_BITS)
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, BITS // 8).copy()


def blocks(texts: Sequence[str]) -> np.ndarray:
    """Digests of the first InChIKey blocks: atoms, bonds and mobile hydrogens, without stereo and charge states."""
    return np.array(map_chunks(skeleton, texts, failed=lambda reason: NOTHING), np.int64)


def memorisation(
    skeletons: np.ndarray, fingerprints: np.ndarray, train: Neighbours
) -> tuple[dict[str, Estimate], dict[str, int]]:
    """How near molecules come to a training set, and a histogram of it in steps of 0.1.

    skeletons: digests as `blocks` gives them. fingerprints: packed, `(molecule, 128)`.

    train similarity: the mean of the highest Tanimoto similarity to a training molecule; near train: the share from
    `NEAR` on; same skeleton: the share whose first InChIKey block is a training molecule's.
    """
    similar = nearest(fingerprints, train.fingerprints).similarity
    known = np.isin(skeletons[skeletons != NOTHING], train.blocks)
    steps = np.minimum((similar * 10).astype(int), 9)
    histogram = {f"{step / 10:.1f}-{(step + 1) / 10:.1f}": int((steps == step).sum()) for step in range(10)}
    figures = {
        "train similarity": mean_interval(similar, (0.0, 1.0)),
        "near train": wilson_interval(int((similar >= NEAR).sum()), len(similar)),
        "same skeleton": wilson_interval(int(known.sum()), len(skeletons)),
    }
    return figures, histogram


def privacy(fingerprints: np.ndarray, train: np.ndarray, holdout: np.ndarray, seed: int = 0) -> dict[str, Estimate]:
    """Whether molecules lie nearer to the training set than to as many that were held out; packed fingerprints.

    Of the larger set as many as the smaller has are taken at random, since files are often sorted.

    nearer to train: the share, 0.5 where nothing is memorised (ties count half). distance ratio: the median of the
    distance to the nearest training molecule over that to the nearest held-out one, 1 where nothing is.
    """
    n = min(len(train), len(holdout))
    rng = np.random.default_rng(seed)
    parts = (part[rng.permutation(len(part))[:n]] for part in (train, holdout))
    to_train, to_holdout = (1 - nearest(fingerprints, part).similarity for part in parts)
    nearer = (to_train < to_holdout) + 0.5 * (to_train == to_holdout)
    ratio = (to_train + 1e-9) / (to_holdout + 1e-9)
    return {
        "nearer to train": mean_interval(nearer, (0.0, 1.0)),
        "distance ratio": half_sample_interval(
            lambda rows: float(np.median(ratio[rows])), len(ratio), bounds=(0.0, float("inf"))
        ),
    }
