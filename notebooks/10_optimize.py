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
# # From a score to the best hundred
#
# At the end of this notebook you will have
#
# - a **score** of your own: similar to a known drug but not too similar, drug-like and without structural alerts,
# - the **best hundred molecules** after 1,500 calls of that score,
# - a curve that compares them with the best of the same number of random molecules,
# - and the **price of diversity**: how much score you lose if the hundred molecules must be diverse.
#
# Nothing is trained here. `optimize` makes candidates with a genetic algorithm, predicts their scores with a Gaussian
# process and scores the most promising ones.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from rdkit import Chem

import molgan
from molgan.library.plots import grid_pixels
from molgan.optimize import DiversityConfig, OptimizeConfig
from molgan.optimize.surrogate import features_of, similarities
from molgan.scoring.definition import Component, ScoreConfig
from molgan.scoring.desirability import Desirability
from molgan.scoring.scorer import Scorer

# %% [markdown]
# ## The score
#
# Celecoxib inhibits COX-2. We look for molecules with the same pharmacophore features and another structure: as similar
# as possible by feature-based fingerprints (FCFP4), with a similarity of at most 0.35 by ECFP4.

# %%
celecoxib = "Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1"
score = Scorer(
    ScoreConfig(
        "geometric",
        (
            Component(
                "similarity",
                Desirability("maximize", low=0.0, high=1.0),
                name="functions",
                molecules=(celecoxib,),
                fingerprint="fcfp4",
            ),
            Component(
                "similarity",
                Desirability("range", high=0.35, width=0.1),
                name="novelty",
                molecules=(celecoxib,),
                fingerprint="ecfp4",
            ),
            Component("qed", Desirability("maximize", low=0.3, high=0.8)),
            Component("sa", Desirability("minimize", low=2.5, high=5.0)),
            Component("alerts", Desirability("step", midpoint=1, direction="falling"), sets=("BRENK",)),
        ),
    )
)
print(score.definition)

# %% [markdown]
# ## The search
#
# The first 200 molecules are samples of the bundled model `drug`. The genetic algorithm makes the others from the best.

# %%
budget = 1500
found = molgan.optimize(score, budget, seed=0, quiet=True)
pd.Series(found.to_dict()).to_frame("value").round(3)

# %% [markdown]
# For comparison, the same number of random samples of the model is scored.

# %%
drawn = molgan.MolGAN.load("drug").stream(budget, seed=1)
chance = score([smiles for smiles in drawn if smiles])


def ten_best(scores):
    """The mean of the ten best so far, after each call."""
    best = [np.sort(scores[:call])[-10:].mean() for call in range(1, len(scores) + 1)]
    return np.array(best)


plt.figure(figsize=(6, 3.5))
plt.plot(ten_best(found.frame["score"].to_numpy()), label="optimize")
plt.plot(ten_best(np.nan_to_num(chance)), label="random molecules of drug")
plt.axvline(200, color="grey", linestyle=":", linewidth=1)
plt.xlabel("calls of the score")
plt.ylabel("mean of the ten best")
_ = plt.legend()
# %% [markdown]
# ## The best molecules that are not too similar
#
# The best hundred of a search are often close analogues. `best(n, nearness=0.6)` leaves out every molecule with a
# similarity above 0.6 to a better one.

# %%
best = found.best(12, nearness=0.6)
plt.figure(figsize=(10, 6))
plt.imshow(grid_pixels(best["smiles"].tolist(), [f"{value:.2f}" for value in best["score"]], columns=4))
_ = plt.axis("off")


# %% [markdown]
# ## Score against diversity
#
# Diversity is one minus the mean pairwise similarity of the hundred molecules. Each line is a search, and each point on
# it is one value of `nearness` in `best`. The second search has a diversity filter: once ten good molecules are
# similar, no more molecules like them are scored.


# %%
def trade(found):
    """Mean score and diversity of a hundred molecules for several limits on similarity."""
    rows = []
    for nearness in (1.0, 0.8, 0.7, 0.6, 0.5, 0.4):
        chosen = found.best(100, nearness)
        near = similarities([features_of(Chem.MolFromSmiles(smiles)) for smiles in chosen["smiles"]])
        diversity = 1 - (near.sum() - len(near)) / (len(near) * (len(near) - 1))
        rows.append({"nearness": nearness, "mean score": chosen["score"].mean(), "diversity": diversity})
    return pd.DataFrame(rows)


spread = OptimizeConfig(budget, diversity=DiversityConfig("similarity", bucket=10, least=0.6, nearness=0.5))
apart = molgan.optimize(score, budget, seed=0, config=spread, quiet=True)

plt.figure(figsize=(6, 3.5))
for search, label in ((found, "free"), (apart, "with the filter")):
    table = trade(search)
    plt.plot(table["diversity"], table["mean score"], "o-", label=label)
plt.xlabel("diversity of the hundred")
plt.ylabel("their mean score")
_ = plt.legend()

# %% [markdown]
# ## What next
#
# - Put your own function, program or service in the place of the score: [plug-ins](../docs/plugins.md).
# - Score with your cluster or your assay, in your own loop: [ask and tell](../docs/optimize.md#ask-and-tell).
# - Start from your actives: `start="actives.smi"`.
