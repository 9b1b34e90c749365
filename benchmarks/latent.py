"""A latent GAN: `python -m benchmarks.latent [--config latent] [--set KEY=VALUE ...] [-n 2000] [--seed 0]`.

Trains on QM9 without its held-out molecules, and prints: the share of held-out molecules that come back exactly from
the mean of their code; the share of valid molecules at points between codes of two held-out molecules of one size, a
quarter, a half and three quarters of the way; valid, unique and novel samples, and their Fréchet distance (FCD) to the
held-out molecules. `latent GAN` takes codes of the generator, `normal` normal noise with the same decoder. --rows takes
so many molecules.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gancore.statistics.frechet import Moments, frechet, moments
from molgan import Config, MolGAN
from molgan.data import graphs
from molgan.data.dataset import as_rows, embedded
from molgan.metrics import chemnet
from molgan.networks.sampling import draw_graphs

PLACES = (0.25, 0.5, 0.75)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="latent")
    parser.add_argument("--set", nargs="*", default=[], dest="settings", metavar="KEY=VALUE")
    parser.add_argument("-n", type=int, default=2000, help="samples, and held-out molecules")
    parser.add_argument("--rows", type=int, default=0, help="molecules to train on; 0 for all but those held out")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began, n = time.process_time(), arguments.n
    known = [text for text in as_rows(embedded()) if text and "+" not in text and "-]" not in text]
    picked = np.random.default_rng(arguments.seed).permutation(len(known))
    held = [known[row] for row in picked[:n]]
    train = [known[row] for row in picked[n:][: arguments.rows or None]]
    settings = ["data.hold_out=0", "device=cpu", "monitor_every=1000000", f"seed={arguments.seed}", *arguments.settings]
    gan = MolGAN(Config.load(arguments.config, settings)).fit(train, quiet=True)
    print(f"trained on {len(train):,} molecules in {time.process_time() - began:.0f} CPU s", flush=True)
    print(f"held-out molecules reconstructed exactly: {reconstructed(gan, held):.3f}")
    shares = ", ".join(f"{share:.3f}" for share in between(gan, held))
    print(f"valid at {', '.join(map(str, PLACES))} between two held-out codes: {shares}", flush=True)
    reference, seen = moments(chemnet.activations(held)), set(train)
    print("| | valid | unique | novel | FCD |\n|---|---|---|---|---|")
    row("latent GAN", gan, n, seen, reference)
    gan.recipe.latent_gan = None
    row("normal", gan, n, seen, reference)


def row(name: str, gan: MolGAN, n: int, seen: set[str], reference: Moments) -> None:
    """Print the figures of samples."""
    drawn = [text for text in gan.sample(n, seed=0) if text]
    distinct = set(drawn)
    shares = len(drawn) / n, len(distinct) / max(1, len(drawn)), len(distinct - seen) / max(1, len(distinct))
    distance = frechet(moments(chemnet.activations(drawn)), reference)
    print(f"| {name} | {' | '.join(f'{share:.3f}' for share in shares)} | {distance:.3f} |", flush=True)


@torch.no_grad()
def decoded(gan: MolGAN, codes: Tensor, present: Tensor) -> list[str | None]:
    """Molecules of codes, in one pass and without repair; None for what is none."""
    recipe = gan.recipe
    nodes, bonds = (part * recipe.config.model.sharpness for part in recipe.averaged.average(codes, present, None))
    drawn = draw_graphs(nodes, bonds, present, recipe.capacity, generator=torch.Generator().manual_seed(0))
    return list(gan.domain.decode((drawn.atoms, drawn.orders), recipe.space))


@torch.no_grad()
def encoded(gan: MolGAN, smiles: Sequence[str]) -> tuple[Tensor, Tensor, list[str | None]]:
    """Means of the codes of molecules that the model can read, the places that hold an atom, and the molecules."""
    sample, _ = gan.domain.encode(smiles, gan.recipe.space)
    mean, _ = gan.recipe.encoder(sample, None)
    return mean, graphs.node_mask(sample[0]), list(gan.domain.decode(graphs.indices(sample), gan.recipe.space))


def reconstructed(gan: MolGAN, smiles: Sequence[str]) -> float:
    """The share of molecules that the decoder makes of their own codes."""
    codes, present, read = encoded(gan, smiles)
    return float(np.mean([one == other for one, other in zip(decoded(gan, codes, present), read, strict=True)]))


def between(gan: MolGAN, smiles: Sequence[str]) -> list[float]:
    """The shares valid at `PLACES` of the way from the code of one molecule to that of the next one of its size."""
    codes, present, _ = encoded(gan, smiles)
    order = present.sum(1).sort(stable=True).indices
    first, second = order[:-1], order[1:]
    pairs = present[first].sum(1) == present[second].sum(1)
    first, second = first[pairs], second[pairs]
    shares = []
    for place in PLACES:
        found = decoded(gan, torch.lerp(codes[first], codes[second], place), present[first])
        shares.append(float(np.mean([text is not None for text in found])))
    return shares


if __name__ == "__main__":
    main()
