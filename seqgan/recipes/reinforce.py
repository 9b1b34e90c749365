"""What REINFORCE needs beside a critic: a pool of generated sequences to train it on, and a baseline."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gancore.errors import ConfigError
from gancore.training import distributed
from gancore.training.device import derive_seed
from gancore.training.settings import STRICT, Count, Part, Positive, Share, Weight
from seqgan.text.alphabet import Alphabet, Ids

Values = Float[Tensor, "batch step"]


class Negatives(nn.Module):
    """Generated sequences for the critic: drawn many at a time, served shuffled, `reuse` times each."""

    ids: Tensor
    served: Tensor

    def __init__(self, size: int, length: int, reuse: int, seed: int):
        super().__init__()
        self.reuse, self.seed = reuse, seed
        self.register_buffer("ids", torch.zeros(size, length, dtype=torch.long))
        self.register_buffer("served", torch.zeros((), dtype=torch.long))

    def take(self, n: int, draw: Callable[[int], Ids]) -> Ids:
        """The next `n` sequences (at most the size of the pool); `draw(size)` makes new ones when they are used up."""
        size, count = len(self.ids), int(self.served)
        n = min(n, size)
        batches_a_pass = size // n
        if count % (batches_a_pass * self.reuse) == 0:
            self.ids.copy_(draw(size))
        epoch, place = divmod(count, batches_a_pass)
        random = torch.Generator().manual_seed(derive_seed(self.seed, "negatives", epoch))
        rows = torch.randperm(size, generator=random)[place * n : (place + 1) * n]
        self.served += 1
        return self.ids[rows.to(self.ids.device)]


class Baseline(nn.Module):
    """What is subtracted from the reward of a token so that the gradient varies less; one value for each place.

    kind: none, nothing; leave_one_out, the mean reward of the batch's other sequences at that place, and for a sequence
    that is alone there its own reward, so that its advantage is 0; moving, the average over earlier batches; running,
    the same over all places, one number (ScratchGAN, de Masson d'Autume et al. 2019).
    A place that no earlier batch reached, as all in the first step, has no moving average: the mean of the present
    batch stands in. It includes the sequence itself, so there the gradient is slightly biased.
    decay: share of the moving average that a step keeps.
    """

    average: Tensor

    def __init__(self, kind: str, length: int, decay: float = 0.9):
        super().__init__()
        self.kind, self.decay = kind, decay
        self.register_buffer("average", torch.full((length,), torch.nan))

    def advantage(self, values: Values, mask: Tensor) -> Values:
        """The reward of every token less its baseline: 0 at padding."""
        if self.kind == "none":
            return values * mask
        total, count = (distributed.total(part.sum(0)) for part in (values * mask, mask))
        if self.kind == "leave_one_out":
            others = (total - values * mask) / (count - 1).clamp_min(1)
            return (values - torch.where(count > 1, others, values)) * mask
        if self.kind == "running":
            total, count = total.sum().expand_as(total), count.sum().expand_as(count)
        mean = total / count.clamp_min(1)
        known = torch.where(self.average.isnan(), mean, self.average)
        updated = torch.lerp(mean, known, self.decay)
        self.average.copy_(torch.where(count > 0, updated, self.average))
        return (values - known) * mask


def beginnings(alphabet: Alphabet, real: Ids, share: Float[Tensor, "line"] | float) -> Ids:
    """The beginnings of real lines, a share of the tokens of each, ended by -1 `(line, step)`.

    One token at least is left beside the end, as there is in every continuation that is drawn. share: below 1.
    """
    tokens = alphabet.mask(real).sum(1) - 1
    places = torch.arange(real.shape[1], device=real.device)
    return torch.where(places < (share * tokens).long()[:, None], real, -1)


@dataclass(frozen=True)
class PolicyConfig:
    """The policy gradient."""

    __pydantic_config__ = STRICT
    reward: Literal["rollout", "dense", "constant", "odds", "rank", "returns"] = "rollout"
    """Monte-Carlo rollouts judged by the critic; a critic that judges every prefix; 0.5 everywhere, a control; the odds
    of whole sequences over their mean (MaliGAN); rollouts judged by their rank among real lines (RankGAN); or
    discounted sums of what a critic says of every prefix (ScratchGAN)."""
    rollouts: Positive = 16
    """Completions of every prefix."""
    update_rate: Share = 0.8
    """Share of its parameters that the rollout policy keeps a step; the rest comes from the generator."""
    baseline: Literal["none", "moving", "running", "leave_one_out"] = "leave_one_out"
    """Subtracted from the reward: nothing, its moving average at each place, the same over all places, or the mean of
    the other sequences."""
    likelihood: Weight = 0.0
    """Weight of maximum likelihood on real sequences, kept in the loss."""
    kl: Weight = 0.0
    """Weight of the KL divergence from the pre-trained generator, per token, on the generator's own draws."""
    discount: Share = field(default=0.23, kw_only=True)
    """Of `returns`: how much the next token's reward counts, relative to a token's own."""
    prefix: Part = field(default=0.0, kw_only=True)
    """Of `odds`: share of a real line that draws begin with in the first step, and learn by likelihood; it falls
    linearly to 0 (MaliGAN's mixed training)."""
    group: Count = field(default=0, kw_only=True)
    """Draws that begin with the same line and whose odds are compared with each other; divides `batch`. 0: all draws of
    a batch, which begin with nothing."""

    def __post_init__(self) -> None:
        if self.prefix and self.reward != "odds":
            raise ConfigError(
                f"policy.prefix begins draws that policy.reward=odds weighs, not {self.reward}: set one or the other."
            )
        if (self.prefix > 0) != (self.group > 0):
            raise ConfigError("policy.prefix and policy.group go together: set both or neither.")
        if self.group == 1:
            raise ConfigError("policy.group: the odds of one draw have nothing to compare with: set 2 or more.")
