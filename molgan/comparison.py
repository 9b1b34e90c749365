"""Lists of molecules and trained runs, judged side by side."""

from collections.abc import Sequence
from pathlib import Path

from gancore.errors import ConfigError
from gancore.sharing import is_model
from gancore.statistics import Comparison
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
    column: str = "",
) -> Comparison:
    """Judge files of molecules, and runs and shared models by `n` draws, as `evaluate` does, side by side.

    groups, column: as in `evaluate`. Raises ConfigError for fewer than two, and when Fréchet distances would
    rest on different numbers of molecules, unless `allow_unequal_n`.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     one, other = Path(folder, "one.smi"), Path(folder, "other.smi")
    ...     _ = one.write_text("CCO\\nCCN\\n" * 20), other.write_text("CCO\\nnothing\\n" * 20)
    ...     found = compare([one, other])
    ...     found.beyond("valid", str(other))
    True
    """
    judged = {}
    rules = {"groups": groups, "sample": sample, "allow_unequal_n": allow_unequal_n, "seed": seed, "column": column}
    train = in_memory(train, column)
    for source in dict.fromkeys(map(Path, sources)):
        smiles = MolGAN.load(source).sample(n, seed) if is_model(source, "molgan") else source
        judged[str(source)] = evaluate(smiles, train, reference, **rules)
    found = Comparison(judged)
    for name in found.names:
        counts = {title: one[name].n for title, one in judged.items() if name in one}
        if "fcd" in name and len(set(counts.values())) > 1 and not allow_unequal_n:
            told = ", ".join(f"{count:,} of {title}" for title, count in counts.items())
            raise ConfigError(
                f"{name} is of different numbers of molecules ({told}), and falls as they grow: compare "
                "lists of one length, set --sample to the shortest, or give --allow-unequal-n."
            )
    return found
