"""Few labels: `python -m benchmarks.semisupervised [--property qed] [--share 0.01] [--seeds 0 1 2]`.

A column of the property is known of a share of QM9's molecules. `supervised`: the critic's network with its head,
trained on the labelled rows alone, at the step that is best for it on the test molecules. `semi-supervised`: the same
network as the critic of the one-shot generator, which learns from all rows (Odena 2016; Salimans et al. 2016), at its
last step.
Mean absolute error on 4,000 other molecules, in standard deviations.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.conditional import show
from gancore.training.device import adam, seed_everything
from gancore.types import Batch, Context
from molgan import Config, MolGAN
from molgan.data.dataset import as_rows
from molgan.data.downloads import DATA
from molgan.scoring.tables import property_frame


class Task:
    """Molecules of which some have a label, and others to predict."""

    def __init__(self, name: str, molecules: int, test: int, share: float, seed: int):
        random = np.random.default_rng(seed)
        known = [text for text in as_rows(DATA.files("qm9")) if text and "+" not in text and "-]" not in text]
        picked = [known[row] for row in random.permutation(len(known))[: molecules + test]]
        self.values = property_frame(picked, [name])[name].to_numpy(float)
        self.train, self.test = picked[:molecules], picked[molecules:]
        self.labelled = random.permutation(molecules)[: int(share * molecules)]
        self.spread = self.values[molecules:].std()

    @property
    def frame(self) -> pd.DataFrame:
        """The training molecules with a column of labels, mostly empty."""
        labels = np.full(len(self.train), np.nan)
        labels[self.labelled] = self.values[self.labelled]
        return pd.DataFrame({"smiles": self.train, "label": labels})

    def error(self, predicted: Sequence[float]) -> float:
        """The mean absolute error of the test molecules."""
        return float(np.nanmean(np.abs(np.asarray(predicted) - self.values[len(self.train) :])) / self.spread)


def supervised(gan: MolGAN, task: Task, steps: int, batch: int, seed: int) -> float:
    """The least error that a critic like the model's reaches on the labelled rows alone, looked at ten times."""
    seed_everything(seed)
    recipe = type(gan.recipe)(gan.config, gan.recipe.space, gan.device)
    head, optimizer = recipe.adversary.heads["condition"], adam(recipe.adversary.critic.parameters(), gan.config.lr)
    sample, rows = gan.domain.encode([task.train[row] for row in task.labelled], recipe.space)
    assert gan.conditions is not None
    (condition,) = gan.conditions.items
    known = condition.encode(task.values[task.labelled[rows]].tolist())
    context = Context(torch.from_numpy(known).float(), torch.ones(len(known), 1, dtype=torch.bool))
    tests, there = gan.domain.encode(task.test, recipe.space)
    random, errors = np.random.default_rng(seed), []
    for step in range(steps):
        picked = torch.from_numpy(random.integers(0, len(known), batch))
        lesson = Batch(tuple(part[picked] for part in sample), context[picked])
        loss = head.loss(recipe.adversary.output(lesson.sample).heads["condition"], lesson).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % max(1, steps // 10) == 0:
            predicted = np.full(len(task.test), np.nan)
            predicted[there] = condition.mean + condition.scale * recipe.predict(tests)[:, 0].numpy()
            errors.append(task.error(predicted.tolist()))
    return min(errors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--property", default="qed")
    parser.add_argument("--share", type=float, default=0.01, help="of the training molecules that have a label")
    parser.add_argument("--molecules", type=int, default=20_000)
    parser.add_argument("--test", type=int, default=4000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", nargs="+", default=["pretrain.steps=500", "steps=2000"], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    rows = []
    for seed in arguments.seeds:
        task = Task(arguments.property, arguments.molecules, arguments.test, arguments.share, seed)
        config: Any = Config.load(
            "qm9", ["critic.conditioning=auxiliary", "device=cpu", f"seed={seed}", *arguments.set]
        )
        gan = MolGAN(config).fit(task.frame, condition="label", quiet=True)
        semi = task.error(gan.predict(task.test)["label"].tolist())
        alone = supervised(gan, task, config.steps, config.critic.labelled, seed)
        rows.append({"supervised": alone, "semi-supervised": semi})
        print(seed, {key: round(value, 4) for key, value in rows[-1].items()}, flush=True)
    show(rows)


if __name__ == "__main__":
    main()
