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
# # Decorate a hit, link two fragments, hop a scaffold
#
# At the end of this notebook you will have
#
# - **analogues of a hit** that keep its core and grow only where you allow it,
# - **linkers** between two fragments,
# - **new scaffolds** between the two ends of a known drug,
# - and a table of how many of them are valid, distinct and drug-like.
#
# The model `drug` is bundled, so nothing is trained here. Every molecule contains the fragments that you give. The
# model adds atoms and bonds to them, and choices that cannot end in one valid molecule are masked.

# %%
import matplotlib.pyplot as plt
import pandas as pd
from rdkit import Chem
from rdkit.Chem import Draw

from molgan import Fragments, MolGAN
from molgan.scoring.scorer import property_frame

gan = MolGAN.load("drug")
print(gan.conditions.about)


# %%
def show(smiles, core, count=10):
    """Draw molecules with the atoms of the core marked."""
    pattern = Chem.MolFromSmarts(core)
    mols = [Chem.MolFromSmiles(text) for text in smiles[:count]]
    marked = [mol.GetSubstructMatch(pattern) for mol in mols]
    image = Draw.MolsToGridImage(mols, molsPerRow=5, subImgSize=(220, 170), highlightAtomLists=marked, returnPNG=False)
    _, axis = plt.subplots(figsize=(10, 3.2))
    axis.imshow(image)
    axis.axis("off")


rows = []


def count(task, smiles, request):
    """Add the figures of a task to the table."""
    distinct = list(dict.fromkeys(smiles))
    known = property_frame(distinct, ["qed", "sa"])
    good = ((known["qed"] >= 0.6) & (known["sa"] <= 4)).sum()
    rows.append(
        {
            "task": task,
            "molecules": len(smiles),
            "with the fragments": sum(Fragments.parse(request).in_molecule(text) for text in smiles) / len(smiles),
            "distinct": len(distinct) / len(smiles),
            "drug-like": good / len(smiles),
        }
    )
    return known.assign(smiles=distinct).sort_values("qed", ascending=False)["smiles"].tolist()


# %% [markdown]
# ## Decorate a hit
#
# The hit is a pyrazolopyrimidine. `[1*]` and `[2*]` mark where it may grow; the rest stays as it is. Values of `qed`
# and `sa` are requested too: drug-like molecules that can probably be made.

# %%
hit = "[1*]c1nn([2*])c2ncnc(N)c12"
wanted = {"condition": {"qed": 0.8, "sa": 2.5}, "guidance": 1.5}
grown = gan.sample(100, seed=0, fragments=hit, **wanted)
best = count("decorate", grown, hit)
show(best, "c1nn(*)c2ncnc(N)c12")

# %% [markdown]
# Now site 1 may stay empty, and no molecule may have more than 24 heavy atoms:

# %%
small = gan.sample(10, seed=1, fragments=hit, optional=[1], size=(14, 24), **wanted)
print(*small, sep="\n")

# %% [markdown]
# ## Link two fragments
#
# Two fragments that bind side by side, each with one site. New atoms join them.

# %%
pieces = "[1*]c1ccc(F)cc1.[2*]N1CCC(C(N)=O)CC1"
linked = gan.sample(100, seed=0, fragments=pieces, size=(18, 26), **wanted)
best = count("link", linked, pieces)
show(best, "c1ccc(F)cc1")

# %% [markdown]
# ## Hop a scaffold
#
# This is baricitinib without its middle. The two ends stay, and 3 to 12 new atoms connect them in a new way.

# %%
ends = "[1*]C1(CC#N)CN(S(=O)(=O)CC)C1.[2*]c1ncnc2[nH]ccc12"
hopped = gan.sample(100, seed=0, fragments=ends, added=(3, 12), **wanted)
best = count("hop", hopped, ends)
show(best, "c1ncnc2[nH]ccc12")

# %% [markdown]
# ## Keep stereochemistry
#
# A stereocentre of a given fragment is kept.

# %%
chiral = gan.sample(5, seed=0, fragments="[*]N1CCC[C@H]1C(=O)O", **wanted)
print(*chiral, sep="\n")

# %% [markdown]
# ## The table
#
# All molecules are valid and contain their fragments. The shares of distinct and drug-like molecules depend on the
# request: two large ends leave few choices.

# %%
pd.DataFrame(rows).round(2)

# %% [markdown]
# **Where to go next.** The page *Build on fragments* lists all ways to mark sites. `molgan generate drug --fragments
# requests.smi -n 100 --out new.csv` does the same for a file of requests. `08_control` trains a model on an assay of
# your own; with `model.fragments=0.5` such a model builds on fragments, too.
