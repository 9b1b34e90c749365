"""Adversarial losses: pairs of pure functions of `(real, fake)` logits, one value a batch element.

Each half of an objective sees the logits of real and of fake samples, so a relativistic game is no
special case. Nothing is averaged here: weights and reductions belong to the caller.
"""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu, softplus

Logits = Float[Tensor, "batch"]


class Objective(NamedTuple):
    """The two halves of an adversarial game (Goodfellow et al. 2014), both minimised.

    Each is a function of `(real, fake)` logits, `(batch,)` any real numbers -> `(batch,)`.
    """

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]


def _saturated_critic(real: Logits, fake: Logits) -> Logits:
    return softplus(-real) + softplus(fake)


def _non_saturating_generator(real: Logits, fake: Logits) -> Logits:
    return softplus(-fake)


non_saturating = Objective(_saturated_critic, _non_saturating_generator)
"""The original game with the non-saturating generator loss (Goodfellow et al. 2014).

>>> import torch
>>> non_saturating.critic(torch.zeros(1), torch.zeros(1)).item()  # 2 log 2
1.3862943649291992
"""


def _wasserstein_critic(real: Logits, fake: Logits) -> Logits:
    return fake - real


def _wasserstein_generator(real: Logits, fake: Logits) -> Logits:
    return -fake


wasserstein = Objective(_wasserstein_critic, _wasserstein_generator)
"""Wasserstein-1 dual (Arjovsky et al. 2017); needs a slope penalty on the critic, such as `penalties.wgan_gp`.

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


relativistic_pairing = Objective(_relativistic_critic, _relativistic_generator)
"""Relativistic pairing, RpGAN (Jolicoeur-Martineau 2018): each fake is judged beside the real of its own row.

With R1 and R2 on the critic it converges locally where the unpaired games cycle (Huang et al. 2024, R3GAN).
"""

OBJECTIVES = {
    "non_saturating": non_saturating,
    "wasserstein": wasserstein,
    "hinge": hinge,
    "relativistic_pairing": relativistic_pairing,
}
