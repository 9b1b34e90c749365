"""Slopes of the critic: functions `(critic, real, fake) -> (batch,)`, at least zero, to be weighted by the caller.

The slope is taken over all tensors of one sample together, in the tangent space of the simplex: a
category row may only move so that its sum stays, and padding rows may not move at all, because the
critic's slope in other directions is never met by data. For a critic of unconstrained inputs pass
`tangent=False`.

`r1`, `r2` and `wgan_gp` need double backward, which flash attention, cuDNN RNNs and
`torch.compile` refuse; `finite_r1_r2` needs first derivatives only.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from gancore.training import distributed
from gancore.types import Critic, Sample

Penalty = Float[Tensor, "batch"]


def project_to_tangent(direction: Tensor, at: Tensor) -> Tensor:
    """Project `direction (..., category)` onto the simplex tangent at `at`, zero where `at` is padding.

    An orthogonal projection, as gradients on manifolds take it (Absil et al. 2008).

    >>> project_to_tangent(torch.tensor([3.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])).tolist()
    [2.0, -1.0, -1.0]
    """
    occupied = (at.sum(-1, keepdim=True) > 0.5).to(direction.dtype)
    return (direction - direction.mean(-1, keepdim=True)) * occupied


def squared_slope(critic: Critic, at: Sample, tangent: bool = True) -> Penalty:
    """Squared norm of the critic's gradient at each sample, `(batch,)`, differentiable again (Mescheder et al. 2018).

    >>> squared_slope(lambda at: (at[0] * torch.tensor([1.0, -1.0])).sum(-1), (torch.eye(2),)).tolist()
    [2.0, 2.0]
    """
    leaves = tuple(part.detach().requires_grad_() for part in at)
    logits = critic(leaves)
    gradients = torch.autograd.grad(logits.sum(), leaves, create_graph=True)
    if tangent:
        gradients = tuple(project_to_tangent(g, part) for g, part in zip(gradients, leaves, strict=True))
    return sum((g.square().flatten(1).sum(1) for g in gradients), torch.zeros_like(logits))


def r1(critic: Critic, real: Sample, fake: Sample, tangent: bool = True) -> Penalty:
    """Squared slope at the real samples (Mescheder et al. 2018)."""
    return squared_slope(critic, real, tangent)


def r2(critic: Critic, real: Sample, fake: Sample, tangent: bool = True) -> Penalty:
    """Squared slope at the fake samples (Mescheder et al. 2018)."""
    return squared_slope(critic, fake, tangent)


def r1_r2(critic: Critic, real: Sample, fake: Sample, tangent: bool = True) -> Penalty:
    """Sum of `r1` and `r2`: the zero-centred pair that R3GAN uses (Huang et al. 2024)."""
    return r1(critic, real, fake, tangent) + r2(critic, real, fake, tangent)


def wgan_gp(critic: Critic, real: Sample, fake: Sample, tangent: bool = True) -> Penalty:
    """(slope - 1)^2 on straight lines between paired reals and fakes (Gulrajani et al. 2017).

    One norm a sample, over all its tensors together: never one norm over the batch.
    """
    mix = distributed.rows(lambda n: torch.rand(n, device=real[0].device), len(real[0]))
    between = tuple(
        torch.lerp(f.detach(), r.detach(), mix.view(-1, *[1] * (r.ndim - 1))) for r, f in zip(real, fake, strict=True)
    )
    slope = (squared_slope(critic, between, tangent) + 1e-12).sqrt()
    return (slope - 1).square()


def finite_squared_slope(
    critic: Critic, at: Sample, tangent: bool = True, epsilon: float = 0.05, moves: Sample | None = None
) -> Penalty:
    """One-draw estimate of `squared_slope` by a finite difference: no double backward.

    For a standard Gaussian v in the tangent space, E[(D(x + epsilon v) - D(x))^2] / epsilon^2 is
    the squared slope up to O(epsilon^2); exact in expectation for a linear critic (the random direction is that of
    Hutchinson 1990). moves: v, drawn if not given. epsilon: above 0.

    >>> at, moves = (torch.zeros(1, 1, 2),), (torch.ones(1, 1, 2),)
    >>> finite_squared_slope(lambda part: part[0].sum((1, 2)), at, tangent=False, moves=moves).round().tolist()
    [4.0]
    """
    still = tuple(part.detach() for part in at)
    moves = moves or tuple(distributed.normal_like(part) for part in still)
    if tangent:
        moves = tuple(project_to_tangent(move, part) for move, part in zip(moves, still, strict=True))
    moved = tuple(part + epsilon * move for part, move in zip(still, moves, strict=True))
    both = critic(tuple(torch.cat(pair) for pair in zip(moved, still, strict=True)))
    there, here = both.chunk(2)
    return ((there - here) / epsilon).square()


def finite_r1_r2(critic: Critic, real: Sample, fake: Sample, tangent: bool = True) -> Penalty:
    """`r1_r2` by finite differences: unbiased up to O(epsilon^2), noisier, and 1.4-2 times cheaper.

    R1 and R2 are those of Mescheder et al. 2018; the random direction is that of Hutchinson 1990.
    """
    at, moves = [], []
    for pair in zip(real, fake, strict=True):
        at.append(torch.cat(pair))
        moves.append(torch.cat([distributed.normal_like(part) for part in pair]))
    at_real, at_fake = finite_squared_slope(critic, tuple(at), tangent, moves=tuple(moves)).chunk(2)
    return at_real + at_fake


PENALTIES = {"r1": r1, "r2": r2, "r1_r2": r1_r2, "wgan_gp": wgan_gp, "finite_r1_r2": finite_r1_r2}
