"""Averaged weights: the generator that is sampled from."""

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


class EMA(nn.Module, Generic[M]):
    """Exponential moving average of a module's parameters, with warm-up (Karras et al. 2018).

    With warm-up the decay after n updates is min(decay, (1 + n) / (10 + n)), so early averages forget their start.
    Buffers are copied, not averaged. The average never trains, so it is in evaluation mode all the time.

    >>> net = nn.Linear(1, 1, bias=False)
    >>> averaged = EMA(net, decay=0.5, warm_up=False)
    >>> _ = nn.init.constant_(averaged.average.weight, 0.0), nn.init.constant_(net.weight, 1.0)
    >>> averaged.update(net)
    >>> averaged.average.weight.item()
    0.5
    """

    average: M
    updates: torch.Tensor

    def __init__(self, module: M, decay: float = 0.999, warm_up: bool = True):
        super().__init__()
        self.average = copy.deepcopy(module).requires_grad_(False).eval()
        self.decay, self.warm_up = decay, warm_up
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))

    def train(self, mode: bool = True) -> "EMA[M]":
        """Training mode, but for the average: nothing that samples from it has to switch it, in any thread."""
        super().train(mode)
        self.average.eval()
        return self

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average towards the module's present parameters."""
        done = int(self.updates)
        decay = min(self.decay, (1 + done) / (10 + done)) if self.warm_up else self.decay
        torch._foreach_lerp_(  # pyright: ignore
            list(self.average.parameters()), list(module.parameters()), 1 - decay
        )
        for mine, theirs in zip(self.average.buffers(), module.buffers(), strict=True):
            mine.copy_(theirs)
        self.updates += 1

    def forward(self, *inputs):
        """What the averaged module says."""
        return self.average(*inputs)
