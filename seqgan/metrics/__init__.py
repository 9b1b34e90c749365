"""What generated sequences are worth: n-gram statistics, divergences, two-sample tests, distances of embeddings."""

from seqgan.metrics.distance import frechet_distance
from seqgan.metrics.divergence import Divergence, divergence
from seqgan.metrics.ngrams import bleu, copied_spans, distinct, repetition, self_bleu
from seqgan.metrics.two_sample import TwoSample, two_sample_test

__all__ = [
    "Divergence",
    "TwoSample",
    "bleu",
    "copied_spans",
    "distinct",
    "divergence",
    "frechet_distance",
    "repetition",
    "self_bleu",
    "two_sample_test",
]
