"""Comparison of lists of molecules and trained runs, side by side."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gancore.errors import ConfigError
from gancore.io.notes import collected, note
from gancore.runs.pretrained import is_model
from gancore.statistics.evaluation import Comparison
from molgan.chemistry.identity import COMPARED, Policy
from molgan.gan import MolGAN
from molgan.metrics import evaluate
from molgan.metrics.basic import Molecules, in_memory
from molgan.metrics.evaluation import GROUPS
from molgan.metrics.reference import SAMPLE


def compare(
    sources: Sequence[str | Path],
    train: Molecules | None = None,
    reference: "str | Path | Sequence[str] | None" = None,
    n: int = 10_000,
    groups: Sequence[str] = GROUPS,
    sample: int = SAMPLE,
    allow_unequal_n: bool = False,
    seed: int = 0,
    policy: Policy | None = None,
    column: str = "",
) -> Comparison:
    """Judge files of molecules, and runs and shared models by `n` draws, as `evaluate` does, side by side.

    groups, column: as in `evaluate`. policy: how molecules are prepared, the same for all; without one, as in
    `evaluate`, and standardised where a run's training molecules were. Raises ConfigError for fewer than two, and when
    Fréchet distances would rest on different numbers of molecules, unless `allow_unequal_n`.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     one, other = Path(folder, "one.smi"), Path(folder, "other.smi")
    ...     _ = one.write_text("CCO\\nCCN\\n" * 20), other.write_text("CCO\\nnothing\\n" * 20)
    ...     comparison = compare([one, other])
    ...     comparison.beyond("valid", str(other))
    True
    """
    paths = dict.fromkeys(map(Path, sources))
    models = {path: MolGAN.load(path) for path in paths if is_model(path, "molgan")}
    if policy is None:
        policy = replace(COMPARED, standardize=any(gan.policy.standardize for gan in models.values()))
    rules = {"groups": groups, "sample": sample, "allow_unequal_n": allow_unequal_n, "seed": seed}
    judged = {}
    train = in_memory(train, column)
    said = set()
    for path in paths:
        smiles = models[path].sample(n, seed) if path in models else path
        with collected() as notes:  # what is said of the training molecules is said once
            judged[str(path)] = evaluate(smiles, train, reference, policy=policy, column=column, **rules)
        for one in notes:
            if str(one) not in said:
                note(str(one), type(one))
            said.add(str(one))
    comparison = Comparison(judged)
    for name in comparison.names:
        counts = {title: one[name].n for title, one in judged.items() if name in one}
        if "fcd" in name and len(set(counts.values())) > 1 and not allow_unequal_n:
            listing = ", ".join(f"{count:,} of {title}" for title, count in counts.items())
            raise ConfigError(
                f"{name} is of different numbers of molecules ({listing}), and falls as they grow: compare "
                "lists of one length, set --sample to the shortest, or give --allow-unequal-n."
            )
    return comparison
