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
# # Steer by reward
#
# **What you will have at the end:** a score of your own, as a dozen lines of TOML that you can check as a sentence;
# one generator, steered by it in six ways; a table that counts what you wanted, new molecules that score well; and a
# picture of *reward hacking*: the run with the highest reward is the one you would throw away.
#
# **The idea, from nothing.** A trained generator draws molecules like those it has seen. To get molecules that *you*
# like better, give each draw a number, the *reward*, and change the network so that draws with a high reward become
# likelier and those with a low one less likely. That is all of the policy gradient (REINFORCE, Williams 1992): no
# gradient of the score itself is needed, so the score can be anything that gives a number: a formula, a docking
# program, a colleague's model.
#
# And that is the trouble. The network does not know what you meant by the number. If four molecules score best, the
# shortest way to a high mean reward is to draw those four for ever.

# %%
import random
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Image

import molgan
from gancore.runs.compare import Run
from molgan.data.dataset import MoleculeDataset, as_rows, embedded
from molgan.library.plots import molecule_grid
from molgan.metrics import composition
from molgan.scoring.scorer import Scorer

# %% [markdown]
# ## 1. A score
#
# A score is made of *properties*; of each, how much is wanted (*desirability*, from 0 to 1); and how that is brought
# together (*aggregate*).
#
# Suppose we look for small, soluble fragments that somebody could make. QM9, the data here, is full of strained cages
# that nobody could. So: easy to make (SA, the synthetic accessibility score of Ertl and Schuffenhauer: 1 is easy, 10
# is hard), neither greasy nor too polar (logP from 0 to 2), and no ring of three at all. The *geometric* mean makes
# each of them a must: a single 0 makes the score 0.

# %%
Path("fragment.toml").write_text(
    """\
[score]
aggregate = "geometric"

[[score.components]]
property = "sa"
desirability = { shape = "minimize", low = 1, high = 7 }

[[score.components]]
property = "logp"
desirability = { shape = "range", low = 0, high = 2, width = 0.5 }

[[score.components]]
property = "substructure"
name = "ring of three"
smarts = "*1**1"
desirability = { shape = "step", midpoint = 1, direction = "falling" }
""",
    encoding="utf-8",
)
scorer = Scorer("fragment.toml")
print(scorer.definition)

# %% [markdown]
# Read that sentence aloud to a colleague before spending a GPU on it. The curves behind it:

# %%
figure, axes = plt.subplots(1, 3, figsize=(10, 2.2), layout="constrained")
for axis, component, ends in zip(axes, scorer.definition.components, ((0, 10), (-3, 5), (0, 3)), strict=True):
    values = np.linspace(*ends, 301)
    axis.plot(values, component.desirability(values))
    axis.set(xlabel=component.title, ylim=(-0.05, 1.05))
    axis.spines[["top", "right"]].set_visible(False)
_ = axes[0].set_ylabel("desirability")

# %% [markdown]
# Then try it on molecules that you have an opinion about. `frame` tells each component's number, how much it is
# wanted, and why a string has no score.

# %%
known = {
    "cyclohexanol": "OC1CCCCC1",
    "phenol": "Oc1ccccc1",
    "octane": "CCCCCCCC",
    "an epoxide": "CC1OC1CC",
    "glycerol": "OCC(O)CO",
    "a cage": "C1C2CC3OC1N23",
    "a typing error": "C1CCC",
}
table = scorer.frame(list(known.values()))
table.insert(0, "molecule", list(known))
table.style.format(precision=2)

# %% [markdown]
# Phenol and cyclohexanol do well, octane is too greasy, glycerol too polar, the epoxide is out. And the cage? It is
# hard to make, yet the other two components are at 1, and the mean lets it off with a middling score. If that is not
# what was meant, give `sa` more weight (`weight = 2`) or a steeper curve; here we live with it, and will call a *hit*
# only what scores 0.7 or more.
#
# ## 2. One start for all
#
# To compare ways of steering fairly, all of them go on from the same generator, trained for a short time on ten
# thousand molecules without any reward.

# %%
rows = random.Random(0).sample(as_rows(embedded()), 10_000)
data = MoleculeDataset.from_smiles(rows, min_atom_share=0.005)
base = [
    *("batch=64", "average=0.97", "monitor_every=20", "log_every=10", "checkpoint.every=100000"),
    *("pretrain.steps=1000", "pretrain.batch=128", "reward.score=fragment.toml"),
]
start = molgan.MolGAN(molgan.Config.load("qm9", [*base, "steps=0"])).fit(data, out="runs/start")

# %% [markdown]
# `steer` copies that run's folder and goes on in the copy with other settings (`force` is needed for that: the folder
# remembers that they were others). In your own work one `fit` with a reward does all of it.
#
# In every turn some 64 molecules are drawn for the reward, four for each random input, and each is paid by how much
# it scores above the mean of the other three. Beside the reward, three things pull back towards the data: the critic,
# a share of the reconstruction loss (`bound`), and the divergence from the generator's own recent average
# (`reward.kl`).

# %%
STEPS = 100


def steer(name, *overrides, quiet=True):
    shutil.copytree("runs/start", f"runs/{name}")
    config = molgan.Config.load("qm9", [*base, f"steps={STEPS}", *overrides])
    return molgan.MolGAN(config).fit(data, out=f"runs/{name}", resume=True, force=True, quiet=quiet)


gans = {"start": start}
gans["gentle"] = steer("gentle", "reward.weight=5", quiet=False)

# %% [markdown]
# *score* in the picture is the mean score of the draws in each turn. It rises within seconds; so far, so good. Five
# more, from no reward to far too much of it, and two that are greedy but under control (explained below):

# %%
ways = {
    "no reward": ["reward.weight=0"],
    "firm": ["reward.weight=10"],
    "greedy": ["reward.weight=30", "reward.kl=0", "reward.critic=0", "bound=0"],
    "filtered": ["reward.weight=30", "reward.diversity.by=identity", "reward.diversity.bucket=3"],
    "filter and memory": [
        *("reward.weight=10", "reward.diversity.by=identity", "reward.diversity.bucket=2"),
        *("reward.replay.size=500", "reward.replay.batch=32", "reward.replay.weight=0.3"),
    ],
}
gans |= {name: steer(name, *overrides) for name, overrides in ways.items()}
print(f"molecules scored in each run: at most {STEPS * 64:,}")

# %% [markdown]
# ## 3. What came of it
#
# Of each generator, 2,000 draws. The column to look at is **hits**: *distinct* molecules, not in the training set,
# that score 0.7 or more. `mean score` is what a reward is usually reported by.

# %%
DRAWS, GOOD = 2000, 0.7
trained = set(data.smiles)


def account(smiles):
    distinct = list(dict.fromkeys(filter(None, smiles)))
    good = {text for text, score in zip(distinct, scorer(distinct), strict=True) if score >= GOOD}
    return {
        "mean score": np.nanmean(scorer(list(filter(None, smiles)))),
        "unique": len(distinct) / len(smiles),
        "novel": len(set(distinct) - trained) / len(distinct),
        "hits": len(good - trained),
    }


drawn = {name: gan.sample(DRAWS, seed=0) for name, gan in gans.items()}
rows = {"QM9 itself": account(data.smiles[:: len(data) // DRAWS][:DRAWS])}
results = pd.DataFrame(rows | {name: account(smiles) for name, smiles in drawn.items()}).T
results.style.format({"mean score": "{:.2f}", "unique": "{:.2f}", "novel": "{:.2f}", "hits": "{:.0f}"}).bar(
    subset=["hits"], color="#9ecae1"
)

# %%
colours = {name: f"C{number}" for number, name in enumerate(gans)}
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
for name, row in results.drop("QM9 itself").iterrows():
    left.scatter(row["unique"], row["mean score"], s=20 + row["hits"] / 3, alpha=0.6, color=colours[name])
    beside = {"gentle": (-14, -12, "right"), "filter and memory": (0, -24, "center"), "greedy": (8, -4, "left")}
    x, y, side = beside.get(name, (-14, -3, "right"))
    left.annotate(name, (row["unique"], row["mean score"]), xytext=(x, y), textcoords="offset points", ha=side)
left.set(xlabel="unique", ylabel="mean score of the draws", xlim=(-0.05, 1.15), ylim=(0.25, 1.05))
left.set_title("reward against uniqueness; areas: hits", fontsize=10)
for name in ("no reward", "gentle", "firm", "greedy", "filtered"):
    right.plot(*zip(*Run.read(f"runs/{name}").curves["sample/unique"], strict=True), color=colours[name], label=name)
right.set(xlabel="step", ylabel="sample/unique", xlim=(1000, 1000 + STEPS), ylim=(0, 1.05))
right.set_title("what the monitor saw while training", fontsize=10)
right.legend(frameon=False, fontsize=8)
for axis in (left, right):
    axis.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# Without a reward, the game goes on and moves the score towards that of QM9 itself, cages and all: that is its task.
# With a gentle reward the score rises, some uniqueness goes, and there are many more hits. With more weight the mean
# score goes on rising, to the left and upwards in the picture, while there is less and less to be had: **the
# generator with the highest mean score has the fewest hits.** That is reward hacking. Its draws, with how often each
# came up:

# %%
counts = pd.Series(list(filter(None, drawn["greedy"]))).value_counts()
most = counts.head(12)
scores = scorer(list(most.index))
molecule_grid(
    list(most.index),
    [f"{count} times, score {score:.2f}" for count, score in zip(most, scores, strict=True)],
    Path("greedy.png"),
)
print(f"{len(counts)} distinct molecules in {DRAWS:,} draws")
Image("greedy.png", width=900)

# %% [markdown]
# Nothing is wrong with the score of any of them, and the definition has no error in it: a plain chain *is* easy to
# make, of middling logP, and free of small rings. A mean of a score just cannot see that a thousand copies of one
# molecule are worth one molecule. So report hits, or `unique` beside the mean, never the mean alone; and let a rule
# watch over it:
#
# ```toml
# [[watch]]
# figure = "sample/unique"
# below = 0.7
# readings = 2
# action = "roll_back"
# ```
#
# ## 4. Greedy, but under control
#
# * **A diversity filter** (`reward.diversity`, Blaschke et al. 2020) pays for a molecule a few times, then no more.
#   `by` says what counts as the same: identity, scaffold, or similarity. *filtered* above has the heavy weight of
#   *greedy* and a filter that pays for each molecule three times (and the critic, bound and divergence of all the
#   others).
# * **A memory** (`reward.replay`, hill climbing) keeps the best molecules so far, and the generator learns from them
#   again as if they were data: good finds are not forgotten. *filter and memory* has both, at a smaller weight.
#
# The first dozen hits among the draws of *filter and memory*, in no order:

# %%
distinct = list(dict.fromkeys(filter(None, drawn["filter and memory"])))
scores = scorer(distinct)
hits = [(text, f"score {score:.2f}") for text, score in zip(distinct, scores, strict=True) if score >= GOOD][:12]
molecule_grid([text for text, _ in hits], [legend for _, legend in hits], Path("hits.png"))
Image("hits.png", width=900)

# %% [markdown]
# Varied, and far from perfect: imines, a ketene, oxygen bound to nitrogen. Each of them scores well, and a medicinal
# chemist would strike it out. The score was not asked to mind. That is the usual course of things: look at what came
# out, find what you forgot to say, add it (here, `property = "alerts"` with `sets = ["BRENK"]`), train again.
#
# The components tell where each generator found its reward, and the elements tell what was paid with. Nothing in the
# score speaks of nitrogen or fluorine, and what is not asked for may go: the greedy run has next to no nitrogen left,
# and fluorine, rare in the data, is lost wherever there is a reward.

# %%
parts = {}
for name, smiles in drawn.items():
    frame = scorer.frame(list(filter(None, smiles)))
    parts[name] = {title: frame[f"{title}.desirability"].mean() for title in ("sa", "logp", "ring of three")}
    made = composition(smiles)
    parts[name] |= {f"{symbol} a molecule": made.get(symbol, 0) for symbol in "CNOF"}
pd.DataFrame(parts).T.style.format(precision=2)

# %% [markdown]
# ## What to take along
#
# * Start with a gentle weight, and raise it while hits rise. One seed and two minutes of training stand behind this
#   page, so take the order of neighbours in the table with a grain of salt; the greedy run's fate is not a matter of
#   chance.
# * Keep something that pulls back: the critic, the bound, the divergence. Leaving out all three is how *greedy* was
#   made.
# * When the reward is the bottleneck (docking, a service), the number of molecules scored counts: `Scorer(...,
#   cache=..., budget=...)`.
#
# ## Where next
#
# * **Stages**: `[[reward.stages]]` gives easier scores first, each with the mean at which the next begins.
# * **Your own model as a component**: `property = "plugin"`, a function, a program or a service; `docs/plugins.md`
#   has AutoDock Vina and scikit-learn.
# * **[04_smiles](04_smiles.ipynb)** does the same with SMILES strings, **[06_extend](06_extend.ipynb)** adds a
#   property of your own, **[07_judge](07_judge.ipynb)** judges what came out.
