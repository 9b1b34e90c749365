"""How close sequences are to the training sequences: the identity to the nearest one."""

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
from jaxtyping import Float

from gancore.errors import ConfigError
from gancore.statistics.intervals import Estimate, mean_interval, wilson_interval
from seqgan.text.proteins import residues

NOVEL = 0.8
"""Below this identity to every training sequence a sequence counts in `novel-80`."""
_CHUNK = 64  # sequences that are compared with all of the training set at a time
NEEDED = "identity and novel-80 are left out, for RapidFuzz is missing: pip install 'discretegan[protein]'."


def is_there() -> bool:
    """Whether the package that compares sequences is installed."""
    return find_spec("rapidfuzz") is not None


def nearest_identity(sequences: Sequence[str], train: Sequence[str]) -> Float[np.ndarray, "sequence"]:
    """The greatest identity of each sequence to one of `train`, in [0, 1].

    The identity of two sequences is 1 - edits / length: edits are the fewest substitutions, insertions and deletions of
    a residue that make one of the other (Levenshtein 1966), in a global comparison; length is that of the longer one.
    For sequences of one length without gaps that is the share of equal residues. Raises ConfigError where RapidFuzz is
    not installed.
    """
    if not is_there():
        raise ConfigError(f"identity: {NEEDED}")
    from rapidfuzz.distance import Levenshtein  # pyright: ignore
    from rapidfuzz.process import cdist  # pyright: ignore

    ours, theirs = [residues(text) for text in sequences], list(dict.fromkeys(residues(text) for text in train))
    nearest = [np.zeros(0)]
    for start in range(0, len(ours), _CHUNK):
        part = ours[start : start + _CHUNK]
        nearest.append(
            cdist(part, theirs, scorer=Levenshtein.normalized_similarity, dtype=np.float64).max(1, initial=0)
        )
    return np.concatenate(nearest)


def identity_figures(sequences: Sequence[str], train: Sequence[str]) -> tuple[dict[str, Estimate], list[str]]:
    """Of distinct sequences: `identity`, the mean of `nearest_identity`; `novel-80`, the share below `NOVEL`; notes.

    Without RapidFuzz there is no figure, and a note says so.
    """
    if not is_there():
        return {}, [NEEDED[0].upper() + NEEDED[1:]]
    nearest = nearest_identity(sorted({residues(text) for text in sequences}), train)
    return {
        "identity": mean_interval(nearest, (0.0, 1.0)),
        "novel-80": wilson_interval(int((nearest < NOVEL).sum()), len(nearest)),
    }, []
