"""Spectral normalisation of whole critics."""

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gancore.errors import ConfigError


def normalize_spectrum(network: nn.Module) -> None:
    """Divide every weight matrix of a network by its largest singular value, in place (Miyato et al. 2018).

    Layers are then 1-Lipschitz, whatever they learn. The value is estimated by a step of power iteration at each call
    in training mode; its vectors are buffers, so that checkpoints hold them. Convolutions, embeddings and linear layers
    of torch have such a weight; biases stay.
    Raises ConfigError for a network with matrices elsewhere, as recurrent layers have: it would not be bounded.

    >>> import torch
    >>> layer = nn.Linear(2, 2, bias=False)
    >>> normalize_spectrum(layer)
    >>> round(torch.linalg.matrix_norm(layer.eval().weight, 2).item(), 3)
    1.0
    """
    layers = []
    for module in network.modules():
        matrices = [name for name, weight in module.named_parameters(recurse=False) if weight.ndim > 1]
        if matrices == ["weight"] and type(module).__module__.startswith(nn.__name__):
            layers.append(module)
        elif matrices:
            raise ConfigError(
                f"critic.spectral_norm: a layer of kind {type(module).__name__} cannot be normalised: leave it out."
            )
    for layer in layers:
        spectral_norm(layer)
