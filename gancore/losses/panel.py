"""Several critics against one generator (GMAN, Durugkar et al. 2017)."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from gancore.losses.adversary import Adversary, Head
from gancore.training import distributed
from gancore.training.batching import Shuffled
from gancore.types import Batch, Context, CriticOutput, Sample


class Panel:
    """Adversaries of one form as one: each critic learns by itself, and the generator faces them all.

    Its loss is their mean, or with `sharpness` above 0 a mean that weighs a critic the more, the larger the
    generator's loss against it: by a softmax of `sharpness` times these losses (GMAN, Durugkar et al. 2017). The
    weights are constants for the gradient. What the panel says of a sample is the mean of what its critics say.
    members: at least two. critic: the module of all critics.
    """

    def __init__(self, members: Sequence[Adversary], sharpness: float = 0.0):
        self.members, self.sharpness = list(members), sharpness
        self.critic = nn.ModuleList(member.critic for member in members)

    @property
    def modules(self) -> dict[str, nn.Module]:
        """What has state beside the critics: nothing (Durugkar et al. 2017)."""
        return {}

    def stream(self, batches: Shuffled) -> Shuffled:
        """The batches of a game: as they are, since a panel is never private (Durugkar et al. 2017)."""
        return batches

    @property
    def heads(self) -> Mapping[str, Head]:
        """The heads that each critic has (AC-GAN, Odena et al. 2017)."""
        return self.members[0].heads

    @property
    def noise(self) -> Callable[[int], float]:
        """The instance noise of each critic (Sønderby et al. 2017)."""
        return self.members[0].noise

    @noise.setter
    def noise(self, level: Callable[[int], float]) -> None:
        for member in self.members:
            member.noise = level

    def output(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """The mean of what the critics say; features are those of all, side by side (Durugkar et al. 2017)."""
        outputs = [member.output(sample, context) for member in self.members]
        first, features = outputs[0], [output.features for output in outputs if output.features is not None]
        heads = {name: torch.stack([output.heads[name] for output in outputs]).mean(0) for name in first.heads}
        joined = torch.cat(features, -1) if features else None
        return CriticOutput(torch.stack([output.logits for output in outputs]).mean(0), joined, heads, first.mask)

    def logits(self, sample: Sample, context: Context | None = None) -> Tensor:
        """One logit a sample, `(batch,)`: the mean of the critics' (Durugkar et al. 2017)."""
        return torch.stack([member.logits(sample, context) for member in self.members]).mean(0)

    def critic_losses(self, real: Batch | Sample, fake: Batch | Sample, step: int = 0) -> dict[str, Tensor]:
        """Losses of the critics' turn, sums of theirs, so that each learns as if it were alone (Durugkar et al. 2017).

        Figures that are shown beside them are means.
        """
        each = [member.critic_losses(real, fake, step) for member in self.members]
        losses = {name: torch.stack([losses[name] for losses in each]).sum(0) for name in each[0]}
        return {name: loss / len(each) if name.startswith("_") else loss for name, loss in losses.items()}

    def generator_losses(self, real: Batch | Sample, fake: Batch | Sample, step: int = 0) -> dict[str, Tensor]:
        """Losses of the generator's turn: the weighted mean of those against each critic (Durugkar et al. 2017)."""
        each = [member.generator_losses(real, fake, step) for member in self.members]
        totals = torch.stack([sum((loss.mean() for loss in losses.values()), torch.zeros(())) for losses in each])
        shares = (self.sharpness * distributed.mean(totals.detach())).softmax(0)
        return {
            name: sum((share * losses[name] for share, losses in zip(shares, each, strict=True)), torch.zeros(()))
            for name in each[0]
        }

    def head_costs(self, output: CriticOutput, fake: Batch) -> Tensor:
        """What the generator owes the heads for each fake, `(batch,)` (AC-GAN, Odena et al. 2017)."""
        return self.members[0].head_costs(output, fake)
