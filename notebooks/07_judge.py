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
# # Judge anyone's molecules
#
# **What you will have at the end:** six lists of molecules judged side by side, with an interval on every figure;
# five of the lists are bad on purpose, and you will know which figure each one flatters and which one catches it; and
# a page to pass on. No model is needed: a list of SMILES from a paper, a colleague or a company is enough.
#
# **The idea, from nothing.** A generator of molecules is judged by what it draws. One would like a number, but every
# single one can be had cheaply:
#
# * *valid?* Draw methane for ever.
# * *valid and all different?* Draw the molecules of the training set.
# * *valid, different, and not in the training set?* Draw those of the training set with a hydrogen moved.
# * *like real molecules?* Again, copy.
#
# Each trick is good for some figures and bad for others, so a set of figures that pull against one another is hard to
# fool.

# %%
import random
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Image
from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem

import molgan
from molgan.data.dataset import as_rows, embedded
from molgan.library.plots import molecule_grid
from molgan.scoring.scorer import property_frame

RDLogger.DisableLog("rdApp.*")
N = 300

# %% [markdown]
# ## 1. Six lists
#
# The pretended training set is 4,000 molecules of QM9 (up to nine heavy atoms), and 1,000 others are the *reference*:
# real, but not trained on. The lists, 300 molecules each:
#
# | list | what it is |
# |---|---|
# | `real` | other QM9 molecules: as good as it can get |
# | `collapsed` | the 25 of highest drug-likeness among those, again and again |
# | `narrow` | all different, but all of one kind: five-membered rings with a hydroxyl group |
# | `copied` | training molecules |
# | `disguised` | training molecules, as other tautomers: one hydrogen moved between N and O, or N and N |
# | `mutated` | training molecules with three random changes of an element or a bond |

# %%
rng = random.Random(0)
everything = [text for text in as_rows(embedded()) if "+" not in text]
rng.shuffle(everything)
train, unseen, rest = everything[:4000], everything[4000:5000], everything[5000:]
trained = set(train)
real = rest[:N]

best = property_frame(real).assign(smiles=real).nlargest(25, "qed")["smiles"]
collapsed = [*best] * (N // 25)

one_kind = Chem.MolFromSmarts("[OX2H][C;R1;r5]")
narrow = []
for text in rest[N:]:
    if len(narrow) < N and "O" in text and Chem.MolFromSmiles(text).HasSubstructMatch(one_kind):
        narrow.append(text)

copied = rng.sample(train, N)

shifts = [
    AllChem.ReactionFromSmarts(f"{one}>>{other}")
    for one, other in (
        ("[O:1]=[C:2][N;!H0:3]", "[O:1][C:2]=[N:3]"),
        ("[O;H1:1][C:2]=[N:3]", "[O:1]=[C:2][N:3]"),
        ("[N:1]=[C:2][N;!H0:3]", "[N:1][C:2]=[N:3]"),
    )
]


def canonical(mol):
    """SMILES of what may be no molecule, then None."""
    try:
        return Chem.CanonSmiles(Chem.MolToSmiles(mol))
    except Exception:
        return None


def tautomers(text):
    mol = Chem.MolFromSmiles(text)
    return [canonical(product) for shift in shifts for (product,) in shift.RunReactants((mol,))]


others = (next((made for made in tautomers(text) if made and made not in trained), None) for text in train)
disguised = list(dict.fromkeys(filter(None, others)))[:N]


def mutated_once(mol):
    """One atom becomes another element, or two atoms get a bond, or one of another order."""
    made = Chem.RWMol(mol)
    atoms = range(made.GetNumAtoms())
    if rng.random() < 0.5:
        made.ReplaceAtom(rng.choice(atoms), Chem.Atom(rng.choice([6, 7, 8, 9])))
    else:
        one, other = rng.sample(atoms, 2)
        made.RemoveBond(one, other)
        made.AddBond(one, other, rng.choice([Chem.BondType.SINGLE, Chem.BondType.DOUBLE]))
    return made


mutated = {}
while len(mutated) < N:
    mol = Chem.MolFromSmiles(rng.choice(train))
    Chem.Kekulize(mol, clearAromaticFlags=True)
    text = canonical(mutated_once(mutated_once(mutated_once(mol))))
    if text and "." not in text and text not in trained:
        mutated[text] = None
mutated = list(mutated)

lists = {
    "real": real,
    "collapsed": collapsed,
    "narrow": narrow,
    "copied": copied,
    "disguised": disguised,
    "mutated": mutated,
}
for name, smiles in {**lists, "train": train, "unseen": unseen}.items():
    Path(f"{name}.smi").write_text("".join(f"{text}\n" for text in smiles), encoding="utf-8")
print({name: len(smiles) for name, smiles in lists.items()})

# %%
shown = [(text, name) for name, smiles in lists.items() for text in smiles[:3]]
molecule_grid([text for text, _ in shown], [name for _, name in shown], Path("lists.png"))
Image("lists.png", width=900)

# %% [markdown]
# Can you tell? At a glance, only the collapsed list gives itself away, and only once more than 25 are looked at.
#
# ## 2. The usual three figures
#
# `molgan.compare` judges files (or trained models) side by side; a `*` marks a figure that differs from the first
# list's by more than both 95% intervals. Without a reference it gives the figures that any list has.

# %%
files = [f"{name}.smi" for name in lists]
basics = molgan.compare(files, train="train.smi")
basics.to_frame().rename(columns=lambda title: title.removesuffix(".smi"))

# %% [markdown]
# `valid` and `connected` are perfect everywhere: they say nothing about quality, a list that was filtered always has
# them. `unique` catches the collapsed list, `novel` the copied one, and `product` both. Three lists pass everything:
# *narrow*, *disguised* and *mutated* cannot be told from real molecules by valid, unique and novel.
#
# ## 3. The rest of the figures
#
# With a `reference` come the suites: likeness to real molecules, diversity, memorisation, structural alerts. `groups`
# leaves out what is not needed here.

# %%
groups = ("moses", "diversity", "memorisation", "alerts", "precision")
judged = molgan.compare(files, train="train.smi", reference="unseen.smi", groups=groups)
table = judged.to_frame().rename(columns=lambda title: title.removesuffix(".smi"))
table.style.map(lambda cell: "color: #b30000; font-weight: bold" if "*" in str(cell) else "")

# %% [markdown]
# One warning first: an interval is of one list's own sampling. Both *real* and *copied* are QM9 at random, and yet
# their `recall` is starred, because it also depends on how wide the neighbourhoods of a list happen to be; the
# scattered molecules of *mutated* have the widest of all. Read small differences of recall as none.
#
# That is a lot to read, so here is one figure for each trick. Reds are beyond the interval of *real*.

# %%
catching = {
    "unique": "repeats",
    "circles": "lack of variety",
    "recall": "kinds that are missing",
    "novel": "plain copies",
    "same skeleton": "disguised copies",
    "nearer to train": "nearness to what was trained on",
    "moses/fcd": "unlikeness as a whole",
    "precision": "molecules unlike any real one",
    "moses/w1 sa": "other synthetic accessibility",
}
summary = table.loc[list(catching)]
summary.insert(0, "catches", list(catching.values()))
summary.style.map(lambda cell: "color: #b30000; font-weight: bold" if "*" in str(cell) else "")

# %% [markdown]
# ## 4. List by list
#
# **Collapsed.** Its drug-likeness is the highest of all lists, and its precision (do these molecules lie among real
# ones?) cannot be told from that of the real list: each molecule is a real one. So never quote a mean score or
# precision alone. `unique`, `circles` (how many can be picked that are all far apart; Xie et al. 2023) and `recall`
# (do real ones have one of these nearby?) collapse.
#
# An interval takes the molecules of a list for independent. The 25 that are repeated are not, so the intervals of
# this column are too narrow, and a star in it may mean nothing but 25 particular molecules.

# %%
evaluations = {Path(file).stem: judged.evaluations[file] for file in files}
means = {name: property_frame(smiles).mean() for name, smiles in lists.items()}
frame = pd.DataFrame(means).T
for figure in ("precision", "recall", "circles", "unique"):
    frame[figure] = [one[figure].value for one in evaluations.values()]
frame.style.format(precision=2)

# %% [markdown]
# **Narrow.** All new, all different, and valid: this is how a generator that has lost most of its variety often
# looks, since it need not repeat itself to do so. `recall` and the Fréchet ChemNet Distance see it.
#
# **Copied and disguised.** `novel` compares SMILES. A hydrogen moved from nitrogen to oxygen is enough to be another
# string, and a *new molecule* in a table of results. *Same skeleton* compares the first block of the InChIKey, in
# which charge states, stereo and mobile hydrogens do not count, and finds every one of them. Fingerprints do not: a
# tautomer has other bonds, so its similarity to its original is middling, as the histogram shows. That the disguised
# list is also unlike the real one as a whole (FCD, recall) is because only amides, amidines and their like can be
# disguised so.

# %%
figure, axis = plt.subplots(figsize=(7, 2.8), layout="constrained")
for name in ("real", "mutated", "disguised", "copied"):
    histogram = evaluations[name].tables["train similarity"]
    axis.plot(list(histogram), list(histogram.values()), marker="o", markersize=3, label=name)
axis.set(xlabel="similarity to the nearest training molecule", ylabel="molecules")
axis.legend(frameon=False)
axis.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# But how near is too near? Small molecules are similar to one another anyway. The fair question is whether the
# molecules lie nearer to the *training* molecules than to as many *unseen* ones of the same kind: `nearer to train`
# is one half for a list that does not know the difference (ties count half). For a training set that must not leak, a
# company's compounds for instance, that is the figure to watch. Here 1,000 of the 4,000 training molecules stand
# against the 1,000 unseen ones, so most copies have their original out of sight, and the figure stays far from 1 even
# for them: give as many unseen molecules as you trained on.

# %%
rows = ["novel", "moses/novel", "same skeleton", "near train", "nearer to train", "distance ratio"]
table.loc[rows, ["real", "copied", "disguised", "mutated"]]

# %% [markdown]
# **Mutated.** New by every count, and as diverse as can be: `circles` is even above that of real molecules. Diversity
# is not quality. Structural alerts say what is odd about them, by name:

# %%
alerts = {name: evaluations[name].tables["alerts/BRENK"] for name in ("real", "mutated")}
counts = pd.DataFrame(alerts).fillna(0).astype(int)
counts.nlargest(8, "mutated")

# %%
odd = property_frame(mutated).assign(smiles=mutated).nlargest(6, "sa")
molecule_grid(list(odd["smiles"]), [f"SA {value:.1f}" for value in odd["sa"]], Path("odd.png"))
Image("odd.png", width=900)

# %% [markdown]
# Mind the column *real*, too: QM9 was enumerated on paper, and real molecules of it set off alerts in plenty. Alerts
# are judged by the difference, never by themselves.
#
# ## 5. A distance depends on how many molecules it is of
#
# The Fréchet ChemNet Distance (FCD; Preuer et al. 2018) is the commonest single figure of likeness. It compares means
# and covariances of what a network sees, and a covariance of 512 numbers estimated from a few hundred molecules is
# off: **the distance falls as n grows**, for the very same source.

# %%
sizes = (50, 100, 200, 300)
judging = {"reference": "unseen.smi", "groups": ("moses",)}
distances = {
    name: [molgan.evaluate(lists[name][:n], **judging)["moses/fcd"] for n in sizes[:-1]]
    + [evaluations[name]["moses/fcd"]]
    for name in ("real", "mutated")
}
figure, axis = plt.subplots(figsize=(6, 2.8), layout="constrained")
for name, estimates in distances.items():
    values, low, high, _ = zip(*estimates, strict=True)
    (line,) = axis.plot(sizes, values, marker="o", markersize=3, label=name)
    axis.fill_between(sizes, low, high, alpha=0.2, color=line.get_color())
axis.set(xlabel="molecules on each side", ylabel="FCD", ylim=(0, None))
axis.legend(frameon=False)
axis.spines[["top", "right"]].set_visible(False)
pd.DataFrame({name: [one.value for one in found] for name, found in distances.items()}, index=sizes).round(2)

# %% [markdown]
# A hundred real molecules are farther from real molecules than three hundred mutated ones, and of few molecules the
# two lists cannot even be told apart: FCDs of different n cannot be compared at all. So `evaluate` takes equally many
# on both sides and says so, and `compare` refuses lists of different length.

# %%
print(*evaluations["real"].notes, sep="\n")

# %% [markdown]
# Published FCDs of MOSES are of 30,000 draws against its test set; `reference="moses"` keeps to that protocol
# (`molgan data fetch moses`).
#
# ## 6. A page to pass on
#
# `report` makes one HTML file that asks nothing of a network. Below is the one of the disguised list, its first 24
# molecules by QED: sort and filter it, and look at the nearest training molecule of each. (Some viewers of notebooks
# leave it out; the file has it.)

# %%
page = molgan.report("disguised.smi", train="train.smi", top=24)
print(page.write("disguised.html").name)
page

# %% [markdown]
# ## What to take along
#
# | flattering | what it hides | ask for |
# |---|---|---|
# | valid, connected | nothing was asked | everything else |
# | mean QED or any score, precision | repeats, few kinds | unique, circles, recall |
# | unique and novel | few kinds; disguised copies; nonsense | recall; same skeleton; FCD, alerts |
# | FCD | copies; another n | novel, nearer to train; the same n |
# | diversity | nonsense | precision, filters, accessibility |
#
# ## Where next
#
# * The same from a shell: `molgan evaluate new.smi --train train.smi --reference unseen.smi`, `molgan compare`,
#   `molgan report`; `--json` for scripts.
# * **[01_molecules](01_molecules.ipynb)** trains a generator whose draws you can put in place of these lists;
#   `compare` takes a run's folder as well.
# * **[02_steering](02_steering.ipynb)** shows the collapsed list being made, by a reward.
