"""Adversarial losses: pairs of pure functions of `(real, fake)` logits, one value a batch element.

Each half of an objective sees the logits of real and of fake samples, so a relativistic game is no
special case. No loss is averaged here: weights and reductions belong to the caller.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu, softplus

from gancore.training import distributed

Logits = Float[Tensor, "batch"]


class Objective(NamedTuple):
    """The two halves of an adversarial game (Goodfellow et al. 2014), both minimised.

    critic, generator: functions of `(real, fake)` logits, `(batch,)` any real numbers -> `(batch,)`.
    labelled: the critic's half with other labels, `(real, fake, label of real, label of fake)`; 1 and 0 are those of
        `critic`. None where samples have no labels of their own.
    pooled: whether a half compares each logit with the mean of many, so that logits that do not count must be left out.
    reads_real: whether the generator's half depends on the logits of real samples.
    """

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    labelled: Callable[[Tensor, Tensor, float, float], Tensor] | None = None
    pooled: bool = False
    reads_real: bool = False


def smooth_labels(objective: Objective, real: float = 0.0, fake: float = 0.0) -> Objective:
    """The objective with labels `1 - real` and `fake` for the critic; the generator's half stays.

    Above 0 for `real` alone, this is one-sided label smoothing (Salimans et al. 2016): the optimal critic of a
    cross-entropy is (1 - real) p / (p + q), p being the data's density and q the generator's. With `fake` as well, q is
    in the numerator too.
    Raises ValueError for an objective without labels.

    >>> import torch
    >>> smooth_labels(least_squares, real=0.1).critic(torch.tensor([0.9]), torch.tensor([0.0])).item()
    0.0
    """
    if not real and not fake:
        return objective
    if objective.labelled is None:
        raise ValueError("this objective has no labels of samples that could be smoothed.")
    return objective._replace(critic=partial(_with_labels, objective.labelled, 1 - real, fake))


def _with_labels(
    labelled: Callable[[Tensor, Tensor, float, float], Tensor],
    label_real: float,
    label_fake: float,
    real: Logits,
    fake: Logits,
) -> Logits:
    return labelled(real, fake, label_real, label_fake)


def _cross_entropy(logits: Logits, label: float) -> Logits:
    """Of the label 1 with probability `label`, in nats; softplus(x) - softplus(-x) is x."""
    return softplus(-logits) + (1 - label) * logits


def _cross_entropy_critic(real: Logits, fake: Logits) -> Logits:
    return softplus(-real) + softplus(fake)


def _cross_entropy_labelled(real: Logits, fake: Logits, label_real: float, label_fake: float) -> Logits:
    return _cross_entropy(real, label_real) + _cross_entropy(fake, label_fake)


def _non_saturating_generator(real: Logits, fake: Logits) -> Logits:
    return softplus(-fake)


def _saturating_generator(real: Logits, fake: Logits) -> Logits:
    return -softplus(fake)


non_saturating = Objective(_cross_entropy_critic, _non_saturating_generator, _cross_entropy_labelled)
"""The original game with the non-saturating generator loss (Goodfellow et al. 2014).

>>> import torch
>>> non_saturating.critic(torch.zeros(1), torch.zeros(1)).item()  # 2 log 2
1.3862943649291992
"""

saturating = Objective(_cross_entropy_critic, _saturating_generator, _cross_entropy_labelled)
"""The minimax game itself: the generator minimises log(1 - D) (Goodfellow et al. 2014).

Its gradient is the critic's probability that the fake is real, so it vanishes where the critic is sure.

>>> import torch
>>> saturating.generator(torch.zeros(1), torch.zeros(1)).item()  # -log 2
-0.6931471824645996
"""


def _least_squares_critic(real: Logits, fake: Logits) -> Logits:
    return _least_squares_labelled(real, fake, 1.0, 0.0)


def _least_squares_labelled(real: Logits, fake: Logits, label_real: float, label_fake: float) -> Logits:
    return ((real - label_real).square() + (fake - label_fake).square()) / 2


def _least_squares_generator(real: Logits, fake: Logits) -> Logits:
    return (fake - 1).square() / 2


least_squares = Objective(_least_squares_critic, _least_squares_generator, _least_squares_labelled)
"""Least squares (Mao et al. 2017): logits of 1 for real samples, 0 for fakes, and 1 is what the generator wants.

>>> import torch
>>> least_squares.critic(torch.tensor([1.0]), torch.tensor([0.0])).item()
0.0
"""


def _wasserstein_critic(real: Logits, fake: Logits) -> Logits:
    return fake - real


def _wasserstein_generator(real: Logits, fake: Logits) -> Logits:
    return -fake


wasserstein = Objective(_wasserstein_critic, _wasserstein_generator)
"""Wasserstein-1 dual (Arjovsky et al. 2017); needs a critic of bounded slope.

A penalty such as `penalties.wgan_gp`, clipped weights or a spectral norm bound it.

>>> import torch
>>> wasserstein.critic(torch.tensor([2.0]), torch.tensor([0.5])).item()
-1.5
"""


def _hinge_critic(real: Logits, fake: Logits) -> Logits:
    return relu(1 - real) + relu(1 + fake)


hinge = Objective(_hinge_critic, _wasserstein_generator)
"""Hinge loss (Lim and Ye 2017): a critic that is sure by 1 pays nothing.

>>> import torch
>>> hinge.critic(torch.tensor([2.0]), torch.tensor([0.5])).item()
1.5
"""


def _relativistic_critic(real: Logits, fake: Logits) -> Logits:
    return softplus(fake - real)


def _relativistic_generator(real: Logits, fake: Logits) -> Logits:
    return softplus(real - fake)


relativistic_pairing = Objective(_relativistic_critic, _relativistic_generator, reads_real=True)
"""Relativistic pairing, RpGAN (Jolicoeur-Martineau 2018): each fake is judged beside the real of its own row.

With R1 and R2 on the critic it converges locally where the unpaired games cycle (Huang et al. 2024, R3GAN).
"""


def _average_labelled(real: Logits, fake: Logits, label_real: float, label_fake: float) -> Logits:
    of_real, of_fake = real - distributed.batch_mean(fake), fake - distributed.batch_mean(real)
    return _cross_entropy(of_real, label_real) + _cross_entropy(of_fake, label_fake)


def _average_critic(real: Logits, fake: Logits) -> Logits:
    return _average_labelled(real, fake, 1.0, 0.0)


def _average_generator(real: Logits, fake: Logits) -> Logits:
    return _average_labelled(real, fake, 0.0, 1.0)


relativistic_average = Objective(_average_critic, _average_generator, _average_labelled, pooled=True, reads_real=True)
"""Relativistic average, RaSGAN (Jolicoeur-Martineau 2018): each sample is judged beside the mean of the other kind.

The mean is that of the batch of all processes, whatever the rows weigh. Both halves see both kinds, with opposite
labels.

>>> import torch
>>> relativistic_average.critic(torch.full((2,), 3.0), torch.full((2,), 3.0)).tolist()  # 2 log 2
[1.3862943649291992, 1.3862943649291992]
"""

OBJECTIVES = {
    "non_saturating": non_saturating,
    "saturating": saturating,
    "least_squares": least_squares,
    "wasserstein": wasserstein,
    "hinge": hinge,
    "relativistic_pairing": relativistic_pairing,
    "relativistic_average": relativistic_average,
}
"""Adversarial objectives (Goodfellow et al. 2014 and later) by the names that `critic.objective` takes."""
