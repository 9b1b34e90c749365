"""Judging generated texts: one table of figures, likelihood under language models, and curves over the temperature."""

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from gancore.errors import DataError
from gancore.io.notes import note
from gancore.statistics.evaluation import Evaluation
from gancore.statistics.intervals import Estimate, half_sample_interval, mean_interval, share_kept, wilson_interval
from gancore.training.device import generator_states, seed_everything, set_generator_states
from gancore.training.loop import play
from seqgan.data.corpus import Corpus
from seqgan.data.settings import LONGEST, DataConfig
from seqgan.data.space import TextSpace
from seqgan.metrics.features import given_features, model_figures
from seqgan.metrics.identity import identity_figures
from seqgan.metrics.kneser_ney import perplexities
from seqgan.metrics.named_model import NamedModel
from seqgan.metrics.ngrams import Sequences, bleu, entropies, gram_codes, repetitions, self_bleu
from seqgan.metrics.spans import copied_spans
from seqgan.metrics.two_sample import shift_note, two_sample_test
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.generator import Generator, nll
from seqgan.recipes.config import LikelihoodConfig
from seqgan.recipes.mle import MaximumLikelihood, MaximumLikelihoodConfig
from seqgan.text.splitting import Tokens, advice
from seqgan.text.vocabulary import LEARNT, Vocabulary

_ORDERS = (2, 3, 4, 5)


def split_tokens(
    texts: Sequence[str], tokens: "str | Vocabulary | Tokens" = "word", lower: bool = False
) -> list[list[str]]:
    """Texts as lists of tokens, of a kind or as a model's vocabulary splits them; an empty list where that fails."""
    return Tokens.of(tokens, lower).split(texts)


def evaluate(
    texts: Sequence[str],
    reference: Sequence[str],
    train: Sequence[str] | None = None,
    tokens: "str | Vocabulary | Tokens" = "word",
    lower: bool = False,
    judge: Any = None,
    features: Sequence[Any] = (),
) -> Evaluation:
    """Judge generated texts beside real ones that were not trained on. Every figure has a 95% interval.

    tokens: what both sides are split into, `word` (by white space), `char`, `smiles` or `selfies`; or the vocabulary of
    a model, `gan.vocabulary`, which splits as the model sees text, byte pairs and case among it. lower: whether both
    sides are put in lower case first. A note says which tokens it was.

    bleu-2 ... bleu-5: mean BLEU of each text against all of `reference` (NLTK's method 1).
    self-bleu-2 ... self-bleu-5: of each text against all other texts; the reference's own is `reference-self-bleu-n`.
    unique: distinct texts / texts. distinct-1 ... distinct-4: distinct n-grams / n-grams (Li et al. 2016). repetition-2
    ... repetition-4: share of a text's n-grams it has said before, rep-n (Welleck et al. 2020). entropy: of the tokens
    of each text, in nats. length: tokens a text. novel: share of distinct texts whose tokens are no line's of `train`;
    copied: tokens of the longest span a text shares with it; both only with `train`, and of proteins identity and
    novel-80 (`seqgan.metrics.identity`). tell-apart: accuracy of a classifier of real and generated, 0.5 where it
    cannot (`two_sample_test`). forward-, reverse- and
    reference-perplexity: by n-gram models of a half of the reference and of the texts (`kneser_ney.perplexities`).

    judge: a trained likelihood model, a `SeqGAN` or its folder or name. It adds generative-perplexity, of the texts and
    of the reference, and mauve and frechet-distance on its hidden states (`features.model_figures`). features: these
    two of a user's own features instead, of the texts and of the reference: arrays `(text, feature)` or .npy files.

    Where lines of `train` and of the reference are easy to tell apart, a warning says so before anything is compared,
    and it is the first of the notes (`two_sample.shift_between`).
    NaN, with a note: what counts n-grams where no text has n tokens; tell-apart where the classifier has nothing to
    go by. Figures depend on how many texts and references there are: compare only like with like.
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
    chosen, named = Tokens.of(tokens, lower), None if judge is None else NamedModel.of(judge)
    texts, reference = list(texts), list(reference)
    if min(len(texts), len(reference)) < 4:
        raise DataError("there is too little to evaluate: give at least four texts and four references.")
    ours, theirs = chosen.split(texts), chosen.split(reference)
    notes = [f"Tokens: {chosen}.", *_doubts(chosen, {"texts": (texts, ours), "references": (reference, theirs)})]
    seen = chosen.split(list(train)) if train is not None else None
    if seen is not None and (shift := shift_note(seen, theirs)):
        note(shift)
        notes.insert(0, shift)
    more = given_features(features, len(texts), len(reference)) if len(features) else Evaluation({})
    figures = _overlaps(ours, theirs) | _shares(chosen.cased(texts), ours)
    if seen is not None:
        known, made = set(map(tuple, seen)), set(map(tuple, ours))
        figures["novel"] = wilson_interval(len(made - known), len(made))
        figures["copied"] = mean_interval(copied_spans(ours, seen).astype(float))
        if chosen.kind == "protein":
            found, told = identity_figures(["".join(text) for text in made], ["".join(text) for text in known])
            figures |= found
            notes += told
    told = two_sample_test(theirs, ours)
    if math.isnan(told.accuracy):
        figures["tell-apart"] = _undefined(told.n)
        notes.append(
            "tell-apart is not defined: hardly any text shares a token with those that the classifier learns from."
        )
    else:
        figures["tell-apart"] = wilson_interval(round(told.accuracy * told.n), told.n)
    figures |= perplexities(ours, theirs)
    short = [name for name, one in figures.items() if math.isnan(one.value) and name != "tell-apart"]
    if short:
        notes.append(f"Not defined, as no text has so many tokens: {', '.join(short)}.")
    notes.append(
        "forward-, reverse- and reference-perplexity are of Kneser-Ney models of 4-grams, of "
        f"{figures['forward-perplexity'].n:,} lines each."
    )
    if named is not None:
        judged = model_figures(named, texts, reference, not more)
        more = Evaluation(dict(judged) | dict(more), judged.notes + more.notes)
    return Evaluation(figures | dict(more), notes + more.notes)


def _doubts(chosen: Tokens, sides: Mapping[str, tuple[list[str], list[list[str]]]]) -> Iterator[str]:
    """What must be said of how texts were split. Raises DataError where none of a side has a token."""
    for name, (lines, split) in sides.items():
        if not any(split):
            raise DataError(f"none of the {len(lines)} {name} can be split into tokens of kind {chosen.kind}.")
        lost = sum(bool(line.strip()) and not tokens for line, tokens in zip(lines, split, strict=True))
        if lost:
            found = f"{lost:,} of the {len(lines):,} {name} cannot be split into tokens of kind {chosen.kind}"
            yield f"{found}; they count as empty."
    told = advice(sides["references"][0]) if chosen.kind == "word" else ""
    if told:
        yield f"{told[0].upper()}{told[1:]}"


def _undefined(n: int) -> Estimate:
    return Estimate(math.nan, math.nan, math.nan, n)


def _overlaps(ours: list[list[str]], theirs: list[list[str]]) -> dict[str, Estimate]:
    """BLEU and Self-BLEU by name; undefined where a side has no n-gram."""
    most = {"ours": max(map(len, ours)), "theirs": max(map(len, theirs))}
    figures = {}
    for name, scores, longest in (
        ("bleu", bleu(ours, theirs, _ORDERS), min(most.values())),
        ("self-bleu", self_bleu(ours, _ORDERS), most["ours"]),
        ("reference-self-bleu", self_bleu(theirs, _ORDERS), most["theirs"]),
    ):
        for column, n in enumerate(_ORDERS):
            defined = longest >= n
            figures[f"{name}-{n}"] = (
                mean_interval(scores[:, column], (0.0, 1.0)) if defined else _undefined(len(scores))
            )
    return figures


def _shares(texts: list[str], ours: list[list[str]]) -> dict[str, Estimate]:
    """What is said of the texts alone, by name."""
    codes = np.unique(texts, return_inverse=True)[1]
    figures = {
        "unique": share_kept(
            lambda rows: len(np.unique(codes[rows])) / len(rows), len(codes), len(codes) - len(set(texts))
        )
    }
    for n in (1, 2, 3, 4):
        figures[f"distinct-{n}"] = _distinct(ours, n)
    for n in (2, 3, 4):
        shares = repetitions(ours, n)
        defined = shares[~np.isnan(shares)]
        figures[f"repetition-{n}"] = mean_interval(defined, (0.0, 1.0)) if len(defined) else _undefined(len(ours))
    figures["entropy"] = mean_interval(entropies(ours), (0.0, math.inf))
    return figures | {"length": mean_interval(np.array([len(text) for text in ours], dtype=float))}


def _distinct(ours: list[list[str]], n: int) -> Estimate:
    """Distinct n-grams over n-grams, undefined where there is none."""
    owners, codes = gram_codes(ours, n)
    if not len(codes):
        return _undefined(len(ours))
    held = np.zeros(len(ours), dtype=bool)

    def share(rows: np.ndarray) -> float:
        held[:] = False
        held[rows] = True
        picked = codes[held[owners]]
        return np.count_nonzero(np.bincount(picked)) / max(1, len(picked))

    return half_sample_interval(share, len(ours), 40)


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
    tokens: "str | Vocabulary | Tokens" = "word",
    seed: int = 0,
    epochs: int = 30,
    lower: bool = False,
) -> LanguageModelScores:
    """Language-model and reverse-language-model scores (Cífka et al. 2018), by LSTMs stopped at their best likelihood.

    train, reference: real texts to learn from and to be judged by. As many generated as real texts are learnt from,
    the vocabulary is that of `train`. tokens, lower: as for `evaluate`; byte pairs are those of the vocabulary given.
    The scores depend on these networks: compare only within one call's settings. A generator that always says the same
    has scores too. Raises DataError where nothing of a side can be used.
    """
    size, chosen = min(len(texts), len(train)), Tokens.of(tokens, lower)
    kind = "bpe" if chosen.kind in LEARNT else chosen.kind
    data = DataConfig(tokens=kind, lower=chosen.lower, max_length=LONGEST, valid=0.1, test=0.0)  # pyright: ignore
    pairs = chosen.vocabulary if chosen.kind in LEARNT else None
    real = Corpus.of(list(train)[:size], data, seed, pairs, fewest=1)
    made = Corpus.of(list(texts)[:size], data, seed, real.vocabulary, fewest=1)
    wanted = Corpus.of(list(reference), data, seed, real.vocabulary, fewest=1)
    judged = torch.cat((wanted.train, wanted.valid))
    of_real, of_made = (language_model(part, seed, epochs) for part in (real, made))
    return LanguageModelScores(
        nll(of_real, torch.cat((made.train, made.valid))), nll(of_made, judged), nll(of_real, judged)
    )


_SEEDED = threading.Lock()


def language_model(corpus: Corpus, seed: int = 0, epochs: int = 30) -> Generator:
    """An LSTM of width 128 trained on the corpus's training part, stopped by its valid part.

    One is trained at a time, whatever the number of threads: it draws from torch's own generators, which are as before
    when it is done.
    """
    model = GeneratorConfig(embedding=64, width=128, embedding_dropout=0.2, dropout=0.3)
    config = MaximumLikelihoodConfig(model=model, likelihood=LikelihoodConfig(epochs=epochs), seed=seed)
    with _SEEDED:
        before = generator_states()
        try:
            seed_everything(seed)
            likelihood = MaximumLikelihood(config, TextSpace(corpus.alphabet, corpus.length), torch.device("cpu"))
            for phase in likelihood.phases(corpus):
                play(phase.players, phase.batches, phase.steps, phase.callbacks)
        finally:
            set_generator_states(*before)
    return likelihood.averaged.average


def temperature_sweep(
    sample: Callable[[float], Sequence[str]],
    reference: Sequence[str],
    temperatures: Sequence[float] = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1),
    tokens: "str | Vocabulary | Tokens" = "word",
    order: int = 4,
    lower: bool = False,
) -> pd.DataFrame:
    """Quality against diversity (Caccia et al. 2020): one row a temperature.

    Columns: temperature, bleu, self_bleu, and the ends of their 95% intervals, bleu_low, bleu_high, self_bleu_low,
    self_bleu_high.

    sample: temperature -> texts. quality is BLEU-`order` against `reference`, diversity one less Self-BLEU: a model
    is better than another only where its curve is, not where one of its points is. `plots.sweep_curve` draws it.
    tokens, lower: as for `evaluate`; give `gan.vocabulary` to split as the model does. NaN where no text, or no
    reference, has `order` tokens.
    """
    chosen = Tokens.of(tokens, lower)
    theirs = chosen.split(reference)
    rows = []
    for temperature in temperatures:
        ours = chosen.split(sample(temperature))
        quality, sameness = quality_and_sameness(ours, theirs, order)
        rows.append({"temperature": temperature, "bleu": quality.value, "self_bleu": sameness.value})
        for name, one in (("bleu", quality), ("self_bleu", sameness)):
            rows[-1] |= {f"{name}_low": one.low, f"{name}_high": one.high}
    return pd.DataFrame(rows)


def quality_and_sameness(ours: Sequences, theirs: Sequences, order: int = 4) -> tuple[Estimate, Estimate]:
    """BLEU-`order` of sequences against others, and their Self-BLEU-`order`, as means; NaN where none is so long."""
    longest = max(map(len, ours))
    quality, sameness = (
        mean_interval(scores[:, 0], (0.0, 1.0)) for scores in (bleu(ours, theirs, (order,)), self_bleu(ours, (order,)))
    )
    return (
        quality if min(longest, max(map(len, theirs))) >= order else _undefined(len(ours)),
        sameness if longest >= order else _undefined(len(ours)),
    )
