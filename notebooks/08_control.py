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
# # From an assay to potent and soluble molecules
#
# At the end of this notebook you will have
#
# - a generator of molecules **conditioned on a column of your own file**, with missing values, and on a computed
#   property,
# - a table of **requested and obtained values**, with and without guidance,
# - a small **library** of molecules requested to be potent and soluble, with pictures.
#
# A reward pushes a generator towards one goal. A *condition* is different: the generator learns how molecules depend on
# a value, and then serves any request. Rows without a value also help: the generator learns from them what molecules
# look like.

# %%
import random

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from molgan import Config, MolGAN
from molgan.data import as_rows, embedded
from molgan.library.plots import grid_pixels
from molgan.scoring.scorer import property_frame

# %% [markdown]
# ## The file
#
# Any table with a column of SMILES works. The assay here is invented, so that new molecules can be "measured" too. The
# "potency" rises with logP and with the number of rings, up to two; it falls with the number of hydrogen-bond donors.
# There is noise, as in a real assay, and one row in five has no value.


# %%
def potency(smiles):
    """The made-up assay without its noise."""
    known = property_frame(smiles, ["rings", "logp", "hbd"])
    return 5 + 0.5 * known["rings"].clip(upper=2) + 0.4 * known["logp"] - 0.3 * known["hbd"]


molecules = random.Random(0).sample([text for text in as_rows(embedded()) if "+" not in text], 4000)
noise = np.random.default_rng(0).normal(0, 0.2, len(molecules))
assay = pd.DataFrame({"smiles": molecules, "pIC50": (potency(molecules) + noise).round(2)})
assay.loc[::5, "pIC50"] = np.nan
assay.to_csv("assay.csv", index=False)
assay.head()

# %% [markdown]
# ## Training
#
# `condition` names the column and a property. The settings make training short here. With the configuration
# `conditional` as it is, training takes about half an hour on one core.

# %%
small = ["pretrain.steps=300", "pretrain.batch=96", "pretrain.lr=3e-3", "model.recurrent=128", "model.dropout=0"]
rest = ["average=0.98", "critic.pretrain=0", "critic.rejections=0", "device=cpu"]
gan = MolGAN(Config.load("conditional", [*small, *rest])).fit("assay.csv", condition=["pIC50", "logp"], quiet=True)
print(gan.conditions.about)

# %% [markdown]
# ## Requested and obtained
#
# With guidance above 1, samples follow the request more strongly.

# %%
requests = [4.5, 5.5, 6.5]
rows = []
for guidance in (1.0, 2.0):
    for value in requests:
        drawn = [text for text in gan.sample(200, condition={"pIC50": value}, guidance=guidance) if text]
        found = potency(drawn)
        rows.append(
            {
                "guidance": guidance,
                "pIC50 requested": value,
                "obtained, mean": found.mean(),
                "standard deviation": found.std(),
                "distinct": len(set(drawn)) / len(drawn),
            }
        )
table = pd.DataFrame(rows).round(2)
table

# %%
figure, axis = plt.subplots(figsize=(5, 3.2))
for guidance, part in table.groupby("guidance"):
    axis.errorbar(
        part["pIC50 requested"],
        part["obtained, mean"],
        part["standard deviation"],
        marker="o",
        label=guidance,
        capsize=3,
    )
axis.plot(requests, requests, color="grey", linestyle=":", label="as requested")
axis.set(xlabel="pIC50 requested", ylabel="pIC50 obtained")
_ = axis.legend(title="guidance", frameon=False, loc="upper left")

# %% [markdown]
# Without a request, samples have the distribution of the file. A request outside the range of the file prints a note.

# %%
open_ = potency([text for text in gan.sample(300) if text])
pd.DataFrame({"file": assay["pIC50"].dropna(), "nothing requested": open_}).agg(["mean", "std"]).round(2)

# %% [markdown]
# ## A library: potent and soluble
#
# Now two requests at once. A low logP stands for solubility here. A request only makes such molecules more likely, so a
# filter keeps those that are new and meet both limits.

# %%
drawn = gan.sample(1000, seed=1, condition={"pIC50": 6.0, "logp": 0.2}, guidance=2.0)
known = set(molecules)
new = sorted({text for text in drawn if text} - known)
library = property_frame(new, ["logp", "qed", "tpsa"]).assign(smiles=new, potency=potency(new).to_numpy())
good = library[(library["potency"] >= 5.8) & (library["logp"] <= 0.5)]
plain = [text for text in gan.sample(1000, seed=1) if text]
hits = (potency(plain) >= 5.8) & (property_frame(plain, ["logp"])["logp"] <= 0.5)
print(f"{len(new)} new molecules; {len(good)} are potent and soluble.")
print(f"share: {len(good) / len(new):.0%}; with nothing requested: {hits.mean():.0%}")
good.sort_values("qed", ascending=False).head(5).round(2)

# %%
best = good.sort_values("qed", ascending=False).head(12)
figure, axis = plt.subplots(figsize=(9, 4))
axis.imshow(grid_pixels(best["smiles"].tolist(), [f"{value:.1f}" for value in best["potency"]], columns=6))
_ = axis.axis("off")

# %% [markdown]
# ## Latent codes without labels
#
# The one-shot generator can find conditions by itself (InfoGAN). Its input includes a code with six classes, and the
# critic must predict the class from the molecule. Each row of the picture is a code and each column a descriptor. The
# colour is the mean of the samples, in standard deviations of all samples. The list names the descriptor that each code
# changes most.

# %%
few = ["model.codes=6", "pretrain.steps=800", "steps=500", "critic.code_weight=2", "device=cpu"]
finder = MolGAN(Config.load("qm9", few)).fit(molecules, quiet=True)
descriptors = ["logp", "tpsa", "hba", "hbd", "rings", "aromatic_rings", "fsp3", "qed"]
parts = [
    property_frame([text for text in finder.sample(200, code=code) if text], descriptors).assign(code=code)
    for code in range(6)
]
drawn = pd.concat(parts)
spread = drawn[descriptors].std()
means = (drawn.groupby("code")[descriptors].mean() - drawn[descriptors].mean()) / spread

# %%
figure, axis = plt.subplots(figsize=(6, 3.2))
picture = axis.imshow(means, cmap="coolwarm", vmin=-1.5, vmax=1.5)
axis.set(ylabel="code", yticks=range(6))
axis.set_xticks(range(len(descriptors)), descriptors, rotation=45, ha="right")
figure.colorbar(picture, label="mean, standard deviations")
for code, row in means.iterrows():
    name = row.abs().idxmax()
    print(f"code {code}: {name} {row[name]:+.1f}")
share = (means**2).mean().sort_values(ascending=False)
print(f"All codes together move {share.index[0]} most: they explain {share.iloc[0]:.0%} of its variance.")

# %% [markdown]
# **Where to go next.** With a few hundred rows, start from a pretrained model: `fit(frame, start="moses",
# condition="pIC50")`. A model of your own can label the rows: `condition="active=mymodel:predict"`. Both are on the
# page *Ask for what you want*. `02_steering` uses a reward instead, which goes further in one direction.
