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
# # A library on disk
#
# At the end of this notebook you will have
#
# - a **library** of a few hundred molecules that pass a filter, in a folder, with the origin of each one,
# - a count of **what happened to every sample**,
# - answers to queries in **SQL**,
# - and a **diverse subset** to look at.
#
# The same call makes a million molecules, on one machine or a cluster. If it is stopped, the same call resumes it.

# %%
import matplotlib.pyplot as plt
import numpy as np

import molgan
from molgan.library.bit_matrix import bit_matrix
from molgan.library.picking import spread
from molgan.library.plots import grid_pixels

n = 600
where = "qed > 0.7 and logp between 1 and 4 and alerts = 0"

# %% [markdown]
# ## Build
#
# The filter is an SQL condition over columns. Its parts are evaluated from left to right, each only for the molecules
# that passed the parts before. `column` names further columns to write.

# %%
lib = molgan.library("moses", n, "lib", where, column=["sa", "weight", "scaffold", "reos"], seed=0)
lib

# %% [markdown]
# Every sample is counted once, and the counts add up to the number of samples.

# %%
(run,) = lib.info()["runs"]
counts = run["counts"]
fates = {name: counts[name] for name in ("invalid", "repeats", "known")}
fates |= {f"not {term}": count for term, count in counts["rejected"].items()} | {"kept": counts["kept"]}
assert sum(fates.values()) == counts["samples"]

plt.figure(figsize=(6, 2.5))
plt.barh(list(fates), list(fates.values()))
plt.gca().invert_yaxis()
_ = plt.xlabel(f"of {counts['samples']:,} samples")

# %% [markdown]
# ## Add molecules
#
# The same call does nothing more, because the run is complete. Another seed adds new molecules.

# %%
print(len(molgan.library("moses", n, "lib", where, column=["sa", "weight", "scaffold", "reos"], seed=0)))
more = molgan.library("moses", n // 6, "lib", where, column=["sa", "weight", "scaffold", "reos"], seed=1)
print(len(more))

# %% [markdown]
# ## Query
#
# The table is called `library`. Each row says which model, seed, shard and draw gave the molecule.

# %%
more.query("select smiles, qed, seed, shard, draw, model from library order by qed desc limit 5")

# %%
more.query("""
    select scaffold, count(*) as molecules, round(avg(qed), 3) as qed, round(avg(sa), 2) as sa
    from library group by scaffold order by molecules desc limit 5
""")

# %% [markdown]
# ## A diverse subset
#
# MaxMin starts with one molecule and always adds the one that is farthest from all picks so far. `#Circles` is the
# number of molecules that are all far from each other. It is higher for the picks than for the same number of random
# molecules.

# %%
few = more.pick(24)
random = more.query("select smiles from library using sample 24 rows (reservoir, 0)")
for name, frame in (("picked", few), ("random", random)):
    prints = bit_matrix(frame["smiles"].tolist())
    apart = spread(prints, np.arange(len(prints)))
    print(f"{name}: #Circles {apart.circles}, similarity to the nearest other one {apart.nearest:.2f}")

# %%
plt.figure(figsize=(9, 7))
plt.imshow(grid_pixels(few["smiles"].tolist(), [f"{value:.2f}" for value in few["qed"]]))
_ = plt.axis("off")

# %% [markdown]
# ## What next
#
# - A file: `molgan library export lib --where "sa < 3" --out best.sdf` (`--3d` for coordinates in space).
# - More processes, a cluster, or a filter by what is known: [a candidate library](../docs/library.md).
# - Other ways to pick, and clusters: [pick and cluster](../docs/picking.md).
