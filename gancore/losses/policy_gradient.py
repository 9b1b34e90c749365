"""Score-function gradients: losses whose gradient is that of an expected reward."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def policy_gradient(log_prob: Float[Tensor, "*shape"], advantage: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """REINFORCE (Williams 1992): a loss, `(batch,)` or `(batch, step)`, whose gradient is -advantage * grad log p.

    `log_prob` is in nats. `advantage` is a reward less a baseline that does not depend on the draw; it is held
    constant.

    >>> import torch
    >>> policy_gradient(torch.tensor([-2.0]), torch.tensor([0.5])).tolist()
    [1.0]
    """
    return -advantage.detach() * log_prob


def clipped_policy_gradient(
    log_prob: Float[Tensor, "*shape"], drawn: Float[Tensor, "*shape"], advantage: Float[Tensor, "*shape"], clip: float
) -> Float[Tensor, "*shape"]:
    """Proximal policy optimisation, clipped (Schulman et al. 2017): a loss, `(batch,)` or `(batch, step)`.

    `log_prob` in nats, `drawn` the same under the policy that the sample was drawn from; their ratio no longer counts
    once it is beyond `1 - clip` or `1 + clip` in the direction of the advantage. Where both are the same the gradient
    is that of `policy_gradient`.

    >>> import torch
    >>> ratio = torch.tensor([0.5, 1.0, 2.0])
    >>> clipped_policy_gradient(ratio.log(), torch.zeros(3), torch.ones(3), clip=0.25).tolist()
    [-0.5, -1.0, -1.25]
    """
    advantage, ratio = advantage.detach(), (log_prob - drawn.detach()).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


def leave_one_out(reward: Float[Tensor, "group draw"]) -> Float[Tensor, "group draw"]:
    """Reward less the mean reward of the other draws of its group (Kool et al. 2019): unbiased, no learned baseline.

    Raises ValueError when a group holds fewer than two draws.

    >>> import torch
    >>> leave_one_out(torch.tensor([[1.0, 0.0, 0.0]]))
    tensor([[ 1.0000, -0.5000, -0.5000]])
    """
    draws = reward.shape[1]
    if draws < 2:
        raise ValueError(f"leave_one_out needs at least two draws a group, got {draws}.")
    return (reward - reward.mean(1, keepdim=True)) * draws / (draws - 1)


def categorical_kl(logits: Float[Tensor, "*row category"], anchor: Float[Tensor, "*row category"]) -> Tensor:
    """KL(softmax(logits) || softmax(anchor)) in nats (Kullback and Leibler 1951), closed form, one value a row.

    No gradient goes into `anchor`.

    >>> import torch
    >>> categorical_kl(torch.zeros(1, 4), torch.zeros(1, 4)).tolist()
    [0.0]
    """
    log_p, log_q = logits.log_softmax(-1), anchor.detach().log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def importance_weights(logits: Float[Tensor, "*group draw"]) -> Float[Tensor, "*group draw"]:
    """The odds D / (1 - D) of each draw over their mean in its group: weights of mean 1 (MaliGAN, Che et al. 2017).

    logits: the critic's log-odds. What is the same for all draws of a group cancels, so a log-ratio of densities that
    is known up to a constant does as well.

    >>> import torch
    >>> importance_weights(torch.tensor([0.75, 0.5]).logit())  # odds of 3 and 1
    tensor([1.5000, 0.5000])
    """
    return logits.softmax(-1) * logits.shape[-1]


def discounted_returns(
    reward: Float[Tensor, "batch step"], mask: Bool[Tensor, "batch step"], discount: float
) -> Float[Tensor, "batch step"]:
    """Sum of the rewards from each step on, the k-th after it times discount^k (Sutton and Barto 2018); 0 at padding.

    mask: the steps that count. discount: from 0, the step's own reward alone, to 1.

    >>> import torch
    >>> discounted_returns(torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[True, True, True]]), 0.5).tolist()
    [[3.0, 4.0, 4.0]]
    """
    returns = torch.zeros_like(reward)
    later = torch.zeros_like(reward[:, 0])
    for step in reversed(range(reward.shape[1])):
        later = (reward[:, step] + discount * later) * mask[:, step]
        returns[:, step] = later
    return returns
