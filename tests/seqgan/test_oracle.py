import numpy as np
import pytest
import torch

from gancore.errors import DataError
from seqgan.decoding import sample
from seqgan.generator import nll
from seqgan.metrics import divergence
from seqgan.oracle import lstm_oracle, published_oracle


def test_the_published_oracle_has_its_published_self_nll(shared_data):
    """5.734 with the published evaluation sample; 4,000 draws have a standard error of .018."""
    oracle = published_oracle(shared_data / "seqgan_oracle.npz")
    drawn = sample(oracle, 4000, 20, torch.Generator().manual_seed(0))
    assert nll(oracle, drawn) == pytest.approx(5.734, abs=0.05)


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
