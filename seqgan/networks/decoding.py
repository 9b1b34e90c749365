"""Drawing sequences: a fast categorical draw, the filters of decoding, and the loop over steps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor, nn

from gancore.errors import ConfigError
from gancore.types import Context
from seqgan.text.alphabet import Alphabet
from seqgan.text.utf8 import Automaton

State = tuple[Tensor, ...]
"""What a generator remembers of its prefix: tensors, batch first."""

_BLOCK = 64
_ROWS = 128


@runtime_checkable
class Stepper(Protocol):
    """A generator, one token at a time."""

    alphabet: Alphabet

    def start(self, n: int, context: Context | None = None) -> State:
        """The state before the first step of `n` sequences with a context."""
        ...

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Features `(n, width)` of what follows `tokens (n,)`, and the new state."""
        ...

    def read(self, features: Tensor) -> Tensor:
        """Logits `(n, token)` of features."""
        ...


def draw_tokens(logits: Float[Tensor, "batch token"], random: Generator | None = None) -> Int[Tensor, "batch"]:
    """An exact categorical draw a row, by inverting the cumulative distribution on two levels.

    First a block of 64 tokens is chosen by the blocks' sums, then a token in it: two short cumulative sums
    in place of a long one, several times faster than `torch.multinomial` on the CPU. A token of logit
    -inf is never drawn; a row must have a finite one.
    """
    weights = (logits - logits.amax(-1, keepdim=True)).exp_()
    rows, tokens = weights.shape
    uniform = torch.rand(rows, 1, device=logits.device, dtype=weights.dtype, generator=random)
    if tokens <= 4 * _BLOCK:
        return _invert(weights, uniform * weights.sum(-1, keepdim=True))[0].squeeze(1)
    whole = tokens // _BLOCK
    sums = weights[:, : whole * _BLOCK].unflatten(1, (whole, _BLOCK)).sum(-1)
    if tokens % _BLOCK:
        sums = torch.cat((sums, weights[:, whole * _BLOCK :].sum(-1, keepdim=True)), 1)
    block, rest = _invert(sums, uniform * sums.sum(-1, keepdim=True))
    places = block * _BLOCK + torch.arange(_BLOCK, device=logits.device)
    inside = weights.gather(1, places.clamp_max(tokens - 1)) * (places < tokens)
    return (block * _BLOCK + _invert(inside, rest)[0]).squeeze(1)


def _invert(weights: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    """The index `(row, 1)` at which the running sum of `weights (row, k)` passes `mass (row, 1)`, and what is left."""
    sums = weights.cumsum(-1)
    mass = torch.minimum(mass, torch.nextafter(sums[:, -1:], torch.zeros_like(mass)))  # rounding must not run over
    index = torch.searchsorted(sums, mass, right=True)
    before = sums.gather(1, (index - 1).clamp_min(0)) * (index > 0)
    return index, mass - before


@dataclass(frozen=True)
class Decoding:
    """How logits become draws.

    temperature: logits are divided by it; 0.001 to 1000. top_k: only so many of the likeliest tokens stay, 0 keeps all.
    nucleus: only the likeliest tokens that together have this probability stay (Holtzman et al. 2020); 1 keeps all.
    min_length: no end before so many tokens. unknown: whether the unknown token may be drawn.
    Raises ConfigError for a value out of range.
    """

    temperature: float = 1.0
    top_k: int = 0
    nucleus: float = 1.0
    min_length: int = 0
    unknown: bool = True

    def __post_init__(self) -> None:
        if not 1e-3 <= self.temperature <= 1e3:  # beyond it, shut tokens and finite numbers come to an end
            raise ConfigError(f"temperature must be from 0.001 to 1000, got {self.temperature}.")
        if not 0 < self.nucleus <= 1:
            raise ConfigError(f"nucleus must be in (0, 1], got {self.nucleus}.")
        if self.top_k < 0 or self.min_length < 0:
            raise ConfigError("top_k and min_length must be at least 0.")

    def apply(
        self,
        logits: Float[Tensor, "batch token"],
        step: int,
        alphabet: Alphabet,
        closed: Bool[Tensor, "batch token"] | None = None,
    ) -> Tensor:
        """The logits of the draw at `step` (0 is the first token). closed: tokens that each row must not draw."""
        if closed is not None:
            logits = logits.masked_fill(closed, -torch.inf)
        shut = []
        if alphabet.end is not None and step < self.min_length:
            shut.append(alphabet.end)
        if alphabet.unknown is not None and not self.unknown:
            shut.append(alphabet.unknown)
        if shut:
            logits = logits.index_fill(1, torch.tensor(shut, device=logits.device), -torch.inf)
        if self.temperature != 1.0:
            logits = logits / self.temperature
        if 0 < self.top_k < logits.shape[1]:
            least = logits.topk(self.top_k, -1).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        if self.nucleus < 1.0:
            ordered, order = logits.sort(-1, descending=True)
            probability = ordered.softmax(-1)
            outside = probability.cumsum(-1) - probability >= self.nucleus  # the first token always stays
            logits = logits.masked_fill(torch.zeros_like(outside).scatter(1, order, outside), -torch.inf)
        return logits


PLAIN = Decoding()
"""Draws from the model as it is."""


def draw_next(
    stepper: Stepper,
    features: Tensor,
    random: Generator | None,
    step: int = 0,
    decoding: Decoding = PLAIN,
    closed: Bool[Tensor, "state token"] | None = None,
    states: Int[Tensor, "batch"] | None = None,
) -> Int[Tensor, "batch"]:
    """A draw for each row of `features (batch, width)`, a few rows at a time, so that logits stay in the cache.

    closed: the tokens that are shut in each state of an automaton; states: the state of each row.
    """
    drawn = torch.empty(len(features), dtype=torch.long, device=features.device)
    for place, part in enumerate(features.split(_ROWS)):
        rows = slice(place * _ROWS, place * _ROWS + len(part))
        shut = closed[states[rows]] if closed is not None and states is not None else None
        drawn[rows] = draw_tokens(decoding.apply(stepper.read(part), step, stepper.alphabet, shut), random)
    return drawn


@torch.no_grad()
def sample(
    generator: Stepper,
    n: int,
    length: int,
    random: Generator | None = None,
    decoding: Decoding = PLAIN,
    prefix: Sequence[int] | Int[Tensor, "n prefix"] = (),
    device: torch.device | str = "cpu",
    rule: Automaton | None = None,
    context: Context | None = None,
) -> Int[Tensor, "n length"]:
    """Draw `n` sequences of at most `length` tokens, the prefix and the end token included, padded.

    The caller puts the generator at rest (`generator.at_rest`). A sequence that did not end is cut off.
    prefix: ids that all begin with, or those of each, which end at a negative one; then at least one token follows.
    rule: what may follow what (`Vocabulary.rule`); no sequence then ends, or is cut off, inside a character.
    context: of each sequence, `n` rows.
    """
    alphabet = generator.alphabet
    ids = torch.full((n, length), alphabet.pad or 0, dtype=torch.long, device=device)
    tokens = torch.full((n,), alphabet.begin, dtype=torch.long, device=device)
    live, state = torch.arange(n, device=device), generator.start(n, context)
    forced = torch.as_tensor(prefix, dtype=torch.long, device=device)
    own = forced.dim() == 2
    forced = nn.functional.pad(forced.expand(n, -1), (0, 1), value=-1)
    begin, most = (forced >= 0).sum(1), forced.shape[1] - 1  # of the tokens that are drawn
    rule = rule.to(device) if rule is not None else None
    states = torch.zeros_like(live)  # of the rule, which stays in the first one where there is none
    for step in range(length):
        features, state = generator.step(tokens, state)
        closed = rule.closed(length - step - 1) if rule is not None else None
        if step > most:
            tokens = draw_next(generator, features, random, step, decoding, closed, states)
        else:
            tokens = forced[live, step].clone()
            onward = replace(decoding, min_length=step + 1) if own else decoding
            since = step - begin[live]
            for begun, how in ((since == 0, onward), (since > 0, decoding)):
                rows = begun.nonzero().squeeze(1)
                if len(rows):
                    tokens[rows] = draw_next(generator, features[rows], random, step, how, closed, states[rows])
        ids[live, step] = tokens
        if rule is not None:
            states = rule.following[states, tokens]
        live, tokens, (states, *state) = keep_unfinished(alphabet, live, tokens, (states, *state))
        state = tuple(state)
        if not len(live):
            break
    return ids


def keep_unfinished(alphabet: Alphabet, rows: Tensor, tokens: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
    """Drop the rows whose last token ended them."""
    if alphabet.end is None:
        return rows, tokens, state
    kept = (tokens != alphabet.end).nonzero().squeeze(1)
    if len(kept) == len(tokens):
        return rows, tokens, state
    return rows[kept], tokens[kept], tuple(part[kept] for part in state)
