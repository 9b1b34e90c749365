"""Samples whose scores are still being worked out."""

import torch
from torch import Tensor, nn

from molgan import chemistry
from molgan.networks.sampling import GraphDraw


class PendingSamples(nn.Module):
    """The samples of the turn before, whose scores are being worked out: state, so that a resumed run has them too.

    noises: rows of noise. draws: graphs of each. latent: width of the noise. size: places of a graph.
    """

    noise: Tensor
    atoms: Tensor
    orders: Tensor
    filled: Tensor

    def __init__(self, noises: int, draws: int, latent: int, size: int):
        super().__init__()
        self.register_buffer("noise", torch.zeros(noises, latent))
        self.register_buffer("atoms", torch.zeros(noises * draws, size, dtype=torch.long))
        self.register_buffer("orders", torch.zeros(noises * draws, size * (size - 1) // 2, dtype=torch.long))
        self.register_buffer("filled", torch.zeros((), dtype=torch.bool))

    def keep(self, noise: Tensor, drawn: GraphDraw) -> None:
        """Take a turn's draws in."""
        self.noise.copy_(noise)
        self.atoms.copy_(drawn.atoms)
        self.orders.copy_(drawn.orders)
        self.filled.fill_(True)

    def under(self, generator: nn.Module, capacity: Tensor) -> GraphDraw:
        """The kept draws with the logits that the present weights give them."""
        draws, present = len(self.atoms) // len(self.noise), self.atoms != chemistry.PAD
        nodes, bonds = (part.repeat_interleave(draws, 0) for part in generator(self.noise, present[::draws]))
        free = capacity[self.atoms.clamp_min(0)] * present
        return GraphDraw(self.atoms.clone(), self.orders.clone(), nodes, bonds, nodes, bonds, present, free)
