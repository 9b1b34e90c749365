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
# # Molecules in ten minutes
#
# **What you will have at the end:** a generator of small molecules, which you train yourself in about a minute on
# one CPU core; metrics that say how good it is, with their uncertainty; a library of candidates with properties,
# as Parquet, SMILES and SDF; and one HTML page to read, sort and search.
#
# **The idea.** A molecule is a graph: the nodes are atoms and the edges are bonds. A *generator* is a network
# that turns random numbers into such a graph. Here it learns from examples in two phases:
#
# 1. *Reconstruction.* Each training molecule is encoded into a few numbers and decoded again. This teaches
#    the generator which atoms and bonds go together (a variational autoencoder).
# 2. *Adversarial training.* A second network, the *critic*, sees real and generated molecules and learns to tell
#    them apart. The generator learns to make molecules that the critic cannot tell from real ones (a generative
#    adversarial network, GAN).
#
# The sampler never offers a bond that would exceed an atom's valence, so a carbon with five bonds is impossible.
# What can go wrong is *mode collapse*: the generator finds a few molecules that the critic accepts, and draws
# nothing else. A good part of this notebook shows how to notice this in time.

# %%
import os
import random
import shutil
import signal
import threading
import time
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Image

import molgan
from gancore.errors import CollapsedError
from gancore.runs.compare import Run
from molgan.data.dataset import MoleculeDataset, as_rows, embedded
from molgan.library.plots import molecule_grid, property_distributions
from molgan.metrics import composition
from molgan.scoring.scorer import Scorer, property_frame

# %% [markdown]
# ## 1. Data, and what is wrong with it
#
# Most lists of molecules have rows that cannot be used. If they are dropped silently, the model is trained on other
# data than you think. Here is a small file with the usual problems.

# %%
Path("mixed.smi").write_text(
    """\
CC(=O)Oc1ccccc1C(=O)O   aspirin
OC(=O)c1ccccc1OC(C)=O   aspirin, written the other way round
C[C@H](N)C(=O)O         L-alanine
C[C@@H](N)C(=O)O        D-alanine
CCN(CC)CC.Cl            a hydrochloride
C1CCC                   a ring that is not closed
CC(C)(C)(C)C            a carbon with five bonds
*CCO                    an attachment point
[CH3]                   a radical

ethanol                 a name, not a SMILES
CCCCCCCCCCCCCCCCCC      a chain of 18
C[Si](C)(C)O            the only silicon
CCO                     ethanol
CCN                     ethylamine
""",
    encoding="utf-8",
)
audited = MoleculeDataset.from_file("mixed.smi", max_atoms=16, min_atom_share=0.25)
pd.DataFrame(audited.rejected)

# %% [markdown]
# Each row that was left out has its number and one reason. Two reasons need an explanation. The two alanines are one
# molecule here: the generator ignores stereochemistry, so the second is a duplicate. *Rare atom type* comes from the
# setting `min_atom_share`: a model cannot learn an element from one molecule. The hydrochloride could
# be kept as its largest fragment (`fragments="largest"`). A training run writes the same table to
# `rejected.csv` in the run folder.
#
# Now the real data: QM9, molecules of up to nine heavy atoms of C, N, O and F. It comes with the package. A few
# thousand are enough for a first look. Five hundred others are held out for the evaluation. Few molecules have
# charges; they are left out because their atom types are rare.

# %%
everything = as_rows(embedded())
picked = random.Random(0).sample(everything, 6500)
data = MoleculeDataset.from_smiles(picked[:6000], min_atom_share=0.005)
unseen = picked[6000:]
print(f"{len(everything):,} molecules in the file; {len(data):,} to train on, {len(unseen):,} kept aside")
print("atom types:", *data.vocabulary.atoms, "; left out:", len(data.rejected))
molecule_grid(data.smiles[:12], [""] * 12, Path("training.png"))
Image("training.png", width=900)

# %% [markdown]
# QM9 lists molecules that are possible on paper; most of them were never made. So strained cages and
# three-membered rings are common, and a good generator of QM9 draws them too.
#
# ## 2. Train, and watch for collapse
#
# All settings are in one TOML file. The others keep their defaults; the page *Settings* explains all of them. The two
# `[[watch]]` tables at the end are rules against collapse. Every `monitor_every` steps, the monitor draws 500 molecules
# and computes metrics, among them:
#
# * `sample/unique`: the share of distinct molecules among the valid samples. It falls when the generator
#   repeats itself.
# * `sample/recall`: the share of training molecules that have a generated molecule nearby in fingerprint space
#   (Kynkäänniemi et al. 2019). It falls when the generator no longer makes some kinds of molecules, even if it
#   repeats none.
#
# A rule has a bound, a number of readings in a row, and an action: `warn`, `roll_back` (to the last good checkpoint,
# with half the learning rates) or `stop`.

# %%
Path("first.toml").write_text(
    """\
steps = 150             # of the game, after the reconstruction
batch = 64
average = 0.99          # the generator that is sampled from is an average over about 100 steps
monitor_every = 50
log_every = 10

[pretrain]
steps = 700             # of the reconstruction
batch = 128

[[watch]]
figure = "sample/unique"
below = 0.7
readings = 2
action = "stop"

[[watch]]
figure = "sample/recall"
below = 0.3
readings = 2
action = "warn"
""",
    encoding="utf-8",
)
gan = molgan.MolGAN(molgan.Config.load("first.toml")).fit(data, out="runs/first")

# %% [markdown]
# In a notebook, `fit` shows one line and one small picture, and updates both. They cover both phases:
# *reconstruction* is the loss of the first phase; *critic*, *penalty* and *score* belong to adversarial training; and
# *connected*, *unique* and *recall* come from the monitor.
#
# **Interrupting is safe.** After the stop button (an interrupt), `fit` finishes the step, saves, and returns a model to
# use. `fit(..., resume=True)` continues from there, on a CPU bit for bit. Below, a thread presses the button as
# soon as training has written the first line of its log.


# %%
def press_stop(log=Path("runs/short/metrics.jsonl")):
    while not log.exists() or not log.stat().st_size:
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)


threading.Thread(target=press_stop).start()
short = molgan.MolGAN(molgan.Config.load("first.toml")).fit(data, out="runs/short")
print("usable all the same:", short.sample(3))

# %% [markdown]
# ### A run that does collapse
#
# To test the rules, this run is made to fail: the trained generator continues with a reward for drug-likeness (QED)
# whose weight is far too large, and without any loss that keeps it near the data. `force`
# allows a run to continue with settings that differ from those of its folder.

# %%
shutil.copytree("runs/first", "runs/broken")
greedy = ["steps=500", "monitor_every=20", "reward.weight=100", "reward.kl=0", "reward.critic=0", "bound=0", "lr=0.001"]
broken = molgan.MolGAN(molgan.Config.load("first.toml", greedy))
try:
    broken.fit(data, out="runs/broken", resume=True, force=True)
except CollapsedError as stopped:
    print(stopped)

# %% [markdown]
# The rule stopped the run. The log of a run, `metrics.jsonl`, holds all metrics as JSON lines. These are the
# metrics of the monitor.

# %%
runs = {name: Run.read(f"runs/{name}") for name in ("first", "broken")}
figure, axes = plt.subplots(1, 3, figsize=(11, 2.8), layout="constrained")
for axis, name in zip(axes, ("sample/connected", "sample/unique", "sample/recall"), strict=True):
    for (title, run), style in zip(runs.items(), ("-", "--"), strict=True):
        axis.plot(*zip(*run.curves[name], strict=True), style, label=title)
    axis.axvline(700, color="grey", linewidth=0.5)
    axis.set(title=name, xlabel="step", ylim=(0, 1.03))
    axis.spines[["top", "right"]].set_visible(False)
_ = axes[0].legend(frameon=False, loc="lower right")

# %%
molecule_grid(broken.sample(12), [""] * 12, Path("broken.png"))
Image("broken.png", width=900)

# %% [markdown]
# `sample/connected`, the share of valid molecules, does not show the collapse: the samples of a collapsed generator
# are all valid. Adversarial training begins at the grey line.
#
# ## 3. Sample
#
# Back to the good run. `sample` gives a list of SMILES, and `None` for a sample that is not one valid molecule. By
# default the fragments of a sample are joined; `raw=True` gives samples as drawn. The same seed gives the same
# molecules. A notebook shows the list as a grid of drawings.

# %%
raw, new = gan.sample(1000, seed=0, raw=True), gan.sample(1000, seed=0)
print(f"one valid molecule: raw {sum(map(bool, raw)) / len(raw):.1%}, joined {sum(map(bool, new)) / len(new):.1%}")
new

# %% [markdown]
# ## 4. Evaluate
#
# `evaluate` gives every metric with a 95% interval and the number of molecules. Novelty is measured against `train`.
# `reference` is what the molecules should resemble, here the held-out molecules.
# To know what a good value is, evaluate real molecules in the same way: the list *real* has the same number of other
# QM9 molecules, which the generator has not seen either.

# %%
real = random.Random(1).sample(sorted(set(everything) - set(picked)), 500)
groups = ("moses", "diversity", "precision")  # there are more, see 07_judge
figures = molgan.evaluate(new[:500], train=data, reference=unseen, groups=groups)
ideal = molgan.evaluate(real, train=data, reference=unseen, groups=groups)
chosen = ["connected", "unique", "novel", "product", "moses/fcd", "moses/snn", "precision", "recall", "circles"]
table = pd.concat({"generated": figures.to_frame(), "real": ideal.to_frame()}, axis=1).loc[chosen]
table.style.format("{:.3f}").format("{:.0f}", subset=[("generated", "n"), ("real", "n")])

# %% [markdown]
# * `connected` x `unique` x `novel` = `product`: the share of samples that are distinct, valid and new. A
#   collapsed generator cannot raise it.
# * `moses/fcd`, the Fréchet ChemNet distance: the distance between the two sets in the activations of a neural
#   network; lower is better. The column *real* shows the best value that can be expected.
# * `moses/snn`: mean similarity to the nearest reference molecule. `precision`: the share of generated molecules that
#   are close to real ones. `recall`: the share of real molecules that are close to generated ones. `circles`: how
#   many molecules can be picked that are all far from each other.
#
# Compare the two columns. After a minute of training, the molecules are valid, new and all different. But FCD and
# precision say that many of them are not like QM9 yet. `circles` is above that of real molecules; this is not
# good, because unusual molecules are far from each other. What is unusual about them? The element counts are
# right; the share of molecules with an aromatic ring is not.

# %%
pd.DataFrame({"generated": composition(new), "real": composition(real)}).T.style.format("{:.3f}")

# %% [markdown]
# This generator draws too few aromatic rings. The bonds of an aromatic ring depend on each other, which is hard for a
# network that draws all bonds at once. The recipe `autoregressive` (`Config.load("qm9-growing")`, about fifteen
# minutes) draws one bond after the other and comes much closer.
#
# ## 5. A candidate library
#
# `collect` samples until it has the requested number of distinct valid molecules, computes their properties, and sorts
# them. `reward` is any score; here it is the bundled `druglike`.

# %%
druglike = Scorer("druglike")
print(druglike.definition)
library = molgan.collect(gan, 500, seed=1, known=set(data.smiles), reward=druglike, rank_by="score")
library.frame.head(8).style.format(precision=2)

# %%
best = library.frame.head(12)
legends = [f"score {row.score:.2f}, SA {row.sa:.1f}{'' if row.novel else ', known'}" for row in best.itertuples()]
molecule_grid(list(best["smiles"]), legends, Path("best.png"))
Image("best.png", width=900)

# %%
print(*(path.name for path in library.write(Path("library"))))
property_distributions(library.frame, property_frame(data.smiles[:1000]), Path("properties.png"))
Image("properties.png", width=1000)

# %% [markdown]
# The distributions of QED, logP and weight are close to those of the training set. SA (synthetic accessibility, high is
# hard to make) reaches too far to the right. So look at such pictures before you order reagents.
#
# ## 6. An HTML report
#
# `report` takes a run folder, a file or a list, and writes one HTML file that works offline. It has metrics, notes,
# distributions, training curves, and the molecules. You can sort them by any property, filter by substructure and
# search by SMILES. Each is shown with its nearest training molecule.

# %%
page = molgan.report("runs/first", train=data, score="druglike", top=100, n=500).write("first.html")
print(f"{page.name}: {page.stat().st_size / 1e6:.1f} MB")

# %% [markdown]
# The model is saved in `runs/first`: `molgan.MolGAN.load("runs/first")` loads it, and
# `gan.save_pretrained("folder")` writes one file and a model card to share.
#
# ## Where next
#
# * **Full training.** `molgan.Config.load("qm9")` on all of the data takes a few minutes. `"qm9-growing"` takes about
#   fifteen and learns aromatic rings. For your own molecules, give `fit` a file, a list or a data frame.
# * **[02_steering](02_steering.ipynb)**: tune the generator with a score of your own, and see how that can go wrong.
# * **[07_judge](07_judge.ipynb)**: evaluate any list of molecules, and see which metric finds which failure.
# * On the command line: `molgan train`, `molgan generate`, `molgan evaluate` and `molgan report`.
#
# A generated molecule is only a proposal. Nothing here shows that it can be made, that it is safe, or that it does
# what a score predicts.
