"""Critics of sequences: token ids `(batch, step)`, or one-hot rows `(batch, step, token)` when a gradient must flow.

A row of zeros, or the padding token, embeds to zeros, so both forms of one sequence have the same logits. The context
of a sequence meets the inputs of the last layer (`gancore.layers.conditioning.ConditionedOutput`).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from gancore.errors import ConfigError
from gancore.layers.conditioning import ConditionedOutput, Conditioning
from gancore.layers.hashed_counts import mix, weighted_counts
from gancore.training.settings import STRICT, Part, Positive, Rate
from gancore.types import Context, CriticOutput, Sample
from seqgan.text.alphabet import Alphabet, Ids

# SeqGAN's filters, width -> number; a width that is longer than the sequences is left out.
_FILTERS = {1: 100, 2: 200, 3: 200, 4: 200, 5: 200, 6: 100, 7: 100, 8: 100, 9: 100, 10: 100, 15: 160, 20: 160}
_MULTI_FILTERS = {2: 300, 3: 300, 4: 300, 5: 300}


@dataclass(frozen=True)
class CriticConfig:
    """The critic's network."""

    __pydantic_config__ = STRICT
    kind: Literal["textcnn", "recurrent", "multi", "strided", "ngrams"] = "textcnn"
    """TextCNN with highway, a recurrent network that judges every prefix, RelGAN's multi-embedding CNN, DCGAN's strided
    convolutions, or a perceptron of how often n-grams and skip-grams occur."""
    embedding: Positive = 64
    """Width of the token embedding; of `ngrams`, of the hidden layer."""
    width: Positive = 128
    """Width of the recurrent critic's state, and channels of the last strided convolution."""
    filters: Rate = 1.0
    """Factor on the number of filters of a convolutional critic; 1 is the papers'."""
    representations: Positive = 64
    """Embedded representations of the multi-embedding critic; divides `embedding`."""
    buckets: Positive = 16384
    """Numbers that n-grams are hashed to."""
    dropout: Part = 0.25
    """Dropout while the critic trains."""
    conditioning: Conditioning = "projection"
    """How it is conditioned on a context: projection, concatenation, or by heads: auxiliary (AC-GAN), twin."""

    def __post_init__(self) -> None:
        if self.kind == "recurrent" and self.conditioning in ("auxiliary", "twin"):
            raise ConfigError(
                "critic.conditioning: a critic of prefixes has no heads: set projection or concatenation."
            )
        if self.kind == "multi" and self.embedding % self.representations:
            raise ConfigError(
                f"critic: embedding {self.embedding} is not a multiple of representations {self.representations}."
            )


class TokenEmbedding(nn.Module):
    """Embeds ids by index and one-hot rows by a matrix product; padding is zeros."""

    def __init__(self, alphabet: Alphabet, width: int, std: float = 1.0):
        super().__init__()
        self.table = nn.Embedding(alphabet.size, width, padding_idx=alphabet.pad)
        nn.init.normal_(self.table.weight, std=std)
        if alphabet.pad is not None:
            with torch.no_grad():
                self.table.weight[alphabet.pad].zero_()

    def forward(self, tokens: Tensor) -> Float[Tensor, "batch step width"]:
        """Ids or one-hot rows -> vectors."""
        return tokens @ self.table.weight if tokens.is_floating_point() else self.table(tokens)


class Highway(nn.Module):
    """Highway layer (Srivastava et al. 2015): a gated mixture of the input and a transformation of it."""

    def __init__(self, width: int):
        super().__init__()
        self.both = nn.Linear(width, 2 * width)
        nn.init.constant_(self.both.bias[width:], -2.0)  # begin by carrying

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, width)` -> the same."""
        changed, gate = self.both(x).chunk(2, -1)
        return x + gate.sigmoid() * (changed.relu() - x)


class MaxOverTime(nn.Module):
    """Convolutions over time, each followed by its maximum: `(batch, step, channel)` -> `(batch, filter)`.

    filters: width -> number of filters. Written as products with the windows, which is three times faster than
    `conv1d` on the CPU at these sizes.
    """

    def __init__(self, channels: int, filters: dict[int, int]):
        super().__init__()
        self.channels, self.total = channels, sum(filters.values())
        self.filters = nn.ModuleDict({str(width): nn.Linear(width * channels, n) for width, n in filters.items()})

    def forward(self, x: Float[Tensor, "batch step channel"]) -> Float[Tensor, "batch filter"]:
        """The filters in the order of their widths."""
        sparse = self.channels == 1 and torch.is_grad_enabled()
        find = self._sparse if sparse else self._dense
        found = [find(x, linear) for linear in self.filters.values()]  # pyright: ignore
        return torch.cat(found, 1)

    def _windows(self, x: Tensor, linear: nn.Linear) -> Tensor:
        """`(batch, place, width x channel)`, a view."""
        return x.flatten(1).unfold(1, linear.in_features, self.channels)

    def _dense(self, x: Tensor, linear: nn.Linear) -> Tensor:
        return torch.cat([linear(self._windows(part, linear)).amax(1) for part in x.split(64)])

    def _sparse(self, x: Tensor, linear: nn.Linear) -> Tensor:
        """The same for many rows of narrow windows: find the place of each maximum first, then only work there.

        The products with all windows, many times larger than the windows, need not be kept for the way back.
        """
        with torch.no_grad():
            products = (linear.weight @ self._windows(part, linear).transpose(1, 2) for part in x.split(64))
            places = torch.cat([part.argmax(2) for part in products])
        picked = self._windows(x, linear).gather(1, places[..., None].expand(-1, -1, linear.in_features))
        return (picked * linear.weight).sum(2) + linear.bias


class TextCNN(nn.Module):
    """SeqGAN's critic: convolutions of many widths, maximum over time, highway, dropout (Kim 2014; Yu et al. 2017)."""

    def __init__(self, alphabet: Alphabet, config: CriticConfig, length: int, context_features: int = 0):
        super().__init__()
        self.embedding = TokenEmbedding(alphabet, config.embedding)
        numbers = {width: max(1, round(n * config.filters)) for width, n in _FILTERS.items() if width <= length}
        self.filters = MaxOverTime(config.embedding, numbers)
        self.highway, self.drop = Highway(self.filters.total), nn.Dropout(config.dropout)
        self.feature_width = self.filters.total
        self.out = nn.Linear(self.filters.total, 1)
        self.conditioned = ConditionedOutput(self.filters.total, context_features, config.conditioning)

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """One logit a sequence."""
        features = self.highway(self.filters(self.embedding(sample[0])).relu())
        logits = self.out(self.drop(features)).squeeze(1)
        return self.conditioned(logits, features, context)


class RecurrentCritic(nn.Module):
    """A recurrent critic that judges every prefix: a dense reward without rollouts."""

    def __init__(self, alphabet: Alphabet, config: CriticConfig, length: int, context_features: int = 0):
        super().__init__()
        self.alphabet = alphabet
        self.embedding = TokenEmbedding(alphabet, config.embedding)
        self.recurrent = nn.GRU(config.embedding, config.width, batch_first=True)
        self.drop, self.out = nn.Dropout(config.dropout), nn.Linear(config.width, 1)
        self.conditioned = ConditionedOutput(config.width, context_features, config.conditioning)

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """A logit for each prefix of ids `(batch, step)`: at place t for the first t + 1 tokens; padding is masked.

        The features are those of the whole sequence.
        """
        (ids,) = sample
        states, mask = self.recurrent(self.embedding(ids))[0], self.alphabet.mask(ids)
        output = self.conditioned(self.out(self.drop(states)).squeeze(2), states, context)
        last = states[torch.arange(len(ids), device=ids.device), mask.sum(1) - 1]
        return output._replace(features=last, mask=mask)


class MultiCNN(nn.Module):
    """RelGAN's critic (Nie et al. 2019): several embedded representations judged by one CNN, their logits averaged."""

    def __init__(self, alphabet: Alphabet, config: CriticConfig, length: int, context_features: int = 0):
        super().__init__()
        self.representations = config.representations
        self.embedding = TokenEmbedding(alphabet, config.embedding)
        size = config.embedding // config.representations
        numbers = {width: max(1, round(n * config.filters)) for width, n in _MULTI_FILTERS.items() if width <= length}
        self.filters = MaxOverTime(size, numbers)
        self.highway, self.drop = Highway(self.filters.total), nn.Dropout(config.dropout)
        self.feature_width = 100
        self.features, self.out = nn.Linear(self.filters.total, 100), nn.Linear(100, 1)
        self.conditioned = ConditionedOutput(100, context_features, config.conditioning)

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """One logit a sequence; its features are the mean of its representations'."""
        x = self.embedding(sample[0]).unflatten(2, (self.representations, -1))
        x = x.transpose(1, 2).flatten(0, 1)  # (batch x representation, step, size)
        each = self.features(self.drop(self.highway(self.filters(x).relu())))
        logits = self.out(each).view(-1, self.representations).mean(1)
        features = each.unflatten(0, (-1, self.representations)).mean(1)
        return self.conditioned(logits, features, context)


class StridedCNN(nn.Module):
    """DCGAN's critic over time: convolutions of stride 2 with LeakyReLU, no pooling (Radford et al. 2016).

    Each halves the steps and doubles the channels, up to `width` in the last; what is left is flattened, so the critic
    knows where in the sequence a token is. Without batch normalisation: real and generated samples share a batch.
    """

    def __init__(self, alphabet: Alphabet, config: CriticConfig, length: int, context_features: int = 0):
        super().__init__()
        self.length, self.embedding = length, TokenEmbedding(alphabet, config.embedding)
        layers = max(1, min(4, (length - 1).bit_length() - 2))  # about four steps are left
        channels = [config.embedding, *(max(4, config.width >> (layers - 1 - layer)) for layer in range(layers))]
        self.layers = nn.ModuleList(nn.Conv1d(*pair, 4, stride=2, padding=1) for pair in pairwise(channels))
        steps = self.length + self.length % 2
        for _ in range(layers):
            steps = max(2, steps) // 2
        self.feature_width, self.drop = channels[-1] * steps, nn.Dropout(config.dropout)
        self.out = nn.Linear(self.feature_width, 1)
        self.conditioned = ConditionedOutput(self.feature_width, context_features, config.conditioning)

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """One logit a sequence of at most the length that the critic was made for."""
        x = self.embedding(sample[0])
        x = nn.functional.pad(x, (0, 0, 0, self.length + self.length % 2 - x.shape[1])).transpose(1, 2)
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), 0.2)
        features = x.flatten(1)
        return self.conditioned(self.out(self.drop(features)).squeeze(1), features, context)


class NgramCritic(nn.Module):
    """A perceptron of how often each n-gram and skip-gram occurs, hashed to `buckets` numbers (Weinberger et al. 2009).

    Runs of one to three tokens, and pairs of tokens two to four places apart; the beginning counts as a token. It reads
    ids alone, so no gradient flows into a sample.
    """

    def __init__(self, alphabet: Alphabet, config: CriticConfig, length: int, context_features: int = 0):
        super().__init__()
        self.alphabet, self.buckets = alphabet, config.buckets
        self.enter, self.drop = nn.Linear(config.buckets, config.embedding), nn.Dropout(config.dropout)
        self.out = nn.Linear(config.embedding, 1)
        self.conditioned = ConditionedOutput(config.embedding, context_features, config.conditioning)

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """One logit a sequence of ids `(batch, step)`."""
        (ids,) = sample
        hashes, counted = ngrams(ids, self.alphabet)
        hidden = weighted_counts(self.enter, hashes % self.buckets, counted)
        features = nn.functional.leaky_relu(hidden, 0.1)
        return self.conditioned(self.out(self.drop(features)).squeeze(1), features, context)


_SHAPES = (0,), (0, 1), (0, 1, 2), (0, 2), (0, 3), (0, 4)
"""Places of the tokens of a gram: runs of one to three tokens, then pairs further apart."""


def ngrams(ids: Ids, alphabet: Alphabet) -> tuple[Int[Tensor, "batch gram"], Bool[Tensor, "batch gram"]]:
    """Hashes of the n-grams and skip-grams of sequences, from 0 to 2^31 - 1, and which of them hold no padding."""
    begin = torch.full_like(ids[:, :1], alphabet.begin)
    tokens, mask = torch.cat((begin, ids), 1), nn.functional.pad(alphabet.mask(ids), (1, 0), value=True)
    steps, hashes, counted = tokens.shape[1], [], []
    for number, places in enumerate(_SHAPES):
        room = steps - places[-1]
        if room < 1:
            continue
        label = torch.full_like(tokens[:, :room], number)
        for place in places:
            label = mix(label * alphabet.size + tokens[:, place : place + room])
        hashes.append(label)
        counted.append(mask[:, places[-1] :])
    return torch.cat(hashes, 1), torch.cat(counted, 1)


CRITICS = {
    "textcnn": TextCNN,
    "recurrent": RecurrentCritic,
    "multi": MultiCNN,
    "strided": StridedCNN,
    "ngrams": NgramCritic,
}
