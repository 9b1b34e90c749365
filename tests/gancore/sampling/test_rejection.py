"""Draws that a critic rejects are made anew: as often as they must, and with the critic's distribution in the end."""

import torch

from gancore.sampling.rejection import replace_rejected

RATIO = torch.tensor([0.25, 0.5, 1.0, 2.25])  # of the data's density to the generator's, mean 1 over four values


class Source:
    """Uniform draws from 0 to 3, with a count of how many were made for each row."""

    def __init__(self, rows):
        self.random, self.made = torch.Generator().manual_seed(3), torch.zeros(rows, dtype=torch.long)
        self.calls = 0

    def draw(self, n):
        return torch.randint(0, 4, (n,), generator=self.random)

    def again(self, rows):
        self.calls += 1
        self.made += rows.bincount(minlength=len(self.made))
        new = self.draw(len(rows))
        return [new], RATIO[new].log()


def test_kept_draws_have_the_density_of_the_data():
    source = Source(40_000)
    draws = source.draw(40_000)
    replace_rejected([draws], RATIO[draws].log(), source.again, 50, 2.25, source.random)
    assert (draws.bincount() / len(draws) - RATIO / 4).abs().max() < 0.01
    # 2.25 draws for one that is kept: one of them was there before.
    assert abs(int(source.made.sum()) / len(draws) - 1.25) < 0.05
    assert source.calls < 8


def test_a_draw_stands_only_for_one_of_its_kind():
    kinds = torch.arange(3000) % 7
    source = Source(3000)
    draws, of = source.draw(3000), kinds.clone()

    def again(rows):
        (new,), logits = source.again(rows)
        return [new, kinds[rows]], logits

    replace_rejected([draws, of], RATIO[draws].log(), again, 50, 2.25, source.random, kinds)
    assert torch.equal(of, kinds)
    assert (draws.bincount() / 3000 - RATIO / 4).abs().max() < 0.04


def test_each_kind_has_no_more_draws_than_allowed():
    kinds = torch.arange(600) % 3
    source = Source(600)
    before = torch.zeros(600, dtype=torch.long)
    draws = before.clone()

    def again(rows):
        source.again(rows)
        # Of the last kind no draw is ever accepted.
        return [torch.ones(len(rows), dtype=torch.long)], torch.where(kinds[rows] == 2, -50.0, 50.0)

    logits = torch.full((600,), -50.0)
    logits[0] = 50.0
    replace_rejected([draws], logits, again, 4, 1.0, source.random, kinds)
    assert draws[kinds == 2].sum() == 0
    assert draws[kinds == 1].sum() == 200
    assert draws[kinds == 0].sum() == 199, "the first was accepted at once"
    assert int(source.made[kinds == 2].sum()) == 4 * 200


def test_rows_of_which_nothing_is_alike_are_drawn_one_by_one():
    source = Source(500)
    draws = source.draw(500)
    replace_rejected([draws], RATIO[draws].log(), source.again, 30, 2.25, source.random, torch.arange(500))
    assert int(source.made.max()) <= 30
    assert (draws == 3).float().mean() > 0.4
