"""Monte-Carlo search: what a prefix is worth, by completing it many times (Yu et al. 2017, section 3.1)."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from gancore.types import Context
from seqgan.networks.decoding import Stepper, draw_next, keep_unfinished
from seqgan.text.alphabet import Ids

Judge = Callable[..., Tensor]
"""Rewards `(batch,)` of whole, padded sequences `(batch, step)`, and of their context where they have one."""


@torch.no_grad()
def monte_carlo(
    policy: Stepper,
    ids: Ids,
    judge: Judge,
    rollouts: int,
    random: torch.Generator | None = None,
    judged_at_once: int = 128,
    context: Context | None = None,
) -> Float[Tensor, "batch step"]:
    """The action-value of every token: the mean reward of `rollouts` completions of the prefix that ends with it.

    A sequence's last token is worth the reward of the sequence; padding is worth 0. `policy` completes,
    `judge` rewards; the caller puts both at rest (`generator.at_rest`). context: of each row of `ids` and of its
    completions.
    """
    completions, owners = complete(policy, ids, rollouts, random, context)
    parts = torch.cat((ids, completions)).split(judged_at_once)
    if context is None:
        rewards = torch.cat([judge(part) for part in parts])
    else:
        rows = torch.cat((torch.arange(len(ids), device=ids.device), owners // ids.shape[1])).split(judged_at_once)
        rewards = torch.cat([judge(part, context[of]) for part, of in zip(parts, rows, strict=True)])
    own, completed = rewards[: len(ids)], rewards[len(ids) :]
    values = torch.zeros(ids.shape, device=ids.device, dtype=rewards.dtype)
    values.view(-1).index_add_(0, owners, completed / rollouts)
    last = policy.alphabet.mask(ids).sum(1) - 1
    values[torch.arange(len(ids), device=ids.device), last] = own
    return values


def complete(
    policy: Stepper, ids: Ids, rollouts: int, random: torch.Generator | None, context: Context | None = None
) -> tuple[Tensor, Tensor]:
    """Completions `(completion, step)` of all proper prefixes, and whose they are: row x steps + last place.

    They grow in one batch: at step t those of the prefixes of length t join the others, so one network call
    serves all, and what a prefix leaves in the network is computed once for all of its completions.
    """
    alphabet, (rows, steps) = policy.alphabet, ids.shape
    lengths = alphabet.mask(ids).sum(1)
    joining = [(lengths > done).nonzero().squeeze(1).repeat_interleave(rollouts) for done in range(steps)]
    joining[0] = joining[0][:0]  # nothing completes the empty prefix
    first = [0, *torch.tensor([len(rows) for rows in joining]).cumsum(0).tolist()]
    made = ids[torch.cat(joining)]
    owners = torch.cat([row * steps + done - 1 for done, row in enumerate(joining)])

    prefixes, state = torch.arange(rows, device=ids.device), policy.start(rows, context)
    live = prefixes[:0]  # which completions are still growing; their states follow the prefixes' in the batch
    tokens = torch.full_like(ids[:, 0], alphabet.begin)
    for step in range(steps):
        features, state = policy.step(tokens, state)
        known = len(prefixes)
        place = torch.empty(rows, dtype=torch.long, device=ids.device)
        place[prefixes] = torch.arange(known, device=ids.device)
        joined = place[joining[step]]
        origin = torch.cat((torch.arange(known, len(features), device=ids.device), joined))
        live = torch.cat((live, torch.arange(first[step], first[step + 1], device=ids.device)))
        drawn = draw_next(policy, features[origin], random)
        made[live, step] = drawn
        if alphabet.end is not None:
            made[live[drawn == alphabet.end], step + 1 :] = alphabet.pad or 0
        live, drawn, (origin,) = keep_unfinished(alphabet, live, drawn, (origin,))
        going = (lengths[prefixes] > step + 1).nonzero().squeeze(1)
        tokens = torch.cat((ids[prefixes[going], step], drawn))
        prefixes, order = prefixes[going], torch.cat((going, origin))
        if not len(order):
            break
        state = tuple(part[order] for part in state)
    return made, owners
