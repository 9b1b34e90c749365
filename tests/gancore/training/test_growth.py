"""Progressive growing: which samples each part of the game has, in both halves, and how it is entered."""

import pytest
import torch

import molgan
import seqgan
from gancore.errors import ConfigError, DataError
from gancore.training.growth import grown, size_at
from gancore.training.run import Phase
from molgan.data.dataset import MoleculeDataset
from molgan.recipes.domain import build
from seqgan.data.corpus import Corpus
from seqgan.data.grammar import corpus
from seqgan.data.space import TextSpace
from seqgan.recipes.gumbel import GumbelGAN

CPU = torch.device("cpu")
SMALL = ["model.noise=4", "model.generator=[8]", "model.critic=[8]", "model.encoder=[8]", "pretrain.steps=0", "batch=4"]
SHORT = ["steps=6", "batch=4", "likelihood.epochs=0", "critic.pretrain=2", "model.width=8", "critic.filters=0.02"]


def test_parts_follow_one_another_and_the_first_alone_is_entered():
    entered = []
    phase = Phase("game", [], iter("all"), range(5, 12), enter=lambda: entered.append(1))
    streams = iter("a"), iter("b")
    parts = grown(phase, streams)
    assert [part.name for part in parts] == ["game 1", "game 2", "game"]
    assert [step for part in parts for step in part.steps] == list(range(5, 12))
    assert [part.batches for part in parts] == [*streams, phase.batches]
    for part in parts:
        part.enter()
    assert entered == [1]
    assert grown(phase, []) == [phase]
    for part, most in zip(parts, (2, 4, 9), strict=True):
        assert {size_at(step, phase.steps, [2, 4], 9) for step in part.steps} == {most}


def test_molecules_grow_in_heavy_atoms():
    data = MoleculeDataset.from_smiles(["CO", "CN", "CC", "CCO", "CCN", "CCCO", "CCCN", "CCCCO", "CCCCN"])
    config = molgan.Config.load("default", [*SMALL, "steps=6", "grow=[2, 3]", "device=cpu"])
    _, phases = build(config, data, CPU)
    most = [max(int(next(phase.batches).sample[0].sum((1, 2)).max()) for _ in range(6)) for phase in phases]
    assert most == [2, 3, 5]
    with pytest.raises(DataError, match="no molecule has at most 1 heavy atoms; the smallest has 2"):
        build(molgan.Config.load("default", [*SMALL, "steps=6", "grow=[1]", "device=cpu"]), data, CPU)


def test_lines_and_relaxed_samples_grow_in_tokens():
    data = Corpus.of(corpus(300), seqgan.Config(recipe="gumbel").data)
    config = seqgan.Config.load("gumbel", [*SHORT, "grow=[6, 9]", "device=cpu"])
    recipe = GumbelGAN(config, TextSpace(data.alphabet, data.length, data.vocabulary), CPU)
    phases = [phase for phase in recipe.phases(data) if phase.steps]
    assert [phase.name for phase in phases] == ["critic", "adversarial 1", "adversarial 2", "adversarial"]
    for phase, most in zip(phases, (6, 6, 9, data.length), strict=True):
        lengths = data.alphabet.mask(torch.cat([next(phase.batches).sample[0] for _ in range(20)])).sum(1)
        assert most - 2 <= int(lengths.max()) <= most
        made = recipe.relax(64, phase.steps[0])[0].detach()
        assert made.shape[1] == data.length
        assert float(made[:, most:].abs().sum()) == 0
        assert float(made[:, most - 1].sum()) > 0
    with pytest.raises(DataError, match="no training line has at most 1 tokens"):
        recipe.short_lines(data, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [(["grow=[5, 3]"], "does not grow"), (["grow=[3, 3]"], "does not grow"), (["grow=[2, 3]", "steps=2"], "2 steps")],
)
@pytest.mark.parametrize(("half", "name"), [(molgan, "default"), (seqgan, "gumbel")])
def test_sizes_that_do_not_grow_are_refused(half, name, settings, message):
    with pytest.raises(ConfigError, match=message):
        half.Config.load(name, settings)
