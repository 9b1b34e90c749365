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
# # SMILES as text, tuned on chemistry
#
# At the end of this notebook you will have
#
# - a small generator of molecules that writes them letter by letter, and its share of valid ones,
# - the same generator **tuned on drug-likeness** (QED) by a reward that knows chemistry and has no gradient,
# - a picture of what the reward buys and what it costs, molecules to look at, and one run in which the reward was left
#   to itself, so that you recognise it when you meet it.
#
# The idea from nothing. A SMILES writes a molecule as a line of text: `CCO` is ethanol, `c1ccncc1` pyridine. A
# *language model* learns such lines by guessing the next token, and draws new ones token by token. It knows no
# chemistry: some of its lines are no molecules, and it likes what its data hold. A **reward** is any function from
# strings to numbers in [0, 1]. It cannot be differentiated, and need not be: draw molecules, score them, make the
# tokens of the better ones likelier (REINFORCE, Williams 1992; mixed with a critic as in ORGAN, Guimaraes et al. 2017).
# What keeps this from running away is an **anchor**: the likelihood of real molecules, or the distance from the model
# that it began as.

# %%
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import molgan
import seqgan
from molgan.data.dataset import embedded, read_rows
from molgan.library.collect import Draws
from molgan.scoring.scorer import Scorer, property_row

plt.rcParams |= {"figure.dpi": 75, "figure.constrained_layout.use": True, "legend.frameon": False}
everything = [smiles for _, smiles in read_rows(embedded())]  # QM9; your own: a list, or a file for fit
small = [smiles for smiles in everything if sum(letter in "CNOFcno" for letter in smiles) <= 8]
data = [small[row] for row in np.random.default_rng(0).permutation(len(small))[:8000]]
print(f"{len(data):,} of the {len(small):,} molecules of QM9 with at most eight heavy atoms")
Draws(data[:6])

# %% [markdown]
# ## A model of the lines
#
# `data.tokens="smiles"`, which the bundled configuration sets, splits lines into atoms, bonds and ring closures (`Cl`
# stays one token). This is a toy of its kind: a real one has 512 units and all of QM9 (`docs/text-experiments.md`).

# %%
SIZES = ["model.embedding=32", "model.width=128"]
first = ["recipe=mle", "likelihood.epochs=10", "likelihood.batch=64", "likelihood.lr=4e-3"]
before = seqgan.SeqGAN(seqgan.Config.load("smiles", SIZES + first)).fit(data)

# %%
N = 2000
texts = {"before": before.sample(N)}
figures = molgan.evaluate(texts["before"], train=everything)
figures.to_frame().loc[["connected", "unique", "novel", "product"]].round(3)

# %% [markdown]
# *connected* is strict validity (RDKit reads it, one fragment, no wildcard), *unique* and *novel* (here: not in QM9)
# are of the valid ones, *product* is the three multiplied. Some of the lines that are no molecules, and why:

# %%
scorer = Scorer("qed", processes=0)  # 0: RDKit works in this process, which is enough for a few thousand
scored = scorer.frame(texts["before"])
failed = scored.assign(text=texts["before"]).query("reason != ''")
failed[["text", "reason"]].head(5)

# %% [markdown]
# ## The reward
#
# `Scorer` is a `Reward`: strings in, a number in [0, 1] each, NaN where there is no molecule (which trains as 0).
# Names, TOML files and definitions in Python make other scores (`06_extend`); any function of a list of strings will do
# too, `lambda strings: my_model.predict(strings)`.

# %%
print(scorer.definition)
pd.DataFrame({"SMILES": (some := ["CCO", "c1ccncc1", "O=C1NC=CC=C1", "CC(C", "FC(F)(F)C"]), "QED": scorer(some)}).round(
    3
)

# %% [markdown]
# ## Tuning
#
# `start=` goes on from a trained model, `reward.weight=0.9` mixes nine parts of QED with one of a critic that tells
# real from generated. Three runs that differ in the anchor alone: `policy.likelihood` is the weight of the likelihood
# of real molecules in the loss, `policy.kl` that of the divergence from the model before, on its own draws.

# %%
TUNE = ["likelihood.epochs=0", "steps=50", "lr=1e-3", "reward.weight=0.9", "critic.pretrain=20", "critic.steps=1"]
ANCHORS = {
    "firm anchor": ["policy.likelihood=1", "policy.kl=0.05"],
    "loose anchor": ["policy.likelihood=0.3"],
    "no anchor": ["policy.likelihood=0"],
}
for name, anchor in ANCHORS.items():
    config = seqgan.Config.load("smiles", SIZES + TUNE + anchor)
    tuned = seqgan.SeqGAN(config).fit(data, start=before, reward=scorer, quiet=name != "firm anchor")
    texts[name] = tuned.sample(N)

# %%
rows, valid = {}, {}
for name, drawn in texts.items():
    score = scorer(drawn)
    valid[name] = [text for text, one in zip(drawn, score, strict=True) if one == one]
    distinct = sorted(set(valid[name]))
    (top, times), *_ = Counter(valid[name]).most_common(1)
    rows[name] = {
        "valid": round(len(valid[name]) / N, 3),
        "unique": round(len(distinct) / len(valid[name]), 3),
        "QED, all valid": round(np.nanmean(score), 3),
        "QED, distinct": round(scorer(distinct).mean(), 3),
        "distinct above 0.6": int(sum(scorer(distinct) > 0.6)),
        "commonest": f"{top} ({times} times)",
    }
pd.DataFrame(rows).T

# %%
_, axes = plt.subplots(1, 2, figsize=(11, 3.6))
bins = np.linspace(0.1, 0.8, 36)
axes[0].hist(scorer(data), bins, density=True, color="lightgrey", label="data")
for name, colour in zip(texts, ("black", "C0", "C1", "C3"), strict=True):
    density, _ = np.histogram(scorer(valid[name]), bins, density=True)
    axes[0].plot((bins[1:] + bins[:-1]) / 2, density, color=colour, label=name)
    place = rows[name]["unique"], rows[name]["QED, all valid"]
    axes[1].plot(*place, "o", color=colour, markersize=9)
    axes[1].annotate(name, place, (-8, 0), textcoords="offset points", ha="right", va="center")
axes[0].set(xlabel="QED of valid draws", title="what the reward moves")
axes[1].set(
    xlabel="unique among valid draws", ylabel="mean QED", xlim=(0, 1.05), title="what it buys, and what it costs"
)
axes[0].legend(fontsize="small")
plt.show()

# %% [markdown]
# - **With a firm anchor** the distribution moves a little to the right, and stays a distribution of many molecules.
# - **The looser the anchor, the higher the score, and the fewer different molecules.** Without one the mean QED is the
#   best of all and the same molecules are drawn again and again. Neither axis alone would have shown it: report both.
# - **Counting hits does not find the fault.** The run without an anchor has the most distinct molecules above 0.6. What
#   is wrong with them has to be looked at.
# - **Validity rises everywhere**, because what is no molecule scores 0, and to stop failing is the cheapest gain. A
#   rise of the mean over *all* draws is for a good part just that; the table gives QED of valid and of distinct
#   molecules.
#
# ## Look at them
#
# The best six of the first sixty draws of the firm anchor:

# %%
picked = list(dict.fromkeys(valid["firm anchor"][:60]))
Draws(picked[row] for row in np.argsort(-scorer(picked))[:6])

# %% [markdown]
# And the six commonest draws of the run without an anchor:

# %%
Draws(text for text, _ in Counter(valid["no anchor"]).most_common(6))

# %% [markdown]
# ## What was learnt
#
# A score is a proxy. Looking at what it moved *beside* itself says whether the generator learnt chemistry or a trick:

# %%
NAMES = ["heavy_atoms", "aromatic_rings", "rings", "logp", "sa", "hbd"]
rows = {name: np.nanmean([property_row(text, NAMES) for text in sorted(set(valid[name]))[:400]], 0) for name in texts}
pd.DataFrame({"data": np.nanmean([property_row(text, NAMES) for text in data[:400]], 0)} | rows, index=NAMES).T.round(2)

# %% [markdown]
# Read down the columns. The model before tuning already has fewer aromatic rings than its data, for rings are what goes
# wrong in the lines that failed above. Tuning goes on from there: rings vanish, and as the anchor loosens the molecules
# outgrow those of the data, which have eight heavy atoms at most, and logP climbs. QED likes the size and the logP of
# drugs, and for a model that writes text a longer chain of carbons with a branch here and there is the shortest way to
# both. Nobody asked for branched alcohols, and the score did not forbid them. That is **reward hacking**, and no
# training curve shows it as a failure: validity and reward only rise.
#
# What helps, in the order in which to try it:
#
# 1. *Keep the anchor, and choose its weight on the right-hand picture*, not by the score.
# 2. *Say what you mean.* A score may hold rings, alerts, similarity and synthetic accessibility beside QED
#    (`06_extend`; the table of scores in the README).
# 3. *Stop paying for more of the same*: `reward.diversity.by=molgan.scoring.diversity:scaffold` fills
#    buckets of scaffolds, and `reward.replay.size` learns again from the best so far.
# 4. *Judge by something else than the reward*: `molgan.evaluate(drawn, reference=held_out)` gives Fréchet distance,
#    scaffolds, structural alerts.
#
# **Where to go next.** `docs/text-experiments.md` has the full-size model on all of QM9 and the same trade-off there,
# with the commands (`seqgan train --config smiles`, then `--start`). A reward may be a docking program or a service:
# `docs/plugins.md`. For generators of graphs, which are valid by construction, see `01_molecules`; for why a reward
# needs a baseline and an anchor at all, `05b_games`.
