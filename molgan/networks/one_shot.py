"""Networks over batches of graphs: generator, critics, encoder. All they know of chemistry is capacity."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gancore.layers.autoencoder import AutoencodingCritic
from gancore.layers.conditioning import ConditionedOutput, Conditioning, context_inputs
from gancore.layers.self_attention import SelfAttention
from gancore.types import Context, CriticOutput, Sample
from molgan import chemistry
from molgan.data import graphs


def mlp(widths: Sequence[int], activation: nn.Module | None = None) -> nn.Sequential:
    """Linear layers of the given widths with LeakyReLU, or another activation, between them, none after the last."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), activation or nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


class Generator(nn.Module):
    """Noise, the places that hold an atom, and a context -> logits of atoms and bonds, all at once."""

    def __init__(
        self,
        noise: int,
        max_atoms: int,
        kinds: int,
        hidden: Sequence[int],
        activation: nn.Module | None = None,
        context_features: int = 0,
    ):
        super().__init__()
        self.noise, self.max_atoms, self.kinds, self.context_features = noise, max_atoms, kinds, context_features
        self.pairs = max_atoms * (max_atoms - 1) // 2
        self.activation = activation or nn.LeakyReLU(0.2)
        self.body = mlp((noise + max_atoms + 2 * context_features, *hidden), self.activation)
        self.nodes = nn.Linear(hidden[-1], max_atoms * kinds)
        self.bonds = nn.Linear(hidden[-1], self.pairs * chemistry.ORDERS)

    def forward(
        self,
        noise: Float[Tensor, "batch latent"],
        present: Bool[Tensor, "batch node"],
        context: Context | None = None,
    ) -> tuple[Float[Tensor, "batch node atom"], Float[Tensor, "batch pair order"]]:
        """Node logits and bond logits."""
        asked = context_inputs(context, self.context_features, noise)
        hidden = self.activation(self.body(torch.cat((noise, present.to(noise.dtype), asked), 1)))
        nodes, bonds = self.nodes(hidden).float(), self.bonds(hidden).float()  # draws want full precision
        return nodes.unflatten(1, (self.max_atoms, self.kinds)), bonds.unflatten(1, (self.pairs, chemistry.ORDERS))


class Encoder(nn.Module):
    """A graph and a context -> mean and log-variance of its noise: the encoder of an autoencoder."""

    def __init__(self, noise: int, max_atoms: int, kinds: int, hidden: Sequence[int], context_features: int = 0):
        super().__init__()
        self.context_features = context_features
        pairs = max_atoms * (max_atoms - 1) // 2
        self.body = mlp((max_atoms * kinds + pairs * chemistry.ORDERS + 2 * context_features, *hidden, 2 * noise))

    def forward(
        self, sample: Sample, context: Context | None = None
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Mean and log-variance."""
        asked = context_inputs(context, self.context_features, sample[0])
        mean, log_var = self.body(torch.cat([part.flatten(1) for part in (*sample, asked)], 1)).chunk(2, 1)
        return mean, log_var.clamp(-12, 6)


VALENCE = 5
"""Width of `valence`."""


def valence(sample: Sample, capacity: Int[Tensor, "atom"]) -> Float[Tensor, "batch node feature"]:
    """What a critic should not have to discover: spare and excess valence, and the degree by bond order, of each atom.

    Differentiable in the one-hots. Closed walks that mark rings were tried as well and made nothing
    better (docs/experiments.md).
    """
    nodes, bonds = sample
    incidence = graphs.incidence(nodes.shape[1], nodes.device)
    degrees = (bonds[..., 1:].transpose(1, 2) @ incidence).transpose(1, 2)
    spare = nodes @ capacity.to(nodes.dtype) - degrees @ degrees.new_tensor([1.0, 2.0, 3.0])
    return torch.cat((spare.relu()[..., None], (-spare).relu()[..., None], degrees), -1)


class OrderedCritic(nn.Module):
    """Judges the flattened one-hots and their valence: sees the order of the atoms, which canonical SMILES fixes."""

    def __init__(self, max_atoms: int, kinds: int, hidden: Sequence[int]):
        super().__init__()
        pairs = max_atoms * (max_atoms - 1) // 2
        inputs = max_atoms * (kinds + VALENCE) + pairs * chemistry.ORDERS
        self.body = mlp((inputs, *hidden, 1))
        self.width = (inputs, *hidden)[-1]  # of what the last layer reads

    def forward(
        self, sample: Sample, features: Tensor
    ) -> tuple[Float[Tensor, "batch"], Float[Tensor, "batch feature"]]:
        """Logits, and what the last layer reads."""
        return logit_and_features(self.body, torch.cat([part.flatten(1) for part in (*sample, features)], 1))


class RelationalCritic(nn.Module):
    """Judges a graph whatever the order of its atoms: one dense graph convolution a bond order (R-GCN).

    Schlichtkrull et al. 2018, with PyG's `DenseGraphConv` as the layer, weights of its own for
    each relation, and a sum over atoms.
    """

    def __init__(self, kinds: int, width: int, layers: int):
        super().__init__()
        from torch_geometric.nn import DenseGraphConv  # takes seconds to import, and most models are without

        widths = [kinds + VALENCE] + [width] * layers
        self.layers = nn.ModuleList(
            nn.ModuleList(DenseGraphConv(before, after) for _ in range(chemistry.ORDERS - 1))
            for before, after in pairwise(widths)
        )
        self.head = mlp((width, width, 1))

    def forward(
        self, sample: Sample, features: Tensor
    ) -> tuple[Float[Tensor, "batch"], Float[Tensor, "batch feature"]]:
        """Logits, and what the last layer reads."""
        nodes, bonds = sample
        mask = graphs.node_mask(nodes)
        relations = graphs.to_matrix(bonds[..., 1:], nodes.shape[1]).unbind(-1)
        hidden = torch.cat((nodes, features), -1)
        for layer in self.layers:
            parts = [conv(hidden, adjacency) for conv, adjacency in zip(layer, relations, strict=True)]  # pyright: ignore
            hidden = nn.functional.leaky_relu(torch.stack(parts).sum(0), 0.2)
        return logit_and_features(self.head, (hidden * mask[..., None]).sum(1))


class AttentionCritic(nn.Module):
    """Judges a graph whatever the order of its atoms: messages along bonds, then self-attention between all atoms.

    Relations are weighted as in a relational graph network (Schlichtkrull et al. 2018); attention is that of SAGAN
    (Zhang et al. 2019); the states are summed over atoms.
    """

    def __init__(self, kinds: int, width: int, layers: int):
        super().__init__()
        self.enter = nn.Linear(kinds + VALENCE, width)
        self.messages = nn.ModuleList(nn.Linear(width, width * (chemistry.ORDERS - 1)) for _ in range(layers))
        self.attention = nn.ModuleList(SelfAttention(width) for _ in range(layers))
        self.mixed = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.hidden, self.out = nn.Linear(width, width), nn.Linear(width, 1)

    def forward(
        self, sample: Sample, features: Tensor
    ) -> tuple[Float[Tensor, "batch"], Float[Tensor, "batch feature"]]:
        """Logits, and what the last layer reads."""
        nodes, bonds = sample
        present = graphs.node_mask(nodes)
        relations = graphs.to_matrix(bonds[..., 1:], nodes.shape[1])
        states = leaky_relu(self.enter(torch.cat((nodes, features), -1)), 0.2)
        for messages, attention, mixed in zip(self.messages, self.attention, self.mixed, strict=True):
            sent = messages(states).unflatten(-1, (chemistry.ORDERS - 1, -1))
            states = states + leaky_relu(torch.einsum("bijo,bjof->bif", relations, sent), 0.2)
            states = attention(states, present)
            states = states + leaky_relu(mixed(states), 0.2)
        read = leaky_relu(self.hidden((states * present[..., None]).sum(1)), 0.2)
        return self.out(read).squeeze(1), read


def autoencoding(
    vocabulary: chemistry.Vocabulary, hidden: Sequence[int], context_features: int = 0
) -> AutoencodingCritic:
    """A critic that reconstructs graphs (BEGAN, Berthelot et al. 2017); the last of the widths is that of the code."""
    pairs = vocabulary.max_atoms * (vocabulary.max_atoms - 1) // 2
    sizes = (vocabulary.max_atoms, len(vocabulary.atoms)), (pairs, chemistry.ORDERS)
    return AutoencodingCritic(sizes, hidden[:-1], hidden[-1], context_features=context_features)


def logit_and_features(layers: nn.Sequential, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """What layers of one output make of their inputs, `(batch,)`, and what the last of them reads."""
    *body, last = layers
    for layer in body:
        inputs = layer(inputs)
    return last(inputs).squeeze(1), inputs


class GraphCritic(nn.Module):
    """The sum of an order-aware and, if `relational_layers` or `attention_layers`, permutation-invariant critics.

    context_features, conditioning: the context, and how the features of both meet it
    (`gancore.layers.conditioning.Conditioning`). code_features: of a head "code" that finds out which code a sample was
    drawn from (Chen et al. 2016).
    """

    capacity: Tensor

    def __init__(
        self,
        vocabulary: chemistry.Vocabulary,
        hidden: Sequence[int],
        relational_width: int = 64,
        relational_layers: int = 0,
        context_features: int = 0,
        conditioning: Conditioning = "projection",
        code_features: int = 0,
        attention_layers: int = 0,
    ):
        super().__init__()
        kinds = len(vocabulary.atoms)
        self.register_buffer("capacity", torch.from_numpy(vocabulary.capacity), persistent=False)
        self.ordered = OrderedCritic(vocabulary.max_atoms, kinds, hidden)
        self.relational = RelationalCritic(kinds, relational_width, relational_layers) if relational_layers else None
        self.attention = AttentionCritic(kinds, relational_width, attention_layers) if attention_layers else None
        width = self.ordered.width + relational_width * (bool(relational_layers) + bool(attention_layers))
        self.feature_width = width
        self.conditioned = ConditionedOutput(width, context_features, conditioning)
        self.code = nn.Linear(width, code_features) if code_features else None

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """Logits and features of one-hots, hard or relaxed."""
        valences = valence(sample, self.capacity)
        logits, features = self.ordered(sample, valences)
        for part in (self.relational, self.attention):
            if part is not None:
                more, others = part(sample, valences)
                logits, features = logits + more, torch.cat((features, others), 1)
        output = self.conditioned(logits, features, context)
        if self.code is None:
            return output
        return output._replace(heads={**output.heads, "code": self.code(features)})
