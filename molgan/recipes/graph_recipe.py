"""What all recipes of graphs do alike: ask the critic, score draws, weigh the scores, bring back the best molecules."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from gancore.layers.conditioning import hide_conditions
from gancore.losses.adversary import Adversary
from gancore.rewards.shaping import RewardShaping
from gancore.types import Batch, Context, Sample
from molgan import chemistry
from molgan.chemistry import Vocabulary
from molgan.data import graphs
from molgan.data.space import GraphSpace
from molgan.scoring.scorer import graph_smiles

Scored: TypeAlias = tuple[list[str], np.ndarray]
"""SMILES of draws, empty for what is no molecule, and their scores, 0 where there is none."""


class GraphRecipe:
    """Networks of graphs with a critic and, while training, a reward of molecules.

    shaping: made for training alone, because a score may name functions and programs.
    """

    config: Any
    space: GraphSpace
    device: torch.device
    vocabulary: Vocabulary
    adversary: Adversary
    modules: dict[str, nn.Module]
    shaping: RewardShaping | None = None
    judges: tuple[str, ...] = ()

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
        return smiles, self.shaping.score(smiles)

    def ask(self, score: Callable[..., Scored], *graph: Tensor) -> Scored:
        """What `score` says of graphs; a reward that fails leaves this turn as it was before it."""
        assert self.shaping is not None
        with self.shaping.waiting():
            return score(*(part.cpu().numpy() for part in graph))

    def paid(self, scored: Scored) -> Tensor:
        """Rewards `(batch,)` of scored draws, of which the filter, the memory and the curriculum take note."""
        assert self.shaping is not None
        return torch.from_numpy(self.shaping.weigh(*scored)).float().to(self.device)

    def earned(self, drawn: Sample, scored: Scored | None, context: Context | None = None) -> Tensor:
        """What each draw earns `(batch,)`: the critic's logit and the score, each with its weight."""
        reward, earned = self.config.reward, torch.zeros(len(drawn[0]), device=self.device)
        if reward.critic:
            earned = earned + reward.critic * self.critic_score(drawn, context)
        return earned + reward.weight * self.paid(scored) if scored is not None else earned

    def best_so_far(self) -> tuple[Tensor, Tensor] | None:
        """Atoms and bond orders of some of the best molecules so far; None where none are kept."""
        again = self.shaping.again(self.config.reward.replay.batch) if self.shaping is not None else []
        kept = self.vocabulary.graphs(again)
        if not kept:
            return None
        atoms, orders = (torch.from_numpy(part).to(self.device) for part in chemistry.encode(kept, self.vocabulary))
        return atoms, orders
