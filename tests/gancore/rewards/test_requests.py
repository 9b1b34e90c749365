"""The reward for coming near a request."""

import math

import pytest
import torch

from gancore.rewards.requests import request_score
from gancore.types import Context


def test_only_what_is_known_of_both_counts():
    requested = Context(
        torch.tensor([[0.0, 1.0], [0.0, 1.0], [9.0, 9.0]]), torch.tensor([[1, 1], [1, 0], [0, 0]]).bool()
    )
    obtained = Context(
        torch.tensor([[0.3, 0.8], [0.3, 7.0], [0.0, 0.0]]), torch.tensor([[1, 1], [1, 1], [1, 0]]).bool()
    )
    scores = request_score(obtained, requested, 0.25).tolist()
    assert scores == pytest.approx([math.exp(-2), math.exp(-1.2), 1.0])


def test_nan_at_an_unknown_entry_does_not_spread():
    requested = Context(torch.tensor([[torch.nan, 1.0]]), torch.tensor([[False, True]]))
    obtained = Context(torch.tensor([[1.0, 1.0]]), torch.tensor([[True, True]]))
    assert request_score(obtained, requested, 0.5).tolist() == [1.0]
