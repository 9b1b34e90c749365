"""Several processes as one: started by torchrun, each works on its rows of the same global batch.

Every process draws the randomness of the whole batch and keeps its own rows, so that several processes take the same
steps as one. Without torchrun there is one process, and everything here gives back what it was given.
"""

import atexit
import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from gancore.errors import ConfigError
from gancore.types import Context

T = TypeVar("T")


def join(device: torch.device) -> None:
    """Meet the other processes that torchrun started, if it did."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        if device.type == "cuda" and device.index is not None:
            torch.cuda.set_device(device)
        from torch.distributed.nn import functional  # noqa: F401  # imported later, its defaults would keep the group

        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(dist.destroy_process_group)


def processes() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Which of them this is; 0 is the one that writes."""
    return dist.get_rank() if dist.is_initialized() else 0


def shard(rows: Tensor) -> Tensor:
    """This process's rows of the global batch.

    Raises ConfigError when the batch cannot be split evenly.
    """
    count = processes()
    if len(rows) % count:
        raise ConfigError(f"a batch of {len(rows)} cannot be split among {count} processes; choose a multiple.")
    each = len(rows) // count
    return rows[rank() * each : (rank() + 1) * each]


def draw_global(draw: Callable[[int], Tensor], n: int) -> Tensor:
    """`draw(n)` where `n` rows are this process's share: drawn for all processes, the own ones kept."""
    count = processes()
    return draw(n) if count == 1 else shard(draw(n * count))


def normal_like(value: Tensor) -> Tensor:
    """Standard normal noise of the value's shape: this process's rows of the common batch's."""
    return draw_global(lambda n: torch.randn(n, *value.shape[1:], device=value.device, dtype=value.dtype), len(value))


def total(value: Tensor) -> Tensor:
    """The sum over the processes; no gradient flows to the others."""
    if processes() == 1:
        return value
    summed = value.detach().clone()
    dist.all_reduce(summed)
    return summed


def all_gather_objects(rows: list[T]) -> list[T]:
    """The rows of all processes in the order of the global batch; anything that can be pickled."""
    if processes() == 1:
        return rows
    parts: list[list[T]] = [[]] * processes()
    dist.all_gather_object(parts, rows)
    return [row for part in parts for row in part]


def gathered(own_rows: Tensor) -> Tensor:
    """The rows of all processes, of each as many, in the order of the global batch; no gradient flows to the others."""
    if processes() == 1:
        return own_rows
    parts = [torch.empty_like(own_rows) for _ in range(processes())]
    dist.all_gather(parts, own_rows.detach().contiguous())
    return torch.cat(parts)


def gathered_with_gradient(own_rows: Tensor) -> Tensor:
    """The same with a gradient to the own rows: of a loss of all rows that each process works out whole.

    The gradient is times the number of processes, over which `average_gradients` then takes the mean.
    """
    count = processes()
    if count == 1:
        return own_rows
    parts = list(gathered(own_rows).chunk(count))
    parts[rank()] = own_rows * count - (own_rows * (count - 1)).detach()
    return torch.cat(parts)


def gathered_context(context: Context | None) -> Context | None:
    """The context of the rows of all processes, of each as many; None where there is none."""
    if context is None or processes() == 1:
        return context
    return Context(gathered(context.values), gathered(context.known))


def largest(value: float) -> float:
    """The largest of the processes' numbers."""
    if processes() == 1:
        return value
    shared = torch.tensor(value, device="cuda" if dist.get_backend() == "nccl" else "cpu")
    dist.all_reduce(shared, dist.ReduceOp.MAX)
    return float(shared)


def mean(value: Tensor) -> Tensor:
    """The mean over the processes."""
    return total(value) / processes()


def batch_mean(values: Tensor) -> Tensor:
    """The mean over the values of all processes, `()`; the gradient flows to all of them."""
    if processes() == 1:
        return values.mean()
    return _Total.apply(values.sum()) / total(torch.tensor(float(values.numel()), device=values.device))


class _Total(torch.autograd.Function):
    """`total` with a gradient: what each process gets is the sum of what all would pay for it."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return total(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # pyright: ignore
        return total(gradient)


def mean_denominator(count: Tensor) -> Tensor:
    """What each process divides its sum by, so that the mean of the quotients is the mean over all: count / processes.

    For means over tokens, of which each process's rows have another number.
    """
    return mean(count.float())


def average_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Replace every gradient by its mean over the processes, in one exchange."""
    if processes() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = mean(torch.cat([gradient.flatten() for gradient in gradients]))
    for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
