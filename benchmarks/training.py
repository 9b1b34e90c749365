"""CPU seconds to train on 10,000 real molecules, batch 32, one thread, beside MolGAN's training scheme."""

from itertools import islice

import torch

from benchmarks.peers import molgan_iterations
from benchmarks.timing import cpu_seconds
from gancore.training.device import seed_everything
from gancore.training.loop import play
from molgan.data.dataset import MoleculeDataset, embedded, read_rows
from molgan.recipes.config import Config
from molgan.recipes.domain import build

BATCH = 32
STEPS = 60


def rows(short: bool = False):
    """`(what, ours, peer's, ratio)`."""
    torch.set_num_threads(1)
    smiles = [text for _, text in islice(read_rows(embedded()), 5000 if short else None)][::50]
    data = MoleculeDataset.from_smiles(smiles, min_atom_share=0.005)
    config = Config.load("qm9", [f"batch={BATCH}", "device=cpu"])
    seed_everything(0)
    _, phases = build(config, data, torch.device("cpu"))
    game = phases[-1]
    steps, repeat, warm_up = (game.steps[:1], 1, 0) if short else (game.steps[:STEPS], 5, 1)
    ours = cpu_seconds(lambda: play(game.players, game.batches, steps, game.callbacks), repeat, warm_up) / len(steps)
    iterate = molgan_iterations(data.vocabulary.max_atoms, len(data.vocabulary.atoms), BATCH)
    peer = cpu_seconds(lambda: [iterate() for _ in range(10)], repeat, warm_up) / 10
    scale = 10_000 / BATCH
    yield "train, CPU-s per 10,000 molecules (MolGAN's scheme)", ours * scale, peer * scale, peer / ours
