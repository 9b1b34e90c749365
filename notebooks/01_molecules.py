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
# **What you will have at the end:** a generator of small molecules that you trained yourself, in about a minute on
# one CPU core; figures that say how good it is, each with its uncertainty; a library of candidates with properties,
# as Parquet, SMILES and SDF; and one HTML page to read, sort and search.
#
# **The idea, from nothing.** A molecule is a graph: atoms are its nodes, bonds its edges. A *generator* is a network
# that turns random numbers into such a graph. It learns from examples in two steps here:
#
# 1. *Reconstruction.* Each training molecule is squeezed into a few numbers and drawn again from them. This teaches
#    the generator what goes with what (a variational autoencoder).
# 2. *A game.* A second network, the *critic*, is shown real molecules beside generated ones and learns to tell them
#    apart; the generator learns to leave it nothing to tell (a generative adversarial network, GAN).
#
# While bonds are drawn, one that would exceed an atom's valence is never offered, so a carbon with five bonds cannot
# come out. What can go wrong instead is called *collapse*: the generator finds a few molecules that pass, and draws
# nothing else. A good part of this notebook is about seeing that in time.

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
# Every list of molecules has rows that cannot be used, and a model that silently drops them is a model of other data
# than you think. Here is a small file with the usual troubles.

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
# Each row that was left out has its number and one reason. Two of them are worth a thought. The two alanines are one
# molecule here: the generator draws graphs without stereochemistry, so the second is a duplicate. And *rare atom
# type* was our own wish (`min_atom_share`): an element seen in one molecule cannot be learnt. The hydrochloride could
# have been kept as its largest fragment (`fragments="largest"`). In a training run the same table is written to
# `rejected.csv` in the run's folder.
#
# Now the real data: QM9, molecules of up to nine heavy atoms out of C, N, O and F, which come with the package. A few
# thousand are enough for a first look; another five hundred are kept aside, to compare with later. Molecules with
# charges are few, and left out as rare.

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
# Get used to the look of these: QM9 was made by enumerating what is possible on paper, not by collecting what was
# made. Strained cages and three-membered rings are common in it, and a good generator of QM9 will draw them.
#
# ## 2. Train, and watch for collapse
#
# All settings are one TOML file; whatever is left out has the default that `molgan/config.py` explains. The two
# `[[watch]]` tables at the end are the collapse monitor. Every `monitor_every` steps, 500 molecules are drawn and
# looked at:
#
# * `sample/unique`: of the valid draws, the share that are different from one another. It falls when the generator
#   repeats itself.
# * `sample/recall`: the share of training molecules that some generated molecule comes near to, in fingerprint space
#   (Kynkäänniemi et al. 2019). It falls when whole kinds of molecules are no longer drawn, even if nothing is
#   repeated.
#
# A rule has a bound, a number of readings in a row, and an action: `warn`, `roll_back` (to the last good checkpoint,
# at half the learning rates) or `stop`.

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
# In a notebook `fit` shows one line and one small picture, both redrawn in place. The line and each panel are of both
# phases: *reconstruction* is the loss of the first, *critic*, *penalty* and *score* belong to the game, and
# *connected*, *unique* and *recall* are the monitor's.
#
# **Interrupting is safe.** The stop button (an interrupt) lets the step finish, saves, and gives back a model that
# can be used; `fit(..., resume=True)` goes on from there, on a CPU bit for bit. Below, a thread presses the button as
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
# A monitor that has never gone off is not worth much, so here is a run made to fail: the trained generator goes on
# with a reward for drug-likeness (QED) far heavier than is sensible, and with nothing that holds it back. `force`
# allows going on with settings that differ from those of the folder.

# %%
shutil.copytree("runs/first", "runs/broken")
greedy = ["steps=500", "monitor_every=20", "reward.weight=100", "reward.kl=0", "reward.critic=0", "bound=0", "lr=0.001"]
broken = molgan.MolGAN(molgan.Config.load("first.toml", greedy))
try:
    broken.fit(data, out="runs/broken", resume=True, force=True)
except CollapsedError as stopped:
    print(stopped)

# %% [markdown]
# The rule stopped it. The log of a run is a file of JSON lines, `metrics.jsonl`, and holds every figure; these are
# the monitor's.

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
# Note that `sample/connected`, the share of valid molecules, says nothing at all: a collapsed generator is perfectly
# valid. The grey line is where the game begins.
#
# ## 3. Sample
#
# Back to the good run. `sample` gives a list of SMILES, `None` for a draw that is no single valid molecule. By
# default the fragments of a draw are joined; `raw=True` shows what was drawn. The same seed gives the same molecules,
# and the list shows itself as a grid.

# %%
raw, new = gan.sample(1000, seed=0, raw=True), gan.sample(1000, seed=0)
print(f"one valid molecule: raw {sum(map(bool, raw)) / len(raw):.1%}, joined {sum(map(bool, new)) / len(new):.1%}")
new

# %% [markdown]
# ## 4. Judge
#
# `evaluate` gives every figure with a 95% interval and the number of molecules it rests on. `train` is what novelty
# is measured against; `reference` is what the molecules ought to resemble, here the real ones that were kept aside.
# To know what is a good figure, judge some real molecules in the same way: the list *real* is other QM9 molecules, as
# many, which the generator never saw either.

# %%
real = random.Random(1).sample(sorted(set(everything) - set(picked)), 500)
groups = ("moses", "diversity", "precision")  # there are more, see 07_judge
figures = molgan.evaluate(new[:500], train=data, reference=unseen, groups=groups)
ideal = molgan.evaluate(real, train=data, reference=unseen, groups=groups)
chosen = ["connected", "unique", "novel", "product", "moses/fcd", "moses/snn", "precision", "recall", "circles"]
table = pd.concat({"generated": figures.to_frame(), "real": ideal.to_frame()}, axis=1).loc[chosen]
table.style.format("{:.3f}").format("{:.0f}", subset=[("generated", "n"), ("real", "n")])

# %% [markdown]
# * `connected` x `unique` x `novel` = `product`: the share of draws that are a new molecule met for the first time. A
#   collapsed generator cannot raise it.
# * `moses/fcd`, the Fréchet ChemNet distance: how far the two sets lie apart as a neural network sees them; lower is
#   better. The column *real* is what is left when nothing is wrong.
# * `moses/snn`: mean similarity to the nearest reference molecule. `precision` and `recall`: how many of ours lie
#   among the real, and how many of the real lie among ours. `circles`: how many molecules can be picked that are all
#   far from one another.
#
# Read against the other column, the figures are honest about a minute's training. The molecules are valid, new and
# all different; but the FCD and the precision say that many of them are not like QM9 yet. That `circles` is above
# that of real molecules is no merit: odd molecules lie far apart. What is odd about them? The element counts are
# right; the share of molecules with an aromatic ring is not.

# %%
pd.DataFrame({"generated": composition(new), "real": composition(real)}).T.style.format("{:.3f}")

# %% [markdown]
# Aromatic rings are what this generator draws too few of: bonds that only make sense together are hard for a network
# that draws all of them at once. The recipe `growing` (`Config.load("qm9-growing")`, about fifteen minutes) draws them
# one after the other and comes much nearer.
#
# ## 5. A candidate library
#
# `collect` draws until there are so many distinct valid molecules, works out their properties, and sorts them.
# `reward` is any score; here it is the bundled one called `druglike`.

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
# QED, logP and weight are those of the training set, more or less; SA (synthetic accessibility, high is hard) reaches
# too far to the right. The library says so about itself, which is the reason to look at the pictures before anybody
# orders reagents.
#
# ## 6. One page for everybody else
#
# `report` takes a run's folder, a file or a list, and makes one HTML file that needs no network: figures, notes,
# distributions, training curves, and the molecules, to be sorted by any property, filtered by substructure, searched
# by SMILES, each beside its nearest training molecule.

# %%
page = molgan.report("runs/first", train=data, score="druglike", top=100, n=500).write("first.html")
print(f"{page.name}: {page.stat().st_size / 1e6:.1f} MB")

# %% [markdown]
# The model is in `runs/first`, too: `molgan.MolGAN.load("runs/first")` has it back, and
# `gan.save_pretrained("folder")` writes one file and a card to share.
#
# ## Where next
#
# * **The real thing.** `molgan.Config.load("qm9")` on all of the data takes a few minutes; `"qm9-growing"` about ten,
#   and learns aromatic rings. Your own molecules: give `fit` a file, a list or a data frame.
# * **[02_steering](02_steering.ipynb)**: have the generator propose what *you* want, and see how that goes wrong.
# * **[07_judge](07_judge.ipynb)**: judge anyone's molecules, and see which figure catches which trick.
# * From a shell the same is `molgan train`, `molgan generate`, `molgan evaluate` and `molgan report`.
#
# A generated molecule is a proposal. Nothing here says that it can be made, is safe, or does what a score hopes.
