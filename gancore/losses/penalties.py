"""Slopes of the critic: functions `(critic, real, fake) -> (batch,)`, at least zero, to be weighted by the caller.

The slope is taken over all tensors of one sample together and in the sample alone: what was asked of it, its context,
stays. The batch declares where a sample may move. On the `simplex` a category row may only move so that its sum stays,
and padding rows may not move at all, because the critic's slope in other directions is never met by data. In
`euclidean` space, of latents say, every number may move.

`r1`, `r2`, `wgan_gp` and `dragan` need double backward, which flash attention, cuDNN RNNs and
`torch.compile` refuse; `finite_r1_r2` needs first derivatives only.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from gancore.training import distributed
from gancore.types import Batch, Context, Critic, Geometry, Sample, as_batch

PerSample = Float[Tensor, "batch"]
Penalty = Callable[[Critic, Batch | Sample, Batch | Sample], Tensor]
"""What a critic pays on a batch of reals and one of fakes, `(batch,)`. The critic is called with the sample, and with
the context where the batch has one."""


def project_to_tangent(direction: Tensor, at: Tensor) -> Tensor:
    """Project `direction (..., category)` onto the simplex tangent at `at`, zero where `at` is padding.

    An orthogonal projection, as gradients on manifolds take it (Absil et al. 2008).

    >>> project_to_tangent(torch.tensor([3.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])).tolist()
    [2.0, -1.0, -1.0]
    """
    occupied = (at.sum(-1, keepdim=True) > 0.5).to(direction.dtype)
    return (direction - direction.mean(-1, keepdim=True)) * occupied


def squared_slope(critic: Critic, at: Batch | Sample) -> PerSample:
    """Squared norm of the critic's gradient at each sample, `(batch,)`, differentiable again (Mescheder et al. 2018).

    >>> squared_slope(lambda at: (at[0] * torch.tensor([1.0, -1.0])).sum(-1), (torch.eye(2),)).tolist()
    [2.0, 2.0]
    """
    at = as_batch(at)
    leaves = tuple(part.detach().requires_grad_() for part in at.sample)
    logits = _judged(critic, leaves, at.context)
    gradients = torch.autograd.grad(logits.sum(), leaves, create_graph=True)
    gradients = allowed_moves(gradients, leaves, at.geometry)
    return sum((g.square().flatten(1).sum(1) for g in gradients), torch.zeros_like(logits))


def r1(critic: Critic, real: Batch | Sample, fake: Batch | Sample) -> PerSample:
    """Squared slope at the real samples (Mescheder et al. 2018)."""
    return squared_slope(critic, real)


def r2(critic: Critic, real: Batch | Sample, fake: Batch | Sample) -> PerSample:
    """Squared slope at the fake samples (Mescheder et al. 2018)."""
    return squared_slope(critic, fake)


def r1_r2(critic: Critic, real: Batch | Sample, fake: Batch | Sample) -> PerSample:
    """Sum of `r1` and `r2`: the zero-centred pair that R3GAN uses (Huang et al. 2024)."""
    return r1(critic, real, fake) + r2(critic, real, fake)


def wgan_gp(critic: Critic, real: Batch | Sample, fake: Batch | Sample) -> PerSample:
    """(slope - 1)^2 on straight lines between paired reals and fakes (Gulrajani et al. 2017).

    One norm a sample, over all its tensors together: never one norm over the batch. The critic gets the context of the
    fake sample. Raises ValueError when the two batches differ in geometry.
    """
    real, fake = as_batch(real), as_batch(fake)
    geometry = _common_geometry(real, fake)
    mix = distributed.draw_global(lambda n: torch.rand(n, device=real.sample[0].device), len(real))
    between = tuple(
        torch.lerp(f.detach(), r.detach(), mix.view(-1, *[1] * (r.ndim - 1)))
        for r, f in zip(real.sample, fake.sample, strict=True)
    )
    slope = (squared_slope(critic, Batch(between, fake.context, geometry=geometry)) + 1e-12).sqrt()
    return (slope - 1).square()


def dragan(critic: Critic, real: Batch | Sample, fake: Batch | Sample) -> PerSample:
    """(slope - 1)^2 near the real samples (Kodali et al. 2017), `near_real` at a random distance of each."""
    real = as_batch(real)
    n, device = len(real), real.sample[0].device
    reach = distributed.draw_global(lambda rows: torch.rand(rows, device=device), n) * _REACH
    near = near_real(real, reach)
    slope = (squared_slope(critic, replace(real, sample=near)) + 1e-12).sqrt()
    return (slope - 1).square()


def near_real(real: Batch, reach: Float[Tensor, "batch"]) -> Sample:
    """Each sample, moved a share `reach` of the way to what is like no datum, for DRAGAN (Kodali et al. 2017).

    On the simplex every row moves towards a uniformly random distribution over its categories, so that it remains one;
    its category remains the likeliest while `reach` is below 1/2. Padding rows stay. In Euclidean space it is noise of
    `reach` standard deviations of the batch.

    >>> one_hot = Batch((torch.eye(3)[None],))
    >>> near_real(one_hot, torch.tensor([0.4]))[0].argmax(-1).tolist()
    [[0, 1, 2]]
    """
    moved = []
    for part in real.sample:
        share = reach.view(-1, *[1] * (part.ndim - 1))
        if real.geometry == "euclidean":
            moved.append(part + share * distributed.gathered(part).std() * distributed.normal_like(part))
            continue
        draws = distributed.draw_global(
            lambda n, like=part: torch.rand(n, *like.shape[1:], device=like.device), len(part)
        )
        waits = -draws.clamp_min(1e-12).log()  # exponential: over their sum, uniform on the simplex
        other = waits / waits.sum(-1, keepdim=True) * part.sum(-1, keepdim=True)
        moved.append(torch.lerp(part, other, share))
    return tuple(moved)


_REACH = 0.5  # the largest share of the way that `dragan` moves a sample: half a standard deviation in the paper's code


def finite_squared_slope(
    critic: Critic, at: Batch | Sample, epsilon: float = 0.05, moves: Sample | None = None
) -> PerSample:
    """One-draw estimate of `squared_slope` by a finite difference: no double backward.

    For a standard Gaussian v in the tangent space, E[(D(x + epsilon v) - D(x))^2] / epsilon^2 is
    the squared slope up to O(epsilon^2); exact in expectation for a linear critic (the random direction is that of
    Hutchinson 1990). moves: v, drawn if not given. epsilon: above 0.

    >>> at = Batch((torch.zeros(1, 1, 2),), geometry="euclidean")
    >>> finite_squared_slope(lambda part: part[0].sum((1, 2)), at, moves=(torch.ones(1, 1, 2),)).round().tolist()
    [4.0]
    """
    at = as_batch(at)
    still = tuple(part.detach() for part in at.sample)
    moves = moves or tuple(distributed.normal_like(part) for part in still)
    moves = allowed_moves(moves, still, at.geometry)
    moved = tuple(part + epsilon * move for part, move in zip(still, moves, strict=True))
    both = tuple(torch.cat(pair) for pair in zip(moved, still, strict=True))
    there, here = _judged(critic, both, Context.cat([at.context] * 2) if at.context is not None else None).chunk(2)
    return ((there - here) / epsilon).square()


def finite_r1_r2(critic: Critic, real: Batch | Sample, fake: Batch | Sample) -> PerSample:
    """`r1_r2` by finite differences: unbiased up to O(epsilon^2), noisier, and 1.4-2 times cheaper.

    R1 and R2 are those of Mescheder et al. 2018; the random direction is that of Hutchinson 1990.
    Raises ValueError when the two batches differ in geometry.
    """
    real, fake = as_batch(real), as_batch(fake)
    geometry, at, moves = _common_geometry(real, fake), [], []
    for pair in zip(real.sample, fake.sample, strict=True):
        at.append(torch.cat(pair))
        moves.append(torch.cat([distributed.normal_like(part) for part in pair]))
    asked = [batch.context for batch in (real, fake) if batch.context is not None]
    both = Batch(tuple(at), Context.cat(asked) if asked else None, geometry=geometry)
    at_real, at_fake = finite_squared_slope(critic, both, moves=tuple(moves)).chunk(2)
    return at_real + at_fake


def _judged(critic: Critic, sample: Sample, context: Context | None) -> Tensor:
    return critic(sample) if context is None else critic(sample, context)


def allowed_moves(directions: tuple[Tensor, ...], at: Sample, geometry: Geometry) -> tuple[Tensor, ...]:
    """Directions that a sample may move in: any, or on the simplex those of the tangent space (Absil et al. 2008)."""
    if geometry == "euclidean":
        return directions
    return tuple(project_to_tangent(direction, part) for direction, part in zip(directions, at, strict=True))


def _common_geometry(real: Batch, fake: Batch) -> Geometry:
    if real.geometry != fake.geometry:
        raise ValueError(f"the real batch is {real.geometry}, the fake one {fake.geometry}.")
    return real.geometry


PENALTIES: dict[str, Penalty] = {
    "r1": r1,
    "r2": r2,
    "r1_r2": r1_r2,
    "wgan_gp": wgan_gp,
    "dragan": dragan,
    "finite_r1_r2": finite_r1_r2,
}
