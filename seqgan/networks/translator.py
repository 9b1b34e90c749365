"""Encoder and decoder with attention: a sequence is read, and another one written, token by token.

Both sides are recurrent (GRU, Cho et al. 2014), which on a CPU is faster at these lengths than a transformer of as many
weights and costs the same at each step of decoding. The decoder attends between its two layers (as in Wu et al. 2016),
so all steps of a known target are computed at once.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from gancore.errors import ConfigError
from gancore.layers.conditioning import ConditionedOutput, Conditioning, refuse_context
from gancore.losses.reduction import sum_steps
from gancore.training.settings import STRICT, Part, Positive
from gancore.types import Context, CriticOutput, Sample
from seqgan.networks.decoding import State
from seqgan.networks.generator import TokenModel, at_rest
from seqgan.networks.likelihood import token_log_prob
from seqgan.text.alphabet import Alphabet, Ids

Sources = Int[Tensor, "batch source"]
"""Ids of sources, ended and padded."""


@dataclass(frozen=True)
class TranslatorConfig:
    """The translator's network, and that of a critic of pairs."""

    __pydantic_config__ = STRICT
    embedding: Positive = 128
    """Width of the token embedding."""
    width: Positive = 256
    """Width of the decoder's layers; each direction of the encoder has half of it."""
    heads: Positive = 4
    """Attention heads."""
    embedding_dropout: Part = 0.0
    """Dropout on the embedded tokens."""
    dropout: Part = 0.1
    """Dropout before the head."""

    def __post_init__(self) -> None:
        if self.width % 2 or self.width % self.heads:
            raise ConfigError(f"model: width {self.width} must be even and a multiple of heads {self.heads}.")


class Memory(NamedTuple):
    """What the encoder made of sources: keys and values `(batch, head, step, dim)`, the mask of the steps that count

    `(batch, 1, 1, step)`, and the decoder's first state `(batch, width)`.
    """

    keys: Tensor
    values: Tensor
    mask: Bool[Tensor, "batch 1 1 step"]
    start: Float[Tensor, "batch width"]


def reversed_rows(x: Tensor, mask: Bool[Tensor, "batch step"]) -> Tensor:
    """The steps that count in the opposite order, those after them as they are: its own inverse.

    >>> reversed_rows(torch.tensor([[1, 2, 3]]), torch.tensor([[True, True, False]])).tolist()
    [[2, 1, 3]]
    """
    steps, lengths = torch.arange(x.shape[1], device=x.device), mask.sum(1, keepdim=True)
    places = torch.where(steps < lengths, lengths - 1 - steps, steps)
    return x.gather(1, places if x.ndim == 2 else places[..., None].expand_as(x))


class Attending(nn.Module):
    """The layers of an encoder and of a decoder that attends to it; padding changes nothing."""

    def __init__(self, embedding: int, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.onward = nn.GRU(embedding, width // 2, batch_first=True)
        self.backward_ = nn.GRU(embedding, width // 2, batch_first=True)
        self.first = nn.GRU(embedding, width, batch_first=True)
        self.second = nn.GRU(2 * width, width, batch_first=True)
        self.begin, self.query = nn.Linear(width, width), nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)

    def encode(self, embedded: Float[Tensor, "batch step embedding"], mask: Bool[Tensor, "batch step"]) -> Memory:
        """Read sources in both directions."""
        onward = self.onward(embedded)[0]
        back = reversed_rows(self.backward_(reversed_rows(embedded, mask))[0], mask)
        states = torch.cat((onward, back), 2)
        key, value = self.key_value(states).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        counted = mask[..., None]
        mean = (states * counted).sum(1) / counted.sum(1)
        return Memory(key, value, mask[:, None, None], self.begin(mean).tanh())

    def attend(self, states: Float[Tensor, "batch step width"], memory: Memory) -> Float[Tensor, "batch step width"]:
        """What the memory has for each state."""
        query = self.query(states).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        seen = scaled_dot_product_attention(query, memory.keys, memory.values, attn_mask=memory.mask)
        return seen.transpose(1, 2).flatten(2)

    def attention(self, embedded: Tensor, memory: Memory) -> Float[Tensor, "batch step source"]:
        """How much each step of a target attends to each of its source, mean of the heads; each row adds up to 1."""
        states = self.first(embedded, memory.start[None].contiguous())[0]
        query = self.query(states).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        scores = query @ memory.keys.transpose(2, 3) / query.shape[-1] ** 0.5
        return scores.masked_fill(~memory.mask, -torch.inf).softmax(-1).mean(1)

    def decode(self, embedded: Tensor, memory: Memory) -> Float[Tensor, "batch step width"]:
        """Features after each token of a target `(batch, step, embedding)`."""
        states = self.first(embedded, memory.start[None].contiguous())[0]
        seen = self.attend(states, memory)
        return self.second(torch.cat((states, seen), 2))[0] + seen

    def step(self, embedded: Float[Tensor, "batch embedding"], state: State) -> tuple[Tensor, State]:
        """`decode`, one token; a state is the two layers' and the memory's keys, values and mask."""
        first, second, keys, values, mask = state
        first = _cell(self.first, embedded, first)
        seen = self.attend(first[:, None], Memory(keys, values, mask, first))[:, 0]
        second = _cell(self.second, torch.cat((first, seen), 1), second)
        return second + seen, (first, second, keys, values, mask)


def _cell(layer: nn.GRU, x: Tensor, state: Tensor) -> Tensor:
    weights: Any = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
    return torch.gru_cell(x, state, *weights)


class Translator(TokenModel):
    """Target sequences given source sequences, both over one alphabet; `length` tokens at most, the end included.

    context_features: the context, what is requested of the target, is embedded and added to every token that the
    decoder reads. The source is ended as a target is, so the empty one, which stands for no source, is a token too.
    """

    def __init__(self, alphabet: Alphabet, config: TranslatorConfig, length: int, context_features: int = 0):
        super().__init__(alphabet, length)
        self.embedding = nn.Embedding(alphabet.size, config.embedding)
        self.body = Attending(config.embedding, config.width, config.heads)
        self.surround(config, context_features)

    def encode(self, sources: Sources) -> Memory:
        """What the decoder needs of sources `(batch, step)`, ended and padded."""
        sources = self.alphabet.trim(sources)
        return self.body.encode(self.drop_embedding(self.embedding(sources)), self.alphabet.mask(sources))

    def features(self, ids: Ids, sources: Sources, context: Context | None = None) -> Float[Tensor, "batch step width"]:
        """What the head reads before each token of `ids`."""
        return self.drop(self.body.decode(self._before(ids, context), self.encode(sources)))

    def attention(
        self, ids: Ids, sources: Sources, context: Context | None = None
    ) -> Float[Tensor, "batch step source"]:
        """How much is attended to each token of the source before each token of `ids` is written; rows add up to 1."""
        return self.body.attention(self._before(ids, context), self.encode(sources))

    def _before(self, ids: Ids, context: Context | None) -> Float[Tensor, "batch step embedding"]:
        """What the decoder reads before each token of `ids`."""
        begin = torch.full_like(ids[:, :1], self.alphabet.begin)
        return self.drop_embedding(self._asked(self.embedding(torch.cat((begin, ids[:, :-1]), 1)), context))

    def log_prob(self, ids: Ids, sources: Sources, context: Context | None = None) -> Float[Tensor, "batch step"]:
        """Log-probability of every token of the targets in nats given those before it, 0 at padding."""
        features = self.features(ids, sources, context)
        with torch.autocast(features.device.type, enabled=False):
            bias = self.head.bias + self.closed
            return token_log_prob(features.float(), self.head.weight, bias, ids) * self.alphabet.mask(ids)

    def _asked(self, embedded: Tensor, context: Context | None) -> Tensor:
        if self.context is None:
            refuse_context(context)
            return embedded
        return embedded + self.context(context, embedded[:, 0])[:, None]


class Translating:
    """A translator with its sources: a stepper (`decoding.Stepper`) that writes one sequence for each."""

    def __init__(self, translator: Translator, sources: Sources):
        self.translator, self.sources, self.alphabet = translator, sources, translator.alphabet

    def start(self, n: int, context: Context | None = None) -> State:
        """The state before the first token; its last part is the embedded context. Raises ValueError for another n."""
        if n != len(self.sources):
            raise ValueError(f"there are {len(self.sources)} sources for {n} sequences.")
        translator, memory = self.translator, self.translator.encode(self.sources)
        state = (memory.start, torch.zeros_like(memory.start), memory.keys, memory.values, memory.mask)
        if translator.context is None:
            refuse_context(context)
            return state
        return (*state, translator.context(context, translator.embedding.weight[:1].expand(n, -1)))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Features `(n, width)` of what follows `tokens (n,)`, and the new state."""
        *inner, asked = state if self.translator.context is not None else (*state, None)
        embedded = self.translator.embedding(tokens)
        embedded = embedded + asked if asked is not None else embedded
        features, moved = self.translator.body.step(self.translator.drop_embedding(embedded), tuple(inner))
        return self.translator.drop(features), moved if asked is None else (*moved, asked)

    def read(self, features: Tensor) -> Tensor:
        """Logits `(n, token)` of features."""
        return self.translator.read(features)


class PairCritic(nn.Module):
    """A critic of targets beside their sources (the conditional adversary of Isola et al. 2017): one logit a pair.

    It reads the source, and the target with attention to it. The logit is the mean over the target's tokens, so that
    one wrong word among many is seen. A sample is `(target, source)`, ids.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        config: TranslatorConfig,
        context_features: int = 0,
        conditioning: Conditioning = "projection",
    ):
        super().__init__()
        self.alphabet = alphabet
        self.embedding = nn.Embedding(alphabet.size, config.embedding, padding_idx=alphabet.pad)
        self.body = Attending(config.embedding, config.width, config.heads)
        self.drop, self.out = nn.Dropout(config.dropout), nn.Linear(config.width, 1)
        self.conditioned = ConditionedOutput(config.width, context_features, conditioning)

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """One logit a pair; the features are the mean of those after each token."""
        target, source = (self.alphabet.trim(part) for part in sample)
        memory = self.body.encode(self.embedding(source), self.alphabet.mask(source))
        states, mask = self.body.decode(self.embedding(target), memory), self.alphabet.mask(target)[..., None]
        each = (self.out(self.drop(states)) * mask).sum(1) / mask.sum(1)
        features = (states * mask).sum(1) / mask.sum(1)
        return self.conditioned(each.squeeze(1), features, context)

    def begin_as(self, translator: Translator) -> None:
        """Take over the layers of a translator of the same sizes, which already knows how the two sides go together."""
        self.embedding.load_state_dict(translator.embedding.state_dict())
        self.body.load_state_dict(translator.body.state_dict())


def pair_nll(
    translator: Translator, ids: Ids, sources: Sources, context: Context | None = None
) -> Float[Tensor, "batch"]:
    """Negative log-likelihood of each target, differentiable; the batch mean is that of a token in nats."""
    return sum_steps(-translator.log_prob(ids, sources, context), translator.alphabet.mask(ids))


def mean_nll(translator: Translator, ids: Ids, sources: Sources, context: Context | None = None) -> float:
    """Negative log-likelihood in nats, mean over the tokens of many targets, a number, without dropout."""
    total, tokens, device = 0.0, 0, translator.device
    with at_rest(translator):
        for rows in (slice(place, place + 256) for place in range(0, len(ids), 256)):
            part = translator.alphabet.trim(ids[rows].to(device))
            asked = context[rows].to(device) if context is not None else None
            total -= float(translator.log_prob(part, sources[rows].to(device), asked).sum(dtype=torch.double))
            tokens += int(translator.alphabet.mask(part).sum())
    return total / max(1, tokens)


def of_critic(config: TranslatorConfig, dropout: float) -> TranslatorConfig:
    """The settings of a critic with the sizes of a translator."""
    return replace(config, dropout=dropout)
