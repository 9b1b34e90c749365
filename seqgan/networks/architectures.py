"""Causal networks over embedded tokens: the whole sequence at once, or one step after the other with the same result.

A trunk maps `(batch, step, embedding)` to `(batch, step, width)`; its `step` maps `(batch, embedding)` and a state to
`(batch, width)` and the next state. A state is a tuple of tensors, batch first, so rows can be picked and joined.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from annotated_types import Interval
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from gancore.errors import ConfigError
from gancore.training.settings import STRICT, OneOf, Part, Positive
from seqgan.networks.decoding import State

Embedded = Float[Tensor, "batch step embedding"]
Features = Float[Tensor, "batch step width"]
Layers = Annotated[int, Interval(ge=1, le=64)]


ARCHITECTURES: "dict[str, Callable[[GeneratorConfig, int], Any]]" = {}
"""A network by the name that `GeneratorConfig.kind` takes: functions of the settings and the longest length."""


@dataclass(frozen=True)
class GeneratorConfig:
    """The generator's network."""

    __pydantic_config__ = STRICT
    kind: Annotated[str, OneOf(ARCHITECTURES)] = "lstm"
    """LSTM, transformer, relational memory, or GPT-2 of the package transformers, untrained."""
    embedding: Positive = 64
    """Width of the token embedding."""
    width: Positive = 128
    """Width of the hidden state (of the memory: slots x heads x head size)."""
    layers: Layers = 1
    """Layers of an LSTM, a transformer or GPT-2."""
    heads: Positive = 4
    """Attention heads of a transformer, GPT-2 or a relational memory."""
    slots: Positive = 1
    """Slots of a relational memory."""
    embedding_dropout: Part = 0.0
    """Dropout on the embedded tokens."""
    dropout: Part = 0.0
    """Dropout between layers and before the head."""

    def __post_init__(self) -> None:
        if self.kind in ("transformer", "gpt2") and self.width % self.heads:
            raise ConfigError(f"model: width {self.width} is not a multiple of heads {self.heads}.")
        if self.kind == "memory" and self.width % (self.slots * self.heads):
            raise ConfigError(
                f"model: width {self.width} is not a multiple of slots x heads, {self.slots * self.heads}."
            )


class LSTM(nn.Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997), parameters drawn from N(0, 0.1) as in SeqGAN's code."""

    def __init__(self, embedding: int, width: int, layers: int, dropout: float):
        super().__init__()
        self.width = width
        # one module a layer: dropout can be shut off without leaving training mode, which cuDNN needs for gradients
        self.layers = nn.ModuleList(
            nn.LSTM(width if layer else embedding, width, batch_first=True) for layer in range(layers)
        )
        self.drop = nn.Dropout(dropout)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.1)

    def forward(self, embedded: Embedded) -> Features:
        """All steps at once."""
        out = self.layers[0](embedded)[0]
        for layer in self.layers[1:]:
            out = layer(self.drop(out))[0]
        return out

    def start(self, n: int) -> State:
        """Zeros: hidden and cell `(n, layer, width)`."""
        zeros = next(self.parameters()).new_zeros(n, len(self.layers), self.width)
        return zeros, zeros

    def step(self, embedded: Tensor, state: State) -> tuple[Tensor, State]:
        """One step."""
        out, hiddens, cells = embedded, [], []
        for layer, hidden, cell in zip(self.layers, *(part.unbind(1) for part in state), strict=True):
            weights = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
            hidden, cell = torch.lstm_cell(self.drop(out) if hiddens else out, (hidden, cell), *weights)
            out = hidden
            hiddens.append(hidden)
            cells.append(cell)
        return out, (torch.stack(hiddens, 1), torch.stack(cells, 1))


class _Block(nn.Module):
    """Pre-norm attention and feed-forward, with residuals."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, past: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Attend to `past (batch, 2, head, step, dim)` and, causally, to x; gives also the longer past."""
        query, key, value = self.qkv(self.before_attention(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        kept = torch.stack((key, value), 1)
        if past is not None:
            kept = torch.cat((past, kept), 3)
        chance = self.drop.p if self.drop.training else 0.0
        seen = scaled_dot_product_attention(query, kept[:, 0], kept[:, 1], dropout_p=chance, is_causal=past is None)
        x = x + self.drop(self.out(seen.transpose(1, 2).flatten(2)))
        return x + self.drop(self.mlp(self.before_mlp(x))), kept


class Transformer(nn.Module):
    """A causal transformer (Vaswani et al. 2017), pre-norm, learned positions, keys and values kept between steps."""

    def __init__(self, embedding: int, width: int, layers: int, dropout: float, heads: int, length: int):
        super().__init__()
        self.width, self.heads, self.layers = width, heads, layers
        self.into = nn.Linear(embedding, width)
        self.positions = nn.Parameter(torch.randn(length, width) * 0.02)
        self.blocks = nn.ModuleList(_Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, embedded: Embedded) -> Features:
        """All steps at once."""
        x = self.into(embedded) + self.positions[: embedded.shape[1]]
        for block in self.blocks:
            x, _ = block(x)
        return self.norm(x)

    def start(self, n: int) -> State:
        """An empty cache `(n, layer, 2, head, 0, dim)`."""
        return (self.positions.new_zeros(n, self.layers, 2, self.heads, 0, self.width // self.heads),)

    def step(self, embedded: Tensor, state: State) -> tuple[Tensor, State]:
        """One step."""
        (cache,) = state
        x = (self.into(embedded) + self.positions[cache.shape[4]])[:, None]
        longer = []
        for layer, block in enumerate(self.blocks):
            x, kept = block(x, cache[:, layer])
            longer.append(kept)
        return self.norm(x)[:, 0], (torch.stack(longer, 1),)


class RelationalMemory(nn.Module):
    """Relational memory core (Santoro et al. 2018), as RelGAN uses it (Nie et al. 2019): slots attend to each other.

    width: of the memory, slots x heads x head size; the output is the memory, flattened.
    """

    def __init__(self, embedding: int, width: int, dropout: float, heads: int, slots: int):
        super().__init__()
        self.width, self.heads, self.slots, self.size = width, heads, slots, width // slots
        self.into = nn.Linear(embedding, self.size)
        self.query, self.key_value = nn.Linear(self.size, self.size), nn.Linear(self.size, 2 * self.size)
        self.norm_attention, self.norm_mlp = nn.LayerNorm(self.size), nn.LayerNorm(self.size)
        self.mlp = nn.Sequential(nn.Linear(self.size, self.size), nn.ReLU(), nn.Linear(self.size, self.size), nn.ReLU())
        self.gate_input, self.gate_memory = nn.Linear(self.size, 2 * self.size), nn.Linear(self.size, 2 * self.size)
        self.drop = nn.Dropout(dropout)

    def forward(self, embedded: Embedded) -> Features:
        """Step by step: a memory cannot be computed in parallel."""
        state, outputs = self.start(len(embedded)), []
        for step in range(embedded.shape[1]):
            output, state = self.step(embedded[:, step], state)
            outputs.append(output)
        return torch.stack(outputs, 1)

    def start(self, n: int) -> State:
        """The identity, one row a slot: distinguishable memories `(n, slot, size)`."""
        eye = torch.eye(self.slots, self.size, device=self.into.weight.device)
        return (eye.expand(n, -1, -1),)

    def step(self, embedded: Tensor, state: State) -> tuple[Tensor, State]:
        """One step."""
        (memory,) = state
        entering = self.into(embedded)[:, None]
        seen = torch.cat((memory, entering), 1)
        query = self.query(memory).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key, value = self.key_value(seen).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        new = self.norm_attention(memory + self.drop(attended))
        new = self.norm_mlp(new + self.mlp(new))
        gates = self.gate_input(entering) + self.gate_memory(memory.tanh())
        write, forget = gates.chunk(2, -1)
        memory = write.sigmoid() * new.tanh() + (forget + 1).sigmoid() * memory  # begin by remembering
        return memory.flatten(1), (memory,)


def _lstm(config: GeneratorConfig, length: int) -> LSTM:
    return LSTM(config.embedding, config.width, config.layers, config.dropout)


def _transformer(config: GeneratorConfig, length: int) -> Transformer:
    return Transformer(config.embedding, config.width, config.layers, config.dropout, config.heads, length)


def _memory(config: GeneratorConfig, length: int) -> RelationalMemory:
    return RelationalMemory(config.embedding, config.width, config.dropout, config.heads, config.slots)


def _gpt2(config: GeneratorConfig, length: int) -> nn.Module:
    from seqgan.networks.gpt2 import GPT2

    return GPT2(config.embedding, config.width, config.layers, config.dropout, config.heads, length)


ARCHITECTURES |= {"lstm": _lstm, "transformer": _transformer, "memory": _memory, "gpt2": _gpt2}
