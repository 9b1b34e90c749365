"""What the loop, the monitors, the logs and the checkpoints add to the bare maths of the demos' adversarial steps."""

import tempfile
from pathlib import Path

import torch
from rich.console import Console
from torch import nn

from benchmarks.timing import cpu_seconds
from gancore.facade.labels import LabelFile
from gancore.training.device import seed_everything
from gancore.training.run import Phase
from molgan.data.dataset import MoleculeDataset, embedded, read_rows
from molgan.gan import MolGAN
from molgan.recipes.config import Config as MoleculeConfig
from seqgan.data.corpus import Corpus
from seqgan.data.grammar import corpus
from seqgan.gan import SeqGAN
from seqgan.recipes.config import Config as TextConfig

STEPS = {"molgan": 500, "seqgan": 50}  # as many as lie between two looks of the monitor
REPEAT = 2


def rows(short: bool = False):
    """`(what, with everything, bare, bare / with everything)`, CPU seconds a step, one thread."""
    torch.set_num_threads(1)
    for half, steps in STEPS.items():
        steps = 2 if short else steps
        whole, bare = _seconds(half, steps, 1 if short else REPEAT)
        yield f"{half} demo, a step: all / bare maths, CPU-s", whole / steps, bare / steps, bare / whole


def _seconds(half: str, steps: int, repeat: int) -> tuple[float, float]:
    gan = _molecules(steps) if half == "molgan" else _texts(steps)
    training = gan._training
    assert training is not None
    (game,) = [phase for phase in training.phases if phase.name == "adversarial"]

    def whole() -> None:
        seed_everything(0)
        training.phases, training.step = [game], game.steps.start
        with tempfile.TemporaryDirectory() as folder:
            training.run(Path(folder) / "run", Console(stderr=True, quiet=True), {}, gan.domain.monitor(gan, gan.data))

    def bare() -> None:
        seed_everything(0)
        _bare(game)

    warm_up = int(repeat > 1)
    return cpu_seconds(whole, repeat, warm_up), cpu_seconds(bare, repeat, warm_up)


def _bare(phase: Phase) -> None:
    """What a trainer written by hand for one occasion would do; the averaged generator is part of the maths."""
    modules = [player.module for player in phase.players]
    for step in phase.steps:
        for player in phase.players:
            for _ in range(player.repeat):
                for module in modules:
                    module.requires_grad_(module is player.module)
                player.optimizer.zero_grad(set_to_none=True)
                losses = player.losses(next(phase.batches), step)
                minimised = [value.mean() for name, value in losses.items() if not name.startswith("_")]
                torch.stack(minimised).sum().backward()
                if player.max_norm:
                    nn.utils.clip_grad_norm_(player.module.parameters(), player.max_norm)
                player.optimizer.step()
        for callback in phase.callbacks:
            callback(step, {})


def _molecules(steps: int) -> MolGAN:
    smiles = [text for _, text in read_rows(embedded())][::50]
    config = MoleculeConfig.load("qm9", [f"steps={steps}", "pretrain.steps=1", "device=cpu"])
    gan = MolGAN(config)
    return _ready(gan, MoleculeDataset.from_smiles(smiles, min_atom_share=0.005))


def _texts(steps: int) -> SeqGAN:
    config = TextConfig.load("grammar", [f"steps={steps}", "likelihood.epochs=0", "critic.pretrain=0", "device=cpu"])
    gan, data = SeqGAN(config), Corpus.of(corpus(), config.data)
    assert data.vocabulary is not None
    return _ready(gan, data)


def _ready(gan, data):
    """A model whose training is made and not played."""
    kind = gan.domain.recipes[gan.config.recipe]
    reading = gan.domain.read(data, gan.config, None, (), LabelFile())
    gan._training = gan._build(gan.config, reading, gan.domain.reward(gan.config, None, kind))
    return gan
