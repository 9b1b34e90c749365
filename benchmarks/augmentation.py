"""Generated molecules as more training data: `python -m benchmarks.augmentation [--property logp] [--seeds 0 1 2 3 4]`.

A property is known of 200 molecules of QM9, and a random forest on fingerprints (Morgan, radius 2) learns it. A
conditional generator learns from the same 200 and from 5,000 molecules without a value. It is asked for molecules of
the values of the 200, each value `--times` times, and the forest learns again with these added. Mean absolute error on
2,000 other molecules, in standard deviations, for each seed of the choice of molecules, the generator and the forest:

none: the 200 alone. requested: the label of a generated molecule is the value that was asked for; nobody measures
anything, so this is what a user can do at no cost. measured: its label is the property itself; this takes as many more
measurements, and shows what generated molecules could bring at best.
"""

import argparse
import time
from collections.abc import Sequence
from itertools import islice

import numpy as np
import pandas as pd

from molgan import Config, MolGAN, chemistry
from molgan.data.dataset import as_rows, embedded
from molgan.scoring.tables import property_frame

SMALL = [
    *("model.recurrent=128", "model.pair=32", "pretrain.steps=300", "pretrain.batch=128", "average=0.99", "steps=0"),
    *("critic.pretrain=0", "critic.rejections=0", "data.hold_out=0", "device=cpu", "monitor_every=1000000"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--property", default="logp")
    parser.add_argument("--labelled", type=int, default=200)
    parser.add_argument("--others", type=int, default=5000, help="molecules without a value for the generator")
    parser.add_argument("--test", type=int, default=2000)
    parser.add_argument("--times", type=int, default=1, help="generated molecules for each labelled one")
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--set", nargs="*", default=[], dest="settings", metavar="KEY=VALUE")
    arguments = parser.parse_args()
    known = [text for text in as_rows(embedded()) if text and "+" not in text and "-]" not in text]
    sizes = arguments.labelled, arguments.others, arguments.test
    print("| seed | none | requested | measured | generated | CPU s |\n|---|---|---|---|---|---|", flush=True)
    rows = []
    for seed in arguments.seeds:
        began = time.process_time()
        picked = iter(known[row] for row in np.random.default_rng(seed).permutation(len(known)))
        labelled, others, test = (list(islice(picked, n)) for n in sizes)
        found, new = errors(arguments, labelled, others, test, seed)
        rows.append(found)
        cells = " | ".join(f"{value:.4f}" for value in found)
        print(f"| {seed} | {cells} | {new} | {time.process_time() - began:.0f} |", flush=True)
    for name, column in (("requested", 1), ("measured", 2)):
        falls = sum(found[column] < found[0] for found in rows)
        change = np.mean([found[column] / found[0] - 1 for found in rows])
        print(f"{name}: the error falls in {falls} of {len(rows)} seeds; on average it changes by {change:+.1%}.")


def errors(
    arguments: argparse.Namespace, labelled: list[str], others: list[str], test: list[str], seed: int
) -> tuple[tuple[float, float, float], int]:
    """The error without generated molecules and with them, labelled in either way; and how many they are."""
    name = arguments.property
    known, truth = values(labelled, name), values(test, name)
    asked = np.repeat(known, arguments.times)
    drawn = generated(labelled, others, known, asked, seed, arguments.settings)
    fresh = [(text, value) for text, value in zip(drawn, asked, strict=True) if text and text not in set(labelled)]
    new, requested = [text for text, _ in fresh], np.array([value for _, value in fresh])

    def error(more: list[str], labels: np.ndarray) -> float:
        forest = forest_of([*labelled, *more], np.concatenate((known, labels)), arguments.trees, seed)
        return float(np.abs(forest.predict(chemistry.fingerprints(test)) - truth).mean() / truth.std())

    found = error([], np.empty(0)), error(new, requested), error(new, values(new, name))
    return found, len(new)


def values(smiles: Sequence[str], name: str) -> np.ndarray:
    """The property of each molecule, in its unit."""
    return property_frame(smiles, [name])[name].to_numpy(float)


def generated(
    labelled: list[str], others: list[str], known: np.ndarray, asked: np.ndarray, seed: int, settings: Sequence[str]
) -> Sequence[str | None]:
    """Molecules for values, of a generator that knows the values of the labelled ones alone."""
    column = np.concatenate((known, np.full(len(others), np.nan)))
    frame = pd.DataFrame({"smiles": [*labelled, *others], "value": column})
    config = Config.load("qm9-growing", [*SMALL, f"seed={seed}", *settings])
    gan = MolGAN(config).fit(frame, condition="value", quiet=True)
    return gan.sample(len(asked), seed=seed, condition={"value": asked.tolist()})


def forest_of(smiles: Sequence[str], labels: np.ndarray, trees: int, seed: int):
    """A random forest on fingerprints."""
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(trees, random_state=seed, n_jobs=1, max_features=0.3)
    return forest.fit(chemistry.fingerprints(smiles), labels)


if __name__ == "__main__":
    main()
