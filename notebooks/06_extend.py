# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own objective, property and recipe
#
# This library is a few tables and one loop. At the end of this notebook you will have added to it, without touching its
# files,
#
# - an **adversarial objective**, and seen beside the others what it asks of critic and generator,
# - a **property** of molecules, used in a score that ranks molecules you can look at,
# - a **recipe**: a discrete GAN in sixty lines that learns to count in seconds, with every objective and with every way
#   that a gradient can take through a discrete draw.
#
# The idea behind it: GANs with discrete output look like many algorithms and are one. Draw a discrete sample and keep
# the ways back to its logits; let a critic judge it beside real ones; take turns. So an objective is two functions, a
# property is one, and a recipe says what a turn is. The tables are plain dicts, and a row added to one is in use at
# once.

# %%
import matplotlib.pyplot as plt
import pandas as pd
import torch
from torch import nn
from torch.nn.functional import one_hot

from gancore.losses.adversarial import OBJECTIVES, Objective

plt.rcParams |= {"figure.dpi": 75, "figure.constrained_layout.use": True, "legend.frameon": False}

# %% [markdown]
# ## An objective
#
# A game has two halves, each a function of the critic's logits on real and on fake samples, one value a pair, to be
# *minimised*: what the critic pays, and what the generator pays. The Kullback-Leibler divergence as a game (f-GAN,
# Nowozin et al. 2016) is not among those that come with the library. The best critic's logit is 1 plus the log-ratio of
# the data's density to the generator's:


# %%
def kullback_leibler_critic(real, fake):
    return (fake - 1).exp() - real


def kullback_leibler_generator(real, fake):
    return -(fake - 1).exp()


OBJECTIVES["kullback_leibler"] = Objective(kullback_leibler_critic, kullback_leibler_generator)

fake = torch.linspace(-4, 4, 161, requires_grad=True)
real = torch.ones_like(fake)
_, axes = plt.subplots(1, 3, figsize=(11, 3.2))
for name, objective in OBJECTIVES.items():
    loss = objective.generator(real, fake)
    (slope,) = torch.autograd.grad(loss.sum(), fake)
    for axis, values in zip(axes, (objective.critic(real, fake), loss, slope), strict=True):
        axis.plot(fake.detach(), values.detach(), "--" if name == "kullback_leibler" else "-", label=name)
for axis, title in zip(axes, ("the critic pays", "the generator pays", "... and its slope"), strict=True):
    axis.set(title=title, xlabel="logit of the fake (real at 1)", ylim=(-5, 9))
axes[0].legend(fontsize="small")
plt.show()

# %% [markdown]
# The right-hand picture tells the objectives apart. Wasserstein and hinge push a fake on with the same force wherever
# it is. The non-saturating loss and relativistic pairing let go of fakes that already pass; the saturating loss and the
# new one do the reverse, and hardly move fakes that the critic is sure of. Least squares pulls hardest at those the
# critic is surest of, and pulls *back* fakes that look more real than real ones. The relativistic average compares with
# the mean of the batch, which all fakes move together.
#
# A row in the table is enough for `Adversary` below, and `critic.objective` of `molgan` and `seqgan` accepts its name
# in this process. Written into `gancore/losses/adversarial.py` it is there for all, and the contract tests, which run
# over the whole table, cover it from then on.
#
# ## A property
#
# A property is a function of a `Molecule` (RDKit's `mol`, and what several properties share, worked out once) with
# unit, range and source. A chemist may ask for polar atoms without greasy ones: count heteroatoms, and take their
# share.

# %%
from rdkit.Chem.rdMolDescriptors import CalcNumHeavyAtoms, CalcNumHeteroatoms

from molgan.library.collect import Draws
from molgan.scoring.definition import Component, ScoreConfig
from molgan.scoring.desirability import Desirability
from molgan.scoring.properties import PROPERTIES, Property, of_mol
from molgan.scoring.scorer import Scorer


def heteroatom_share(molecule):
    """Share of heavy atoms that are not carbon."""
    return CalcNumHeteroatoms(molecule.mol) / CalcNumHeavyAtoms(molecule.mol)


PROPERTIES["heteroatoms"] = Property(of_mol(CalcNumHeteroatoms), "", 0, float("inf"), "atoms but C and H, RDKit")
PROPERTIES["heteroatom_share"] = Property(heteroatom_share, "", 0, 1, "heteroatoms over heavy atoms, RDKit")

polar = ScoreConfig(
    aggregate="geometric",
    components=(
        Component("heteroatom_share", Desirability("range", low=0.3, high=0.5, width=0.08)),
        Component("aromatic_rings", Desirability("maximize", low=0, high=2)),
        Component("logp", Desirability("range", low=-1, high=2, width=0.5), weight=2),
    ),
)
scorer = Scorer(polar, processes=0)  # 0: here, in this process, which is the one that knows the new properties
known = {
    "caffeine": "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "nicotine": "CN1CCCC1c1cccnc1",
    "allopurinol": "O=c1[nH]cnc2[nH]ncc12",
    "paracetamol": "CC(=O)Nc1ccc(O)cc1",
    "naphthalene": "c1ccc2ccccc2c1",
    "no molecule": "c1cc",
}
print(scorer.definition)
scored = scorer.frame(list(known.values())).set_index(pd.Index(known))
scored.sort_values("score", ascending=False).drop(
    columns=[name for name in scored if name.endswith(".desirability")]
).round(2)

# %% [markdown]
# Above is the score in a sentence, to be checked, then each molecule's numbers; a string that is no molecule has a
# reason in place of a score. The same definition as TOML, `scorer.definition.dump()`, goes into `molgan score --score
# FILE`, and as `reward.score` into training, *once the row stands in `molgan/scoring/properties.py`*: a row added in a
# notebook is known to this process alone, so it needs `processes=0`. For numbers of your own without touching the
# library there are plugins (`docs/plugins.md`): a function, a program, or a service.

# %%
ranked = scored.dropna(subset="score").sort_values("score", ascending=False)
Draws([known[name] for name in ranked.index[:4]])

# %% [markdown]
# ## A recipe: learning to count
#
# The language: six digits, each the successor of the last, 9 followed by 0, as in `789012`. That is ten sentences of a
# million. The generator knows nothing of it: a distribution of the first digit and a table of what follows what, both
# flat. Nobody shows it a sentence, either. It is told by a critic alone how real its own sentences look.

# %%
from gancore.losses.adversary import Adversary
from gancore.losses.penalties import finite_r1_r2
from gancore.losses.policy_gradient import leave_one_out, policy_gradient
from gancore.sampling.estimators import ESTIMATORS
from gancore.training.batching import Shuffled
from gancore.training.loop import Player, play
from gancore.training.run import Phase
from gancore.types import CriticOutput, Draw

LENGTH, DIGITS = 6, 10
LANGUAGE = one_hot((torch.arange(DIGITS)[:, None] + torch.arange(LENGTH)) % DIGITS, DIGITS).float()


class Chain(nn.Module):
    """The generator: logits of the first digit, and of each digit after each."""

    def __init__(self):
        super().__init__()
        self.first, self.after = nn.Parameter(torch.zeros(DIGITS)), nn.Parameter(torch.zeros(DIGITS, DIGITS))

    def draw(self, n, estimator):
        """`n` sentences, each digit conditioned on the one drawn before it."""
        digits = [estimator(self.first.expand(n, -1), 1.0)]
        while len(digits) < LENGTH:
            digits.append(estimator(digits[-1].relaxed @ self.after, 1.0))
        hard, relaxed, log_prob = (
            torch.stack([getattr(digit, part) for digit in digits], 1) for part in ("hard", "relaxed", "log_prob")
        )
        return Draw(hard, relaxed, log_prob.sum(1))


class Judge(nn.Module):
    """The critic: one logit a sentence."""

    def __init__(self):
        super().__init__()
        hidden = nn.Linear(LENGTH * DIGITS, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2)
        self.net = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(64, 1))

    def forward(self, sample):
        return CriticOutput(self.net(sample[0]).squeeze(1))


def recipe(objective="relativistic_pairing", way="straight_through", steps=400, seed=0):
    """The generator, and a phase whose players take turns; `shares` gets the share in the language as it goes."""
    torch.manual_seed(seed)
    chain, estimator, shares = Chain(), ESTIMATORS[way], []
    adversary = Adversary(Judge(), OBJECTIVES[objective], {"slope": (finite_r1_r2, 0.1)})

    def critic_turn(real, step):
        return adversary.critic_losses((real,), (chain.draw(len(real), estimator).relaxed,), step)

    def generator_turn(real, step):
        draw = chain.draw(len(real), estimator)
        if way != "categorical":
            return adversary.generator_losses((real,), (draw.relaxed,))
        reward = adversary.logits((draw.hard,)).detach()  # no slope: the verdict as a reward, REINFORCE
        return {"policy": policy_gradient(draw.log_prob, leave_one_out(reward[None])[0]).mean()}

    def watch(step, logs):
        if step % 20 == 0:
            shares.append((step, counting(chain)[0]))

    critic, betas = adversary.critic, (0.5, 0.99)
    players = [
        Player("critic", critic, torch.optim.Adam(critic.parameters(), 2e-3, betas), critic_turn),
        Player("generator", chain, torch.optim.Adam(chain.parameters(), 2e-2, betas), generator_turn),
    ]
    batches = Shuffled(len(LANGUAGE) * 50, 128, seed, lambda rows: LANGUAGE[rows % len(LANGUAGE)])
    return chain, Phase("adversarial", players, batches, range(steps), [watch]), shares


@torch.no_grad()
def counting(chain, n=1000):
    """The share of draws in the language, and how many of its ten sentences are among them."""
    digits = chain.draw(n, ESTIMATORS["categorical"]).hard.argmax(-1)
    right = ((digits[:, 1:] - digits[:, :-1]) % DIGITS == 1).all(1)
    return right.float().mean().item(), len(digits[right, 0].unique())


# %% [markdown]
# That is all of it: a generator, a critic, what a turn of each is, and batches. `play` does the rest; only the
# parameters of the player whose turn it is may move. Watch the table of what follows what:


# %%
def said(chain, n=8):
    return " ".join("".join(map(str, row)) for row in chain.draw(n, ESTIMATORS["categorical"]).hard.argmax(-1).tolist())


chain, phase, shares = recipe()
_, axes = plt.subplots(1, 4, figsize=(11, 3))
for axis, (begin, end) in zip(axes, ((0, 0), (0, 50), (50, 120), (120, 400)), strict=True):
    play(phase.players, phase.batches, range(begin, end), phase.callbacks)
    axis.imshow(chain.after.detach().softmax(1), vmin=0, vmax=1, cmap="viridis")
    axis.set(title=f"after {end} steps", xlabel="next digit", xticks=range(10), yticks=range(10))
    print(f"after {end:>3} steps: {said(chain)}")
axes[0].set_ylabel("digit")
plt.show()

# %% [markdown]
# From noise to counting, by opinion alone. Now the two tables at work: the same recipe with every objective, the new
# one among them, and with every way of the gradient.

# %%
trials = {name: {"objective": name} for name in OBJECTIVES} | {way: {"way": way} for way in ESTIMATORS}
del trials["straight_through"]  # the default way is that of relativistic pairing among the objectives
_, axes = plt.subplots(1, 2, figsize=(11, 3.4), sharey=True)
rows = {}
for name, settings in trials.items():
    chain, phase, shares = recipe(**settings)
    play(phase.players, phase.batches, phase.steps, phase.callbacks)
    axes[int("way" in settings)].plot(*zip(*shares, strict=True), label=name)
    if name == "relativistic_pairing":
        axes[1].plot(*zip(*shares, strict=True), label="straight_through")
    rows[name] = dict(zip(("in the language", "of its ten sentences"), counting(chain), strict=True))
for axis, title in zip(axes, ("objectives (straight-through)", "ways (relativistic pairing)"), strict=True):
    axis.set(title=title, xlabel="step", ylim=(0, 1.02))
    axis.legend(fontsize="small")
axes[0].set_ylabel("share in the language")
pd.DataFrame(rows).T

# %% [markdown]
# They all arrive: on a language this small, with a slope penalty, the choice changes the pace and little else. That is
# no promise for yours, and one seed is no ranking. Break it to learn from it: leave the penalty out, make the critic's
# rate ten times larger, the sentences longer, or give the generator noise and one network in place of the chain, and
# see how many of the ten sentences survive.

# %% [markdown]
# ## A condition: ask for a logP, see what comes
#
# A recipe accepts conditions when it declares `context` and hands the context on: to the constructors of its networks
# (`context_features=space.context_features`) and to what samples from them. Batches carry the context already. In
# `molgan/recipes/autoregressive.py` that is about twenty lines of one file; here is what it gives after half a minute.
# `fit` takes the names of properties, `sample` takes values in their own units, and what is not named stays open.

# %%
import random

from rdkit import Chem
from rdkit.Chem import Crippen

from molgan import Config, MolGAN
from molgan.data import as_rows, embedded

molecules = random.Random(0).sample([text for text in as_rows(embedded()) if "+" not in text], 3000)
small = ["pretrain.steps=200", "pretrain.batch=96", "pretrain.lr=3e-3", "model.recurrent=128", "model.dropout=0"]
whole = ["average=0.98", "critic.pretrain=0", "critic.rejections=0", "data.hold_out=0", "device=cpu"]
gan = MolGAN(Config.load("qm9-growing", [*small, *whole])).fit(molecules, condition="logp", quiet=True)
asked = (-1.5, -0.5, 0.5, 1.5)
found = {
    logp: [Crippen.MolLogP(Chem.MolFromSmiles(text)) for text in gan.sample(200, condition={"logp": logp}) if text]
    for logp in asked
}
pd.DataFrame(
    {
        "logP obtained, mean": [pd.Series(found[logp]).mean() for logp in asked],
        "standard deviation": [pd.Series(found[logp]).std() for logp in asked],
    },
    index=pd.Index(asked, name="logP requested"),
).round(2)

# %% [markdown]
# **Where to go next.** A `Phase` is what `gancore.training.run.Training` plays in a run folder, with checkpoints,
# bit-for-bit resume and recovery from divergence; a recipe of that kind is a file in `molgan/recipes/` or
# `seqgan/recipes/`, and `CONTRIBUTING.md` says what it must have. `molgan/recipes/one_shot.py` is this notebook's
# recipe grown up. Why the ways differ is in `05_gradients`, what they do to training in `05b_games`.
