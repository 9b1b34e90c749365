"""Anomalies among held-out samples: `python -m benchmarks.anomalies molecules | one-shot | text [-n 1500] [--short]`.

molecules: QM9 molecules that the bundled model `qm9` was not trained on (`data.hold_out` of its configuration) against
others of them after two random edits of an atom or a bond. An edited molecule is valid, one fragment, not in QM9, and
the model has its atom types. one-shot: the same with a one-shot model that is trained on the spot (--config, --set).
text: held-out sentences of the embedded grammar against others of them with their words in random order.
For each score that the model offers, the area under the ROC curve with its 95% interval (DeLong et al. 1988): the
chance that an anomaly scores higher than a held-out sample.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np
from rdkit import Chem, rdBase
from scipy.stats import rankdata

from gancore.errors import ConfigError
from gancore.facade.anomalies import BY, AnomalyScorer
from gancore.statistics.intervals import Estimate
from molgan import Config, MolGAN
from molgan.data.dataset import as_dataset, as_rows, embedded
from seqgan import Config as TextConfig
from seqgan import SeqGAN
from seqgan.data.grammar import corpus

_ORDERS = (None, Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)
_ELEMENTS = (6, 7, 8, 9)
_TRIES = 300
EDITS = 2
TEXT = ["recipe=seqgan", "likelihood.epochs=3", "steps=2", "critic.pretrain=200"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("molecules", "one-shot", "text"))
    parser.add_argument("-n", type=int, default=1500, help="held-out samples, and as many anomalies")
    parser.add_argument("--model", default="qm9")
    parser.add_argument("--config", default="default", help="of one-shot")
    parser.add_argument("--set", nargs="*", default=[], dest="settings")
    parser.add_argument("--molecules", type=int, default=20_000, help="one-shot: molecules to train on")
    parser.add_argument("--short", action="store_true", help="few rows and steps; the figures mean nothing")
    arguments = parser.parse_args()
    began = time.process_time()
    if arguments.what == "text":
        model, usual, odd = text(arguments.n, arguments.settings, arguments.short)
    else:
        model, usual, odd = molecules(arguments)
    spent = time.process_time() - began
    print(f"{len(usual):,} held-out samples, {len(odd):,} anomalies; {spent:.0f} CPU-s for model and samples")
    print("| score | AUC | 95% interval |\n|---|---|---|")
    for by in BY:
        try:
            scorer = AnomalyScorer(model, by)
        except ConfigError:
            continue
        found = auc(scorer(odd), scorer(usual))
        print(f"| {by} | {found.value:.4f} | {found.low:.4f} to {found.high:.4f} |", flush=True)


def auc(anomalies: np.ndarray, usual: np.ndarray) -> Estimate:
    """The area under the ROC curve, with the interval of DeLong et al. 1988; scores that are NaN are left out.

    >>> auc(np.array([1.0, 2.0]), np.array([0.0, 1.0])).value
    0.875
    """
    odd, known = (scores[~np.isnan(scores)] for scores in (anomalies, usual))
    m, n = len(odd), len(known)
    ranks = rankdata(np.concatenate((odd, known)))
    above = (ranks[:m] - rankdata(odd)) / n  # of each anomaly, the share of usual ones below it
    below = 1 - (ranks[m:] - rankdata(known)) / m
    value, reach = above.mean(), 1.959964 * np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)
    return Estimate(float(value), float(max(0.0, value - reach)), float(min(1.0, value + reach)), m + n)


# Molecules ----------------------------------------------------------------------------------------


def molecules(arguments: argparse.Namespace) -> tuple[MolGAN, list[str], list[str]]:
    """A model, molecules that it was not trained on, and edited ones."""
    random, n = np.random.default_rng(0), arguments.n
    rows = [text for text in as_rows(embedded()) if text is not None]
    known = set(rows)
    if arguments.what == "one-shot":
        picked = random.permutation(len(rows))
        train = [rows[row] for row in picked[: arguments.molecules]]
        held = [rows[row] for row in picked[arguments.molecules :]]
        model = MolGAN(Config.load(arguments.config, [*arguments.settings])).fit(train, quiet=True)
    else:
        model = MolGAN.load(arguments.model, "cpu")
        held = rows if arguments.short else held_out(model)
        held = [held[row] for row in random.permutation(len(held))]
    space, refusal = model.recipe.space, model.domain.refusal
    usual = [text for text in held[: 2 * n] if not refusal(text, space)][:n]
    edited = (edit(text, random) for text in held[2 * n :])
    odd = [text for text, _ in zip((one for one in edited if one not in known and not refusal(one, space)), range(n))]  # noqa: B905
    return model, usual, odd


def held_out(model: MolGAN) -> list[str]:
    """The molecules of QM9 that a run with this model's configuration keeps from training."""
    config = model.config
    data = as_dataset(embedded(), seed=config.seed, **config.data.limits)
    train, aside = data.split(config.data.hold_out, config.seed)
    if train.digest != model.provenance["data"]["sha256"]:
        raise SystemExit("the model was not trained on the embedded QM9 by its own configuration")
    return aside


def edit(smiles: str, random: np.random.Generator, edits: int = EDITS) -> str:
    """A molecule after so many random edits, each of which leaves it valid and one fragment."""
    mol, done = Chem.MolFromSmiles(smiles), 0
    with rdBase.BlockLogs():
        for _ in range(_TRIES):
            changed = _edited(mol, random)
            if changed is not None:
                mol, done = changed, done + 1
            if done == edits:
                break
    return Chem.MolToSmiles(mol)


def _edited(mol: Chem.Mol, random: np.random.Generator) -> Chem.Mol | None:
    """Another element in place of an atom, or a bond made, removed or of another order; None for no molecule."""
    new = Chem.RWMol(mol)
    Chem.Kekulize(new, clearAromaticFlags=True)
    if random.integers(2):
        atom = new.GetAtomWithIdx(int(random.integers(new.GetNumAtoms())))
        others = [element for element in _ELEMENTS if element != atom.GetAtomicNum()]
        atom.SetAtomicNum(int(random.choice(others)))
        atom.SetFormalCharge(0)
        atom.SetNumExplicitHs(0)
        atom.SetNoImplicit(False)
    elif new.GetNumAtoms() > 1:
        first, second = map(int, random.choice(new.GetNumAtoms(), 2, replace=False))
        bond, order = new.GetBondBetweenAtoms(first, second), _ORDERS[int(random.integers(4))]
        if (bond.GetBondType() if bond is not None else None) == order:
            return None
        if bond is not None:
            new.RemoveBond(first, second)
        if order is not None:
            new.AddBond(first, second, order)
    try:
        Chem.SanitizeMol(new)
    except (ValueError, RuntimeError):
        return None
    written = Chem.MolToSmiles(new)
    return None if "." in written else Chem.MolFromSmiles(written)


# Text ---------------------------------------------------------------------------------------------


def text(n: int, settings: Sequence[str], short: bool) -> tuple[SeqGAN, list[str], list[str]]:
    """A model of sentences, sentences that it was not trained on, and such with their words in random order."""
    random, lines = np.random.default_rng(0), corpus()
    rows = [lines[row] for row in random.permutation(len(lines))]
    model = SeqGAN(TextConfig.load("small", [*TEXT, *settings])).fit(
        rows[2 * n :][: 200 if short else None], quiet=True
    )
    seen = set(rows[2 * n :])
    held = [line for line in rows[: 2 * n] if line not in seen]
    shuffled = (shuffle(line, random) for line in held[len(held) // 2 :])
    return model, held[: len(held) // 2], [line for line in shuffled if line]


def shuffle(line: str, random: np.random.Generator) -> str:
    """The words in an order that is another one; "" for a line with a single order."""
    words = line.split()
    if len(set(words)) < 2:
        return ""
    while True:
        other = [words[place] for place in random.permutation(len(words))]
        if other != words:
            return " ".join(other)


if __name__ == "__main__":
    main()
