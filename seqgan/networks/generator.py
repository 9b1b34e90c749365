"""The generator: embedding, trunk, head; likelihood of sequences at once, or logits step by step."""

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gancore.layers.conditioning import DeepEmbedded, guided, refuse_context
from gancore.losses.policy_gradient import categorical_kl
from gancore.losses.reduction import sum_steps
from gancore.types import Context
from seqgan.networks.architectures import ARCHITECTURES, GeneratorConfig
from seqgan.networks.decoding import State, Stepper
from seqgan.networks.likelihood import by_rows, token_log_prob
from seqgan.text.alphabet import Alphabet, Ids

_CLOSED = -1e9  # logit of a token that no sequence holds: probability 0, and finite in an entropy


class TokenModel(nn.Module):
    """What models of tokens have around their body: embedded tokens and context before it, a head after it.

    A subclass makes `embedding` and its body, then calls `surround`.
    """

    closed: Tensor
    embedding: nn.Embedding

    def __init__(self, alphabet: Alphabet, length: int):
        super().__init__()
        self.alphabet, self.length = alphabet, length

    def surround(self, config: Any, context_features: int) -> None:
        """Make the head, the dropouts, and what embeds a context. config: width, embedding and both dropouts."""
        self.head = nn.Linear(config.width, self.alphabet.size)
        self.drop_embedding, self.drop = nn.Dropout(config.embedding_dropout), nn.Dropout(config.dropout)
        for parameter in (*self.embedding.parameters(), *self.head.parameters()):
            nn.init.normal_(parameter, std=0.1)
        closed = torch.zeros(self.alphabet.size)
        closed[list(self.alphabet.closed)] = _CLOSED
        self.register_buffer("closed", closed, persistent=False)
        self.context = DeepEmbedded(context_features, config.embedding) if context_features else None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.closed.device

    def read(self, features: Tensor) -> Tensor:
        """The head's logits `(..., token)`, in float32; closed tokens are shut."""
        with torch.autocast(features.device.type, enabled=False):
            return nn.functional.linear(features.float(), self.head.weight, self.head.bias + self.closed)


class Generator(TokenModel):
    """An autoregressive model of sequences over `alphabet`, of at most `length` tokens, the end token included.

    context_features: the context is embedded and added to the embedded token of every step. The state that `start`
    gives holds it, so it goes wherever the state goes.
    """

    def __init__(self, alphabet: Alphabet, config: GeneratorConfig, length: int, context_features: int = 0):
        super().__init__(alphabet, length)
        self.embedding = nn.Embedding(alphabet.size, config.embedding)
        self.trunk = ARCHITECTURES[config.kind](config, length)
        self.surround(config, context_features)
        if not getattr(self.trunk, "biased", True):  # its head has no bias
            nn.init.zeros_(self.head.bias).requires_grad_(False)

    def features(self, ids: Ids, context: Context | None = None) -> Float[Tensor, "batch step width"]:
        """What the head reads before each token of `ids`."""
        begin = torch.full_like(ids[:, :1], self.alphabet.begin)
        embedded = self.embedding(torch.cat((begin, ids[:, :-1]), 1))
        if self.context is None:
            refuse_context(context)
        else:
            embedded = embedded + self.context(context, embedded)[:, None]
        return self.drop(self.trunk(self.drop_embedding(embedded)))

    def logits(self, ids: Ids, context: Context | None = None) -> Float[Tensor, "batch step token"]:
        """Logits of every token given those before it."""
        return self.read(self.features(ids, context))

    def log_prob(
        self, ids: Ids, temperature: float = 1.0, context: Context | None = None
    ) -> Float[Tensor, "batch step"]:
        """Log-probability of every token in nats given those before it, 0 at padding."""
        bias = (self.head.bias + self.closed) / temperature
        features = self.features(ids, context)
        if temperature != 1.0:
            features = features / temperature
        with torch.autocast(features.device.type, enabled=False):
            return token_log_prob(features.float(), self.head.weight, bias, ids) * self.alphabet.mask(ids)

    def start(self, n: int, context: Context | None = None) -> State:
        """The state before the first token of `n` sequences; its last part is the embedded context."""
        state = self.trunk.start(n)
        if self.context is None:
            refuse_context(context)
            return state
        return (*state, self.context(context, self.embedding.weight[:1].expand(n, -1)))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Features `(n, width)` of what follows `tokens (n,)`, and the new state."""
        return self.step_embedded(self.embedding(tokens), state)

    def step_embedded(self, embedded: Tensor, state: State) -> tuple[Tensor, State]:
        """`step` from embedded tokens `(n, embedding)`: mixtures of tokens have a place too."""
        asked = state[len(state) - int(self.context is not None) :]
        for part in asked:
            embedded = embedded + part
        features, moved = self.trunk.step(self.drop_embedding(embedded), state[: len(state) - len(asked)])
        return self.drop(features), (*moved, *asked)


class Mixture(nn.Module):
    """A mixture of generators: the mean of their probabilities of the next token, step by step or at once.

    The cost-matched rival of every adversarial claim, and a teacher. The members share alphabet, length and width.
    """

    def __init__(self, members: Sequence[Generator]):
        super().__init__()
        self.members = nn.ModuleList(members)
        self.alphabet, self.length = members[0].alphabet, members[0].length

    @property
    def each(self) -> list[Generator]:
        """The members."""
        return list(self.members)  # pyright: ignore

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.each[0].device

    def start(self, n: int, context: Context | None = None) -> State:
        """The states of all members, one after the other."""
        return tuple(part for member in self.each for part in member.start(n, context))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Features of all members side by side `(n, member x width)`, and the new states."""
        each = len(state) // len(self.members)
        features, states = [], []
        for place, member in enumerate(self.each):
            feature, new = member.step(tokens, state[place * each : (place + 1) * each])
            features.append(feature)
            states += new
        return torch.cat(features, -1), tuple(states)

    def read(self, features: Tensor) -> Tensor:
        """Log-probabilities `(..., token)` of features."""
        parts = features.chunk(len(self.members), -1)
        logs = [member.read(part).log_softmax(-1) for member, part in zip(self.each, parts, strict=True)]
        return torch.stack(logs).logsumexp(0) - math.log(len(logs))

    def features(self, ids: Ids, context: Context | None = None) -> Tensor:
        """Features of all members side by side `(batch, step, member x width)`."""
        return torch.cat([member.features(ids, context) for member in self.each], -1)

    def log_prob(self, ids: Ids, temperature: float = 1.0, context: Context | None = None) -> Tensor:
        """Log-probability of every token in nats given those before it `(batch, step)`, 0 at padding."""

        def log_prob(features: Tensor, tokens: Tensor) -> Tensor:
            return (self.read(features) / temperature).log_softmax(-1).gather(1, tokens[:, None]).squeeze(1)

        pairs = zip(self.features(ids, context).split(8), ids.split(8), strict=True)
        parts = [by_rows(log_prob, self.alphabet.size * len(self.each), *pair) for pair in pairs]
        return torch.cat(parts) * self.alphabet.mask(ids)


class Guided:
    """A conditional generator with classifier-free guidance (Ho and Salimans 2022).

    It steps twice, with the context and without. Logits are those without, plus `guidance` times the difference to
    those with it.
    """

    def __init__(self, generator: Stepper, guidance: float):
        self.generator, self.guidance = generator, guidance
        self.alphabet = generator.alphabet

    def start(self, n: int, context: Context | None = None) -> State:
        """The states of both, one after the other."""
        hidden = context.hidden if context is not None else None
        return (*self.generator.start(n, context), *self.generator.start(n, hidden))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Features with and without the context, side by side `(n, 2 x width)`, and the new states."""
        half = len(state) // 2
        conditional, conditional_state = self.generator.step(tokens, state[:half])
        unconditional, unconditional_state = self.generator.step(tokens, state[half:])
        return torch.cat((conditional, unconditional), -1), (*conditional_state, *unconditional_state)

    def read(self, features: Tensor) -> Tensor:
        """Guided logits `(..., token)`."""
        conditional, unconditional = (self.generator.read(part) for part in features.chunk(2, -1))
        return guided(conditional, unconditional, self.guidance)


_SHUT: "WeakKeyDictionary[nn.Dropout, list[int]]" = WeakKeyDictionary()
"""Dropout that is off for now: for how many blocks, and whether it was on before the first."""
_SHUTTING = threading.Lock()


@contextmanager
def without_dropout(*modules: nn.Module) -> Iterator[None]:
    """Dropout is off inside: a sequence is then rewarded under the distribution it was drawn from.

    The modules stay in training mode, which cuDNN's recurrent networks need for gradients. Several threads may be
    inside at a time: what one of them shut stays off until the last has left.
    """
    drops = [part for module in modules for part in module.modules() if isinstance(part, nn.Dropout)]
    with _SHUTTING:
        for drop in drops:
            held = _SHUT.setdefault(drop, [0, int(drop.training)])
            held[0] += 1
            drop.eval()
    try:
        yield
    finally:
        with _SHUTTING:
            for drop in drops:
                held = _SHUT[drop]
                held[0] -= 1
                if not held[0]:
                    del _SHUT[drop]
                    drop.train(bool(held[1]))


@contextmanager
def at_rest(*modules: nn.Module) -> Iterator[None]:
    """No dropout and no gradient inside: for drawing, rewarding and measuring."""
    with without_dropout(*modules), torch.no_grad():
        yield


def kl_to(generator: Generator, anchor: Generator, ids: Ids, context: Context | None = None) -> Tensor:
    """KL of the next token from an anchor, which no gradient reaches, at every place `(batch, step)`, in nats."""
    with at_rest(anchor):
        fixed = anchor.features(ids, context)

    def divergence(features: Tensor, fixed: Tensor) -> Tensor:
        with torch.no_grad():
            pretrained = anchor.read(fixed)
        return categorical_kl(generator.read(features), pretrained)

    return by_rows(divergence, generator.alphabet.size, generator.features(ids, context), fixed)


def token_nll(generator: Generator, ids: Ids, context: Context | None = None) -> Float[Tensor, "batch"]:
    """Negative log-likelihood of each sequence, scaled so that the batch mean is that of a token in nats.

    Differentiable; see `gancore.losses.reduction.sum_steps`.
    """
    return sum_steps(-generator.log_prob(ids, context=context), generator.alphabet.mask(ids))


def nll(generator: Generator | Mixture, ids: Ids, temperature: float = 1.0, context: Context | None = None) -> float:
    """Negative log-likelihood in nats, mean over the tokens of many sequences, a number, without dropout."""
    total, tokens, device = 0.0, 0, generator.device
    with at_rest(generator):
        for rows in (slice(place, place + 256) for place in range(0, len(ids), 256)):
            part = generator.alphabet.trim(ids[rows].to(device))
            asked = context[rows].to(device) if context is not None else None
            total -= float(generator.log_prob(part, temperature, asked).sum(dtype=torch.double))
            tokens += int(generator.alphabet.mask(part).sum())
    return total / tokens
