"""What all recipes of graphs share: the critic's logits, scores and rewards of draws, the memory of the best."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from gancore.errors import ConfigError
from gancore.layers.conditioning import hide_conditions
from gancore.losses.adversary import Adversary
from gancore.losses.panel import Panel
from gancore.losses.policy_gradient import leave_one_out
from gancore.rewards.requests import Labeller, request_score
from gancore.rewards.shaping import RewardShaping
from gancore.training import distributed
from gancore.types import Batch, Context, Sample
from molgan import chemistry
from molgan.chemistry import Vocabulary
from molgan.data import graphs
from molgan.data.space import GraphSpace
from molgan.scoring.scorer import graph_smiles

Scored: TypeAlias = tuple[list[str], np.ndarray]
"""SMILES of draws, empty for what is no molecule, and their scores, 0 where there is none or no score is asked for."""


class GraphRecipe:
    """Networks of graphs with a critic and, while training, a reward of molecules.

    shaping, labeller: made for training alone, because a score or a condition may name functions and programs.
    """

    config: Any
    space: GraphSpace
    device: torch.device
    vocabulary: Vocabulary
    adversary: Adversary | Panel
    modules: dict[str, nn.Module]
    shaping: RewardShaping | None = None
    labeller: Labeller | None = None
    sampling_modules: tuple[str, ...] = ()

    @torch.no_grad()
    def critic_score(self, sample: Sample, context: Context | None = None) -> Tensor:
        """The critic's logits `(batch,)`."""
        return self.adversary.logits(sample, context)

    @torch.no_grad()
    def predict(self, sample: Sample) -> Tensor:
        """What the critic's head says of each graph `(batch, feature)`."""
        return self.adversary.output(sample).heads["condition"].float()

    def hide_conditions(self, real: Batch) -> Batch:
        """The batch with some of its conditions hidden, so that samples need not be asked for all of them."""
        return hide_conditions(real, self.space.groups, self.config.hide_all, self.config.hide_some)

    def one_hots(self, atoms: Tensor, orders: Tensor) -> Sample:
        """Graphs as the critic sees them."""
        return graphs.one_hots(atoms, orders, len(self.vocabulary.atoms))

    def score(self, atoms: np.ndarray, orders: np.ndarray) -> Scored:
        """SMILES of graphs and their scores, 0 for one that has none. It changes nothing: a thread may call it."""
        assert self.shaping is not None
        smiles = graph_smiles(self.vocabulary, atoms, orders)
        return smiles, self.shaping.score(smiles) if self.config.reward.weight else np.zeros(len(smiles))

    def guarded(self, score: Callable[..., Scored], *graph: Tensor) -> Scored:
        """What `score` says of graphs; a reward that fails leaves this turn as it was before it."""
        assert self.shaping is not None
        with self.shaping.waiting():
            return score(*(part.cpu().numpy() for part in graph))

    def shaped(self, scored: Scored) -> Tensor:
        """Rewards `(batch,)` of scored draws, of which the filter, the memory and the curriculum take note."""
        assert self.shaping is not None
        return torch.from_numpy(self.shaping.weigh(*scored)).float().to(self.device)

    def request_scores(self, smiles: Sequence[str], context: Context) -> Tensor:
        """How near draws come to what was requested of them `(batch,)`, in [0, 1]; 0 for what is no molecule."""
        assert self.shaping is not None
        assert self.labeller is not None
        rows = [row for row, text in enumerate(smiles) if text]
        scores = torch.zeros(len(smiles), device=self.device)
        if rows:
            with self.shaping.waiting():
                obtained = self.labeller([smiles[row] for row in rows]).to(self.device)
            scores[rows] = request_score(obtained, context[torch.tensor(rows)], self.config.reward.request_width)
        return scores

    def rewards_of(
        self, drawn: Sample, scored: Scored | None, context: Context | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The reward of each draw `(batch,)`, from critic, request and score by their weights; figures for the log."""
        reward, figures = self.config.reward, {}
        total = torch.zeros(len(drawn[0]), device=self.device)
        if reward.request and scored is not None and context is not None:  # first, because the score takes note of it
            near = self.request_scores(scored[0], context)
            total, figures["_request"] = total + reward.request * near, near.mean()
        if reward.critic:
            total = total + reward.critic * self.critic_score(drawn, context)
        if reward.weight and scored is not None:
            total = total + reward.weight * self.shaped(scored)
        return total, figures

    def for_draws(self, real: Batch) -> Batch:
        """The rows of a batch of which samples are drawn: some of them `reward.draws` times each, in a row."""
        draws = self.config.reward.draws
        return real[torch.arange(len(real) // draws, device=self.device).repeat_interleave(draws)]

    def advantage(self, rewards: Tensor) -> Tensor:
        """Reward of each draw less the mean of the others of its request, or of all where each is drawn once."""
        draws = self.config.reward.draws
        everyone = distributed.gathered(rewards)
        groups = everyone.view(-1, draws) if draws > 1 else everyone[None]
        return distributed.shard(leave_one_out(groups).flatten())

    def require_computable_condition(self) -> None:
        """Raise ConfigError for a reward of requests where no condition can be computed from a molecule."""
        if self.config.reward.request and self.labeller is None:
            raise ConfigError(
                "reward.request: needs a condition that can be computed from a molecule (a property, a score or a "
                "function); name one, or set it to 0."
            )

    def best_so_far(self) -> tuple[Tensor, Tensor] | None:
        """Atoms and bond orders of some of the best molecules so far; None where none are kept."""
        strings = self.shaping.best(self.config.reward.replay.batch) if self.shaping is not None else []
        kept = self.vocabulary.graphs(strings)
        if not kept:
            return None
        atoms, orders = (torch.from_numpy(part).to(self.device) for part in chemistry.encode(kept, self.vocabulary))
        return atoms, orders
