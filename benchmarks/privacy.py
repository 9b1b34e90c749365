"""Membership by a critic's logits: `python -m benchmarks.privacy molecules | text [--rows 256] [--noise 0 1]`.

A critic that knows its few training rows by heart gives them higher logits than others of their kind. For each noise of
`critic.privacy` the benchmark trains a model on `--rows` rows and prints the area under the ROC curve of these logits,
training rows against as many others (membership inference, Yeom et al. 2018), with its 95% interval (DeLong et al.
1988); 0.5 is no better than guessing. Noise 0 is the same game without privacy. Epsilon is that of the run.
molecules: QM9, one-shot, without the autoencoder, so that the generator sees no molecule itself. text: the grammar.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.anomalies import auc
from gancore.facade.anomalies import AnomalyScorer
from gancore.statistics.intervals import Estimate
from molgan import Config, MolGAN
from molgan.data.dataset import as_rows, embedded
from seqgan import Config as TextConfig
from seqgan import SeqGAN
from seqgan.data.grammar import corpus

GAME = ["device=cpu", "critic.objective=non_saturating", "critic.penalty_weight=0", "monitor_every=100000"]
MOLECULES = [*GAME, "batch=64", "pretrain.steps=0", "bound=0", "reward.critic=0", "steps=600", "critic.lr=1e-3"]
TEXT = [
    *(*GAME, "batch=64", "likelihood.epochs=0", "relax.likelihood=0", "critic.pretrain=0", "steps=400"),
    *("critic.dropout=0", "critic.lr=1e-3", "data.valid=0", "data.test=0"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("molecules", "text"))
    parser.add_argument("--rows", type=int, default=256, help="training rows, and others that are held out")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 1.0])
    parser.add_argument("--delta", type=float, default=1e-3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", nargs="*", default=[], dest="settings", metavar="KEY=VALUE")
    arguments = parser.parse_args()
    print("| seed | noise | epsilon | AUC | 95% interval | CPU s |\n|---|---|---|---|---|---|", flush=True)
    for seed in arguments.seeds:
        train, others = rows(arguments.what, arguments.rows, seed)
        for noise in arguments.noise:
            began = time.process_time()
            private = [f"critic.privacy.noise={noise}", f"critic.privacy.delta={arguments.delta}", f"seed={seed}"]
            model = trained(arguments.what, train, [*private, *arguments.settings])
            found, spent = membership(model, train, others), time.process_time() - began
            cost = f"{model.recipe.modules['privacy'].epsilon:.3g}" if noise else "none"
            reach = f"{found.low:.3f} to {found.high:.3f}"
            print(f"| {seed} | {noise:g} | {cost} | {found.value:.3f} | {reach} | {spent:.0f} |", flush=True)


def rows(what: str, n: int, seed: int) -> tuple[list[str], list[str]]:
    """Distinct rows to train on, and as many others."""
    if what == "text":
        known = sorted(set(corpus()))
    else:
        known = [text for text in as_rows(embedded()) if text and "+" not in text and "-]" not in text]
    picked = np.random.default_rng(seed).permutation(len(known))[: 2 * n]
    return [known[row] for row in picked[:n]], [known[row] for row in picked[n:]]


def trained(what: str, train: list[str], settings: Sequence[str]) -> MolGAN | SeqGAN:
    """A model of these rows."""
    if what == "text":
        return SeqGAN(TextConfig.load("gumbel", [*TEXT, *settings])).fit(train, quiet=True)
    return MolGAN(Config.load("default", [*MOLECULES, *settings])).fit(train, quiet=True)


def membership(model: MolGAN | SeqGAN, train: list[str], others: list[str]) -> Estimate:
    """How well the critic's logits tell training rows from others (Yeom et al. 2018)."""
    scorer = AnomalyScorer(model, "critic")  # minus the logit
    return auc(-scorer(train), -scorer(others))


if __name__ == "__main__":
    main()
