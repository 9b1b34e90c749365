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
# # A text GAN in ten minutes
#
# At the end of this notebook you will have
#
# - a generator of sentences trained on a list of strings, and drawn from with a prefix and a temperature,
# - two GANs made of it, SeqGAN and a Gumbel-Softmax one, and a control that has no critic at all,
# - the one picture on which text generators can be compared, **quality against diversity**, and an opinion of your own
#   on whether the adversary earned its place here.
#
# The idea from nothing. A *language model* reads sentences and learns to guess the next word; to write, it draws one
# word after another from its guesses. It is trained by **likelihood**: make the real next word likelier. A *GAN* adds a
# judge, the **critic**, that is shown real and generated sentences and learns to tell them apart, and the generator is
# rewarded for sentences that pass. What makes text hard is that words are *chosen*, and a choice has no slope that a
# critic could push along; `05_gradients` is about the ways around that.
#
# ## A list of strings
#
# Any will do: your own lines, a file (`fit("lines.txt")`, also .csv, .tsv, .parquet, .gz), a frame with a column
# `text`. Ours come from a small grammar of English that is part of the library, for one reason: whether a sentence is
# *in the language* is then a fact and not an opinion, as validity is for molecules.

# %%
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Image

import seqgan
from gancore.statistics.intervals import wilson_interval
from seqgan.data.grammar import english
from seqgan.metrics.evaluation import temperature_sweep
from seqgan.metrics.plots import sweep_curve
from seqgan.networks.generator import nll

plt.rcParams |= {"figure.dpi": 75, "figure.constrained_layout.use": True, "legend.frameon": False}
pd.set_option("display.max_colwidth", None)
grammar = english()
lines = grammar.sample(4000)  # your own: lines = open("lines.txt").read().splitlines()
unseen = grammar.sample(1000, seed=2)
print("\n".join(lines[:6]))
grammar.contains(["the dog sleeps .", "the dog sleep .", "an owl thinks that ben waits .", "a owl waits ."])

# %% [markdown]
# ## Likelihood first
#
# Every text GAN begins as a language model, and is to be judged against it. `Config.load` takes a bundled configuration
# and what you change of it; each setting is explained in `seqgan/config.py`. Lines are split into words unless
# `data.tokens` says `char`, `bpe`, `smiles` or `selfies`; a part is kept from training to stop on and to judge by.

# %%
SIZES = ["model.embedding=32", "model.width=96"]
first = ["recipe=mle", "likelihood.epochs=12", "likelihood.lr=4e-3", "likelihood.lr_floor=0.05"]
likelihood = seqgan.SeqGAN(seqgan.Config.load("small", SIZES + first)).fit(lines)

# %%
likelihood.sample(8, prefix="the old")

# %% [markdown]
# The **temperature** divides the logits before each draw: below 1 the model says what it is surest of, above 1 it takes
# risks. It costs nothing, needs no training, and is the rival that every claim of better samples has to beat.

# %%
rows = {}
for temperature in (0.5, 1.0, 1.5):
    texts = likelihood.sample(500, temperature=temperature)
    right = grammar.contains(texts)
    rows[temperature] = {
        "in the grammar": right.mean(),
        "distinct": len(set(texts)) / len(texts),
        "a sentence": texts[3],
    }
pd.DataFrame(rows).T.rename_axis("temperature")

# %% [markdown]
# ## Two GANs and a control
#
# All three start from the generator above (`start=`, with no likelihood epochs of their own), so that what differs is
# what came after.
#
# - **SeqGAN** (Yu et al. 2017) treats the critic's verdict as a reward: draw a sentence, make its words likelier if it
#   was judged better than others (REINFORCE). Which *word* was good? The paper completes every prefix many times
#   (rollouts); the critic here judges every prefix itself (`policy.reward="dense"`), at a fraction of the cost.
# - **Gumbel-Softmax**, as in RelGAN (Nie et al. 2019): the draw is softened so that the critic's slope flows through it
#   into the generator; here straight-through, hard words with the soft gradient.
# - **The control**: SeqGAN's own update, without baseline as published and at three times the rate, so that it shows in
#   sixty steps, on a reward of .5 for every word. There is no critic. Nothing can be learnt from it.
#
# The two GANs keep the likelihood of real sentences in their loss, with weight .5, as an anchor.

# %%
TUNE = [*SIZES, "likelihood.epochs=0", "steps=60", "lr=3e-4", "critic.pretrain=60", "critic.steps=1"]
KINDS = {
    "SeqGAN": ["policy.likelihood=0.5", "critic.pretrain=250", "critic.steps=2", "critic.lr=2e-3"],
    "Gumbel": [
        *("recipe=gumbel", "relax.estimator=straight_through", "relax.sharpness=1", "relax.likelihood=0.5"),
        *("critic.kind=textcnn", "critic.filters=0.25"),
    ],
    "constant": [
        "policy.reward=constant",
        "critic.kind=textcnn",
        "policy.likelihood=0",
        "policy.baseline=none",
        "lr=1e-3",
    ],
}
models = {"likelihood": likelihood}
for name, settings in KINDS.items():
    config = seqgan.Config.load("small", TUNE + settings)
    models[name] = seqgan.SeqGAN(config).fit(lines, start=likelihood, quiet=name != "SeqGAN")

# %% [markdown]
# ## One number is not enough
#
# `in the grammar` is exact quality; `distinct` is the share of different sentences; the likelihood of unseen sentences
# (`nats a word`, lower is better) says how much of the language is still covered, and no sample can flatter it.

# %%
N, TEMPERATURES = 1500, (1.2, 1.0, 0.85, 0.7)
draws = {(name, t): model.sample(N, temperature=t) for name, model in models.items() for t in TEMPERATURES}
rows = {}
for name, model in models.items():
    texts = draws[name, 1.0]
    share = wilson_interval(int(grammar.contains(texts).sum()), N)
    rows[name] = {
        "in the grammar": f"{share.value:.3f} ({share.low:.3f}-{share.high:.3f})",
        "distinct": f"{len(set(texts)) / N:.3f}",
        "nats a word": f"{nll(model.recipe.averaged.average, model.corpus.held_out):.3f}",
        "a sentence": texts[5],
    }
pd.DataFrame(rows).T

# %% [markdown]
# At temperature 1 these are four points, and four points cannot be ranked: one may be better *because* it dares less.
# Caccia et al. (2020) sweep the temperature and compare **curves**. First in exact quality, where better is up and to
# the right (a share has a standard error of about a hundredth here, so look at whole curves); then by BLEU and
# Self-BLEU, the measures of the literature, from `seqgan.metrics.evaluation` and `seqgan.metrics.plots`, where
# better is down and to the left.

# %%
_, axis = plt.subplots(figsize=(6.5, 4.5))
for (name, _model), style in zip(models.items(), ("k-o", "C3-o", "C0-o", "C1--o"), strict=True):
    right = [grammar.contains(draws[name, t]).mean() for t in TEMPERATURES]
    axis.plot([len(set(draws[name, t])) / N for t in TEMPERATURES], right, style, markersize=4, label=name)
real = grammar.sample(N, seed=3)
axis.plot(len(set(real)) / N, 1.0, "k*", markersize=12, label="the grammar itself")
axis.set(xlabel="distinct (more diverse)", ylabel="in the grammar (better)")
axis.legend()
plt.show()

# %%
sweeps = {
    name: temperature_sweep(lambda t, name=name: draws[name, t], unseen, TEMPERATURES, order=4) for name in models
}
ours = temperature_sweep(lambda t: real, unseen, (1.0,)).iloc[0]
sweep_curve(sweeps, "sweep.png", (ours.bleu, ours.self_bleu))
Image("sweep.png", width=500)

# %% [markdown]
# ## What it teaches
#
# One run is one seed, and another number of threads is another run. These are the seeds 0, 1 and 2 of `seed`, on one
# thread, at temperature 1; a share has a standard error of about 0.010.
#
# | | in the grammar | distinct | nats a word |
# |---|---|---|---|
# | likelihood | 0.805, 0.800, 0.797 | 0.981, 0.980, 0.982 | 1.896, 1.875, 1.887 |
# | SeqGAN | 0.817, 0.787, 0.785 | 0.973, 0.973, 0.989 | 1.910, 1.877, 1.890 |
# | Gumbel | 0.823, 0.825, 0.776 | 0.975, 0.980, 0.989 | 1.908, 1.886, 1.891 |
# | constant | 0.725, 0.590, 0.215 | 0.979, 0.987, 0.985 | 1.956, 1.970, 2.293 |
#
# What holds in all three:
#
# - **The GANs cannot be ranked against the model they began as.** In the grammar and in diversity each is above it with
#   one seed and below it with another, by about what two draws of one model differ by. The likelihood of unseen
#   sentences is the one figure that always moves, and it gets a little worse: some of the language is given up.
# - **The critic has nothing to say.** Its accuracy, in the picture under the training cell, stays near one half: it
#   hardly tells a real beginning from a generated one. A reward from it is close to a constant, and noise.
# - **The control shows what noise does.** Without a critic, from a reward that is the same for all, the generator gets
#   worse: less of it is in the grammar, and it knows less of the language. How much worse is a matter of the seed, and
#   so is its diversity. With seeds 0 and 1 its BLEU at temperature 1 and below is *higher* than that of the model it
#   came from, so by BLEU alone this would be reported as progress; with seed 2 it is lower. `05b_games` shows the same
#   in 64 words, where it can be computed. The baseline that is the default (leave-one-out) cancels equal rewards, and
#   the generator would not move at all.
# - **BLEU sees little.** At temperature 1 the likelihood model lies next to the star of real texts, though many of its
#   sentences are wrong. Every phrase of four words may be fine and the sentence still not agree with itself.
#
# This is a toy. With larger networks and more steps a dense critic beside the likelihood does gain
# something small on this grammar, about what a second layer gains for less; on the published benchmark no critic has
# earned its place beside a likelihood model that was stopped in time (`docs/text-experiments.md`). What is worth
# having from this machinery is the reward: anything that can be *computed* from a sentence can be put in the critic's
# place.
#
# ## The whole table
#
# `evaluate` judges a model, or with `seqgan.evaluate` any list of strings, beside real lines it was not trained on;
# every figure has an interval.

# %%
models["SeqGAN"].evaluate(1000, reference=unseen)

# %% [markdown]
# *bleu* and *self-bleu* are to be read beside *reference-self-bleu*, which real lines have among themselves; *novel*
# and *copied* say how much is repeated from the training lines; *tell-apart* is the accuracy of a classifier between
# real and generated, one half where it cannot.
#
# **Where to go next.** `04_smiles` puts a chemist's score in the critic's place. `05_gradients` and `05b_games` explain
# why the ways of a gradient differ. On the command line, `seqgan demo` is this notebook at full size, `seqgan train
# --data lines.txt --out runs/y` trains on your own lines, and `text.save_pretrained(folder)` writes a model to share.
# `docs/text-experiments.md` has all that was tried, failures included.
