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
# # How gradients get through a discrete draw
#
# A generator of text or molecules *chooses*: this letter, that bond. A choice has no slope, and training needs one. At
# the end of this notebook you will have
#
# - the exact gradient of a small discrete problem, by writing out every possible outcome,
# - the usual estimates beside it (Gumbel-Softmax, straight-through, REINFORCE with and without leave-one-out), their
#   bias and noise measured instead of assumed, against temperature, number of draws and length,
# - a table of which way to take when.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch.nn.functional import one_hot

from gancore.losses.policy_gradient import leave_one_out, policy_gradient
from gancore.sampling.estimators import categorical, gumbel_softmax, straight_through

plt.rcParams |= {"figure.dpi": 75, "figure.constrained_layout.use": True, "legend.frameon": False}
COLOURS = {"REINFORCE": "C3", "leave-one-out": "C1", "Gumbel-Softmax": "C0", "straight-through": "C2"}

# %% [markdown]
# ## One letter
#
# The generator has three **logits** $\theta$. They give probabilities $p_k = e^{\theta_k} / \sum_j e^{\theta_j}$; it
# draws one of the letters A, B, C, written as a **one-hot** row $x \in \{e_A, e_B, e_C\}$, and a critic answers with a
# number $f(x)$. What is to be raised is the expected verdict
#
# $$J(\theta) \;=\; \mathbb E_{x \sim p_\theta} f(x) \;=\; \sum_k p_k\, f(e_k),
# \qquad \frac{\partial J}{\partial \theta_k} \;=\; p_k\,\bigl(f(e_k) - J\bigr).$$
#
# The right-hand side is the whole truth: a letter becomes likelier when it is worth more than the average. But it needs
# $f$ of *every* outcome. Of sentences of twenty words out of a thousand there are $10^{60}$, so the gradient has to be
# estimated from a few draws. Our critic is a probability, $f(x) = \sigma(a \cdot x)$ with $a = (3, 0, -2)$. Note that
# it has values *between* the letters too, at $x = (.5, .5, 0)$ say, where no data ever lie. This will matter.

# %%
theta, slope = torch.tensor([0.0, 0.6, 0.3]), torch.tensor([3.0, 0.0, -2.0])


def verdict(x):
    return torch.sigmoid(x @ slope)


p, f = theta.softmax(0), verdict(torch.eye(3))
exact = p * (f - p @ f)
pd.DataFrame({"probability": p, "verdict": f, "exact gradient": exact}, index=list("ABC")).round(3)

# %% [markdown]
# ## Three ways back
#
# **The score function (REINFORCE, Williams 1992).** From $\nabla p = p \nabla \log p$ follows
#
# $$\nabla J = \mathbb E\bigl[f(x)\, \nabla \log p(x)\bigr] = \mathbb E\bigl[(f(x) - b)\, \nabla \log p(x)\bigr].$$
#
# Draw, ask for the verdict, make what was drawn likelier in proportion to it. This is *unbiased*, and the critic may be
# anything that gives a number. The **baseline** $b$ changes nothing on average, because $\mathbb E\,\nabla \log p = 0$,
# if it does not depend on the draw itself. *Leave-one-out* (Kool et al. 2019) takes the mean verdict of the *other*
# draws.
#
# **The path (Gumbel-Softmax, Jang et al. 2017; Maddison et al. 2017).** Add noise $g_k = -\log(-\log u_k)$ to the
# logits and take the largest: that is an exact draw from $p$. Now put a softmax of **temperature** $\tau$ in its place:
#
# $$x = \text{one-hot}\,\arg\max_k\, (\theta_k + g_k) \;\leadsto\; y = \text{softmax}\bigl((\theta + g)/\tau\bigr),
# \qquad \nabla J \approx \mathbb E\, \nabla_\theta f(y).$$
#
# The noise is held still and the logits are moved, so the critic's own slope is used. But $y$ is no letter; it is a
# *relaxed* row, a mixture of letters. **Straight-through (Bengio et al. 2013)** shows the critic the hard $x$ and
# pretends on the way back that it was $y$.
#
# In this library each is a function of `gancore.sampling.estimators` from logits to a `Draw(hard, relaxed, log_prob)`;
# they differ only in where the gradient flows. Here are relaxed rows: corners are letters, the colour is the
# letter that was drawn.

# %%
CORNERS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, 0.866]])
_, axes = plt.subplots(1, 3, figsize=(10, 3.2))
for axis, temperature in zip(axes, (2.0, 0.5, 0.1), strict=True):
    draw = gumbel_softmax(theta.expand(1000, 3), temperature, torch.Generator().manual_seed(1))
    axis.plot(*CORNERS[[0, 1, 2, 0]].T, color="grey", linewidth=0.8)
    axis.scatter(*(draw.relaxed @ CORNERS).T, s=4, c=draw.hard.argmax(-1), cmap="viridis", alpha=0.6)
    for corner, letter in zip(CORNERS, "ABC", strict=True):
        axis.annotate(letter, corner, (corner - CORNERS.mean(0)) * 18, textcoords="offset points", ha="center")
    axis.set_title(f"temperature {temperature:g}", pad=14)
    axis.axis("off")
plt.show()

# %% [markdown]
# Warm draws are blurred: the critic sees mixtures. Cold draws sit in the corners, as letters do; but a corner is where
# the softmax is flat, so nearly all of them have no slope and a few at the edges have a huge one. **Bias on one side,
# noise on the other** is the whole story; now it gets numbers.
#
# ## What one draw says
#
# A gradient of three logits sums to zero, so it can be drawn in the plane. Every dot is the estimate from one draw (one
# pair of draws for leave-one-out), the cross is the mean of all dots, the arrow is the truth.

# %%
PLANE = torch.tensor([[-0.866, -0.5], [0.866, -0.5], [0.0, 1.0]])  # logits -> the plane in which they sum to zero


def pathwise(estimator, logits, critic, n, temperature):
    """One gradient a draw, `(n, ...)`, through the relaxed rows."""
    leaves = logits.expand(n, *logits.shape).clone().requires_grad_()
    return torch.autograd.grad(critic(estimator(leaves, temperature).relaxed).sum(), leaves)[0]


def score_function(logits, critic, n, group=1):
    """One gradient a group of draws, `(n / group, ...)`, with leave-one-out in groups of more than one."""
    leaves = logits.expand(n, *logits.shape).clone().requires_grad_()
    draw = categorical(leaves)
    reward = critic(draw.hard).view(-1, group)
    advantage = (leave_one_out(reward) if group > 1 else reward).flatten()
    loss = policy_gradient(draw.log_prob.reshape(n, -1).sum(1), advantage).sum()
    return -torch.autograd.grad(loss, leaves)[0].view(-1, group, *logits.shape).mean(1)


torch.manual_seed(0)
clouds = {"REINFORCE": score_function(theta, verdict, 20_000)}
clouds["leave-one-out, pairs"] = score_function(theta, verdict, 40_000, group=2)
clouds["straight-through, 1"] = pathwise(straight_through, theta, verdict, 20_000, 1.0)
clouds |= {f"Gumbel-Softmax, {t:g}": pathwise(gumbel_softmax, theta, verdict, 20_000, t) for t in (2, 0.5, 0.1)}
told = {"exact": [*exact.tolist(), 0.0]}
_, axes = plt.subplots(2, 3, figsize=(10, 6.2), sharex=True, sharey=True)
for axis, (name, cloud) in zip(axes.flat, clouds.items(), strict=True):
    size = 40 if cloud.unique(dim=0).shape[0] < 10 else 3
    axis.scatter(*(cloud[:1200] @ PLANE).T, s=size, color=COLOURS[name.split(",")[0]], alpha=0.4)
    axis.annotate("", exact @ PLANE, (0, 0), arrowprops={"arrowstyle": "-|>", "linewidth": 2})
    axis.plot(*(cloud.mean(0) @ PLANE), "x", color="magenta", markersize=11, markeredgewidth=2.5)
    axis.set(title=name, xlim=(-1.1, 0.45), ylim=(-0.75, 0.3))
    told[name] = [*cloud.mean(0).tolist(), cloud.var(0).sum().sqrt().item()]
pd.DataFrame(told, index=["mean: A", "B", "C", "noise of a dot (s.d.)"]).T.round(3)

# %% [markdown]
# REINFORCE knows three sentences, one a letter, and each praises its own letter: even C, the worst, is praised when it
# is drawn, only less. The truth appears in the mean alone. Pairs compare: two equal letters say nothing, two unequal
# ones blame the worse. The path has a slope from every draw; warm, its cross misses the arrow's tip; cold, it hits, and
# the dots fly apart, most of them to zero and some off the picture. Straight-through asks the critic for its slope at
# the corners, and a critic that is sure of itself ($\sigma$ near 0 or 1) has hardly any there.
#
# ## Words: bias and noise against temperature
#
# Now words of three letters from an alphabet of four, and a critic that is a small fixed network, so that letters
# depend on each other. The verdicts of all words can be written down: $J = \sum_w f(w) \prod_i p_{\theta_i}(w_i)$.

# %%
PLACES, LETTERS = 3, 4
fixed = torch.Generator().manual_seed(1)
weight = torch.randn(16, PLACES * LETTERS, generator=fixed)
bias, head = torch.randn(16, generator=fixed) / 2, torch.randn(16, generator=fixed) / 4
start = torch.randn(PLACES, LETTERS, generator=fixed) / 2
words = one_hot(torch.cartesian_prod(*[torch.arange(LETTERS)] * PLACES), LETTERS).float()  # (word, place, letter)


def critic(x):  # hard or relaxed words `(..., place, letter)`
    return torch.tanh(x.flatten(-2) @ weight.T + bias) @ head


def expected(logits):  # J by enumeration
    return torch.einsum("wpl,...pl->...w", words, logits.log_softmax(-1)).exp() @ critic(words)


(truth,) = torch.autograd.grad(expected(start.requires_grad_()), start)
start, length = start.detach(), truth.norm()


def judged(gradients, group=1):
    """Bias and noise of one draw, in lengths of the true gradient; `resolved` is the least bias these draws show."""
    mean, variance = gradients.mean(0), gradients.var(0).sum()
    seen = variance / len(gradients)
    return {
        "bias": (((mean - truth).square().sum() - seen).clamp_min(0).sqrt() / length).item(),
        "degrees off": torch.rad2deg(torch.acos((mean * truth).sum() / mean.norm() / length)).item(),
        "noise": ((variance * group).sqrt() / length).item(),
        "resolved": (seen.sqrt() / length).item(),
    }


N, TEMPERATURES = 50_000, (0.05, 0.1, 0.2, 0.35, 0.6, 1.0, 1.7, 3.0)
rows = {(f"leave-one-out of {k}", np.nan): judged(score_function(start, critic, N, k), k) for k in (2, 5, 20)}
rows["REINFORCE", np.nan] = judged(score_function(start, critic, N))
for name, way in (("Gumbel-Softmax", gumbel_softmax), ("straight-through", straight_through)):
    rows |= {(name, t): judged(pathwise(way, start, critic, N, t)) for t in TEMPERATURES}
table = pd.DataFrame(rows).T
_, axes = plt.subplots(1, 3, figsize=(11, 3.4))
for axis, column in zip(axes, ("bias", "degrees off", "noise"), strict=True):
    for name in ("Gumbel-Softmax", "straight-through"):
        axis.plot(TEMPERATURES, table.loc[name][column], "o-", color=COLOURS[name], label=name)
    for name in ("REINFORCE", "leave-one-out of 5"):
        level = table.loc[name][column].item()
        axis.axhline(level, color=COLOURS[name.split(" of")[0]], linestyle="--", label=name)
    axis.set(xscale="log", yscale="log" if column == "noise" else "linear", xlabel="temperature", title=column)
axes[2].legend(fontsize="small")
table.rename_axis(["way", "temperature"]).round(3)

# %% [markdown]
# - **Gumbel-Softmax**: the bias goes to zero with the temperature, and the noise to infinity.
# - **Straight-through** stays off even when cold: it adds up slopes *at* words where differences *between* words are
#   wanted.
# - **Much of a warm draw's bias is length, not direction** (first two panels): a relaxed row moves less when its logits
#   move. Adam ignores length, which is one reason why crude temperatures work better than they should.
# - **REINFORCE** has no bias (what the table shows of one is noise that is left: `resolved`), and pays in noise. The
#   mean of many others lowers it; that of a single one brings in as much noise as it takes away.
#
# ## Bias and noise against the number of draws
#
# Averaging $n$ draws shrinks noise and leaves bias: $\text{error}^2 = \text{bias}^2 + \text{noise}^2 / n$. Lines are
# the formula, dots are measured by averaging $n$ draws many times over.

# %%
counts = 4 ** np.arange(7)
ways = {"REINFORCE": score_function(start, critic, 65_536)}
ways["leave-one-out of 4"] = score_function(start, critic, 65_536, 4)
ways |= {f"Gumbel-Softmax, {t:g}": pathwise(gumbel_softmax, start, critic, 65_536, t) for t in (0.2, 1)}
ways["straight-through, 1"] = pathwise(straight_through, start, critic, 65_536, 1.0)
_, axis = plt.subplots(figsize=(7, 4))
for name, pool in ways.items():
    group = 65_536 // len(pool)
    figures, colour = judged(pool, group), COLOURS[name.split(",")[0].split(" of")[0]]
    formula = np.hypot(figures["bias"], figures["noise"] / np.sqrt(counts))
    means = [pool.view(-1, max(1, n // group), PLACES, LETTERS).mean(1) for n in counts]
    errors = [((mean - truth).square().sum((1, 2)).mean().sqrt() / length).item() for mean in means]
    axis.plot(counts, formula, "--" if name.endswith(".2") else "-", color=colour, label=name)
    axis.plot(counts[counts >= group], np.array(errors)[counts >= group], "o", color=colour, markersize=4)
axis.axhline(1, color="grey", label="no gradient at all")
axis.set(xscale="log", yscale="log", xlabel="draws averaged", ylabel="error / length of the true gradient")
axis.legend(fontsize="small")
plt.show()

# %% [markdown]
# With few draws the warm path wins *although* it is biased; with enough of them the honest ways pass it for good.
#
# ## Longer texts
#
# Let the reward be the mean over $L$ places of what each letter is worth; the exact gradient is then known at any
# length. Three ways to pay: the whole reward to every place; to each place its own share, as a critic does that judges
# every prefix; and the path.

# %%
worth = torch.tensor([1.0, 0.2, -0.3, -0.5])


def spread(places, way, n=4096, group=4):
    """Noise of one draw over the length of the exact gradient, at uniform logits."""
    leaves = torch.zeros(n, places, LETTERS, requires_grad=True)
    if way == "path":
        loss = -(gumbel_softmax(leaves, 1.0).relaxed @ worth).mean(1)
    else:
        draw = categorical(leaves)
        share = (draw.hard @ worth / places).view(-1, group, places)
        paid = share if way == "share" else share.sum(2, keepdim=True).expand_as(share)
        advantage = leave_one_out(paid.transpose(1, 2).flatten(0, 1)).view(-1, places, group).transpose(1, 2)
        loss = policy_gradient(draw.log_prob, advantage.flatten(0, 1)).sum(1)
    noise = torch.autograd.grad(loss.sum(), leaves)[0].var(0).sum().sqrt()
    return (noise / (((worth - worth.mean()) / LETTERS / places).norm() * places**0.5)).item()


_, axis = plt.subplots(figsize=(6, 3.2))
for way, name in (("whole", "the whole to every place"), ("share", "to each its share"), ("path", "Gumbel-Softmax, 1")):
    axis.plot(2 ** np.arange(7), [spread(2**k, way) for k in range(7)], "o-", label=name)
axis.set(xscale="log", yscale="log", xlabel="length of the sequence", ylabel="noise of a draw / gradient")
axis.legend()
plt.show()

# %% [markdown]
# What is paid to all for the work of one is noise to all others: it grows with the square root of the length. SeqGAN's
# rollouts (Yu et al. 2017) and dense critics are there to say *where* a reward was earned.
#
# ## Which way to take
#
# | way | asks of the critic | bias | noise | here |
# |---|---|---|---|---|
# | Gumbel-Softmax | a slope, sense *between* data | grows with temperature | low warm, high cold | recipe `gumbel` |
# | straight-through | a slope at the data | stays | the same | `molgan`'s one-shot generator |
# | REINFORCE | a number | none | with the reward's level, with length | a control |
# | ... leave-one-out | a number, several draws | none | lower | external rewards: QED, docking |
# | ... dense critic, rollouts | a number a prefix | that of its verdicts | grows less with length | recipe `seqgan` |
#
# Noise has several cures: more draws, a baseline, credit where it is due. Bias has one, a lower temperature, which
# costs noise. And what has no slope, an assay, a docking program, a person, leaves the score function alone.
#
# **Where to go next.** `05b_games` takes these estimates into training, where two things happen that no bias or
# variance tells; `03_text` meets them in a text GAN, and in `06_extend` the way of the gradient is one argument.
# Estimators that join both ways: REBAR (Tucker et al. 2017), RELAX (Grathwohl et al. 2018).
