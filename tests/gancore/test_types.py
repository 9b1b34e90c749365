"""Contexts and batches: what is unknown never counts, and rows stay together."""

import pytest
import torch

from gancore.types import Batch, Context, CriticOutput, as_batch


def test_what_stands_at_an_unknown_entry_never_counts():
    values, known = torch.randn(5, 3), torch.rand(5, 3) < 0.5
    other = torch.where(known, values, torch.nan)
    assert torch.equal(Context(values, known).inputs, Context(other, known).inputs)
    assert Context(values, known).inputs[:, 3:].bool().equal(known)
    assert not Context.unknown(5, 3).inputs.any()


def test_rows_of_a_batch_stay_together():
    context = Context(torch.arange(6.0).view(3, 2), torch.ones(3, 2, dtype=torch.bool))
    batch = Batch((torch.arange(3)[:, None],), context, torch.arange(3.0), "euclidean")
    for rows, expected in ((slice(1, 3), [1, 2]), (torch.tensor([2, 0]), [2, 0]), (batch.weight > 1, [2])):
        some = batch[rows]
        assert some.sample[0].flatten().tolist() == some.weight.tolist() == expected
        assert (some.context.values[:, 0] / 2).tolist() == expected
        assert some.geometry == "euclidean"
    joined = Context.cat([context, context[:1]])
    assert len(joined) == 4
    assert joined.values[3].tolist() == [0.0, 1.0]
    assert as_batch(batch) is batch
    assert as_batch(batch.sample).context is None


def test_a_hidden_context_knows_nothing():
    context = Context(torch.randn(4, 2), torch.tensor([[True, True], [True, False], [True, True], [False, True]]))
    assert not context.hidden.known.any()
    assert not context.hidden.inputs.any()


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(Exception, match="known"):  # the type check of these tests comes first
        Context(torch.zeros(2, 1), torch.zeros(2, 2, dtype=torch.bool))
    with pytest.raises(ValueError, match="a batch of 2 samples has a context of 3 rows"):
        Batch((torch.zeros(2, 1),), Context.unknown(3, 1))


def test_what_a_critic_says_is_split_by_rows():
    said = CriticOutput(torch.arange(5.0), torch.arange(5.0)[:, None], {"head": torch.arange(5)})
    first, rest = said.split(2)
    assert first.logits.tolist() == [0, 1]
    assert rest.features.flatten().tolist() == rest.heads["head"].tolist() == [2, 3, 4]
    assert first.mask is None
