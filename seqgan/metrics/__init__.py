"""Metrics of generated sequences: n-gram statistics, divergences, two-sample tests, distances of embeddings."""

from gancore.statistics.two_sample import TwoSample
from seqgan.metrics.distance import frechet_distance
from seqgan.metrics.divergence import Divergence, divergence
from seqgan.metrics.kneser_ney import kneser_ney
from seqgan.metrics.mauve import mauve
from seqgan.metrics.ngrams import bleu, distinct, entropies, repetition, repetitions, self_bleu
from seqgan.metrics.spans import copied_spans
from seqgan.metrics.two_sample import two_sample_test

__all__ = [
    "Divergence",
    "TwoSample",
    "bleu",
    "copied_spans",
    "distinct",
    "divergence",
    "entropies",
    "frechet_distance",
    "kneser_ney",
    "mauve",
    "repetition",
    "repetitions",
    "self_bleu",
    "two_sample_test",
]
