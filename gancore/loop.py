"""The one training loop: players take turns; each moves its own parameters and nobody else's."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.errors import DivergedError

Losses = Callable[[Any, int], dict[str, Tensor]]
Callback = Callable[[int, dict[str, float]], bool | None]


@dataclass
class Player:
    """Who moves: a module, its optimizer, and what it minimises.

    losses: (batch, step) -> scalars by name. The loop minimises their sum; a name that starts
        with "_" is logged (without the underscore) and not minimised.
    repeat: turns a step; 0 never plays. every: plays only on steps that this divides.
    max_norm: gradient norm above which gradients are scaled down; 0 never scales.
    """

    name: str
    module: nn.Module
    optimizer: Optimizer
    losses: Losses
    repeat: int = 1
    every: int = 1
    max_norm: float = 0.0

    def step(self, losses: dict[str, Tensor]) -> None:
        """Descend the sum of the losses once."""
        minimised = [value for name, value in losses.items() if not name.startswith("_")]
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(minimised).sum().backward()
        if self.max_norm:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.max_norm)
        self.optimizer.step()


@contextmanager
def alone(player: Player, players: Iterable[Player]) -> Iterator[None]:
    """Only this player's parameters require gradients inside, so no turn can move another's or pay for it."""
    own = {id(p) for p in player.module.parameters()}
    frozen = [
        p
        for other in players
        if other is not player
        for p in other.module.parameters()
        if p.requires_grad and id(p) not in own
    ]
    for parameter in frozen:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)


def play(players: list[Player], batches: Iterator[Any], steps: Iterable[int], callbacks: Iterable[Callback] = ()):
    """Let the players take turns for `steps`, a fresh batch for every turn.

    After each step the callbacks get `(step, logs)`, `logs` mapping "player/loss" to a float for
    whoever played; one that returns True ends the playing after this step. Values are fetched from
    the device once a step, after all turns.
    Raises DivergedError when one of them is not finite, before any callback could save the wreck.
    """
    callbacks = list(callbacks)
    for step in steps:
        logs: dict[str, Tensor] = {}
        for player in players:
            if step % player.every or not player.repeat:
                continue
            losses: dict[str, Tensor] = {}
            for _ in range(player.repeat):
                with alone(player, players):
                    losses = player.losses(next(batches), step)
                    player.step(losses)
            logs |= {f"{player.name}/{name.lstrip('_')}": value.detach() for name, value in losses.items()}
        values = torch.stack([value.float() for value in logs.values()]).tolist() if logs else []
        plain = dict(zip(logs, values, strict=True))
        for name, value in plain.items():
            if not math.isfinite(value):
                raise DivergedError(
                    f"step {step}: {name} is {value}, training has diverged; try a lower learning rate."
                )
        enough = [callback(step, plain) for callback in callbacks]
        if any(enough):
            return
