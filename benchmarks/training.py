"""CPU seconds to train on 10,000 real molecules, batch 32, one thread, beside the best-known PyTorch MolGAN."""

import torch

from benchmarks.timing import cpu_seconds
from gancore.device import seed_everything
from gancore.loop import play
from molgan.config import Config
from molgan.data import MoleculeDataset, embedded, read_rows
from molgan.recipes import graph_gan

PEER = 52.7e-3  # CPU seconds an iteration of 32 molecules, one thread, measured on another machine
BATCH = 32
STEPS = 60


def rows():
    """`(what, ours, peer's, ratio)`."""
    torch.set_num_threads(1)
    smiles = [text for _, text in read_rows(embedded())][::50]
    data = MoleculeDataset.from_smiles(smiles, min_atom_share=0.005)
    config = Config.load("qm9", [f"batch={BATCH}", "device=cpu"])
    seed_everything(0)
    _, phases = graph_gan.build(config, data, torch.device("cpu"))
    adversarial = phases[-1]
    seconds = cpu_seconds(lambda: play(adversarial.players, adversarial.batches, range(STEPS), adversarial.callbacks))
    step = seconds / STEPS
    scale = 10_000 / BATCH
    yield "train, CPU-s per 10,000 molecules", step * scale, PEER * scale, PEER / step
