import math

import numpy as np
import pytest
import torch

from gancore.errors import DataError
from seqgan.metrics import divergence
from seqgan.metrics.oracle import lstm_oracle, published_oracle
from seqgan.networks.decoding import sample
from seqgan.networks.generator import nll


def test_the_published_oracle_has_its_entropy(shared_data):
    """5.753 over 120,000 draws: what a draw costs, and what the next token leaves open, each by its own error."""
    oracle = published_oracle(shared_data / "seqgan_oracle.npz")
    drawn = sample(oracle, 2000, 20, torch.Generator().manual_seed(0))
    with torch.no_grad():
        costs = -oracle.log_prob(drawn).double().mean(1)
        parts = [oracle.logits(part).log_softmax(-1) for part in drawn[:400].split(50)]
        left_open = torch.cat([-(part.exp() * part).sum(-1).double().mean(1) for part in parts])
    for each in (costs, left_open):
        error = float(each.std()) / math.sqrt(len(each))
        assert error < 0.013
        assert abs(float(each.mean()) - 5.753) < 4 * error
    assert nll(oracle, drawn) == pytest.approx(float(costs.mean()), abs=1e-5)


def test_a_seed_is_an_oracle():
    first, again, other = (lstm_oracle(seed, vocabulary=50, width=4) for seed in (0, 0, 1))
    ids = torch.randint(0, 50, (8, 20))
    assert nll(first, ids) == nll(again, ids) != nll(other, ids)
    assert float(first.head.weight.std()) == pytest.approx(1, abs=0.2)


def test_divergences_of_an_oracle_from_itself_vanish():
    oracle = lstm_oracle(0, vocabulary=30, width=4)
    real = sample(oracle, 500, 20)
    same = divergence(oracle, oracle, real, n=500)
    assert same.reverse_kl == same.forward_kl == 0
    other = divergence(oracle, lstm_oracle(1, vocabulary=30, width=4), real, n=500)
    assert min(other.reverse_kl, other.forward_kl) > 0.1
    sharper = divergence(oracle, oracle, real, n=500, temperature=0.7)
    assert sharper.nll_oracle < same.nll_oracle
    assert min(sharper.reverse_kl, sharper.forward_kl) > 0


def test_a_file_that_is_no_oracle(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        published_oracle(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", embeddings=np.zeros((3, 2)))
    with pytest.raises(DataError, match="does not hold the arrays of an LSTM oracle"):
        published_oracle(tmp_path / "x.npz")
    np.save(tmp_path / "z.npy", np.zeros(3))
    with pytest.raises(DataError, match="does not hold"):
        published_oracle(tmp_path / "z.npy")
    whole = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(whole[:-20])
    with pytest.raises(DataError, match="does not hold"):
        published_oracle(tmp_path / "x.npz")
    (tmp_path / "y.npz").write_text("text")
    with pytest.raises(DataError, match="does not hold"):
        published_oracle(tmp_path / "y.npz")
