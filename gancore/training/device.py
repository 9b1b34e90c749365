"""Devices, seeds and generators."""

import os
import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Adam, AdamW

from gancore.errors import CheckpointError, ConfigError
from gancore.io.seeds import derive_seed


def pick_device(name: str = "auto") -> torch.device:
    """The named device; "auto" is CUDA where there is one, else the CPU.

    Raises ConfigError when the name is unknown or the device is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if kind == "cuda" and not number:
        number = os.environ.get("LOCAL_RANK", "")  # torchrun: each process its own
        name = f"cuda:{number}" if number else name
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()):
        raise ConfigError(f"device {name!r} is not known; use auto, cpu or cuda.")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device {name!r} was asked for, but this torch does not find it; use auto or cpu.")
    return torch.device(name)


def adam(
    parameters: Iterable[nn.Parameter],
    rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    weight_decay: float = 0.0,
) -> Adam:
    """Adam (Kingma and Ba 2015), fused where the device has that.

    weight_decay: decoupled from the gradient (AdamW, Loshchilov and Hutter 2019).
    """
    parameters = list(parameters)
    fused = parameters[0].device.type in ("cpu", "cuda")
    if weight_decay:
        return AdamW(parameters, rate, betas, weight_decay=weight_decay, fused=fused)
    return Adam(parameters, rate, betas, fused=fused)


def computes_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is fast: any CUDA device that knows it, a CPU with instructions for it; others emulate it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def new_generator(device: torch.device, *parts: object) -> torch.Generator:
    """A generator of its own on the device, seeded from `parts`; the global state is left alone."""
    return torch.Generator(device=device).manual_seed(derive_seed(*parts))


def default_generator(device: torch.device) -> torch.Generator:
    """The generator that torch draws from where it is given none."""
    if device.type == "cuda":
        return torch.cuda.default_generators[torch.cuda.current_device() if device.index is None else device.index]
    return torch.default_generator


def reseed(seed: int) -> None:
    """Seed torch's global generators on every device; many times cheaper than `torch.manual_seed`."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and torch's global generators, on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def generator_states() -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The state of torch's, numpy's and Python's global generators, on every device: tensors, and JSON-able values."""
    states = {"random/cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"random/cuda{number}": state for number, state in enumerate(torch.cuda.get_rng_state_all())}
    kind, keys, *rest = np.random.get_state()
    return states, {"python": random.getstate(), "numpy": [kind, np.asarray(keys).tolist(), *rest]}


def host_states() -> tuple[Any, Any]:
    """The state of Python's and numpy's global generators, for `set_host_states`."""
    return random.getstate(), np.random.get_state()


def set_host_states(states: tuple[Any, Any]) -> None:
    """Put `host_states` back."""
    random.setstate(states[0])
    np.random.set_state(states[1])


def set_generator_states(states: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
    """Put `generator_states` back; CUDA devices that this machine lacks are left out.

    Raises CheckpointError for states that are none.
    """
    try:
        torch.set_rng_state(states["random/cpu"].cpu())
        for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
            if f"random/cuda{number}" in states:
                torch.cuda.set_rng_state(states[f"random/cuda{number}"].cpu(), number)
        version, internal, gauss = values["python"]
        random.setstate((version, tuple(internal), gauss))
        kind, keys, *rest = values["numpy"]
        np.random.set_state((kind, np.array(keys, np.uint32), *rest))
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError):
        raise CheckpointError("checkpoint holds no usable state of the random generators.") from None
