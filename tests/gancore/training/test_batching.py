"""Batches with labelled rows beside them."""

from collections import Counter

import pytest
import torch

from gancore.training.batching import Shuffled, fetch_batch
from gancore.types import Context


def stream(known, labelled, size=8):
    rows = len(known)
    context = Context(torch.arange(float(rows))[:, None], torch.tensor(known)[:, None])
    fetch = fetch_batch(lambda index: (index[:, None],), rows, torch.device("cpu"), context, labelled=labelled)
    return Shuffled(rows, size, 0, fetch)


def test_labelled_rows_come_beside_each_batch_equally_often():
    known = [row % 10 == 3 for row in range(80)]
    batches, seen = stream(known, labelled=8), Counter()
    for _ in range(10):
        batch = next(batches)
        assert batch.labelled.context.known.all()
        assert batch.labelled.context.values[:, 0].tolist() == batch.labelled.sample[0][:, 0].tolist()
        seen.update(batch.labelled.sample[0][:, 0].tolist())
    assert seen == {row: 10 for row in range(80) if known[row]}


def test_a_resumed_stream_has_the_same_labelled_rows():
    known = [row < 9 for row in range(80)]
    first = stream(known, labelled=4)
    _ = [next(first) for _ in range(3)]
    again = stream(known, labelled=4)
    again.position = first.position
    assert torch.equal(next(first).labelled.sample[0], next(again).labelled.sample[0])


@pytest.mark.parametrize(("known", "labelled"), [([True] * 20, 4), ([False] * 20, 4), ([True] + [False] * 19, 0)])
def test_none_come_where_all_have_labels_or_none_or_none_are_wanted(known, labelled):
    assert next(stream(known, labelled)).labelled is None
