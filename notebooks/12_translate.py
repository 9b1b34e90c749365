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
# # From pairs to a translator
#
# At the end of this notebook you will have
#
# - a translator trained on pairs of sentences, with its figures on held-out sentences,
# - a picture of what it looks at while it writes,
# - the same model after adversarial steps, and whether they helped,
# - a first look at translation without pairs, and why it takes longer,
# - a model that fills gaps in a line: `the cat ___ the ___ .`
#
# All data come from a small grammar that is part of the library. It has two dialects. In the second, the verb comes
# last and the article is `ze`. Each sentence is derived once and written in both, so the right translation is known.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import seqgan
from gancore.statistics.intervals import wilson_interval
from seqgan.data.dialects import dialects, pairs, unpaired
from seqgan.data.forms import dialogue, summaries
from seqgan.data.gaps import GAP
from seqgan.data.grammar import english

plt.rcParams |= {"figure.dpi": 75, "figure.constrained_layout.use": True}
pd.set_option("display.max_colwidth", None)
JUDGED = 200
rows = pairs(2000 + JUDGED)
train, test = rows[:-JUDGED], rows[-JUDGED:]
test.head(4)

# %% [markdown]
# ## A translator
#
# `pix2pix` reads a file or a frame with columns `source` and `target`. It learns the likelihood of the target first.
# `steps=0` leaves out the adversarial steps for now. The network is small, to be quick.

# %%
SMALL = ["model.width=128", "model.embedding=64", "data.test=0"]
LIKELIHOOD = [*SMALL, "likelihood.epochs=7", "likelihood.batch=32", "likelihood.lr=3e-3"]
first = seqgan.SeqGAN(seqgan.Config.load("pix2pix", [*LIKELIHOOD, "steps=0"])).fit(train, quiet=True)
first.translate(test["source"].tolist()[:3], n=2)[["source", "rank", "target", "log_prob"]].round(2)

# %% [markdown]
# `translate` gives the likeliest translations that a beam search finds, best first. `log_prob` is that of the whole
# translation.
#
# ## What it looks at
#
# Before each word, the decoder attends to the words of the source. `attention` gives the weights: a row for each word
# that is written, a column for each word that is read.

# %%
source, target = "anna sees the dog and ben likes a cat .", "anna ze dog sees and ben a cat likes ."
weights = first.attention(source, target)
_, axis = plt.subplots(figsize=(6, 5))
axis.imshow(weights, cmap="Greys", vmin=0, vmax=1)
axis.set_xticks(range(weights.shape[1]), weights.columns, rotation=60, ha="right")
axis.set_yticks(range(weights.shape[0]), weights.index)
axis.set(xlabel="read", ylabel="written")
plt.show()

# %% [markdown]
# Follow the dark cells from the top. Where the verb comes later than in the source, they leave the diagonal.
#
# ## Adversarial steps
#
# Now a critic sees a source beside a translation, and learns to tell the true one from one that is drawn. The
# translator makes likelier what the critic prefers. The likelihood stays in the loss.

# %%
game = seqgan.Config.load("pix2pix", [*SMALL, "likelihood.epochs=0", "steps=20", "critic.pretrain=20"])
second = seqgan.SeqGAN(game).fit(train, start=first, quiet=True)


def exact(gan):
    """The share of held-out sentences whose likeliest translation is the true one, with its 95% interval."""
    made = gan.translate(test["source"].tolist())["target"].to_numpy()
    right = int((made == test["target"].to_numpy()).sum())
    share = wilson_interval(right, len(test))
    return {"exact match": share.value, "from": share.low, "to": share.high}


pd.DataFrame({"likelihood": exact(first), "then adversarial": exact(second)}).T.round(3)

# %% [markdown]
# The intervals overlap, so these figures do not tell the two apart. `docs/text-experiments.md` has longer runs.
#
# ## Other pairs
#
# A file with two columns is all that it takes. The grammar makes two more kinds: sentences with their short forms, and
# facts with a question and its answer. Put either in place of `pairs` above.

# %%
pd.concat([summaries(2), dialogue(2)], keys=["summaries", "dialogue"])

# %% [markdown]
# ## Without pairs
#
# `cyclegan` learns from two sets of sentences, none of which is in both. It restores sentences from noise first. Then
# it translates there and back, under one critic for each side. `condition` says what to translate into.

# %%
sides = unpaired(1000)
SHORT = [*SMALL, "likelihood.epochs=4", "likelihood.batch=32", "steps=100", "critic.pretrain=20", "critic.filters=0.2"]
style = seqgan.SeqGAN(seqgan.Config.load("cyclegan", SHORT)).fit(sides, condition="label:class", quiet=True)
made = style.translate(test["source"].tolist(), condition={"label": "last"})["target"].fillna("").to_numpy()
pd.Series(
    {
        "in the other dialect, by the grammar": np.mean(dialects()["last"].contains(list(made))),
        "exactly the true translation": np.mean(made == test["target"].to_numpy()),
    }
).round(3)

# %%
pd.DataFrame({"source": test["source"], "made": made, "true": test["target"]}).head(5)

# %% [markdown]
# **This run is far too short.** It has learnt some words of the other dialect and does not translate. With a network
# twice as wide, 4,000 sentences a side and 300 steps (six minutes), three quarters of the translations are exact.
#
# ## Fill the gaps
#
# `maskgan` learns from plain lines. In each step it cuts new gaps into them and learns what fills them. It reads what
# stands behind a gap as well as what stands before it. Only what fills a gap is drawn, so given words stay.

# %%
lines = english().sample(3000)
LONGER = [*LIKELIHOOD, "likelihood.epochs=13", "steps=0"]
filler = seqgan.SeqGAN(seqgan.Config.load("maskgan", LONGER)).fit(lines, quiet=True)
filler.infill([f"the {GAP} sees {GAP} .", f"{GAP} are old .", f"every day {GAP} that {GAP} ."], n=3)[
    ["line", "rank", "text", "log_prob"]
].round(2)

# %% [markdown]
# Here are held-out sentences with a third of their words missing, in one gap:

# %%
known = set(lines)
words = [line.split() for line in english().sample(4 * JUDGED, seed=9) if line not in known]
words = [own for own in words if len(own) > 5 and set(own) <= set(filler.vocabulary.tokens)][:JUDGED]
held = [" ".join(own) for own in words]
gapped = [" ".join([*own[: len(own) // 3], GAP, *own[2 * len(own) // 3 :]]) for own in words]
filled = filler.infill(gapped)["text"].tolist()
kept = [
    text.startswith(line.split(GAP)[0]) and text.endswith(line.split(GAP)[1])
    for line, text in zip(gapped, filled, strict=True)
]
print(f"given words kept: {np.mean(kept):.3f}; in the grammar: {english().contains(filled).mean():.3f}")
pd.DataFrame({"line": gapped, "filled": filled, "was": held}).head(5)

# %% [markdown]
# On the command line: `seqgan generate RUN --infill "the ___ sees ___ ."`
#
# **Where to go next.** `docs/text.md` has the commands for files of your own, also of SMILES; its experiments page has
# the figures of longer runs.
