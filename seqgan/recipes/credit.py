"""What each token of a draw is worth: a critic's verdicts on sequences or prefixes, as values of tokens.

A way to credit tokens is a function of the recipe, the ids and their context. It gives the values `(batch, step)`,
of which those at padding do not count, and for the log a reward of each sequence `(batch,)`.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from gancore.losses.policy_gradient import discounted_returns, importance_weights
from gancore.training import distributed
from gancore.training.device import new_generator
from gancore.types import Context
from seqgan.networks.rollout import monte_carlo
from seqgan.recipes.reinforce import Values
from seqgan.text.alphabet import Ids

Credit = tuple[Values, Float[Tensor, "batch"]]


def last_of(values: Values, recipe: Any, ids: Ids) -> Float[Tensor, "batch"]:
    """The value of the last token of each sequence."""
    return values.gather(1, recipe.alphabet.mask(ids).sum(1, keepdim=True) - 1).squeeze(1)


def constant(recipe: Any, ids: Ids, context: Context | None) -> Credit:
    """0.5 everywhere: a control."""
    values = torch.full(ids.shape, 0.5, device=ids.device)
    return values, values[:, 0]


def by_rollouts(recipe: Any, ids: Ids, context: Context | None) -> Credit:
    """The mean reward of completions of each prefix (SeqGAN, Yu et al. 2017)."""
    random = None
    if distributed.processes() > 1:  # each process completes its own prefixes with draws of its own
        random = new_generator(recipe.device, torch.initial_seed(), distributed.rank())
    policy = recipe.rollout_policy.average
    values = monte_carlo(policy, ids, recipe.judge, recipe.config.policy.rollouts, random, context=context)
    return values, last_of(values, recipe, ids)


def dense(recipe: Any, ids: Ids, context: Context | None) -> Credit:
    """What the critic says of each prefix."""
    values = recipe.critic_logits(ids, context).sigmoid()
    return values, last_of(values, recipe, ids)


def returns(recipe: Any, ids: Ids, context: Context | None) -> Credit:
    """Discounted sums of 2 D - 1 over the prefixes from each token on (ScratchGAN, de Masson d'Autume et al. 2019)."""
    mask = recipe.alphabet.mask(ids)
    rewards = (2 * recipe.critic_logits(ids, context).sigmoid() - 1) * mask
    return discounted_returns(rewards, mask, recipe.config.policy.discount), rewards.sum(1) / mask.sum(1)


def odds(recipe: Any, ids: Ids, context: Context | None) -> Credit:
    """The odds D / (1 - D) of the whole sequence, over their mean in its group (MaliGAN, Che et al. 2017)."""
    own = recipe.verdicts(ids, context)
    logits = distributed.gathered(own)
    groups = logits.view(-1, recipe.config.policy.group or len(logits))
    weights = distributed.shard(importance_weights(groups).flatten())
    return weights[:, None].expand(ids.shape), own.sigmoid()


CREDITS: dict[str, Callable[[Any, Ids, Context | None], Credit]] = {
    "rollout": by_rollouts,
    "dense": dense,
    "constant": constant,
    "odds": odds,
    "rank": by_rollouts,
    "returns": returns,
}
"""By the names that `policy.reward` takes."""
