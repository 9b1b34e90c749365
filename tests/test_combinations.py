"""Every allowed combination of objective, penalty, constraint and labels plays in both halves, noise at first included.

The others are refused in one sentence each.
"""

import copy
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from torch.optim import SGD

from gancore.errors import ConfigError
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.penalties import PENALTIES
from gancore.losses.settings import RelaxedCriticConfig
from gancore.training.device import seed_everything
from gancore.training.loop import Player, play
from gancore.training.run import Phase
from gancore.types import Batch
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset
from molgan.recipes.config import Config as MolGANConfig
from molgan.recipes.domain import build
from molgan.recipes.one_shot_config import (
    AutoencoderConfig,
    OneShotCriticConfig,
    OneShotModelConfig,
    OneShotRewardConfig,
)
from seqgan.data.corpus import Corpus
from seqgan.data.space import TextSpace
from seqgan.networks.architectures import GeneratorConfig
from seqgan.recipes.config import Config as SeqGANConfig
from seqgan.recipes.config import LikelihoodConfig
from seqgan.recipes.gumbel import GumbelCriticConfig, GumbelGAN

CPU, STEPS, CLIP = torch.device("cpu"), 3, 0.01
CONSTRAINTS = {"": {}, "clip": {"max_weight": CLIP}, "spectral": {"spectral_norm": True}}
LABELS = {"hard": {}, "one-sided": {"smooth_real": 0.1}, "two-sided": {"smooth_real": 0.1, "smooth_fake": 0.1}}
NOISE = {"noise": 0.2, "noise_until": 1 / STEPS}
"""In the first of three steps, so that each combination plays with noise and without."""


def combinations() -> Iterator[tuple[tuple[str, str, str, str], dict[str, Any]]]:
    """Names and settings of all combinations."""
    for names in itertools.product(OBJECTIVES, ("", *PENALTIES), CONSTRAINTS, LABELS):
        objective, penalty, constraint, labels = names
        slope = {"penalty": penalty, "penalty_weight": 1.0} if penalty else {"penalty_weight": 0.0}
        common = {"objective": objective, "penalty_every": 1, "steps": 1}
        yield names, common | slope | CONSTRAINTS[constraint] | LABELS[labels] | NOISE


def split() -> tuple[dict[tuple[str, str, str, str], dict[str, Any]], dict[tuple[str, str, str, str], str]]:
    """The allowed combinations with their settings, and the refused ones with their sentences."""
    allowed, refused = {}, {}
    for names, settings in combinations():
        try:
            RelaxedCriticConfig(**settings)
            allowed[names] = settings
        except ConfigError as error:
            refused[names] = str(error)
    return allowed, refused


ALLOWED, REFUSED = split()


def test_what_is_refused_is_what_cannot_learn_and_nothing_else():
    for objective, penalty, constraint, labels in (*ALLOWED, *REFUSED):
        unbounded = objective == "wasserstein" and not penalty and not constraint
        unlabelled = labels != "hard" and objective in ("wasserstein", "hinge", "relativistic_pairing")
        twice = constraint == "clip" and penalty != ""
        cannot = unbounded or unlabelled or twice
        assert ((objective, penalty, constraint, labels) in REFUSED) == cannot
    assert all(text.count(". ") == 0 and text.endswith(".") for text in REFUSED.values())
    assert len(set(REFUSED.values())) == 5, "one sentence for each reason, with the objective's name"
    assert Counter(names[0] for names in ALLOWED) == {
        "wasserstein": 14,
        "hinge": 15,
        "relativistic_pairing": 15,
        **dict.fromkeys(("non_saturating", "saturating", "least_squares", "relativistic_average"), 45),
    }


class Table(NamedTuple):
    """What the combinations of a half share: an untrained critic, a real batch, a generated one; and its settings."""

    critic: torch.nn.Module
    real: Batch
    fake: Batch
    settings: Callable[..., RelaxedCriticConfig]


MOLECULES = MolGANConfig(
    steps=STEPS,
    batch=4,
    device="cpu",
    model=OneShotModelConfig(noise=2, generator=(4,), critic=(4,), encoder=(2,)),
    pretrain=AutoencoderConfig(steps=0),
    reward=OneShotRewardConfig(critic=0.0),
)
TEXT = SeqGANConfig(
    recipe="gumbel",
    steps=STEPS,
    batch=4,
    device="cpu",
    model=GeneratorConfig(embedding=4, width=4),
    likelihood=LikelihoodConfig(epochs=0),
)
text_settings = partial(GumbelCriticConfig, "textcnn", embedding=4, filters=0.01, dropout=0.0, pretrain=0)


@pytest.fixture(scope="module")
def molecules():
    return MoleculeDataset.from_smiles(["CO", "CN", "C=O", "CC", "C#N", "NO"] * 2)


@pytest.fixture(scope="module")
def lines():
    return Corpus.of(["a", "b", "c"] * 4, TEXT.data)


def of_molecules(critic: OneShotCriticConfig, data: MoleculeDataset) -> tuple[Any, list[Phase]]:
    return build(replace(MOLECULES, critic=critic), data, CPU)


def of_text(critic: GumbelCriticConfig, corpus: Corpus) -> tuple[Any, list[Phase]]:
    recipe = GumbelGAN(replace(TEXT, critic=critic), TextSpace(corpus.alphabet, corpus.length, corpus.vocabulary), CPU)
    return recipe, [phase for phase in recipe.phases(corpus) if phase.steps]


@pytest.fixture(params=["molecules", "text"])
def table(request, molecules, lines):
    """Made once for all combinations: the critic sees the same samples in each."""
    seed_everything(0)
    if request.param == "molecules":
        recipe, (game,) = of_molecules(OneShotCriticConfig(), molecules)
        real = next(game.batches)
        fake = recipe.draw(recipe.noise(len(real)), graphs.node_mask(real.sample[0])).relaxed
        return Table(recipe.modules["critic"], real, Batch(fake), OneShotCriticConfig)
    recipe, (game,) = of_text(text_settings(), lines)
    real = Batch(recipe.one_hots(next(game.batches).sample[0]))
    return Table(recipe.modules["critic"], real, Batch(recipe.relax(len(real), 0)), text_settings)


def holds(constraint: str, critic: torch.nn.Module) -> bool:
    """Whether the weights are what the constraint says."""
    if constraint == "clip":
        return all(float(part.detach().abs().max()) <= CLIP for part in critic.parameters())
    layers = [layer for layer in critic.eval().modules() if hasattr(layer, "parametrizations")]
    norms = [float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) for layer in layers]
    return all(abs(norm - 1) < 0.2 for norm in norms) and bool(norms) == (constraint == "spectral")


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])
def test_every_combination_plays(table, every):
    """Three turns of the critic move it, keep its constraint, and give the samples a gradient."""
    for names, settings in list(ALLOWED.items())[::every]:
        _, penalty, constraint, _ = names
        config, critic = table.settings(**settings), copy.deepcopy(table.critic)
        adversary = config.adversary(critic)
        adversary.noise = config.noise_of(STEPS)
        player = Player("critic", critic, SGD(critic.parameters(), 0.01), adversary.critic_losses, **config.turns)
        before = [part.detach().clone() for part in critic.parameters()]
        for step in range(STEPS):
            losses = adversary.critic_losses(table.real, table.fake, step)
            assert ("penalty" in losses) == (penalty != ""), names
            norm = float(player.step(losses))
            made = tuple(part.detach().requires_grad_() for part in table.fake.sample)
            loss = adversary.generator_losses(table.real, Batch(made), step)["adversarial"].mean()
            slopes = torch.autograd.grad(loss, made)
            assert math.isfinite(norm), names
            assert norm > 0 < sum(float(slope.abs().sum()) for slope in slopes) < math.inf, names
        assert not all(torch.equal(*pair) for pair in zip(before, critic.parameters(), strict=True)), names
        assert holds(constraint, critic), names


COMPANY = {
    "packs": {"pack": 2},
    "minibatch discrimination": {"minibatch_kernels": 2, "minibatch_group": 2},
    "matched features": {"feature_matching": 1.0, "feature_mmd": 1.0, "adversarial": 0.5},
    "foreseen turns": {"unroll": 1},
    "panel": {"critics": 2, "critics_sharpness": 1.0},
}


@pytest.mark.parametrize("company", COMPANY)
def test_every_objective_and_penalty_plays_in_company(table, company):
    """The critic moves, and the samples get a gradient, with every objective and with every penalty."""
    others = {"penalty_weight": 1.0, "penalty_every": 1, "spectral_norm": True}
    pairs = [(name, "r1") for name in OBJECTIVES] + [("hinge", name) for name in PENALTIES]
    for objective, penalty in pairs:
        config = table.settings(**others | COMPANY[company] | {"objective": objective, "penalty": penalty})
        made = [copy.deepcopy(table.critic) for _ in range(config.critics)]
        adversary = config.adversary(made[0], others=made[1:])
        adversary.noise = config.noise_of(STEPS)
        player = Player("critic", adversary.critic, SGD(adversary.critic.parameters(), 0.01), lambda batch, step: {})
        norm = float(player.step(adversary.critic_losses(table.real, table.fake)))
        samples = tuple(part.detach().requires_grad_() for part in table.fake.sample)
        losses = adversary.generator_losses(table.real, Batch(samples))
        slopes = torch.autograd.grad(sum(loss.mean() for loss in losses.values()), samples)
        assert 0 < norm < math.inf, (objective, penalty)
        assert 0 < sum(float(slope.abs().sum()) for slope in slopes) < math.inf, (objective, penalty)


ONE = {
    **{name: {"objective": name, "spectral_norm": name == "wasserstein"} for name in OBJECTIVES},
    **{name: {"objective": "wasserstein", "penalty": name, "penalty_weight": 1.0} for name in PENALTIES},
    **{name: {"objective": "hinge"} | settings for name, settings in CONSTRAINTS.items() if name},
    **{name: {"objective": "least_squares"} | settings for name, settings in LABELS.items()},
    "noise": {"objective": "hinge"} | NOISE,
    "every second step": {"objective": "hinge", "every": 2},
}
"""One member at a time, as a configuration names it."""


@pytest.mark.parametrize("half", ["molecules", "text"])
def test_each_member_plays_in_its_recipe(half, request):
    """Three steps of the recipe, in which both players move by finite losses."""
    settings_of, make, data = {
        "molecules": (OneShotCriticConfig, of_molecules, "molecules"),
        "text": (text_settings, of_text, "lines"),
    }[half]
    for name, settings in ONE.items():
        seed_everything(0)
        own = {"penalty_weight": 0.0, "penalty_every": 1, "steps": 1} | settings
        recipe, (game,) = make(settings_of(**own), request.getfixturevalue(data))
        makers, critic, seen = recipe.generator, recipe.modules["critic"], []
        before = [[part.detach().clone() for part in module.parameters()] for module in (makers, critic)]
        play(game.players, game.batches, game.steps, [lambda step, logs, seen=seen: seen.append(logs)], seed=0)
        assert len(seen) == STEPS
        assert ["critic/adversarial" in logs for logs in seen] == [step % own.get("every", 1) == 0 for step in range(3)]
        assert all(("critic/penalty" in logs) == (name in PENALTIES) for logs in seen)
        for parts, module in zip(before, (makers, critic), strict=True):
            assert any(not torch.equal(*pair) for pair in zip(parts, module.parameters(), strict=True)), name
        assert holds(next((one for one in CONSTRAINTS if own.items() >= CONSTRAINTS[one].items() and one), ""), critic)
