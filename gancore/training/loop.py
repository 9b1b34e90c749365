"""The one training loop: players train alternately, and each updates its own parameters only.

A turn is a training step of one player.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.errors import DivergedError
from gancore.training import distributed
from gancore.training.device import derive_seed, reseed
from gancore.types import Batch

Losses = Callable[[Any, int], dict[str, Tensor]]
Callback = Callable[[int, dict[str, float]], bool | str | None]


@dataclass
class Player:
    """Who moves: a module, its optimizer, and what it minimises.

    losses: (batch, step) -> by name scalars, or one value for each row of the batch, `(batch,)`, of which the mean is
        taken, weighted as the batch says. The loop minimises their sum; a name that starts with "_" is logged (without
        the underscore) and not minimised.
    repeat: turns a step; 0 never plays. every: plays only on steps that this divides.
    max_norm: gradient norm above which gradients are scaled down; 0 never scales.
    max_weight: size to which weights are clipped after each turn (Arjovsky et al. 2017); 0 never clips.
    rate: learning rate at a step; the one that the optimiser was made with if not given.
    """

    name: str
    module: nn.Module
    optimizer: Optimizer
    losses: Losses
    repeat: int = 1
    every: int = 1
    max_norm: float = 0.0
    rate: Callable[[int], float] | None = None
    max_weight: float = 0.0

    def step(self, losses: dict[str, Tensor]) -> Tensor:
        """Descend the sum of the losses once; gives the norm of the gradient before it is scaled down.

        Of one value a sample it is the plain mean; `reduce_losses` knows weights. Without a loss nothing moves.
        """
        minimised = [_mean(value) for name, value in losses.items() if not name.startswith("_")]
        if not minimised:
            return torch.zeros(())
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(minimised).sum().backward()
        parameters = [parameter for parameter in self.module.parameters() if parameter.grad is not None]
        distributed.average_gradients(parameters)
        norm = nn.utils.get_total_norm([parameter.grad for parameter in parameters])  # pyright: ignore
        if self.max_norm:
            nn.utils.clip_grads_with_norm_(parameters, self.max_norm, norm)
        self.optimizer.step()
        if self.max_weight:
            with torch.no_grad():
                for weight in self.module.parameters():
                    weight.clamp_(-self.max_weight, self.max_weight)
        return norm

    def set_rate(self, step: int, factor: float = 1.0) -> None:
        """Set the learning rate of a step, times a factor."""
        rate = self.rate(step) if self.rate is not None else self.optimizer.defaults["lr"]
        for group in self.optimizer.param_groups:
            group["lr"] = rate * factor


def reduce_losses(losses: Mapping[str, Tensor], batch: Any = None) -> dict[str, Tensor]:
    """Scalars of losses that are scalars or one value a sample, `(batch,)`: their mean, or the batch's weighted mean.

    Weights are over their mean in the batch of all processes, so several processes take the steps of one.
    Raises ValueError for a loss of another length than the weights, and for one value a sample where the batch is
    of several streams of which one has weights: whose rows they are is for the recipe to say, with `weighted_mean`.

    >>> batch = Batch((torch.zeros(2, 1),), weight=torch.tensor([3.0, 1.0]))
    >>> reduce_losses({"loss": torch.tensor([1.0, 5.0]), "other": torch.tensor(7.0)}, batch)
    {'loss': tensor(2.), 'other': tensor(7.)}
    """
    weight = batch.weight if isinstance(batch, Batch) else None
    if isinstance(batch, Mapping) and any(getattr(part, "weight", None) is not None for part in batch.values()):
        for name, value in losses.items():
            if value.ndim:
                raise ValueError(f"loss {name!r} has one value a sample, but of which stream's? Use weighted_mean.")
    if weight is None:
        return {name: _mean(value) for name, value in losses.items()}
    for name, value in losses.items():
        if value.ndim and value.shape != weight.shape:
            raise ValueError(f"loss {name!r} is {tuple(value.shape)}, the weights of the batch {tuple(weight.shape)}.")
    mean = distributed.mean(weight.mean())
    return {name: (value * weight).mean() / mean if value.ndim else value for name, value in losses.items()}


def weighted_mean(values: Tensor, batch: Batch) -> Tensor:
    """The mean of one value a row of the batch, `(batch,)`, by the batch's weights: what a player makes of a loss."""
    return reduce_losses({"values": values}, batch)["values"]


def _mean(value: Tensor) -> Tensor:
    return value.mean() if value.ndim else value


def of_others(player: Player, players: Iterable[Player]) -> list[nn.Parameter]:
    """The parameters of the other players that are not this player's too."""
    own = {id(parameter) for parameter in player.module.parameters()}
    others = [other for other in players if other is not player]
    return [part for other in others for part in other.module.parameters() if id(part) not in own]


@contextmanager
def frozen(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """These parameters require no gradients inside, so that no turn can move another player's or pay for it.

    >>> one, other = (Player(name, net, torch.optim.SGD(net.parameters(), 1.0), lambda batch, step: {})
    ...               for name, net in (("one", nn.Linear(1, 1)), ("other", nn.Linear(1, 1))))
    >>> with frozen(of_others(one, [one, other])):
    ...     one.module.weight.requires_grad, other.module.weight.requires_grad
    (True, False)
    """
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


@dataclass
class Place:
    """How far a step has come, kept up to date by `play`; a step that broke off is played on from here.

    player: whose turn it is, as its place among the players. turn: turns that it has had in this step. logs: of the
    players before it. position: of the batches when the turn began, None for batches without one.
    """

    player: int = 0
    turn: int = 0
    logs: dict[str, Tensor] = field(default_factory=dict)
    position: Any = None


def play(
    players: list[Player],
    batches: Iterator[Any],
    steps: Iterable[int],
    callbacks: Iterable[Callback] = (),
    seed: Any = None,
    rate_factor: float = 1.0,
    precision: Callable[[], AbstractContextManager] = nullcontext,
    place: Place | None = None,
) -> None:
    """Let the players take turns for `steps`, a fresh batch for every turn.

    A batch is a `Batch`, a dict of several streams' (`batching.Streams`), or whatever the players' losses take.
    After each step the callbacks get `(step, logs)`, `logs` mapping "player/loss" to a float for
    whoever played, and "player/gradient" to the norm of its last gradient; a callback that returns True, or a
    reason, ends the playing after this step. Values are fetched from the device once a step, after all turns.

    seed: makes the randomness of each turn a function of it, the player, the step and the turn; None leaves torch's
    generators alone. rate_factor: on all learning rates. precision: entered while losses are computed (autocast).
    place: where in the first step to begin; tells at any time how far the present step has come.
    Raises DivergedError when a loss or a gradient is not finite, before any callback could save the wreck.

    >>> net = nn.Linear(1, 1, bias=False)
    >>> fit = lambda batch, step: {"loss": (net(batch) - 1).square().mean()}
    >>> player = Player("fit", net, torch.optim.SGD(net.parameters(), 0.5), fit)
    >>> play([player], iter(lambda: torch.ones(1, 1), None), range(3))
    >>> round(net.weight.item(), 3)
    1.0
    """
    callbacks, place = list(callbacks), place or Place()
    others = [of_others(player, players) for player in players]
    for step in steps:
        first, done = place.player, place.turn
        for number, player in enumerate(players):
            if number < first or step % player.every or not player.repeat:
                continue
            player.set_rate(step, rate_factor)
            losses: dict[str, Tensor] = {}
            norm = torch.zeros(())
            for turn in range(done if number == first else 0, player.repeat):
                place.player, place.turn, place.position = number, turn, getattr(batches, "position", None)
                if seed is not None:
                    reseed(derive_seed(seed, player.name, step, turn))
                with frozen(others[number]):
                    with precision():
                        batch = next(batches)
                        losses = reduce_losses(player.losses(batch, step), batch)
                    norm = player.step(losses)
            place.logs |= {f"{player.name}/{name.lstrip('_')}": value.detach() for name, value in losses.items()}
            place.logs[f"{player.name}/gradient"] = norm
        figures = _fetch(place.logs)
        place.player, place.turn, place.logs = 0, 0, {}
        for name, value in figures.items():
            if not math.isfinite(value):
                raise DivergedError(
                    f"step {step}: {name} is {value}, training has diverged; try a lower learning rate."
                )
        enough = [callback(step, figures) for callback in callbacks]
        if any(enough):
            return


def _fetch(logs: dict[str, Tensor]) -> dict[str, float]:
    """Scalars as floats, means over the processes, in one transfer."""
    if not logs:
        return {}
    values = distributed.mean(torch.stack([value.float() for value in logs.values()]))
    return dict(zip(logs, values.tolist(), strict=True))
