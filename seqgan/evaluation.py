"""Judging generated texts: one table of figures, likelihood under language models, and curves over the temperature."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from gancore.device import seed_everything
from gancore.errors import ConfigError, DataError
from gancore.loop import play
from gancore.statistics import Evaluation, half_sample_interval, mean_interval, share_kept, wilson_interval
from seqgan.config import Config, DataConfig, GeneratorConfig, LikelihoodConfig
from seqgan.data import Corpus
from seqgan.generator import Generator, nll
from seqgan.metrics import bleu, copied_spans, distinct, repetition, self_bleu, two_sample_test
from seqgan.recipes.mle import Likelihood
from seqgan.text import SPLIT, TokenError

_ORDERS = (2, 3, 4, 5)


def split_tokens(texts: Sequence[str], tokens: str = "word") -> list[list[str]]:
    """Texts as lists of tokens, as the vocabularies of `seqgan.text` split them; an empty list where that fails."""
    if tokens not in SPLIT:
        raise ConfigError(f"texts cannot be split into {tokens!r}; use {', '.join(SPLIT)}.")
    return [_split(text, tokens) for text in texts]


def _split(text: str, tokens: str) -> list[str]:
    try:
        return SPLIT[tokens](text)
    except TokenError:
        return []


def evaluate(
    texts: Sequence[str],
    reference: Sequence[str],
    train: Sequence[str] | None = None,
    tokens: str = "word",
) -> Evaluation:
    """Judge generated texts beside real ones that were not trained on. Every figure has a 95% interval.

    bleu-2 ... bleu-5: mean BLEU of each text against all of `reference` (NLTK's method 1).
    self-bleu-2 ... self-bleu-5: of each text against all other texts; the reference's own is `reference-self-bleu-n`.
    unique: distinct texts / texts. distinct-2, -3: distinct n-grams / n-grams. repetition-2: share of a text's
    2-grams it has said before. length: tokens a text. novel: share of distinct texts whose tokens are no line's of
    `train`; copied: tokens of the longest span a text shares with it; both only with `train`. tell-apart: accuracy of
    a classifier of real and generated, .5 where it cannot (`two_sample_test`).

    Figures depend on how many texts and references there are: compare only like with like.
    Raises DataError for what are no strings, for fewer than four texts or references, and where none has a token;
    ConfigError for `tokens` that there are not.

    >>> lines = ["the cat sat", "a dog ran", "the bird sang", "a fish swam"]
    >>> figures = evaluate(lines[:2] * 2, reference=lines, train=lines)
    >>> [round(figures[name].value, 2) for name in ("bleu-2", "unique", "novel", "copied")]
    [1.0, 0.5, 0.0, 3.0]
    """
    for name, lines in (("texts", texts), ("reference", reference), ("train", train or ())):
        if isinstance(lines, str) or not all(isinstance(line, str) for line in lines):
            raise DataError(f"{name}: give a list of strings, one a text.")
    texts, reference = list(texts), list(reference)
    if min(len(texts), len(reference)) < 4:
        raise DataError("there is too little to evaluate: give at least four texts and four references.")
    ours, theirs = split_tokens(texts, tokens), split_tokens(reference, tokens)
    for name, lines in (("texts", ours), ("references", theirs)):
        if not any(lines):
            raise DataError(f"none of the {len(lines)} {name} can be split into tokens of kind {tokens}.")
    figures = {}
    for name, scores in (
        ("bleu", bleu(ours, theirs, _ORDERS)),
        ("self-bleu", self_bleu(ours, _ORDERS)),
        ("reference-self-bleu", self_bleu(theirs, _ORDERS)),
    ):
        figures |= {f"{name}-{n}": mean_interval(scores[:, column], (0.0, 1.0)) for column, n in enumerate(_ORDERS)}
    codes = np.unique(texts, return_inverse=True)[1]
    figures["unique"] = share_kept(
        lambda rows: len(np.unique(codes[rows])) / len(rows), len(codes), len(codes) - len(set(texts))
    )
    for name, share in (
        *((f"distinct-{n}", lambda part, n=n: distinct(part, n)) for n in (2, 3)),
        ("repetition-2", lambda part: repetition(part, 2)),
    ):
        figures[name] = half_sample_interval(
            lambda rows, share=share: share([ours[row] for row in rows]), len(ours), 40
        )
    figures["length"] = mean_interval(np.array([len(text) for text in ours], dtype=float))
    if train is not None:
        seen = split_tokens(list(train), tokens)
        known, made = set(map(tuple, seen)), set(map(tuple, ours))
        figures["novel"] = wilson_interval(len(made - known), len(made))
        figures["copied"] = mean_interval(copied_spans(ours, seen).astype(float))
    told = two_sample_test(theirs, ours)
    figures["tell-apart"] = wilson_interval(round(told.accuracy * told.n), told.n)
    return Evaluation(figures)


class LanguageModelScores(NamedTuple):
    """Nats a token. forward: generated texts under a model of real ones; low where each text is good.

    reverse: real texts under a model of generated ones; low where they are good and diverse. real: held-out real
    texts under the model of real ones, what both are to be held against.
    """

    forward: float
    reverse: float
    real: float


def language_model_scores(
    texts: Sequence[str],
    train: Sequence[str],
    reference: Sequence[str],
    tokens: str = "word",
    seed: int = 0,
    epochs: int = 30,
) -> LanguageModelScores:
    """Language-model and reverse-language-model scores (Cífka et al. 2018), by LSTMs stopped at their best likelihood.

    train, reference: real texts to learn from and to be judged by. As many generated as real texts are learnt from,
    the vocabulary is that of `train`. The scores depend on these networks: compare only within one call's settings.
    """
    size = min(len(texts), len(train))
    data = DataConfig(tokens=tokens, max_length=4096, valid=0.1, test=0.0)  # pyright: ignore
    real = Corpus.of(list(train)[:size], data, seed)
    made = Corpus.of(list(texts)[:size], data, seed, real.vocabulary)
    wanted = Corpus.of(list(reference), data, seed, real.vocabulary)
    judged = torch.cat((wanted.train, wanted.valid))
    of_real, of_made = (language_model(part, seed, epochs) for part in (real, made))
    return LanguageModelScores(
        nll(of_real, torch.cat((made.train, made.valid))), nll(of_made, judged), nll(of_real, judged)
    )


def language_model(corpus: Corpus, seed: int = 0, epochs: int = 30) -> Generator:
    """An LSTM of width 128 trained on the corpus's training part, stopped by its valid part."""
    model = GeneratorConfig(embedding=64, width=128, embedding_dropout=0.2, dropout=0.3)
    config = Config(recipe="mle", model=model, likelihood=LikelihoodConfig(epochs=epochs), seed=seed)
    seed_everything(seed)
    likelihood = Likelihood(config, corpus.alphabet, corpus.length, torch.device("cpu"))
    for phase in likelihood.phases(corpus):
        play(phase.players, phase.batches, phase.steps, phase.callbacks)
    return likelihood.averaged.average


def temperature_sweep(
    sample: Callable[[float], Sequence[str]],
    reference: Sequence[str],
    temperatures: Sequence[float] = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1),
    tokens: str = "word",
    order: int = 4,
) -> pd.DataFrame:
    """Quality against diversity (Caccia et al. 2020): one row a temperature, columns temperature, bleu, self_bleu.

    sample: temperature -> texts. quality is BLEU-`order` against `reference`, diversity one less Self-BLEU: a model
    is better than another only where its curve is, not where one of its points is. `plots.sweep_curve` draws it.
    """
    theirs = split_tokens(reference, tokens)
    rows = []
    for temperature in temperatures:
        ours = split_tokens(sample(temperature), tokens)
        quality, sameness = bleu(ours, theirs, (order,)).mean(), self_bleu(ours, (order,)).mean()
        rows.append({"temperature": temperature, "bleu": float(quality), "self_bleu": float(sameness)})
    return pd.DataFrame(rows)
