"""Losses on what another distribution drew: a generator learns from all that was scored, not from its draws alone."""

from jaxtyping import Float
from torch import Tensor


def augmented_likelihood(
    log_prob: Float[Tensor, "batch"],
    prior: Float[Tensor, "batch"],
    reward: Float[Tensor, "batch"],
    strength: float,
) -> Float[Tensor, "batch"]:
    """Squared distance from the log-probability to the prior's plus `strength * reward` (Olivecrona et al. 2017).

    `log_prob` and `prior` in nats, `reward` in [0, 1]. No gradient goes into `prior`.

    >>> import torch
    >>> augmented_likelihood(torch.tensor([-30.0]), torch.tensor([-40.0]), torch.tensor([0.5]), 20.0).tolist()
    [0.0]
    """
    return (prior.detach() + strength * reward.detach() - log_prob).square()


def trajectory_balance(
    log_prob: Float[Tensor, "batch"],
    log_reward: Float[Tensor, "batch"],
    log_partition: Float[Tensor, ""],
) -> Float[Tensor, "batch"]:
    """Squared imbalance `log Z + log p - log R` (Malkin et al. 2022): 0 where p is R / Z.

    A sequence has one trajectory, so that no backward policy is in it. `log_partition` is learned.

    >>> import torch
    >>> trajectory_balance(torch.tensor([-2.0]), torch.tensor([1.0]), torch.tensor(3.0)).tolist()
    [0.0]
    """
    return (log_partition + log_prob - log_reward.detach()).square()


def kl_to_prior(log_prob: Float[Tensor, "batch"], prior: Float[Tensor, "batch"]) -> Float[Tensor, "batch"]:
    """Half the squared log-ratio: on draws of the generator its gradient is that of KL(generator || prior).

    The estimator is Schulman's second (2020). No gradient goes into `prior`.

    >>> import torch
    >>> kl_to_prior(torch.tensor([-2.0]), torch.tensor([-4.0])).tolist()
    [2.0]
    """
    return (log_prob - prior.detach()).square() / 2
