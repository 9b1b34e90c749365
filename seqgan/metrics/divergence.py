"""How far a generator is from an oracle whose likelihood is known: both Kullback-Leibler divergences, exact."""

from typing import NamedTuple

import torch

from seqgan.networks.decoding import Decoding, sample
from seqgan.networks.generator import Generator, Mixture, at_rest, nll
from seqgan.text.alphabet import Ids


class Divergence(NamedTuple):
    """All in nats a token.

    nll_oracle: of generated sequences under the oracle. nll_gen: of the oracle's sequences under the generator.
    nll_div: of generated sequences under the generator, its entropy H(G). reverse_kl: nll_oracle - H(G).
    forward_kl: nll_gen - H(oracle), H(oracle) taken on the same sequences.
    """

    nll_oracle: float
    nll_gen: float
    nll_div: float
    reverse_kl: float
    forward_kl: float


def divergence(
    oracle: Generator,
    generator: Generator | Mixture,
    real: Ids,
    n: int = 10_000,
    temperature: float = 1.0,
    seed: int = 0,
) -> Divergence:
    """Judge `generator`, sampled at `temperature`, by `n` draws of its own and by the oracle's held-out draws `real`.

    For sequences of one length without an end token.
    """
    device = real.device
    random = torch.Generator(device=device).manual_seed(seed)
    with at_rest(oracle, generator):
        own = sample(generator, n, real.shape[1], random, Decoding(temperature), device=device)
    by_oracle, by_itself = nll(oracle, own), nll(generator, own, temperature)
    entropy, missed = nll(oracle, real), nll(generator, real, temperature)
    return Divergence(by_oracle, missed, by_itself, by_oracle - by_itself, missed - entropy)
