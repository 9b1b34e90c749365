"""A trained model as a judge of texts: its perplexity of them, and its hidden states as their features."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from gancore.errors import ConfigError, DataError
from gancore.facade.models import load_model
from gancore.io.progress import over
from seqgan.data.corpus import pad
from seqgan.metrics.kneser_ney import SequenceNLL
from seqgan.metrics.monitor import embed
from seqgan.networks.generator import Generator, at_rest
from seqgan.text.alphabet import Ids
from seqgan.text.vocabulary import UNKNOWN, TokenError, Vocabulary

_BATCH = 256


@dataclass(frozen=True)
class NamedModel:
    """A likelihood model with the name that figures are told under. generator: its averaged weights."""

    name: str
    generator: Generator
    vocabulary: Vocabulary

    @classmethod
    def of(cls, model: Any) -> "NamedModel":
        """From a trained `SeqGAN`, or from what `SeqGAN.load` takes: a run, a shared model or a bundled one's name.

        Raises ConfigError for a model without an exact likelihood, and what `SeqGAN.load` raises.
        """
        if isinstance(model, NamedModel):
            return model
        name = str(model) if isinstance(model, (str, Path)) else "the model given"
        gan = load_model(model) if isinstance(model, (str, Path)) else model
        recipe = getattr(gan, "recipe", None)
        if recipe is None:
            raise ConfigError(f"judge: {name} has no weights; give a trained model of seqgan, or its folder.")
        generator = getattr(getattr(recipe, "averaged", None), "average", None)
        if "log_prob" not in recipe.capabilities or not isinstance(generator, Generator):
            raise ConfigError(f"judge: {name} has no likelihood of texts; give a model of recipe mle, for instance.")
        return cls(name, generator, recipe.space.vocabulary)

    def read(self, texts: Sequence[str]) -> Ids:
        """Ids of the texts that it can read, ended and padded; others are left out.

        A text is left out that has a token the model lacks, or more tokens than the model can draw. One of just as many
        has no end, as a draw that was cut off.
        """
        lines, length = [], self.generator.length
        for text in texts:
            try:
                ids = self.vocabulary.encode(text)
            except TokenError:
                continue
            if ids and UNKNOWN not in ids and len(ids) <= length:
                lines.append(ids)
        return pad(lines, length + 1)[:, :length]

    def nll(self, ids: Ids) -> SequenceNLL:
        """The negative log-likelihood of each sequence, and its tokens with the end."""
        nats, tokens = [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
        with at_rest(self.generator):
            for part in self._batches(ids, "likelihoods"):
                nats.append(-self.generator.log_prob(part).sum(1, dtype=torch.double).cpu().numpy())
                tokens.append(self.generator.alphabet.mask(part).sum(1).cpu().numpy())
        return SequenceNLL(np.concatenate(nats), np.concatenate(tokens))

    def features(self, ids: Ids) -> Float[np.ndarray, "text width"]:
        """The mean hidden state of each sequence: over its tokens, what the model's head reads."""
        parts = [embed(self.generator, part).cpu().numpy() for part in self._batches(ids, "features")]
        return np.concatenate(parts).astype(np.float64)

    def _batches(self, ids: Ids, title: str) -> Iterator[Ids]:
        for start in over(range(0, len(ids), _BATCH), title, -(-len(ids) // _BATCH)):
            yield self.generator.alphabet.trim(ids[start : start + _BATCH].to(self.generator.device))


def read_features(source: Any, name: str) -> Float[np.ndarray, "text feature"]:
    """Features as a table of finite numbers: an array, or the path of an .npy file of one.

    Raises DataError for a file that is missing or no array of numbers, for what is no table with two rows and a column,
    and for numbers that are not finite.

    >>> read_features([[0, 1], [2, 3]], "features").tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    if isinstance(source, (str, Path)):
        name = str(source)
        try:
            source = np.load(source, allow_pickle=False)
        except FileNotFoundError:
            raise DataError(f"{name}: no such file.") from None
        except (OSError, ValueError, EOFError):
            raise DataError(f"{name}: is no .npy file of numbers, as numpy.save writes it.") from None
    try:
        rows = np.asarray(source, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name}: give a table of numbers, a row a text.") from None
    if rows.ndim != 2 or len(rows) < 2 or not rows.shape[1]:
        shape = " x ".join(map(str, rows.shape)) or "a single number"
        raise DataError(f"{name}: features are a table, a row a text, of two rows or more; this one is {shape}.")
    if not np.isfinite(rows).all():
        raise DataError(f"{name}: features must be finite, and some are not a number.")
    return rows
