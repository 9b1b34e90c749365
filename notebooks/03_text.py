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
# - a generator of sentences, trained on a list of strings and sampled with a prefix and a temperature,
# - two GANs that start from it, a SeqGAN and a Gumbel-Softmax GAN, and a control without a critic,
# - the picture in which text generators are compared, **quality against diversity**, so that you can judge whether
#   adversarial training helps here.
#
# The idea. A *language model* learns to predict the next word of a sentence. To generate, it samples one
# word after another from its predictions. It is trained by **maximum likelihood**: the real next word becomes more
# likely. A *GAN* adds a second network, the **critic**. It sees real and generated sentences and learns to tell them
# apart. The generator is rewarded for sentences that the critic takes for real. Text is difficult for GANs because
# words are *discrete*: the critic's gradient cannot flow through a sampled word. `05_gradients` shows the ways
# around this.
#
# ## A list of strings
#
# Any list works: your own lines, a file (`fit("lines.txt")`, also .csv, .tsv, .parquet, .gz), or a data frame with a
# column `text`. The lines here come from a small grammar of English that is part of the library. So a program can
# check exactly whether a sentence is in the language, as RDKit checks whether a molecule is valid.

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
# Every text GAN starts as a language model and must be compared with it. `Config.load` takes a bundled configuration
# and your changes; the page *Settings* explains each setting. Lines are split into words unless
# `data.tokens` is `char`, `bpe`, `smiles` or `selfies`. A part of the lines is held out, for early stopping and for
# evaluation.

# %%
SIZES = ["model.embedding=32", "model.width=96"]
first = ["recipe=mle", "likelihood.epochs=12", "likelihood.lr=4e-3", "likelihood.lr_floor=0.05"]
likelihood = seqgan.SeqGAN(seqgan.Config.load("small", SIZES + first)).fit(lines)

# %%
likelihood.sample(8, prefix="the old")

# %% [markdown]
# The **temperature** divides the logits before each word is sampled. Below 1, the model prefers its most likely words;
# above 1, it takes more risks. It needs no training. So every claim of better samples must be compared with it.

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
# All three start from the generator above (`start=`, without likelihood epochs of their own). So they differ only in
# the adversarial phase.
#
# - **SeqGAN** (Yu et al. 2017) uses the critic's output as a reward: sample a sentence, and make its words more likely
#   if it scores better than others (REINFORCE). Which *word* was good? The paper completes every prefix many times
#   (rollouts). The critic here scores every prefix itself (`policy.reward="dense"`), which is much cheaper.
# - **Gumbel-Softmax**, as in RelGAN (Nie et al. 2019): the sample is relaxed so that the critic's gradient flows
#   through it into the generator. Here it is straight-through: discrete words with the gradient of the relaxed sample.
# - **The control**: the update of SeqGAN with a reward of 0.5 for every word and no critic. It has no baseline, as
#   published, and three times the learning rate, so that the effect shows in sixty steps. This reward teaches nothing.
#
# The two GANs keep the likelihood of real sentences in their loss, with weight 0.5, so that they stay near the data.

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
# `in the grammar` is the exact quality, and `distinct` the share of distinct sentences. `nats a word` is the negative
# log-likelihood of unseen sentences; lower is better. It says how much of the language the model covers, and does not
# depend on the samples.

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
# These are four points at temperature 1. They cannot be ranked: one model may have better quality only *because* it is
# less diverse. Caccia et al. (2020) vary the temperature and compare **curves**. The first picture shows exact quality;
# better is up and to the right. A share has a standard error of about 0.01 here, so compare whole curves. The second
# shows BLEU and Self-BLEU, the usual metrics, from `seqgan.metrics.evaluation` and `seqgan.metrics.plots`;
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
# ## Results over three seeds
#
# One run is one seed, and the results also depend on the number of threads. This table has seeds 0, 1 and 2, on one
# thread, at temperature 1. A share has a standard error of about 0.010.
#
# | | in the grammar | distinct | nats a word |
# |---|---|---|---|
# | likelihood | 0.805, 0.800, 0.797 | 0.981, 0.980, 0.982 | 1.896, 1.875, 1.887 |
# | SeqGAN | 0.817, 0.787, 0.785 | 0.973, 0.973, 0.989 | 1.910, 1.877, 1.890 |
# | Gumbel | 0.823, 0.825, 0.776 | 0.975, 0.980, 0.989 | 1.908, 1.886, 1.891 |
# | constant | 0.725, 0.590, 0.215 | 0.979, 0.987, 0.985 | 1.956, 1.970, 2.293 |
#
# With all three seeds:
#
# - **The GANs cannot be ranked against the model they started from.** In grammaticality and in diversity, each GAN is
#   above it with one seed and below it with another, by about as much as two samples of one model differ. Only the
#   likelihood of unseen sentences always changes, and it gets slightly worse: the GANs cover less of the language.
# - **The critic gives almost no signal.** Its accuracy, in the picture under the training cell, stays near 0.5: it
#   can hardly tell a real prefix from a generated one. A reward from it is close to a constant plus noise.
# - **The control shows what noise does.** With a constant reward and no critic, the generator gets worse: fewer
#   sentences are in the grammar, and it covers less of the language. How much worse depends on the seed, and so does
#   its diversity. With seeds 0 and 1, its BLEU at temperature 1 and below is *higher* than that of the model it
#   started from. By BLEU alone this would be reported as progress. With seed 2, BLEU is lower. `05b_games` shows the
#   same with 64 words, where it can be computed exactly. The default baseline (leave-one-out) cancels equal rewards;
#   with it, the generator would not change at all.
# - **BLEU misses errors.** At temperature 1, the likelihood model lies next to the star of real texts, although many
#   of its sentences are wrong. Every four words may be correct while the whole sentence is not.
#
# This is a small example. With larger networks and more steps, a dense critic together with the likelihood gains
# a little on this grammar, about as much as a second layer gains at lower cost. On the published benchmark, no critic
# is better than a likelihood model with early stopping (`docs/text-experiments.md`). The useful part
# is the reward: anything that can be *computed* from a sentence can take the critic's place.
#
# ## All metrics
#
# `evaluate` compares a model with held-out real lines; `seqgan.evaluate` does so for any list of strings. Every metric
# has an interval.

# %%
models["SeqGAN"].evaluate(1000, reference=unseen)

# %% [markdown]
# Compare *bleu* and *self-bleu* with *reference-self-bleu*, the Self-BLEU of real lines. *novel*
# and *copied* say how much the model repeats of its training lines. *tell-apart* is the accuracy of a classifier that
# separates real from generated text; 0.5 is chance.
#
# **Where to go next.** `04_smiles` uses a chemist's score as the reward. `05_gradients` and `05b_games` explain
# how the gradient estimators differ. On the command line, `seqgan demo` is this notebook at full size, and `seqgan
# train --data lines.txt --out runs/y` trains on your own lines. In Python, `text.save_pretrained(folder)` writes a
# model to share. `docs/text-experiments.md` has all experiments, including failed ones.
