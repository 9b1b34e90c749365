"""What other settings of `critic.ceiling` and `critic.rejections` would give, without drawing anew for each.

python -m benchmarks.rejections MODEL FILE [--unread SAMPLE:SEED ...] [--draws 30000] [--of 5000]

MODEL, of recipe autoregressive, draws once without its critic; every setting then picks 5,000 (--of) of those draws as
sampling would, three times, and the Fréchet distance to as many molecules of FILE is told, as mean and deviation. The
fewer draws there are, the more often one is picked twice, and the farther all settings are. FILE should hold what the
model was not trained on: --unread leaves out the rows that `data.sample` and `seed` of its training took. `floor` is
the distance of as many others of FILE.
"""

import argparse

import numpy as np
import torch

from gancore.statistics.frechet import frechet, moments
from gancore.training.batching import sampled
from molgan import MolGAN, chemistry
from molgan.data.dataset import as_rows
from molgan.metrics import chemnet

N, REPEAT = 5000, 3
CEILINGS, REJECTIONS = (2, 3, 4, 6), (2, 4, 6, 12, 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("file")
    parser.add_argument("--unread", nargs="*", default=[], metavar="SAMPLE:SEED")
    parser.add_argument("--draws", type=int, default=30_000)
    parser.add_argument("--of", type=int, default=N, help="molecules on each side of a distance")
    arguments = parser.parse_args()
    rows = as_rows(arguments.file)
    free = np.ones(len(rows), bool)
    for taken in arguments.unread:
        free[sampled(len(rows), *map(int, taken.split(":")))] = False
    random = np.random.default_rng(0)
    held = [rows[place] for place in random.permutation(np.flatnonzero(free))[: 2 * arguments.of]]
    reference, others = (moments(chemnet.activations(part)) for part in (held[: arguments.of], held[arguments.of :]))
    print(f"floor {frechet(others, reference):.3f}")
    activations, ratios = pool(MolGAN.load(arguments.model, "cpu"), arguments.draws)
    print("| ceiling | " + " | ".join(f"{most} rejections" for most in REJECTIONS) + " | draws for each that is kept |")
    print("|---" * (len(REJECTIONS) + 2) + "|")
    for ceiling in CEILINGS:
        cells, costs = [], []
        for most in REJECTIONS:
            picks = [pick(ratios, ceiling, most, random, arguments.of) for _ in range(REPEAT)]
            costs.append(picks[0][1])
            found = [frechet(moments(activations[rows]), reference) for rows, _ in picks]
            cells.append(f"{np.mean(found):.3f} ± {np.std(found, ddof=1):.3f}")
        print(f"| {ceiling} | " + " | ".join(cells) + f" | {costs[0]:.1f} to {costs[-1]:.1f} |", flush=True)


def pool(gan: MolGAN, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Activations of n draws without the critic, and its ratio of the densities for each, whose mean is 1."""
    networks, smiles, logits = gan.recipe, [], []
    for atoms, orders in gan.draw_arrays(n, raw=True):
        with torch.no_grad():
            graphs = networks.one_hots(torch.from_numpy(atoms), torch.from_numpy(orders))
            logits.append(networks.adversary.logits(graphs).double().numpy())
        smiles += [chemistry.strict_smiles(mol) for mol in chemistry.decode(atoms, orders, networks.vocabulary)]
    ratios = np.exp(np.concatenate(logits))
    return chemnet.activations(smiles), ratios / ratios.mean()


def pick(
    ratios: np.ndarray, ceiling: float, most: int, random: np.random.Generator, n: int = N
) -> tuple[np.ndarray, float]:
    """Which draws are kept, n of them, and how many were made for each."""
    kept, doubted, cost = random.integers(0, len(ratios), n), np.arange(n), n
    for _ in range(most):
        doubted = doubted[random.random(len(doubted)) * ceiling > ratios[kept[doubted]]]
        kept[doubted] = random.integers(0, len(ratios), len(doubted))
        cost += len(doubted)
    return kept, cost / n


if __name__ == "__main__":
    main()
