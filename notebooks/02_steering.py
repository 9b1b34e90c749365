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
# # Tune a generator with a reward
#
# **What you will have at the end:** a score of your own, as a dozen lines of TOML that you can check as a sentence;
# one generator, tuned with this score in six ways; a table that counts new molecules with a high score; and a
# picture of *reward hacking*: the run with the highest reward is the least useful one.
#
# **The idea.** A trained generator draws molecules like its training molecules. To get molecules that *you*
# prefer, give each sample a number, the *reward*. Training then makes samples with a high reward more likely and
# samples with a low reward less likely. This is the policy gradient (REINFORCE, Williams 1992). It needs no
# gradient of the score, so the score can be anything that gives a number: a formula, a docking
# program, a colleague's model.
#
# This is also the problem. The network does not know what you meant by the number. If four molecules score best, the
# shortest way to a high mean reward is to draw only those four.

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
# A score combines *properties*. A *desirability* maps each property to [0, 1], and the *aggregate* combines the
# desirabilities.
#
# Suppose we look for small, soluble fragments that can be made. QM9, the data here, has many strained cages
# that cannot. So the score has three components: easy to make (SA, the synthetic accessibility score of Ertl and
# Schuffenhauer: 1 is easy, 10 is hard), neither too lipophilic nor too polar (logP from 0 to 2), and no
# three-membered ring. With the *geometric* mean, all three are required: if one is 0, the score is 0.

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
# Check that this sentence says what you mean before you train on it. These are the desirability curves:

# %%
figure, axes = plt.subplots(1, 3, figsize=(10, 2.2), layout="constrained")
for axis, component, ends in zip(axes, scorer.definition.components, ((0, 10), (-3, 5), (0, 3)), strict=True):
    values = np.linspace(*ends, 301)
    axis.plot(values, component.desirability(values))
    axis.set(xlabel=component.title, ylim=(-0.05, 1.05))
    axis.spines[["top", "right"]].set_visible(False)
_ = axes[0].set_ylabel("desirability")

# %% [markdown]
# Then try the score on molecules that you know. `frame` gives each component's value and desirability, and the reason
# if a string has no score.

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
# Phenol and cyclohexanol score well, octane is too lipophilic, glycerol is too polar, and the epoxide gets 0. The cage
# is hard to make, but its other two components are at 1, so the mean gives it a medium score. If you do not want that,
# give `sa` more weight (`weight = 2`) or a steeper curve. Here we keep the score, and call only molecules with 0.7 or
# more a *hit*.
#
# ## 2. The same start for all runs
#
# For a fair comparison, all runs start from the same generator. It is trained for a short time on ten
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
# `steer` copies the folder of that run and continues in the copy with other settings (`force` allows this). In your
# own work, one `fit` with a reward does all of it.
#
# In every training step, about 64 molecules are drawn for the reward, four for each random input. The advantage of
# each is its score minus the mean score of the other three. Three other terms of the loss keep the generator close to
# the data: the critic, a share of the reconstruction loss (`bound`), and the KL divergence from the generator's own
# moving average (`reward.kl`).

# %%
STEPS = 100


def steer(name, *overrides, quiet=True):
    shutil.copytree("runs/start", f"runs/{name}")
    config = molgan.Config.load("qm9", [*base, f"steps={STEPS}", *overrides])
    return molgan.MolGAN(config).fit(data, out=f"runs/{name}", resume=True, force=True, quiet=quiet)


gans = {"start": start}
gans["gentle"] = steer("gentle", "reward.weight=5", quiet=False)

# %% [markdown]
# *score* in the picture is the mean score of the samples in each step. It rises within seconds. Five more runs follow:
# from no reward to a far too large weight, and two with a large weight and a safeguard (explained below):

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
# ## 3. Results
#
# From each generator, 2,000 samples. The most important column is **hits**: *distinct* molecules, not in the training
# set, with a score of 0.7 or more. Papers usually report `mean score`.

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
# Without a reward, adversarial training continues and moves the score towards that of QM9 itself, as it should.
# With a gentle reward, the score rises, uniqueness falls a little, and there are many more hits. With more weight, the
# mean score rises further (to the left and upwards in the picture), but there are fewer hits: **the
# generator with the highest mean score has the fewest hits.** This is reward hacking. These are its samples, with the
# number of times that each occurs:

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
# The scores are correct, and the definition has no error: a plain chain *is* easy to
# make, has a medium logP, and has no small ring. But the mean score does not show that a thousand copies of one
# molecule are worth no more than one. So report hits, or `unique` with the mean, never the mean alone. And add a
# watch rule:
#
# ```toml
# [[watch]]
# figure = "sample/unique"
# below = 0.7
# readings = 2
# action = "roll_back"
# ```
#
# ## 4. A large weight with safeguards
#
# * **A diversity filter** (`reward.diversity`, Blaschke et al. 2020) rewards the same molecule only a few times.
#   `by` says what counts as the same: identity, scaffold, or similarity. *filtered* above has the large weight of
#   *greedy*, a filter that rewards each molecule three times, and the critic, bound and KL divergence of the
#   other runs.
# * **Experience replay** (`reward.replay`, hill climbing) keeps the best molecules so far, and the generator learns
#   from them again as if they were data. *filter and memory* has both, with a smaller weight.
#
# The first dozen hits among the samples of *filter and memory*, in no particular order:

# %%
distinct = list(dict.fromkeys(filter(None, drawn["filter and memory"])))
scores = scorer(distinct)
hits = [(text, f"score {score:.2f}") for text, score in zip(distinct, scores, strict=True) if score >= GOOD][:12]
molecule_grid([text for text, _ in hits], [legend for _, legend in hits], Path("hits.png"))
Image("hits.png", width=900)

# %% [markdown]
# The hits are diverse but far from perfect: imines, a ketene, oxygen bound to nitrogen. They score well, but a
# medicinal chemist would reject them. The score does not penalise such groups. This is the usual way to work: look at
# the samples, find what the score lacks, add it (here, `property = "alerts"` with `sets = ["BRENK"]`), train again.
#
# The components show where each generator gained its score, and the elements show what it lost. The
# score does not mention nitrogen or fluorine, so the generator may lose them. The greedy run has almost no nitrogen,
# and fluorine, rare in the data, is lost in every run with a reward.

# %%
parts = {}
for name, smiles in drawn.items():
    frame = scorer.frame(list(filter(None, smiles)))
    parts[name] = {title: frame[f"{title}.desirability"].mean() for title in ("sa", "logp", "ring of three")}
    made = composition(smiles)
    parts[name] |= {f"{symbol} a molecule": made.get(symbol, 0) for symbol in "CNOF"}
pd.DataFrame(parts).T.style.format(precision=2)

# %% [markdown]
# ## Summary
#
# * Start with a small weight, and raise it as long as the number of hits rises. This page has one seed and two minutes
#   of training, so small differences in the table may be chance. The collapse of the greedy run is not.
# * Keep at least one term that holds the generator near the data: the critic, the bound or the KL divergence. *greedy*
#   has none of them.
# * If the reward is slow (docking, a service), limit the number of molecules scored: `Scorer(...,
#   cache=..., budget=...)`.
#
# ## Where next
#
# * **Stages**: `[[reward.stages]]` gives easier scores first, each with the mean at which the next begins.
# * **Your own model as a component**: `property = "plugin"`, a function, a program or a service; `docs/plugins.md`
#   has AutoDock Vina and scikit-learn.
# * **[04_smiles](04_smiles.ipynb)** does the same with SMILES strings, **[06_extend](06_extend.ipynb)** adds a
#   property of your own, **[07_judge](07_judge.ipynb)** evaluates samples.
