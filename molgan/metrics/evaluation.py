"""Evaluate a list of SMILES: validity and novelty of all of them, the published suites on a sample."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from gancore.errors import DataError
from gancore.facade.conditions import Request
from gancore.io.inputs import rows_of
from gancore.statistics.evaluation import Evaluation
from molgan.chemistry.identity import COMPARED, Policy
from molgan.data.inputs import FORM, LOOKED_AT, refuse_foreign
from molgan.metrics.basic import Molecules, known_smiles, read_all
from molgan.metrics.elements import composition
from molgan.metrics.groups import ALERTS, GROUPS
from molgan.metrics.judge import Judge
from molgan.metrics.reference import SAMPLE
from molgan.metrics.requested import Requested

__all__ = ["ALERTS", "GROUPS", "composition", "evaluate", "known_smiles"]


def evaluate(
    smiles: "pd.DataFrame | Iterable[str | None] | Path",
    train: Molecules | None = None,
    reference: "str | Path | Sequence[str] | None" = None,
    ks: Sequence[int] = (1000, 10000),
    groups: Sequence[str] = GROUPS,
    sample: int = SAMPLE,
    allow_unequal_n: bool = False,
    seed: int = 0,
    policy: Policy = COMPARED,
    column: str = "",
    condition: Request = MappingProxyType({}),
    tolerance: Request = MappingProxyType({}),
    subgroup: str = "",
) -> Evaluation:
    """Judge generated SMILES, a list or a file's path; None and "" are draws without a molecule and count as invalid.

    valid: share that RDKit parses and sanitises. connected: share that is valid, one fragment and without wildcard;
    of these, without stereo, unique: distinct / all, unique@k: the same among the first k; novel: share of the
    distinct ones not in `train`; product: connected x unique x novel, which a collapsed generator cannot raise.

    reference: a data set by name (`moses` with its training set, unless `train` is given), a file or a list. With one
    come, by `groups`, and of `sample` valid molecules at random where there are more:

    moses/...: the suite of Polykovskiy et al. 2020 by its own definitions (all valid strings count, stereo is kept);
        names ending in /scaffolds are against its scaffold test set.
    guacamol/...: that of Brown et al. 2019 (stereo dropped; novel is of the number asked for); kl and fcd score
        against 10,000 molecules of `train`, or of the reference.
    diversity: circles, sediv, scaffolds and ring systems (see `suites.diversity`).
    motifs: shares with a motif that the reference lacks and with a listed one, those in `tables`; scaffolds: mass on
        the reference's commonest and total variation (see `motifs`).
    memorisation: how near the training set (`neighbours.memorisation`, `neighbours.privacy`), the histogram in
        `tables`. alerts/SET: share with a structural alert, by name in `tables`.
    precision, recall in fingerprint space (Kynkäänniemi et al. 2019), 2,000 against 2,000.
    subgroups, which is not among the default groups: shares and recall by rings, elements and size, and by the column
        `subgroup` of the reference (`subgroups.Members`).

    The Fréchet distance falls as n grows, so it is of equally many on both sides, or, for `moses`, of its protocol's
    30,000 draws; anything else is left out, and `notes` says so, unless `allow_unequal_n`.
    policy: how molecules of both sides are prepared for novel, product, memorisation and precision. By default a salt
    or mixture of the training set counts as its largest fragment. The suites of MOSES and GuacaMol take strings as
    they are. `notes` says which policy it was.
    Each figure has a 95% interval: Wilson's for plain shares, the central limit's for means, resampled halves for the
    rest. column: of tables, the one with SMILES; that of `train` and `reference` if they have it.

    condition: values of properties that the samples were asked for. requested/... then has the mean of each, its
    mean absolute error and the share within `tolerance`, each and together; a tolerance that is not given is a
    quarter of the reference's standard deviation.

    Where no string is a molecule, or the first alone, `notes` says so; a file whose rows do not look like SMILES either
    is refused. Raises DataError for that, for an empty list, what is no string, and training molecules of which none
    can be read; ConfigError for an unknown group, and for what cannot have been asked.

    >>> figures = evaluate(["CCO", "OCC", "C", "not a molecule"], train=["C"])
    >>> [round(figures[name].value, 2) for name in ("valid", "unique", "novel", "product")]
    [0.75, 0.67, 0.5, 0.25]
    """
    requested = Requested.of(condition, tolerance) if condition or tolerance else None
    judge = Judge(train, reference, ks, groups, allow_unequal_n, seed, policy, column, requested, subgroup)
    seen: list[str | None] = []
    texts = (text for _, text, _ in rows_of(smiles, FORM, "SMILES", column))
    reading = read_all(_noted(texts, seen), sample, seed, policy, judge.parts)
    valid = reading.table["valid"]
    if not len(valid):
        raise DataError("there is nothing to evaluate: the list of SMILES is empty.")
    doubt = refuse_foreign(smiles, seen, valid[: len(seen)].tolist(), len(valid), int(valid.sum()))
    return judge(reading, doubt)


def _noted(texts: Iterable[str | None], seen: list[str | None]) -> Iterable[str | None]:
    """The same strings; the first of them are put into `seen`."""
    for text in texts:
        if len(seen) < LOOKED_AT:
            seen.append(text)
        yield text
