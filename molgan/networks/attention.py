"""A generator of graphs whose atoms attend to one another before they are read (SAGAN, Zhang et al. 2019)."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gancore.layers.conditioning import context_inputs
from gancore.layers.self_attention import SelfAttention
from gancore.types import Context
from molgan import chemistry
from molgan.data import graphs
from molgan.networks.one_shot import mlp


class AttentionGenerator(nn.Module):
    """Noise, present places and a context -> logits: the places attend to one another before they are read.

    A perceptron gives every place a state; layers of self-attention (Zhang et al. 2019) follow. The logits of a pair
    come from the states of its ends, whatever their order.
    """

    def __init__(
        self,
        noise: int,
        max_atoms: int,
        kinds: int,
        hidden: Sequence[int],
        width: int = 64,
        layers: int = 2,
        context_features: int = 0,
    ):
        super().__init__()
        self.noise, self.max_atoms, self.kinds, self.context_features = noise, max_atoms, kinds, context_features
        self.width, self.pairs = width, max_atoms * (max_atoms - 1) // 2
        self.body = mlp((noise + max_atoms + 2 * context_features, *hidden, max_atoms * width))
        self.attention = nn.ModuleList(SelfAttention(width) for _ in range(layers))
        self.mixed = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.nodes, self.ends = nn.Linear(width, kinds), nn.Linear(width, 2 * width)
        self.bonds = mlp((2 * width, width, chemistry.ORDERS))

    def forward(
        self,
        noise: Float[Tensor, "batch latent"],
        present: Bool[Tensor, "batch node"],
        context: Context | None = None,
    ) -> tuple[Float[Tensor, "batch node atom"], Float[Tensor, "batch pair order"]]:
        """Node logits and bond logits."""
        asked = context_inputs(context, self.context_features, noise)
        states = self.body(torch.cat((noise, present.to(noise.dtype), asked), 1)).unflatten(1, (-1, self.width))
        states = leaky_relu(states, 0.2)
        for attention, mixed in zip(self.attention, self.mixed, strict=True):
            states = attention(states, present)
            states = states + leaky_relu(mixed(states), 0.2)
        i, j = graphs.pair_ends(self.max_atoms, noise.device)
        one, other = self.ends(states).chunk(2, -1)
        pair = torch.cat((one[:, i] + one[:, j], other[:, i] * other[:, j]), -1)
        return self.nodes(states).float(), self.bonds(pair).float()
