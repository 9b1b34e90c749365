"""A style-based generator of graphs: a style, mapped from noise, modulates every layer (Karras et al. 2019, 2020).

The convolutions of the papers are linear layers here. A context enters the mapping network, and so every layer, as
class-conditional modulation does (Brock et al. 2019).
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gancore.layers.conditioning import context_inputs
from gancore.training import distributed
from gancore.types import Context
from molgan import chemistry

_SLOPE = 0.2
_MEAN_RATE = 0.005  # of the running mean of styles


class ModulatedLinear(nn.Module):
    """A linear layer whose inputs a style scales and whose outputs are brought back to unit scale (StyleGAN2)."""

    def __init__(self, inputs: int, outputs: int, style: int):
        super().__init__()
        self.linear, self.scale = nn.Linear(inputs, outputs), nn.Linear(style, inputs)
        nn.init.zeros_(self.scale.weight)
        nn.init.ones_(self.scale.bias)

    def forward(self, x: Float[Tensor, "batch inputs"], style: Float[Tensor, "batch style"]) -> Tensor:
        """`(batch, outputs)`."""
        scale, weight = self.scale(style), self.linear.weight
        norm = (scale.square() @ weight.square().T + 1e-8).rsqrt()
        return (x * scale) @ weight.T * norm + self.linear.bias


class StyleGenerator(nn.Module):
    """Noise, the places that hold an atom, and a context -> logits of atoms and bonds, by a style at every layer.

    hidden: widths of the modulated layers. mapping: layers of the mapping network. truncation: how far styles stay from
    their mean in evaluation mode: 1 leaves them, 0 is the mean; less variety, and fewer odd samples.
    Noise may be `(batch, latent)`, or `(batch, layer, latent)` for styles that are mixed (`mix`).
    """

    mean: Tensor

    def __init__(
        self,
        noise: int,
        max_atoms: int,
        kinds: int,
        hidden: Sequence[int],
        mapping: int = 4,
        truncation: float = 1.0,
        context_features: int = 0,
    ):
        super().__init__()
        self.noise, self.max_atoms, self.kinds, self.context_features = noise, max_atoms, kinds, context_features
        self.pairs, self.truncation = max_atoms * (max_atoms - 1) // 2, truncation
        width = hidden[0]
        widths = [noise + 2 * context_features] + [width] * mapping
        self.mapping = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))
        self.constant, self.enter = nn.Parameter(torch.randn(width)), nn.Linear(max_atoms, width)
        self.layers = nn.ModuleList(ModulatedLinear(*pair, width) for pair in pairwise((width, *hidden)))
        self.nodes = nn.Linear(hidden[-1], max_atoms * kinds)
        self.bonds = nn.Linear(hidden[-1], self.pairs * chemistry.ORDERS)
        self.register_buffer("mean", torch.zeros(width))

    def styles(self, noise: Float[Tensor, "batch *layer latent"], context: Context | None) -> Tensor:
        """Styles `(batch, *layer, style)`."""
        asked = context_inputs(context, self.context_features, noise.flatten(1))
        if noise.ndim == 3:
            asked = asked[:, None].expand(-1, noise.shape[1], -1)
        scaled = noise * (noise.square().mean(-1, keepdim=True) + 1e-8).rsqrt()
        style = torch.cat((scaled, asked), -1)
        for layer in self.mapping:
            style = leaky_relu(layer(style), _SLOPE)
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(style.detach().flatten(0, -2).mean(0).to(self.mean.dtype), _MEAN_RATE)
        elif self.truncation != 1.0:
            style = self.mean + self.truncation * (style - self.mean)
        return style

    def mixed(self, noise: Float[Tensor, "batch latent"], share: float) -> Float[Tensor, "batch layer latent"]:
        """`mix` with fresh noise in a share of the rows, from a layer on that is drawn for each."""
        n, device = len(noise), noise.device
        other = distributed.draw_global(lambda rows: torch.randn(rows, self.noise, device=device), n)
        uniform = distributed.draw_global(lambda rows: torch.rand(rows, device=device), n)
        return self.mix(noise, other, uniform / share)

    def mix(
        self,
        noise: Float[Tensor, "batch latent"],
        other: Float[Tensor, "batch latent"],
        uniform: Float[Tensor, "batch"],
    ) -> Float[Tensor, "batch layer latent"]:
        """Noise of two samples for each layer `(batch, layer, latent)`: the other's from a layer on (style mixing).

        uniform: for each row a number in [0, 1) that says from which layer on, of the second and later ones; from 1 on
        no layer has the other's.
        """
        layers = len(self.layers)
        start = 1 + (uniform * (layers - 1)).floor()
        later = torch.arange(layers, device=noise.device) >= torch.where(uniform < 1, start, layers)[:, None]
        return torch.where(later[..., None], other[:, None], noise[:, None])

    def forward(
        self, noise: Tensor, present: Bool[Tensor, "batch node"], context: Context | None = None
    ) -> tuple[Float[Tensor, "batch node atom"], Float[Tensor, "batch pair order"]]:
        """Node logits and bond logits."""
        styles = self.styles(noise, context)
        hidden = leaky_relu(self.constant + self.enter(present.to(styles.dtype)), _SLOPE)
        for place, layer in enumerate(self.layers):
            hidden = leaky_relu(layer(hidden, styles if styles.ndim == 2 else styles[:, place]), _SLOPE)
        nodes, bonds = self.nodes(hidden).float(), self.bonds(hidden).float()
        return nodes.unflatten(1, (self.max_atoms, self.kinds)), bonds.unflatten(1, (self.pairs, chemistry.ORDERS))
