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
# # What the way of a gradient does to training
#
# `05_gradients` measured how far estimated gradients of a discrete draw are from the exact one. Here they are followed,
# step by step, where two things happen that no single gradient tells. At the end you will have seen, on pictures and
# against exact figures,
#
# - a generator that sharpens, as if it learnt, from a reward that says *nothing*,
# - one critic in three versions that agree on everything it can be asked, and train three different generators,
# - and what both mean for a GAN with discrete output: four rules.
#
# The idea from nothing: a generator holds **logits**, from them it *draws* words letter by letter, and a critic gives
# each word a verdict $f$. Training raises $J(\theta) = \mathbb E f(x)$, the expected verdict. A draw has no slope, so
# the gradient is estimated: by the **score function** (REINFORCE, Williams 1992: make what was drawn likelier in
# proportion to its verdict, perhaps less a *baseline*), or along the **path** (Gumbel-Softmax, Jang et al. 2017: show
# the critic a blurred draw, a mixture of letters, and use its slope there; straight-through shows the hard one and uses
# the blurred one's slope). Three letters from an alphabet of four are 64 words, so $J$ is known exactly at every step.

# %%
import matplotlib.pyplot as plt
import pandas as pd
import torch
from torch.nn.functional import one_hot

from gancore.losses.policy_gradient import leave_one_out, policy_gradient
from gancore.sampling.estimators import categorical, gumbel_softmax, straight_through

plt.rcParams |= {"figure.dpi": 75, "figure.constrained_layout.use": True, "legend.frameon": False}
PLACES, LETTERS, DRAWS = 3, 4, 8
fixed = torch.Generator().manual_seed(1)
weight = torch.randn(16, PLACES * LETTERS, generator=fixed)
bias, head = torch.randn(16, generator=fixed) / 2, torch.randn(16, generator=fixed) / 4
words = one_hot(torch.cartesian_prod(*[torch.arange(LETTERS)] * PLACES), LETTERS).float()  # (word, place, letter)


def critic(x):
    """Verdicts on hard or relaxed words `(..., place, letter)`: a small fixed network."""
    return torch.tanh(x.flatten(-2) @ weight.T + bias) @ head


def expected(logits):
    """J of logits `(..., place, letter)`, by enumeration."""
    return torch.einsum("wpl,...pl->...w", words, logits.log_softmax(-1)).exp() @ critic(words)


def entropy(logits):
    """Nats of the distribution of words: log 64 when all are equally likely, 0 when one is left."""
    return -(logits.softmax(-1) * logits.log_softmax(-1)).sum((-1, -2))


order = critic(words).argsort(descending=True)
spelt = ["".join("ACGT"[k] for k in word) for word in words.argmax(-1).tolist()]
shown = [*order[:3].tolist(), *order[-3:].tolist()]
pd.DataFrame(
    {"word": [spelt[k] for k in shown], "verdict": critic(words)[shown]}, index=["best", "2", "3", "62", "63", "64"]
)

# %% [markdown]
# ## A reward that says nothing
#
# A control worth making before any claim about a critic: pay .5 for *every* word. The exact gradient is zero, and so is
# the mean of its estimates. Two hundred runs of each kind, eight draws a step:


# %%
def climb(loss_of, rate, steps, runs=200):
    """Follow a loss from uniform logits; the logits after each step `(step, run, place, letter)`."""
    torch.manual_seed(0)
    at, path = torch.zeros(runs, PLACES, LETTERS), []
    for _ in range(steps):
        leaves = at.clone().requires_grad_()
        at = at - rate * torch.autograd.grad(loss_of(leaves[:, None].expand(-1, DRAWS, -1, -1)), leaves)[0]
        path.append(at)
    return torch.stack(path)


def by_score(reward, baseline):
    """REINFORCE on a reward of hard words."""

    def loss_of(logits):
        draw = categorical(logits)
        paid = reward(draw.hard)
        return policy_gradient(draw.log_prob.sum(-1), leave_one_out(paid) if baseline else paid).mean(1).sum()

    return loss_of


def half(x):
    return torch.full(x.shape[:-2], 0.5)


_, axis = plt.subplots(figsize=(6, 3.2))
for name, baseline, colour in (("REINFORCE", False, "C3"), ("leave-one-out", True, "C1")):
    curve = entropy(climb(by_score(half, baseline), 1.0, 400))
    axis.plot(curve[:, :15], color=colour, linewidth=0.4, alpha=0.6)
    axis.plot(curve.mean(1), color=colour, linewidth=2.5, label=f"{name}, mean and some runs")
axis.set(xlabel="step", ylabel="entropy of the words (nats)", ylim=(0, None))
axis.legend()
plt.show()

# %% [markdown]
# **Noise alone sharpens a generator.** What was drawn is made likelier, so it is drawn more often; a run ends with a
# few favourite words that nobody asked for. A sharper generator makes better-looking samples and fewer different ones,
# so by a measure of quality alone this is progress: on the published text benchmark a constant reward does all that
# SeqGAN's critic does (`docs/text-experiments.md`). With leave-one-out equal rewards cancel, and nothing happens, as it
# should.
#
# ## A critic is felt where nobody looks
#
# The score function meets a critic at words only, the path also between them. Add $c \sum_{ik} x_{ik}(1 - x_{ik})$ to
# ours, which is **zero at every word**: $c < 0$ scorns blur, as a critic learns to that sees one-hot reals and relaxed
# fakes; $c > 0$ likes it. All 64 verdicts, $J$ and its gradient stay what they were.

# %%


def by_path(estimator, blur=0.0):
    """The critic's slope, at temperature 1, with a term that is zero at all words."""

    def loss_of(logits):
        x = estimator(logits, 1.0).relaxed
        return -(critic(x) + blur * (x * (1 - x)).sum((-1, -2))).mean(1).sum()

    return loss_of


kinds = {
    "exact": (lambda logits: -expected(logits[:, 0]).sum(), "k-"),
    "leave-one-out": (by_score(critic, True), "C1-"),
    "straight-through": (by_path(straight_through), "C2-"),
    "straight-through, blur scorned": (by_path(straight_through, -2.0), "C2--"),
    "Gumbel-Softmax": (by_path(gumbel_softmax), "C0-"),
    "Gumbel-Softmax, blur scorned": (by_path(gumbel_softmax, -2.0), "C0--"),
    "Gumbel-Softmax, blur liked": (by_path(gumbel_softmax, 2.0), "C0:"),
}
_, axes = plt.subplots(1, 2, figsize=(11, 3.6))
ends = {}
for name, (loss_of, style) in kinds.items():
    path = climb(loss_of, 1.0, 150)
    axes[0].plot(expected(path).mean(1), style, label=name)
    axes[1].plot(entropy(path).mean(1), style, label=name)
    last = expected(path[-1])
    ends[name] = {"J at the end": last.mean(), "worst run": last.min(), "entropy": entropy(path[-1]).mean()}
axes[0].axhline(critic(words).max(), color="grey", linewidth=0.8)
axes[0].set(xlabel="step", title="the expected verdict, exact (grey: the best word)")
axes[1].set(xlabel="step", title="entropy of the words (nats)")
axes[1].legend(fontsize="small", loc=(0.45, 0.35))
pd.DataFrame(ends).T.astype(float).round(3)

# %% [markdown]
# Same verdicts, other training: the one hurries into whatever word was ahead when it began to sharpen, the other never
# makes up its mind. Straight-through is no shelter: the critic meets hard words there, but is asked for its slope at
# them, and that slope is as free as the values between. Only the score function does not notice, because it cannot.
#
# ## What this means for GANs
#
# 1. *One-hot reals against relaxed fakes is a game about blur.* Cool the draws while training, or show the critic hard
#    ones, and restrain its slopes: `gancore.losses.penalties` measures them in the directions that data can take.
# 2. *A critic may be right about all data and wrong to follow.* Along the path its slopes between the data are what
#    trains; they are set by its architecture and its penalty, not by what it can tell apart.
# 3. *A reward from outside leaves the score function alone.* Use a baseline, so that equal rewards cancel, and keep an
#    anchor beside it (likelihood, KL), because what is left of the noise still sharpens.
# 4. *Run the constant-reward control* (`policy.reward="constant"` in `seqgan`). If it does as well, the critic did
#    nothing.
#
# **Where to go next.** `03_text` runs that control on a text GAN and draws quality against diversity; `04_smiles` shows
# what a reward does to an anchor that is too weak; `06_extend` plays a discrete GAN in which the way of the gradient is
# one argument. The code: `gancore/sampling/estimators.py`, `gancore/losses/policy_gradient.py`,
# `gancore/losses/penalties.py`.
