"""RankGAN's ranker (Lin et al. 2017): a critic whose features rank a sequence, in the place of an adversary."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gancore.errors import DataError
from gancore.losses.ranking import rank_scores
from gancore.training import distributed
from gancore.types import Batch, Context, CriticOutput, Sample, as_batch
from seqgan.text.alphabet import Ids


class Ranker(nn.Module):
    """Ranks sequences by the features of a critic; it learns to rank real ones high and generated ones low.

    What it says of a sequence is the logarithm of its rank score among real sequences. These and the reference are
    the first `2 x lines` of the last real batch that it was shown; the sequences are in the state, so that a loaded
    model ranks as it did. critic: module, (sample, context) -> CriticOutput with features; it is no part of the state.
    lines: of the reference, and of the comparison. sharpness: on the cosines, gamma of the paper.
    """

    shown: Tensor

    def __init__(self, critic: nn.Module, length: int, lines: int, sharpness: float):
        super().__init__()
        self._critic, self.lines, self.sharpness = (critic,), lines, sharpness
        self.register_buffer("shown", torch.zeros(2 * lines, length, dtype=torch.long))

    @property
    def critic(self) -> Any:
        """The module whose features rank."""
        return self._critic[0]

    def show(self, real: Ids) -> None:
        """Take reference and comparison from real sequences; fewer than are needed are taken again."""
        rows = torch.arange(len(self.shown), device=real.device) % len(real)
        self.shown.copy_(real[rows])

    def features(self, ids: Ids) -> Float[Tensor, "batch feature"]:
        """What the critic sees in sequences."""
        output: CriticOutput = self.critic((ids,))
        assert output.features is not None
        return output.features.float()

    def output(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """The logarithm of each sequence's rank score among real ones `(batch,)`, and its features."""
        (ids,) = sample
        features = self.features(torch.cat((self.shown, ids)))
        (reference, comparison), own = features[: 2 * self.lines].chunk(2), features[2 * self.lines :]
        return CriticOutput(rank_scores(own, reference, comparison, self.sharpness).log(), own)

    def logits(self, sample: Sample, context: Context | None = None) -> Float[Tensor, "batch"]:
        """The logarithm of each sequence's rank score among real ones."""
        return self.output(sample).logits

    def critic_losses(self, real: Batch | Sample, fake: Batch | Sample, step: int = 0) -> dict[str, Tensor]:
        """The ranker's loss `()`: log R of generated sequences among real ones, less log R of real among generated.

        The reference is the first `lines` real sequences, at most half of them; the others are ranked. Shown beside it:
        `accuracy`, the share of pairs in which the real one ranks higher among real ones. Raises DataError where there
        is one real sequence alone.
        """
        real, fake = as_batch(real), as_batch(fake)
        (of_real,), (of_fake,) = real.sample, fake.sample
        self.show(distributed.gathered(of_real))
        lines = min(self.lines, len(of_real) // 2)
        if not lines:
            raise DataError("policy.reward=rank ranks a line by another one: train on two lines at least.")
        features = self.features(torch.cat((of_real, of_fake)))
        reference, ranked, others = features.split((lines, len(of_real) - lines, len(of_fake)))
        low = rank_scores(others, reference, ranked, self.sharpness)
        high = rank_scores(ranked, reference, others, self.sharpness)
        among_real = rank_scores(ranked, reference, ranked, self.sharpness)
        pairs = min(len(low), len(among_real))
        right = (among_real[:pairs] > low[:pairs]).float().mean()
        return {"adversarial": low.log().mean() - high.log().mean(), "_accuracy": right}
